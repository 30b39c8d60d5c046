package observed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"time"

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

// A Check asks questions of what was observed up to a time.
type Check struct {
	Prometheus *Prometheus
	At         time.Time
	// Hidden is the name of a metric that is treated as if nobody wrote it: it was renamed.
	Hidden string
}

// ErrNone is in the chain of a problem that may pass: there is nothing at that time.
var ErrNone = errors.New("no answer")

// Problems are what is wrong with the answer to a question: nothing, when it is not empty, all numbers are finite, Prometheus
// has no remark on it, and no part of it is empty behind another that is not.
func (c Check) Problems(ctx context.Context, q Question) (problems []error) {
	say := func(about string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", about, err))
		}
	}
	expr, err := promQL.ParseExpr(q.Query)
	if err != nil {
		return []error{err}
	}
	numbers := func(part string) string {
		e, err := promQL.ParseExpr(part)
		if err != nil || !q.Condition {
			return part
		}
		return numbersOf(e).String()
	}
	whole := numbers(q.Query)
	if q.Over.Length != 0 && c.Hidden == "" {
		say("over its range", c.ask(ctx, whole, q.Over))
	}
	say("now", c.ask(ctx, whole, Range{}))
	if q.Condition {
		_, remarks, err := c.answer(ctx, q.Query, Range{})
		say("as a condition", errors.Join(err, remarks))
	}
	if !q.Recording {
		for _, part := range alternatives(expr) {
			say("of it, "+part.String(), c.ask(ctx, numbers(part.String()), Range{}))
		}
	}
	for _, s := range selections(expr) {
		say("series", c.has(ctx, s))
	}
	if q.Exemplars {
		say("exemplars", c.exemplars(ctx, expr))
	}
	return problems
}

// Holds tells whether a query has an answer, whatever it is.
func (c Check) Holds(ctx context.Context, query string) (bool, error) {
	values, _, err := c.answer(ctx, query, Range{})
	return len(values) > 0, err
}

// ask is about a query's answer: that there is one, and what it is like.
func (c Check) ask(ctx context.Context, query string, over Range) error {
	values, remarks, err := c.answer(ctx, query, over)
	if err = errors.Join(err, remarks); err != nil {
		return err
	}
	found := false
	for _, v := range values {
		found = true
		if math.IsNaN(v.f) || math.IsInf(v.f, 0) {
			return fmt.Errorf("%s is %v", v.series, v.f)
		}
	}
	if !found {
		return ErrNone
	}
	return nil
}

type number struct {
	series labels.Labels
	f      float64
}

// answer are the numbers of an answer, and Prometheus' remarks: warnings and informations.
func (c Check) answer(ctx context.Context, query string, over Range) (values []number, remarks, err error) {
	var q promql.Query
	if over.Length == 0 {
		q, err = c.Prometheus.engine.NewInstantQuery(ctx, c, nil, query, c.At)
	} else {
		steps := over.Length / over.Step // the last one is now
		q, err = c.Prometheus.engine.NewRangeQuery(ctx, c, nil, query, c.At.Add(-steps*over.Step), c.At, over.Step)
	}
	if err != nil {
		return nil, nil, err
	}
	defer q.Close()
	result := q.Exec(ctx)
	switch v := result.Value.(type) {
	case promql.Scalar:
		values = append(values, number{f: v.V})
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

// has looks for samples of a selector's series.
func (c Check) has(ctx context.Context, s selection) error {
	mint, maxt := c.At.Add(-s.from).UnixMilli(), c.At.Add(-s.to).UnixMilli()
	querier, err := c.Querier(mint, maxt)
	if err != nil {
		return err
	}
	defer querier.Close() //nolint:errcheck // it only reads
	set := querier.Select(ctx, false, nil, s.LabelMatchers...)
	for set.Next() {
		samples := set.At().Iterator(nil)
		for kind := samples.Next(); kind != chunkenc.ValNone; kind = samples.Next() {
			if t, v := samples.At(); kind == chunkenc.ValFloat && t >= mint && t <= maxt && !value.IsStaleNaN(v) {
				return nil
			}
		}
	}
	if set.Err() != nil {
		return set.Err()
	}
	return fmt.Errorf("%w: there is none of %s", ErrNone, s.VectorSelector)
}

// Querier hides what is hidden. A Check is a storage.Queryable.
func (c Check) Querier(mint, maxt int64) (storage.Querier, error) {
	querier, err := c.Prometheus.db.Querier(mint, maxt)
	if err != nil || c.Hidden == "" {
		return querier, err
	}
	return without{querier, labels.MustNewMatcher(labels.MatchNotEqual, model.MetricNameLabel, c.Hidden)}, nil
}

type without struct {
	storage.Querier
	hidden *labels.Matcher
}

// Select is storage.Querier's.
func (w without) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	return w.Querier.Select(ctx, sorted, hints, append(slices.Clone(matchers), w.hidden)...)
}

// exemplars looks for one, with a trace, of a query's series.
func (c Check) exemplars(ctx context.Context, expr parser.Expr) error {
	querier, err := c.Prometheus.db.ExemplarQuerier(ctx)
	if err != nil {
		return err
	}
	found, err := querier.Select(c.Prometheus.Began().UnixMilli(), c.At.UnixMilli(), parser.ExtractSelectors(expr)...)
	if err != nil {
		return err
	}
	for _, series := range found {
		traced := func(e exemplar.Exemplar) bool { return e.Labels.Get("trace_id") != "" }
		if series.SeriesLabels.Get(model.MetricNameLabel) != c.Hidden && slices.ContainsFunc(series.Exemplars, traced) {
			return nil
		}
	}
	return fmt.Errorf("%w: there is none with a trace_id", ErrNone)
}
