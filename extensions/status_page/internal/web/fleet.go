// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/chart"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/prometheus"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/view"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const (
	// sparkRange is what a sparkline shows, in as many points.
	sparkRange  = 6 * time.Hour
	sparkPoints = 48
)

type fleetBody struct {
	SLOs     []fleetRow `json:"slos"`
	Matching int        `json:"matching"`
	Total    int        `json:"total"`
	Page     int        `json:"page"`
	Pages    int        `json:"pages"`

	View     view.Fleet    `json:"-"`
	Facets   []fleet.Facet `json:"-"`
	Previous string        `json:"-"`
	Next     string        `json:"-"`
	Columns  []column      `json:"-"`
	// Box is what is not counted.
	Box *findingsBox `json:"-"`
}

type fleetRow struct {
	*fleet.Row
	History []chart.Point `json:"burn_rate_history"`
	Spark   template.HTML `json:"-"`
}

// A column is a heading that leads to the view in its order.
type column struct {
	Name, Class, URL, Sorted string
}

// fleet is the page of all SLOs.
func (s *site) fleet(r *http.Request) (*page, error) {
	v, err := view.ParseFleet(r.URL.Query())
	if err != nil {
		return nil, &failure{http.StatusBadRequest, problem{"The view cannot be shown: " + err.Error() + ".", "Go back to all SLOs."}}
	}
	all := fleet.Load(r.Context(), s.Catalog(), s.Names, s.Now(), s.Prometheus)
	selection := all.Select(v)
	body := fleetBody{
		SLOs: make([]fleetRow, len(selection.Rows)), Matching: selection.Matching, Total: selection.Total,
		Page: selection.Page, Pages: selection.Pages, View: v, Facets: selection.Facets, Columns: columns(v),
	}
	burns, known, err := s.burns(r.Context(), selection.Rows, all.Err)
	if all.Err == nil {
		all.Err = err
	}
	for i, row := range selection.Rows {
		body.SLOs[i] = fleetRow{row, list(burns[row.Key]), chart.Sparkline(burns[row.Key], known.Start, known.End)}
	}
	if body.Page > 1 {
		body.Previous = v.At(body.Page - 1).URL()
	}
	if body.Page < body.Pages {
		body.Next = v.At(body.Page + 1).URL()
	}
	if !prometheus.Hangs(all.Err) {
		body.Box = s.box(r.Context())
	}
	return &page{Title: title(all), Name: "fleet", Body: body, Problem: s.fleetProblem(all), Live: true}, nil
}

// burns are the sparklines of a page, as far as something is known. A Prometheus that hangs is not asked.
func (s *site) burns(ctx context.Context, rows []*fleet.Row, before error) (map[fleet.Key][]chart.Point, prometheus.Period, error) {
	period := prometheus.LastOf(sparkRange, sparkPoints, s.Now())
	if prometheus.Hangs(before) {
		return nil, period, before
	}
	burns, known, err := fleet.Burns(ctx, s.Prometheus, s.Names, rows, period)
	if finer, ok := period.Finer(known, sparkPoints, s.Now()); ok {
		return fleet.Burns(ctx, s.Prometheus, s.Names, rows, finer)
	}
	return burns, known, err
}

// title shows in the browser's tab whether an SLO needs action.
func title(all fleet.Fleet) string {
	needed := 0
	for _, row := range all.Rows {
		if !row.Proposed && (row.State == semconv.StateExhausted || row.State == semconv.StateBurningFast) {
			needed++
		}
	}
	if needed == 0 {
		return "SLOs"
	}
	return fmt.Sprintf("(%s) SLOs", words.Count(needed))
}

func (s *site) fleetProblem(all fleet.Fleet) *problem {
	if all.Err != nil {
		return s.silent(all.Err)
	}
	if len(all.Rows) == 0 {
		return &problem{"There is no SLO yet.", "Let a service send spans of its requests: the built-in configs propose SLOs for it. Or load a catalog: run the service_catalog extension and name a folder in its key directory."}
	}
	for _, row := range all.Rows {
		if row.State != semconv.StateUnknown {
			return nil
		}
	}
	return &problem{
		"Prometheus at " + s.Endpoint + " knows none of these SLOs.",
		"Send it the metrics of the slo processor, or load the recording rules of srectl generate alerts. " +
			"If its metrics have other names, set extensions::status_page::translation_strategy to its strategy.",
	}
}

// columns are the headings, each a link that orders by it.
func columns(v view.Fleet) []column {
	var all []column
	for _, c := range []struct{ name, class, key string }{
		{"State", "", view.Worst}, {"Service", "", view.Service}, {"SLO", "", ""}, {"Objective", "number", view.Objective},
		{"Budget left", "", view.Budget}, {"Burn rate, 1 h", "", view.Burn}, {"Time left", "", view.Left}, {"Owner", "", view.Owner},
	} {
		heading := column{Name: c.name, Class: c.class}
		if c.key != "" {
			heading.URL = v.By(c.key).URL()
		}
		if c.key == v.Sort.Key {
			heading.Sorted = "ascending"
			if v.Sort.Reverse {
				heading.Sorted = "descending"
			}
		}
		all = append(all, heading)
	}
	return all
}
