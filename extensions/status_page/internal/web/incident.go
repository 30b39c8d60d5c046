// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/checks"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/requests"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/service"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/slow"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

type incidentBody struct {
	incidentLine
	// Formerly are other IDs of it.
	Formerly []string  `json:"formerly"`
	Burning  []burning `json:"burning"`
	Suspects []suspect `json:"suspects"`
	// Cost is how many events of its SLOs the likely change failed, since it was deployed.
	Cost fleet.Number `json:"change_failed"`
	// Verdict is what it did to the SLO that it cost most; nil is not known.
	Verdict *service.Verdict `json:"change_verdict"`
	// Share is the share of what failed in the incident that its version has in the ledger of bad events; null is not known.
	Share fleet.Number `json:"change_share_of_bad"`
	// Fails is what the failed requests have in common; nil is not known.
	Fails *fails `json:"what_fails"`
	// Slow says because of what the origin is slow; nil if it is not, or if that is not known.
	Slow       *slow.Cause        `json:"slow_because"`
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
	// Acknowledge is the command that says in the Alertmanager that somebody works on it; "" without one.
	Acknowledge string `json:"acknowledge"`
	// Notes may be added by clients of this page.
	Notes bool `json:"takes_notes"`
	// FailedPage lists the recent failed requests of the origin; "" if none can be kept.
	FailedPage string `json:"-"`
}

// incident is the page of one.
func (s *site) incident(r *http.Request) (*page, error) {
	h := s.history(r)
	one, err := s.find(h, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if one.ID != r.PathValue("id") {
		return nil, &moved{incidentPath(one.ID), true}
	}
	deployments, err := s.deployed(r.Context(), h)
	all := fleet.Load(r.Context(), s.Catalog(), s.Names, s.Now(), s.Prometheus)
	d := h.Details(one)
	body := incidentBody{
		incidentLine: s.line(r.Context(), one, h, deployments), Formerly: list(one.Formerly), Burning: []burning{}, Suspects: []suspect{}, Cost: fleet.Number(math.NaN()), Share: fleet.Number(math.NaN()),
		Requests: list(d.Requests), Down: []service.Neighbor{}, Up: []service.Neighbor{}, Timeline: timeline(one, h, deployments), Undo: undo{Command: []string{}},
		Silences: s.silenceLinks(one), Acknowledge: s.acknowledgement(one), Notes: s.Writable, Fails: s.fails(one),
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
	if !s.Recent.Off() {
		body.FailedPage = requestsOf(origin.Namespace, origin.Name, origin.Environment, requests.StatusFailed)
	}
	body.Runbook = s.runbookOf(one)
	if of := s.Catalog().Emitter(origin.Namespace, origin.Name); of != nil {
		body.Owner, body.Escalation = of.Owner, escalation(of.Escalation)
	}
	why, unknown := s.why(r.Context(), slowQuestion{slow.Name{Namespace: origin.Namespace, Service: origin.Name}, origin.Environment, one.Start, one.End})
	failing, unchecked := s.failingChecks(r.Context(), one)
	body.Slow, body.Checks, err = why, failing, cmp.Or(err, unknown, unchecked)
	if one.Change != nil {
		s.explain(r.Context(), &body, one, deployments, h.Changes)
	}
	return &page{Title: incidentTitle(&body), Name: "incident", Body: body, Problem: s.silent(cmp.Or(h.Err, all.Err, err)), Live: true}, nil
}

// find is the incident with an ID, or an error that says why there is none.
func (s *site) find(h book.History, id string) (*incident.Incident, error) {
	one := h.Find(id)
	switch {
	case one == nil && h.Err != nil:
		return nil, &failure{http.StatusServiceUnavailable, *s.silent(h.Err)}
	case one == nil && h.Reading(s.Now()):
		return nil, &failure{http.StatusServiceUnavailable, problem{"The history is still being read; the incident is not among those of " + since(h.Since) + ".", "Ask again in a few seconds."}}
	case one == nil:
		return nil, notFound("There is no such incident.", "Incidents are kept for 30 days: look for it among all incidents.")
	}
	return one, nil
}

func since(t time.Time) string { return "the time since " + t.UTC().Format("2006-01-02 15:04 UTC") }

func incidentTitle(body *incidentBody) string {
	state := map[incident.State]string{incident.Open: "▲ ", incident.Settling: "△ "}[body.State]
	return state + body.Origin.Service + " " + strings.Join(body.Origin.SLOs, ", ")
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

// runbookOf is that of an alert: rather of the origin, which may have none, than of another service, and rather of a page than of a ticket.
func (s *site) runbookOf(one *incident.Incident) string {
	found, best := "", -1
	for i := range one.Spells {
		spell, rank := &one.Spells[i], 0
		if spell.Service == one.Origin().Service {
			rank += 2
		}
		if spell.Page {
			rank++
		}
		of := s.Catalog().Emitter(spell.Namespace, spell.Name)
		if of == nil || rank <= best {
			continue
		}
		if at := s.directory().RunbookOf(of.Slug(), spell.Kind, spell.SLO); at != "" {
			found, best = at, rank
		}
	}
	return found
}
