// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"html"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/runbook"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/service"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	reported "github.com/otelcol-sre/otelcol-sre/internal/change"
	tracked "github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
	"github.com/otelcol-sre/otelcol-sre/internal/wayback"
)

// A rolledBack says that the way back was taken, or that it was tried.
type rolledBack struct {
	From string `json:"from"`
	To   string `json:"to"`
	// At is when; nil if it is not known.
	At    *time.Time `json:"time"`
	Actor string     `json:"actor"`
	// Status is started, completed or failed.
	Status  string   `json:"status"`
	Running []string `json:"running"`
	// Text is all of that.
	Text string `json:"text"`
}

// madeBack is the way back from a deployment that was taken already: as srectl rollback has reported it, or as the versions that run show; nil is none.
func madeBack(from *incident.Suspect, ran []deployment.Deployment, changes []incident.Change) *rolledBack {
	back := &rolledBack{From: from.Version, Running: []string{}}
	status := ""
	for i := range ran {
		if d := &ran[i]; d.Instances > 0 {
			back.Running = append(back.Running, words.Bounded(d.Version, maxCell))
		}
		if ran[i].Version == from.Version {
			status = ran[i].Status
		}
	}
	if c := reportedBack(from, changes); c != nil {
		at := c.At
		back.To, back.At, back.Actor, back.Status = c.Value, &at, c.Actor, cmp.Or(c.Status, reported.Started)
	}
	if back.Status == "" || back.Status == reported.Failed {
		switch {
		case tracked.Status(status) == tracked.RolledBack:
			back.Status = reported.Completed
			if len(ran) > 0 && ran[0].Version != from.Version { // what was there before began again
				back.To, back.At = ran[0].Version, &ran[0].Since
			}
		case back.Status == "":
			return nil
		}
	}
	back.say()
	return back
}

// reportedBack is the newest rollback from the version since it was deployed that somebody has reported.
func reportedBack(from *incident.Suspect, changes []incident.Change) (found *incident.Change) {
	for i := range changes {
		c := &changes[i]
		alike := func(a, b string) bool { return a == "" || b == "" || a == b }
		if c.Kind == string(reported.Infrastructure) && c.Subject == wayback.ChangeName(from.Name) && c.Name == from.Name && alike(c.Namespace, from.Namespace) && alike(c.Environment, from.Environment) &&
			c.Previous == from.Version && !c.At.Before(from.At) && (found == nil || c.At.After(found.At)) {
			found = c
		}
	}
	return found
}

func (b *rolledBack) say() {
	var text strings.Builder
	switch b.Status {
	case reported.Failed:
		text.WriteString("A rollback from ")
	case reported.Started:
		text.WriteString("A rollback is under way from ")
	default:
		text.WriteString("Rolled back from ")
	}
	text.WriteString(words.Bounded(b.From, maxCell))
	if b.To != "" {
		text.WriteString(" to " + words.Bounded(b.To, maxCell))
	}
	if b.Status == reported.Failed {
		text.WriteString(" failed")
	}
	if b.At != nil {
		text.WriteString(" at " + b.At.UTC().Format("15:04 UTC"))
	}
	if b.Actor != "" {
		text.WriteString(" by " + words.Bounded(b.Actor, maxCell))
	}
	text.WriteString("; running now: " + cmp.Or(strings.Join(b.Running, ", "), "not known") + ".")
	b.Text = text.String()
}

// made reports whether there is nothing more to take back.
func (b *rolledBack) made() bool { return b != nil && b.Status != reported.Failed }

// taken is the way back after it was taken: the commands that wait for its end. Another one would bring back the version that it left.
func taken(of *catalog.Service, back *rolledBack) undo {
	u := undo{Version: words.Bounded(back.To, maxCell), Command: wayback.Onward(of), Made: back}
	if u.Command == nil {
		u.Command = []string{}
	}
	return u
}

// goneBack is how somebody has gone back from a version of the service, for a runbook of it: from the one that likely caused an incident which is open, or
// within a day as it was reported.
func (s *site) goneBack(r *http.Request, at string) (*catalog.Service, *rolledBack) {
	slug, _, _ := strings.Cut(at, "/")
	slug, err := url.PathUnescape(slug)
	if err != nil {
		return nil, nil
	}
	of, h := s.bySlug(slug), s.history(r)
	if of == nil {
		return nil, nil
	}
	from := s.left(of, &h, func(string) bool { return true })
	if from == nil {
		return nil, nil
	}
	ran, err := deployment.Load(r.Context(), s.Catalog(), s.Names, s.Prometheus)
	if err != nil {
		return nil, nil // the page says so
	}
	made := wayBack(of, from, ran.History, h.Changes).Made
	if its := placed(ran.History, from); !made.made() || len(its) > 0 && !made.newest(its[0].Version) {
		return nil, nil
	}
	return of, made
}

// newest reports whether nothing was deployed since, if that is the newest version: the rollback is then the last word.
func (b *rolledBack) newest(version string) bool { return version == b.From || version == b.To }

// undoOf is the way back in an environment, by what was deployed there: from what somebody has left, unless something was deployed since, or else from the newest version.
func (s *site) undoOf(of *catalog.Service, environment string, ran []deployment.Deployment, h *book.History) undo {
	if len(ran) == 0 {
		return undo{Command: []string{}}
	}
	place := incident.Service{Namespace: of.Namespace, Name: of.Name, Environment: environment}
	if from := s.left(of, h, func(e string) bool { return e == "" || e == environment }); from != nil {
		from.Service = place
		if back := wayBack(of, from, ran, h.Changes); back.Made.made() && back.Made.newest(ran[0].Version) {
			return back
		}
	}
	newest := &incident.Suspect{Change: incident.Change{Service: place, Kind: incident.Deployment, Version: ran[0].Version, At: ran[0].Since}}
	lately := slices.DeleteFunc(slices.Clone(h.Changes), func(c incident.Change) bool { return s.Now().Sub(c.At) >= recentlyOver }) // as runbooks do
	return wayBack(of, newest, ran, lately)
}

// markReturn says of the version to return to that it is the one, and how; if somebody has gone back already, of none.
func markReturn(versions []service.Version, back undo) {
	if back.Made.made() || back.Version == "" {
		return
	}
	for i := range versions {
		if v := &versions[i]; words.Bounded(v.Version, maxCell) == back.Version {
			v.Return, v.Command = true, strings.Join(back.Command, "\n")
			return
		}
	}
}

// deployedAs are the versions of a service in an environment, as the page of deployments has them.
func deployedAs(of *catalog.Service, environment string, versions []service.Version) (all []deployment.Deployment) {
	for i := range versions {
		v := &versions[i]
		all = append(all, deployment.Deployment{Namespace: of.Namespace, Service: of.Name, Environment: environment, Version: v.Version, Status: v.Status, Since: v.Since, Instances: v.Instances, Previous: v.Previous})
	}
	return all
}

// left is the version of the service that somebody may have gone back from, in the environments that are asked about; nil is none.
func (s *site) left(of *catalog.Service, h *book.History, in func(environment string) bool) *incident.Suspect {
	its := func(c *incident.Change) bool {
		return in(c.Environment) && s.Catalog().Emitter(c.Namespace, c.Name) == of
	}
	for i := range h.Incidents {
		if one := &h.Incidents[i]; one.Change != nil && one.State != incident.Resolved && one.Change.Kind == incident.Deployment && its(&one.Change.Change) {
			from := *one.Change
			return &from
		}
	}
	var made *incident.Change
	for i := range h.Changes {
		c := &h.Changes[i]
		if c.Kind == string(reported.Infrastructure) && c.Subject == wayback.ChangeName(of.Name) && its(c) && s.Now().Sub(c.At) < recentlyOver && (made == nil || c.At.After(made.At)) {
			made = c
		}
	}
	if made == nil {
		return nil
	}
	from := &incident.Suspect{Change: incident.Change{Service: made.Service, Kind: incident.Deployment, Version: made.Previous, At: made.At}}
	for i := range h.Changes { // it may have been deployed again since
		if c := &h.Changes[i]; c.Kind == incident.Deployment && c.Version == made.Previous && its(c) && (made.Environment == "" || c.Environment == made.Environment) {
			from.Environment, from.At = c.Environment, c.At
		}
	}
	return from
}

// retire takes the commands out of a runbook that would take a rollback back. The page is shared: it is a copy that is changed.
func retire(page *runbook.Page, of *catalog.Service, back *rolledBack) *runbook.Page {
	one := *page
	for _, command := range wayback.Toggles(of) {
		instead := "# " + strings.Join(strings.Fields(back.Text), " ") + " To undo once more would bring " + words.Bounded(back.From, maxCell) + " back."
		one.Markdown = replaceLine(one.Markdown, command, instead)
		one.HTML = template.HTML(strings.ReplaceAll(string(one.HTML), html.EscapeString(command)+"\n", html.EscapeString(instead)+"\n")) //nolint:gosec // both are escaped
	}
	return &one
}

// replaceLine replaces lines that are one text by another.
func replaceLine(text, line, by string) string {
	lines := strings.Split(text, "\n")
	for i := slices.Index(lines, line); i >= 0; i = slices.Index(lines, line) {
		lines[i] = by
	}
	return strings.Join(lines, "\n")
}
