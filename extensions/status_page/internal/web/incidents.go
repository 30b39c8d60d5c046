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
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/alert"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/prometheus"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
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

// history is what is known of alerts and incidents. Where the book is followed, no page waits for what is newer: it is on the next look.
func (s *site) history(r *http.Request) book.History {
	if s.Book == nil {
		return book.History{Graph: &incident.Graph{}}
	}
	ctx, cancel := context.WithTimeout(r.Context(), cmp.Or(s.Patience, patienceForRecord))
	defer cancel()
	return s.Book.Prompt(ctx, freshRecord, prometheus.Late)
}

// historyOf is one that is no older than age, if that can be had in time.

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
		firing, unasked := s.exact.Alerts(r.Context())
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
