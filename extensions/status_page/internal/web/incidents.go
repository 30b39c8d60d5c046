// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/alert"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/checks"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/prometheus"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/service"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

const (
	// patienceForRecord is how long a page waits for what is new in the record, if nothing else is set. The reading goes on without it.
	patienceForRecord = 3 * time.Second
	// freshRecord is how old what a page shows of it may be.
	freshRecord = 5 * time.Second
	// recentlyOver is how long the link of an alert leads to an incident that is over.
	recentlyOver = 24 * time.Hour
	maxTimeline  = 60
	maxListed    = 200
)

// history is what is known of alerts and incidents.
func (s *site) history(r *http.Request) book.History { return s.historyOf(r, freshRecord) }

func (s *site) historyOf(r *http.Request, age time.Duration) book.History {
	if s.Book == nil {
		return book.History{Graph: &incident.Graph{}}
	}
	ctx, cancel := context.WithTimeout(r.Context(), cmp.Or(s.Patience, patienceForRecord))
	defer cancel()
	return s.Book.History(ctx, age)
}

// An incidentLine is an incident in a list.
type incidentLine struct {
	ID      string         `json:"id"`
	Path    string         `json:"path"`
	State   incident.State `json:"state"`
	Page    bool           `json:"page"`
	Start   time.Time      `json:"start"`
	Alerted time.Time      `json:"alerted"`
	// End is when the last alert that held it open ended; BurnEnd when its SLOs were last seen to burn.
	End      *time.Time `json:"end"`
	BurnEnd  *time.Time `json:"burn_end"`
	Origin   affected   `json:"origin"`
	Services []affected `json:"services"`
	// Failed is how many events failed of the SLO of which most did; null is not known.
	Failed fleet.Number `json:"failed"`
	// Change is the version that likely caused it.
	Change *suspect `json:"change"`
	// Silence says that an Alertmanager mutes all of its alerts that fire; nil is that it does not, or with a problem, that it is not known.
	Silence        *silence `json:"silence"`
	SilenceProblem string   `json:"silence_problem,omitempty"`
}

// An affected is a service whose SLOs burn.
type affected struct {
	Namespace   string    `json:"namespace"`
	Service     string    `json:"service"`
	Environment string    `json:"environment"`
	Page        string    `json:"page"`
	Start       time.Time `json:"start"`
	SLOs        []string  `json:"slos"`
	Origin      bool      `json:"origin"`
	// WithoutAlert says that it burns, but that no alert of it fired.
	WithoutAlert bool `json:"without_alert"`
}

// A suspect is a change that may have caused an incident.
type suspect struct {
	// Service is empty for a change of all services.
	Service     string       `json:"service"`
	Environment string       `json:"environment"`
	Kind        string       `json:"kind"`
	Version     string       `json:"version"`
	Subject     string       `json:"subject"`
	Previous    string       `json:"previous"`
	Value       string       `json:"value"`
	Text        string       `json:"text"`
	At          time.Time    `json:"time"`
	Probability fleet.Number `json:"probability"`
	// Evidence are the odds that it fails more often than the versions beside it; null is not known.
	Evidence fleet.Number `json:"odds_of_worse"`
	Status   string       `json:"status"`
	Revision string       `json:"revision"`
	deployment.Facts
}

type incidentsBody struct {
	Incidents []incidentLine `json:"incidents"`
	// More are left out.
	More int `json:"more"`
	// Since is from when on all of them are known.
	Since time.Time `json:"since"`
	// Filter is what the list is about, in words.
	Filter string `json:"-"`
	// Reading says that older days are still being read.
	Reading bool `json:"reading"`
	// Unrecorded says that an alert of this fires that Prometheus has not recorded yet: it does so two evaluations after its own start.
	Unrecorded bool `json:"unrecorded"`
}

// incidents is the page of all incidents. With the labels of an alert, it leads to the incident of the alert.
func (s *site) incidents(r *http.Request) (*page, error) {
	query := r.URL.Query()
	values := map[string]string{}
	for _, key := range []string{"service", "namespace", "environment", "slo"} {
		if values[key] = query.Get(key); len(values[key]) > maxGroup || strings.ContainsFunc(values[key], func(r rune) bool { return r < ' ' }) {
			return nil, &failure{http.StatusBadRequest, problem{"The incidents cannot be shown.", fmt.Sprintf("Give at most %d characters of %s.", maxGroup, key)}}
		}
	}
	about := func(h book.History) (found []*incident.Incident) {
		for i := range h.Incidents {
			if h.Incidents[i].About(values["namespace"], values["service"], values["environment"], values["slo"]) {
				found = append(found, &h.Incidents[i])
			}
		}
		return found
	}
	h := s.history(r)
	found := about(h)
	if values["service"] != "" && query.Get("list") == "" {
		one := wanted(found, s.Now())
		if one == nil || one.State == incident.Resolved { // the alert may have just begun to fire
			h = s.historyOf(r, time.Second)
			found = about(h)
			one = wanted(found, s.Now())
		}
		if one != nil {
			return nil, &moved{incidentPath(one.ID), true}
		}
	}
	deployments, err := s.deployed(r.Context(), h)
	body := incidentsBody{Incidents: []incidentLine{}, More: max(0, len(found)-maxListed), Since: h.Since, Reading: h.Reading(s.Now()), Filter: strings.Join(slices.DeleteFunc([]string{values["namespace"], values["service"], values["slo"], values["environment"]}, func(s string) bool { return s == "" }), " ")}
	for _, one := range found[:len(found)-body.More] {
		body.Incidents = append(body.Incidents, s.line(r.Context(), one, h, deployments))
	}
	if one := wanted(found, s.Now()); values["service"] != "" && (one == nil || one.State == incident.Resolved) {
		firing, unasked := s.Prometheus.Alerts(r.Context())
		err = cmp.Or(err, unasked)
		body.Unrecorded = slices.ContainsFunc(alert.Of(s.directory().List(firing), values["namespace"], values["service"], values["environment"]), func(a alert.Alert) bool { return a.State == "firing" })
	}
	return &page{Title: "Incidents", Name: "incidents", Body: body, Problem: s.silent(cmp.Or(h.Err, err)), Live: true}, nil
}

// wanted is the incident that an alert's link leads to: the newest that is open, or else that is over since a day at most.
func wanted(found []*incident.Incident, now time.Time) *incident.Incident {
	for _, one := range found {
		if one.State != incident.Resolved {
			return one
		}
	}
	if len(found) > 0 && now.Sub(found[0].End) < recentlyOver {
		return found[0]
	}
	return nil
}

func incidentPath(id string) string { return "/incidents/" + url.PathEscape(id) }

// deployed are the deployments with their facts, if an incident may have been caused by one.
func (s *site) deployed(ctx context.Context, h book.History) ([]deployment.Deployment, error) {
	if !slices.ContainsFunc(h.Incidents, func(i incident.Incident) bool { return len(i.Suspects) > 0 }) {
		return nil, nil
	}
	all, err := deployment.Load(ctx, s.Catalog(), s.Names, s.Prometheus)
	return all.History, err
}

func (s *site) line(ctx context.Context, one *incident.Incident, h book.History, deployments []deployment.Deployment) incidentLine {
	d := h.Details(one)
	line := incidentLine{ID: one.ID, Path: incidentPath(one.ID), State: one.State, Page: one.Page, Start: one.Start, Alerted: one.Alerted, Services: []affected{}, Failed: fleet.Number(math.NaN())}
	if !one.End.IsZero() {
		line.End = &one.End
		if !d.BurnEnd.IsZero() {
			line.BurnEnd = &d.BurnEnd
		}
	}
	for _, a := range one.Services {
		line.Services = append(line.Services, s.affected(a))
	}
	line.Origin = line.Services[0]
	var unknown error
	if line.Silence, unknown = s.muted.of(ctx, one, s.Now()); unknown != nil {
		line.SilenceProblem = "The Alertmanager does not say whether it is silenced: " + prometheus.Reason(unknown)
	}
	for _, c := range d.Failed {
		if !line.Failed.Known() || c.Failed > float64(line.Failed) {
			line.Failed = fleet.Number(c.Failed)
		}
	}
	if one.Change != nil {
		change := s.suspect(*one.Change, deployments)
		line.Change = &change
	}
	return line
}

func (s *site) affected(a incident.Affected) affected {
	return affected{a.Namespace, a.Name, a.Environment, fleet.PagePath(s.Catalog().Emitter(a.Namespace, a.Name)), a.Start, a.SLOs, a.Origin, a.Silent}
}

func (s *site) suspect(of incident.Suspect, deployments []deployment.Deployment) suspect {
	one := suspect{Service: of.Name, Environment: of.Environment, Kind: of.Kind, Version: of.Version, Subject: of.Subject, Previous: of.Previous, Value: of.Value, Text: of.String(), At: of.At, Probability: fleet.Number(of.Probability), Evidence: fleet.Number(math.NaN())}
	if of.Evidence > 0 {
		one.Evidence = fleet.Number(of.Evidence)
	}
	for i := range deployments {
		if d := &deployments[i]; of.Kind == incident.Deployment && d.Service == of.Name && d.Namespace == of.Namespace && d.Environment == of.Environment && d.Version == of.Version {
			one.Status, one.Revision, one.Facts = d.Status, d.Revision, d.Facts
		}
	}
	return one
}

// A burning is an SLO of an incident.
type burning struct {
	Service     string        `json:"service"`
	Page        string        `json:"page"`
	Environment string        `json:"environment"`
	SLO         string        `json:"slo"`
	Origin      bool          `json:"origin"`
	Since       time.Time     `json:"since"`
	State       semconv.State `json:"state"`
	// Burn and Remaining are those of now.
	Burn      fleet.Number `json:"burn_rate"`
	Remaining fleet.Number `json:"error_budget_remaining"`
	// Failed and Events are those since the incident began.
	Failed fleet.Number `json:"failed"`
	Events fleet.Number `json:"events"`
}

// A moment is a line of the timeline.
type moment struct {
	Time time.Time `json:"time"`
	Kind string    `json:"kind"`
	Text string    `json:"text"`
}

type undo struct {
	// Version is the one to return to, Value that of a feature flag or the like.
	Version string   `json:"version"`
	Value   string   `json:"value"`
	Command []string `json:"commands"`
}

type incidentBody struct {
	incidentLine
	// Formerly are other IDs of it.
	Formerly []string  `json:"formerly"`
	Burning  []burning `json:"burning"`
	Suspects []suspect `json:"suspects"`
	// Cost is how many events of its SLOs the likely change failed, since it was deployed.
	Cost       fleet.Number       `json:"change_failed"`
	Requests   []book.Request     `json:"first_failed_requests"`
	Down       []service.Neighbor `json:"depends_on"`
	Up         []service.Neighbor `json:"needed_by"`
	Undo       undo               `json:"undo"`
	Runbook    string             `json:"runbook"`
	Owner      string             `json:"owner"`
	Escalation escalation         `json:"escalation"`
	Timeline   []moment           `json:"timeline"`
	// Silences are links to an Alertmanager, for the alerts of each affected service; none without one.
	Silences []silenceLink `json:"silences"`
	// Checks are synthetic ones of its services that fail now.
	Checks []checks.Failing `json:"failing_checks"`
}

// incident is the page of one.
func (s *site) incident(r *http.Request) (*page, error) {
	h := s.history(r)
	one := h.Find(r.PathValue("id"))
	switch {
	case one == nil && h.Err != nil:
		return nil, &failure{http.StatusServiceUnavailable, *s.silent(h.Err)}
	case one == nil && h.Reading(s.Now()):
		return nil, &failure{http.StatusServiceUnavailable, problem{"The history is still being read; the incident is not among those of " + since(h.Since) + ".", "Load the page again in a few seconds."}}
	case one == nil:
		return nil, notFound("There is no such incident.", "Incidents are kept for 30 days: look for it among all incidents.")
	case one.ID != r.PathValue("id"):
		return nil, &moved{incidentPath(one.ID), true}
	}
	deployments, err := s.deployed(r.Context(), h)
	all := fleet.Load(r.Context(), s.Catalog(), s.Names, s.Now(), s.Prometheus)
	d := h.Details(one)
	body := incidentBody{
		incidentLine: s.line(r.Context(), one, h, deployments), Formerly: list(one.Formerly), Burning: []burning{}, Suspects: []suspect{}, Cost: fleet.Number(math.NaN()),
		Requests: list(d.Requests), Down: []service.Neighbor{}, Up: []service.Neighbor{}, Timeline: timeline(one, d, deployments), Undo: undo{Command: []string{}}, Silences: s.silenceLinks(one),
	}
	for _, suspected := range one.Suspects {
		body.Suspects = append(body.Suspects, s.suspect(suspected, deployments))
	}
	for _, a := range one.Services {
		for _, slo := range a.SLOs {
			body.Burning = append(body.Burning, s.burning(a, slo, all, d))
		}
	}
	origin := one.Origin()
	body.Down, body.Up = s.around(h.Graph, origin.Service, all)
	of := s.Catalog().Emitter(origin.Namespace, origin.Name)
	if of != nil {
		body.Owner, body.Escalation = of.Owner, escalation(of.Escalation)
		body.Runbook = s.runbookOf(one, of)
	}
	failing, unchecked := s.failingChecks(r.Context(), one)
	body.Checks, err = failing, cmp.Or(err, unchecked)
	if one.Change != nil {
		s.explain(r.Context(), &body, one, deployments)
	}
	return &page{Title: incidentTitle(&body), Name: "incident", Body: body, Problem: s.silent(cmp.Or(h.Err, all.Err, err)), Live: true}, nil
}

func since(t time.Time) string { return "the time since " + t.UTC().Format("2006-01-02 15:04 UTC") }

func incidentTitle(body *incidentBody) string {
	state := map[incident.State]string{incident.Open: "▲ ", incident.Settling: "△ "}[body.State]
	return state + body.Origin.Service + " " + strings.Join(body.Origin.SLOs, ", ")
}

func (s *site) burning(a incident.Affected, slo string, all fleet.Fleet, d book.Details) burning {
	unknown := fleet.Number(math.NaN())
	one := burning{Service: a.Name, Environment: a.Environment, SLO: slo, Origin: a.Origin, Since: a.Start, State: semconv.StateUnknown, Burn: unknown, Remaining: unknown, Failed: unknown, Events: unknown,
		Page: fleet.PagePath(s.Catalog().Emitter(a.Namespace, a.Name))}
	for _, row := range all.Rows {
		if row.Service == a.Name && row.SLO == slo && (a.Namespace == "" || row.Namespace == a.Namespace) && (a.Environment == "" || row.Environment == a.Environment) {
			one.State, one.Burn, one.Remaining = row.State, row.Burn, row.Remaining
		}
	}
	for _, c := range d.Failed {
		if c.Namespace == a.Namespace && c.Name == a.Name && c.SLO == slo && (c.Environment == a.Environment || c.Environment == "" || a.Environment == "") {
			one.Failed, one.Events = fleet.Number(c.Failed), fleet.Number(c.Events)
		}
	}
	return one
}

// around are the services that one depends on, and that depend on it, each with the state of its worst SLO.
func (s *site) around(g *incident.Graph, of incident.Service, all fleet.Fleet) (down, up []service.Neighbor) {
	needs, neededBy := g.Neighbors(of)
	neighbor := func(other incident.Service) service.Neighbor {
		n := service.Neighbor{Name: other.Name, State: semconv.StateUnknown, Page: fleet.PagePath(s.Catalog().Emitter(other.Namespace, other.Name))}
		first := true
		for _, row := range all.Rows {
			if row.Service == other.Name && row.Namespace == other.Namespace && (of.Environment == "" || row.Environment == of.Environment) && (first || row.State.Worse(n.State)) {
				n.State, first = row.State, false
			}
		}
		return n
	}
	down, up = []service.Neighbor{}, []service.Neighbor{}
	for _, other := range needs[:min(len(needs), maxNeighbors)] {
		down = append(down, neighbor(other))
	}
	for _, other := range neededBy[:min(len(neededBy), maxNeighbors)] {
		up = append(up, neighbor(other))
	}
	return down, up
}

const maxNeighbors = 20

// runbookOf is that of the first page about the origin.
func (s *site) runbookOf(one *incident.Incident, of *catalog.Service) string {
	found := ""
	for i := range one.Spells {
		spell := &one.Spells[i]
		if at := s.Runbooks.Has(of.Slug(), spell.Kind); at != "" && spell.Service == one.Origin().Service && (found == "" || spell.Page) {
			if found = at; spell.Page {
				return at
			}
		}
	}
	return found
}

// explain adds what the likely change cost, and the way back.
func (s *site) explain(ctx context.Context, body *incidentBody, one *incident.Incident, deployments []deployment.Deployment) {
	change := one.Change
	if change.Kind != incident.Deployment {
		body.Undo.Value = words.Bounded(change.Previous, maxCell)
		return
	}
	n := s.Names
	end := s.Now()
	if !one.End.IsZero() {
		end = one.End
	}
	length := max(end.Sub(change.At), time.Minute)
	bad := n.Events.With(n.OfService(change.Name, change.Namespace, n.Environment.Equal(change.Environment), n.Version.Equal(change.Version), n.Outcome.Equal("bad"))...)
	if value, err := s.Prometheus.At(ctx, "sum(increase("+bad+"["+strconv.FormatInt(length.Milliseconds(), 10)+"ms]))", end); err == nil {
		body.Cost = single(value)
	}
	of := s.Catalog().Emitter(change.Namespace, change.Name)
	if of == nil {
		return
	}
	body.Undo.Command = list(runbooks.Rollback(of))
	var before *deployment.Deployment
	for i := range deployments {
		d := &deployments[i]
		if d.Service == change.Name && d.Namespace == change.Namespace && d.Environment == change.Environment && d.Since.Before(change.At) && (before == nil || d.Since.After(before.Since)) {
			before = d
		}
	}
	if before != nil {
		body.Undo.Version = words.Bounded(before.Version, maxCell)
	}
}

// timeline is what happened, in order.
func timeline(one *incident.Incident, d book.Details, deployments []deployment.Deployment) []moment {
	end := one.End
	var all []moment
	add := func(at time.Time, kind, format string, args ...any) {
		if !at.IsZero() {
			all = append(all, moment{at.UTC(), kind, words.Bounded(fmt.Sprintf(format, args...), 200)})
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
			return a.Namespace == c.Namespace && a.Name == c.Service && (a.Environment == "" || a.Environment == c.Environment)
		})
		if suspected := slices.ContainsFunc(one.Suspects, func(s incident.Suspect) bool {
			return s.Kind == incident.Deployment && s.Service == incident.Service{Namespace: c.Namespace, Name: c.Service, Environment: c.Environment} && s.Version == c.Version
		}); suspected ||
			about && c.Since.After(one.Start.Add(-time.Hour)) && (end.IsZero() || c.Since.Before(end)) {
			add(c.Since, "change", "%s %s is deployed", c.Service, c.Version)
		}
	}
	for i := range one.Suspects {
		if c := &one.Suspects[i]; c.Kind != incident.Deployment {
			add(c.At, "change", "%s", strings.TrimSpace(c.Name+" "+c.String()))
		}
	}
	add(d.BurnEnd, "burn", "No SLO burns any more")
	slices.SortStableFunc(all, func(a, b moment) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Text, b.Text)) })
	if len(all) > maxTimeline { // the beginning and the end matter most
		all = slices.Concat(all[:maxTimeline/2], all[len(all)-maxTimeline/2:])
	}
	return list(all)
}

// single is the only number of an answer; NaN if there is none.
func single(value model.Value) fleet.Number {
	if vector, ok := value.(model.Vector); ok && len(vector) == 1 {
		return fleet.Number(vector[0].Value)
	}
	return fleet.Number(math.NaN())
}
