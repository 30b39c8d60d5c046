// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"context"
	"errors"
	"regexp"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"
)

func (p *Prometheus) answer(ctx context.Context, c Check, query string, over Range) (values []number, remarks, err error) {
	var q promql.Query
	visible := hiding{p, c.Hidden}
	if over.Length == 0 {
		q, err = p.engine.NewInstantQuery(ctx, visible, nil, query, c.At)
	} else {
		steps := over.Length / over.Step // the last one is now
		q, err = p.engine.NewRangeQuery(ctx, visible, nil, query, c.At.Add(-steps*over.Step), c.At, over.Step)
	}
	if err != nil {
		return nil, nil, err
	}
	defer q.Close()
	result := q.Exec(ctx)
	switch v := result.Value.(type) {
	case promql.Scalar:
		values = append(values, number{v, v.V})
	case promql.Vector:
		for _, s := range v {
			values = append(values, number{s.Metric, s.F})
		}
	case promql.Matrix:
		for _, s := range v {
			for _, p := range s.Floats {
				values = append(values, number{s.Metric, p.F})
			}
		}
	}
	for _, remark := range result.Warnings {
		if !uncounted(remark) {
			remarks = errors.Join(remarks, remark)
		}
	}
	return values, remarks, result.Err
}

// collectorsOwn is in remarks about the collector's own metrics.
var collectorsOwn = regexp.MustCompile(`: "otelcol_\w+"`)

// uncounted is the remark that a counter's name has not the ending of one, about the collector's own
// metrics: those are called so in every collector, unless it is told to call them otherwise.
func uncounted(remark error) bool {
	return errors.Is(remark, annotations.PossibleNonCounterInfo) && collectorsOwn.MatchString(remark.Error())
}

func (p *Prometheus) has(ctx context.Context, c Check, s selection) (bool, error) {
	mint, maxt := c.At.Add(-s.from).UnixMilli(), c.At.Add(-s.to).UnixMilli()
	querier, err := hiding{p, c.Hidden}.Querier(mint, maxt)
	if err != nil {
		return false, err
	}
	defer querier.Close()
	set := querier.Select(ctx, false, nil, s.LabelMatchers...)
	for set.Next() {
		samples := set.At().Iterator(nil)
		for kind := samples.Next(); kind != chunkenc.ValNone; kind = samples.Next() {
			if t, v := samples.At(); kind == chunkenc.ValFloat && t >= mint && t <= maxt && !value.IsStaleNaN(v) {
				return true, nil
			}
		}
	}
	return false, set.Err()
}

// hiding is a storage.Queryable without the metric of that name.
type hiding struct {
	*Prometheus
	name string
}

// Querier is storage.Queryable's.
func (h hiding) Querier(mint, maxt int64) (storage.Querier, error) {
	querier, err := h.db.Querier(mint, maxt)
	if err != nil || h.name == "" {
		return querier, err
	}
	return without{querier, labels.MustNewMatcher(labels.MatchNotEqual, model.MetricNameLabel, h.name)}, nil
}

type without struct {
	storage.Querier
	hidden *labels.Matcher
}

// Select is storage.Querier's.
func (w without) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	return w.Querier.Select(ctx, sorted, hints, append(slices.Clone(matchers), w.hidden)...)
}

func (p *Prometheus) traced(ctx context.Context, c Check, expr parser.Expr) (bool, error) {
	querier, err := p.db.ExemplarQuerier(ctx)
	if err != nil {
		return false, err
	}
	found, err := querier.Select(p.Began().UnixMilli(), c.At.UnixMilli(), parser.ExtractSelectors(expr)...)
	if err != nil {
		return false, err
	}
	for _, series := range found {
		traced := func(e exemplar.Exemplar) bool { return e.Labels.Get("trace_id") != "" }
		if series.SeriesLabels.Get(model.MetricNameLabel) != c.Hidden && slices.ContainsFunc(series.Exemplars, traced) {
			return true, nil
		}
	}
	return false, nil
}
