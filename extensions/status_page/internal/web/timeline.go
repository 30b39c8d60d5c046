// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
)

// A moment is a line of the timeline.
type moment struct {
	Time time.Time `json:"time"`
	Kind string    `json:"kind"`
	Text string    `json:"text"`
	// Author is that of a note.
	Author string `json:"author,omitempty"`
}

// timeline is what happened, in order.
func timeline(one *incident.Incident, h book.History, deployments []deployment.Deployment) []moment {
	d := h.Details(one)
	end := one.End
	var all []moment
	add := func(at time.Time, kind, format string, args ...any) {
		if !at.IsZero() {
			all = append(all, moment{Time: at.UTC(), Kind: kind, Text: words.Bounded(fmt.Sprintf(format, args...), 200)})
		}
	}
	for i, a := range one.Services {
		what := "%s begins to burn: %s"
		if i == 0 {
			what = "%s begins to burn, likely the origin: %s"
		}
		add(a.Start, "burn", what, a.Name, cmp.Or(strings.Join(a.SLOs, ", "), "no SLO is known"))
	}
	for i := range one.Spells {
		s := &one.Spells[i]
		severity := "ticket"
		if s.Page {
			severity = "page"
		}
		add(s.From, "alert", "%s of %s %s fires (%s)", s.Alert, s.Name, s.SLO, severity)
		if !s.Firing {
			add(s.To, "end", "%s of %s %s ends", s.Alert, s.Name, s.SLO)
		}
	}
	for i := range deployments {
		c := &deployments[i]
		about := slices.ContainsFunc(one.Services, func(a incident.Affected) bool {
			of := incident.Service{Namespace: c.Namespace, Name: c.Service, Environment: c.Environment}
			return (a.Environment == "" || a.Environment == c.Environment) && (a.Namespace == c.Namespace && a.Name == c.Service || h.Graph.Depends(a.Service, of))
		})
		if suspected := slices.ContainsFunc(one.Suspects, func(s incident.Suspect) bool {
			return s.Kind == incident.Deployment && s.Service == incident.Service{Namespace: c.Namespace, Name: c.Service, Environment: c.Environment} && s.Version == c.Version
		}); suspected ||
			about && c.Since.After(one.Start.Add(-changesBefore)) && (end.IsZero() || c.Since.Before(end)) {
			add(c.Since, "change", "%s %s is deployed", c.Service, c.Version)
		}
	}
	for _, c := range changesAround(one, h) {
		text := strings.TrimSpace(c.Name + " " + c.String())
		if c.Verdict != "" {
			text += "; verdict: " + c.Verdict
		}
		add(c.At, "change", "%s", text)
	}
	add(d.BurnEnd, "burn", "No SLO burns any more")
	inOrder := func(a, b moment) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Text, b.Text)) }
	slices.SortStableFunc(all, inOrder)
	if len(all) > maxTimeline { // the beginning and the end matter most
		all = slices.Concat(all[:maxTimeline/2], all[len(all)-maxTimeline/2:])
	}
	for _, n := range h.Notes(one) {
		all = append(all, moment{n.At, "note", n.Text, n.Author})
	}
	slices.SortStableFunc(all, inOrder)
	return list(all)
}

// changesBefore is how long before an incident a change is a part of its timeline.
const changesBefore = time.Hour

// changesAround are the changes besides deployments that are suspected, or that happened shortly before the incident or in it: of the services that are
// affected, of those that they depend on, and of all.
func changesAround(one *incident.Incident, h book.History) (all []incident.Change) {
	for i := range one.Suspects {
		if c := &one.Suspects[i].Change; c.Kind != incident.Deployment {
			all = append(all, *c)
		}
	}
	for i := range h.Changes {
		c := &h.Changes[i]
		if c.Kind == incident.Deployment || c.At.Before(one.Start.Add(-changesBefore)) || !one.End.IsZero() && c.At.After(one.End) ||
			slices.ContainsFunc(all, func(known incident.Change) bool { return known.Same(c) }) {
			continue
		}
		if slices.ContainsFunc(one.Services, func(a incident.Affected) bool {
			return (a.Environment == "" || c.Environment == "" || a.Environment == c.Environment) &&
				(c.Name == "" && (c.Namespace == "" || c.Namespace == a.Namespace) || c.Name == a.Name && c.Namespace == a.Namespace || h.Graph.Depends(a.Service, c.Service))
		}) {
			all = append(all, *c)
		}
	}
	return all
}
