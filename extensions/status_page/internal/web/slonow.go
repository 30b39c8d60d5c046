// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// sloNow is what a runbook says about its SLO at this moment.
type sloNow struct {
	Rows []sloRow `json:"slos"`
	// Incident is the path of the one that is open; "" is none. Change likely caused it, and Undo is the way back.
	Incident string   `json:"incident"`
	Change   *suspect `json:"change"`
	Undo     undo     `json:"undo"`
}

// An sloRow is the SLO in an environment.
type sloRow struct {
	Environment string        `json:"environment"`
	State       semconv.State `json:"state"`
	// Since is when the incident of it began there; nil without one.
	Since     *time.Time   `json:"since"`
	Burn      fleet.Number `json:"burn_rate"`
	Remaining fleet.Number `json:"error_budget_remaining"`
}

// sloNow reads what the page at the path is about; nil if it is not the page of an SLO of the catalog.
func (s *site) sloNow(r *http.Request, at string) (*sloNow, *problem) {
	of, slo := s.sloOf(at)
	if slo == nil {
		return nil, nil
	}
	all := fleet.Load(r.Context(), s.Catalog(), s.Names, s.Now(), s.Prometheus)
	h := s.history(r)
	now := &sloNow{Rows: []sloRow{}, Undo: undo{Command: []string{}}}
	var open *incident.Incident
	for _, row := range all.Rows {
		if row.Service != of.Name || row.Namespace != of.Namespace || row.SLO != slo.Name {
			continue
		}
		one := sloRow{Environment: row.Environment, State: row.State, Burn: row.Burn, Remaining: row.Remaining}
		if found := burns(&h, row); found != nil {
			begin := found.Start
			for _, a := range found.Services {
				if a.Name == row.Service && a.Namespace == row.Namespace && a.Environment == row.Environment {
					begin = a.Start
				}
			}
			one.Since = &begin
			open = cmp.Or(open, found)
		}
		now.Rows = append(now.Rows, one)
	}
	err := cmp.Or(h.Err, all.Err)
	if open != nil {
		var deployments []deployment.Deployment
		var unknown error
		if deployments, unknown = s.deployed(r.Context(), h); unknown != nil {
			err = cmp.Or(err, unknown)
		}
		now.likely(s, open, deployments, h.Changes)
	}
	return now, s.silent(err)
}

// likely adds the incident, and the way back from what likely caused it.
func (n *sloNow) likely(s *site, open *incident.Incident, deployments []deployment.Deployment, changes []incident.Change) {
	n.Incident = incidentPath(open.ID)
	change := open.Change
	if change == nil {
		return
	}
	one := s.suspect(*change, deployments)
	n.Change = &one
	switch of := s.Catalog().Emitter(change.Namespace, change.Name); {
	case change.Kind != incident.Deployment:
		n.Undo = flagBack(of, change)
	case of != nil:
		n.Undo = wayBack(of, change, deployments, changes)
	}
}

// burns is the open incident that the SLO is part of; nil is none.
func burns(h *book.History, row *fleet.Row) *incident.Incident {
	for i := range h.Incidents {
		one := &h.Incidents[i]
		if one.State != incident.Resolved && one.About(row.Namespace, row.Service, row.Environment, row.SLO) {
			return one
		}
	}
	return nil
}

// sloOf is the SLO that the page at a path of a URL is about.
func (s *site) sloOf(at string) (*catalog.Service, *catalog.SLO) {
	slug, name, _ := strings.Cut(at, "/")
	slug, err := url.PathUnescape(slug)
	if err != nil {
		return nil, nil
	}
	if name, err = url.PathUnescape(strings.TrimSuffix(name, ".md")); err != nil {
		return nil, nil
	}
	for _, of := range s.Catalog().Services {
		if of.Slug() != slug {
			continue
		}
		for _, slo := range of.SLOs {
			if alerts.SLORunbook(slo.Name) == name {
				return of, slo
			}
		}
	}
	return nil, nil
}
