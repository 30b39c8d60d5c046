// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// shortestSlide is the shortest window that slides. The query engine reads a whole window at each step: 43,200 samples at each of 21,600 steps, for a
// period of 30 days that is replayed over a month. A window that slides reads each sample once.
const shortestSlide = 6 * time.Hour

// A slide is sum_over_time or count_over_time of a recorded series over a long window.
type slide struct {
	matchers []*labels.Matcher
	window   time.Duration
	count    bool
}

// slideOf is the slide that an expression is, if it is one. A rule that sums what it records itself is none: it is not there yet.
func (s *splitter) slideOf(r *recording, expr parser.Expr) *slide {
	call, ok := expr.(*parser.Call)
	if !ok || call.Func.Name != "sum_over_time" && call.Func.Name != "count_over_time" {
		return nil
	}
	matrix, ok := call.Args[0].(*parser.MatrixSelector)
	if !ok || matrix.Range < shortestSlide {
		return nil
	}
	selector, ok := matrix.VectorSelector.(*parser.VectorSelector)
	if !ok || !s.recorded[selectedName(selector)] || selectedName(selector) == r.record ||
		selector.OriginalOffset != 0 || selector.Timestamp != nil || selector.StartOrEnd != 0 || selector.Anchored || selector.Smoothed {
		return nil
	}
	return &slide{selector.LabelMatchers, matrix.Range, strings.HasPrefix(call.Func.Name, "count")}
}

// slide writes the values of a part that slides.
func (r *Replay) slide(ctx context.Context, p part, first, last time.Time, step time.Duration) error {
	q, err := r.options.Storage.Querier(first.Add(-p.slide.window).UnixMilli(), last.UnixMilli())
	if err != nil {
		return err
	}
	defer func() { _ = q.Close() }() // only read from
	all := q.Select(ctx, true, nil, p.slide.matchers...)
	var samples window
	values := chunkenc.Iterator(nil)
	for all.Next() {
		series := all.At()
		samples.reset()
		values = series.Iterator(values)
		for kind := values.Next(); kind != chunkenc.ValNone; kind = values.Next() {
			if kind != chunkenc.ValFloat {
				return fmt.Errorf("%s is a native histogram: only numbers can be replayed", series.Labels())
			}
			if t, v := values.At(); !value.IsStaleNaN(v) {
				samples.add(t, v)
			}
		}
		if err := values.Err(); err != nil {
			return err
		}
		w := r.options.Storage.Writer(ctx, labels.NewBuilder(series.Labels()).Set(model.MetricNameLabel, p.name).Labels())
		for t := first; !t.After(last); t = t.Add(step) {
			sum, n := samples.until(t.UnixMilli(), p.slide.window.Milliseconds())
			if p.slide.count {
				sum = float64(n)
			}
			w.Write(t, sum, n > 0)
		}
		if err := w.Commit(); err != nil {
			return err
		}
	}
	return all.Err()
}

// A window slides over samples, forward.
type window struct {
	at     []int64
	values []float64
	sums   []float64 // of all values before and with each
	finite bool
	// from and to bound the samples that are in the window.
	from, to int
}

func (w *window) reset() {
	*w = window{at: w.at[:0], values: w.values[:0], sums: w.sums[:0], finite: true}
}

func (w *window) add(t int64, v float64) {
	sum := v
	if n := len(w.sums); n > 0 {
		sum += w.sums[n-1]
	}
	w.at, w.values, w.sums = append(w.at, t), append(w.values, v), append(w.sums, sum)
	w.finite = w.finite && !math.IsNaN(sum) && !math.IsInf(sum, 0)
}

// until gives the sum and the number of the samples in (t − length, t]. t never decreases.
func (w *window) until(t, length int64) (sum float64, n int) {
	for w.to < len(w.at) && w.at[w.to] <= t {
		w.to++
	}
	for w.from < w.to && w.at[w.from] <= t-length {
		w.from++
	}
	n = w.to - w.from
	switch {
	case n == 0:
		return 0, 0
	case !w.finite: // one value that is no number is in the sums of all after it
		for _, v := range w.values[w.from:w.to] {
			sum += v
		}
		return sum, n
	case w.from == 0:
		return w.sums[w.to-1], n
	}
	return w.sums[w.to-1] - w.sums[w.from-1], n
}
