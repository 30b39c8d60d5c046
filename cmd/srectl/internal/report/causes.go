// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/collector"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
)

// maxCauses are how many causes of an SLO are shown.
const maxCauses = 5

// askCauses asks the collector what the bad events of each SLO had in common. A collector without a ledger, or of an older version, says nothing.
func (r *report) askCauses(ctx context.Context, address string, now time.Time) error {
	if address == "" {
		return nil
	}
	page, err := collector.NewPage("--url", address)
	if err != nil {
		return err
	}
	until := r.To
	if until.After(now) {
		until = now
	}
	for i := range r.SLOs {
		c := &r.SLOs[i]
		if c.Bad < 0.5 || len(c.Group) > 0 {
			continue
		}
		query := url.Values{
			"service": {c.fullName()}, "slo": {c.SLO}, "only": {"spent"}, "since": {r.From.UTC().Format(time.RFC3339)}, "until": {until.UTC().Format(time.RFC3339)},
		}
		if c.Environment != "" {
			query.Set("environment", c.Environment)
		}
		var body struct {
			Spent []struct {
				SLO string `json:"slo"`
				attribution.Answer
				Incidents []struct {
					ID   string    `json:"id"`
					From time.Time `json:"from"`
					To   time.Time `json:"to"`
					Bad  float64   `json:"bad"`
				} `json:"by_incident"`
				Others  float64 `json:"other_incidents"`
				Outside float64 `json:"outside_of_incidents"`
			} `json:"spent"`
		}
		if _, err := page.Ask(ctx, "ledger", query, &body); err != nil {
			continue
		}
		for _, one := range body.Spent {
			if one.SLO == c.SLO {
				c.Causes = one.Causes[:min(maxCauses, len(one.Causes))]
				c.Incidents, c.OtherIncidents, c.OutsideIncidents = nil, one.Others, one.Outside
				for _, in := range one.Incidents {
					c.Incidents = append(c.Incidents, inIncident{in.ID, in.From.In(r.From.Location()), in.To.In(r.From.Location()), in.Bad})
				}
			}
		}
	}
	return nil
}

// An inIncident is what was spent in an incident, or in the part of it that is of the month.
type inIncident struct {
	ID   string    `json:"id"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Bad  float64   `json:"bad"`
}

// byIncident is the table of what incidents spent.
func (r *report) byIncident() output.Grid {
	g := output.Grid{Title: "Incidents that spent the budgets", Header: []string{"service", "environment", "SLO", "incident", "from (" + r.TimeZone + ")", "to", "bad"}, Right: 6}
	for _, c := range r.SLOs {
		if len(c.Incidents) == 0 {
			continue
		}
		add := func(id, from, to string, bad float64) {
			g.Rows = append(g.Rows, []string{c.fullName(), dash(c.Environment), c.name(), id, from, to, count(bad)})
		}
		for _, in := range c.Incidents {
			add(dash(in.ID), in.From.Format("2006-01-02 15:04"), in.To.Format("2006-01-02 15:04"), in.Bad)
		}
		if c.OtherIncidents > 0 {
			add("all others", "-", "-", c.OtherIncidents)
		}
		add("outside of incidents", "-", "-", c.OutsideIncidents)
	}
	return g
}

// what names the attributes of a line.
func what(line *attribution.Line) string {
	var all []string
	for _, a := range line.Attributes {
		all = append(all, a.Name+"="+a.Value)
	}
	return strings.Join(all, " and ")
}
