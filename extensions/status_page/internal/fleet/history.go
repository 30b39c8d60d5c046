// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/chart"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/prometheus"
)

// A Historian returns the values of a query over a period.
type Historian interface {
	Range(ctx context.Context, query string, p prometheus.Period) (model.Matrix, error)
}

// Burns are the burn rates of the last hour, over a period, of the rows of one page; and the part of the period of
// which something is known.
func Burns(ctx context.Context, h Historian, n names.Names, rows []*Row, p prometheus.Period) (map[Key][]chart.Point, prometheus.Period, error) {
	if len(rows) == 0 {
		return nil, p, nil
	}
	var services []string
	recorded := false
	budgets := map[Key]float64{}
	for _, r := range rows {
		services = append(services, regexp.QuoteMeta(r.Service))
		if r.Promise != nil && r.Promise.SLI.Prometheus != nil {
			recorded = true
			budgets[r.Key] = r.Promise.ErrorBudget()
		}
	}
	slices.Sort(services)
	page := strings.Join(slices.Compact(services), "|")
	burns := map[Key][]chart.Point{}
	matrix, err := h.Range(ctx, names.By("max", slo(n), n.BurnRate.With(n.Window.Equal("1h"), n.Service.Matches(page))), p)
	if err != nil {
		return nil, p, err
	}
	found := []model.Matrix{matrix}
	for _, series := range matrix {
		burns[key(n, series.Metric)] = Points(series.Values, p, 1)
	}
	if !recorded {
		return burns, p.Since(found...), nil
	}
	// The rows of an SLO without an environment are all it has.
	rules := names.Recorded()
	matrix, err = h.Range(ctx, names.By("max", slo(rules), ratio1h.With(rules.Service.Matches(page))), p)
	for _, series := range matrix {
		k := key(n, series.Metric)
		if budget, ok := budgets[k]; ok && burns[k] == nil {
			burns[k] = Points(series.Values, p, 1/budget)
		}
	}
	return burns, p.Since(append(found, matrix)...), err
}

// Points are the values of a series times a factor, with gaps where it has none.
func Points(values []model.SamplePair, p prometheus.Period, factor float64) []chart.Point {
	points := make([]chart.Point, 0, len(values))
	for i, v := range values {
		at := v.Timestamp.Time()
		if i > 0 && at.Sub(values[i-1].Timestamp.Time()) > p.Step*3/2 {
			points = append(points, chart.Gap(at.Add(-p.Step)))
		}
		points = append(points, chart.Point{At: at, Value: float64(v.Value) * factor})
	}
	return points
}
