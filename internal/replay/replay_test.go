// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2024, time.March, 18, 0, 0, 0, 0, time.UTC)

func newStorage(t *testing.T) *Storage {
	t.Helper()
	s, err := OpenStorage()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func newReplay(t *testing.T, o Options, groups ...rulefmt.RuleGroup) *Replay {
	t.Helper()
	r, err := New(t.Context(), rulefmt.RuleGroups{Groups: groups}, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// A long window that slides has the values of the query engine, whatever is in it: gaps, and values that are no numbers.
func TestSlide(t *testing.T) {
	for name, value := range map[string]func(*rand.Rand) float64{
		"whole":    func(r *rand.Rand) float64 { return float64(r.IntN(1000)) },
		"fraction": func(r *rand.Rand) float64 { return r.Float64() },
		"NaN": func(r *rand.Rand) float64 {
			return []float64{1, 2, math.NaN(), math.Inf(1)}[min(r.IntN(1000)/332, 3)]
		},
	} {
		t.Run(name, func(t *testing.T) {
			storage, random := newStorage(t), rand.New(rand.NewPCG(1, 2))
			const length = 40 * time.Hour
			for _, a := range []string{"x", "y"} {
				w := storage.Writer(t.Context(), labels.FromStrings(model.MetricNameLabel, "raw", "a", a))
				gone := 0
				for at := start; at.Before(start.Add(length)); at = at.Add(time.Minute) {
					if gone--; gone < 0 && random.IntN(200) == 0 {
						gone = random.IntN(700)
					}
					w.Write(at, value(random), gone < 0)
				}
				require.NoError(t, w.Commit())
			}
			group := rulefmt.RuleGroup{Name: "g", Rules: []rulefmt.Rule{
				{Record: "a:recorded", Expr: "raw"},
				{Record: "a:sum", Expr: "sum_over_time(a:recorded[6h]) / 2"},
				{Record: "a:count", Expr: "count_over_time(a:recorded[6h])"},
				{Record: "a:short", Expr: "sum_over_time(a:recorded[1h])"},
			}}
			r := newReplay(t, Options{Storage: storage}, group)
			span := Span{Earliest: start, From: start.Add(10 * time.Hour), Until: start.Add(length)}
			require.NoError(t, r.Sweep(t.Context(), span))
			first := r.Groups[0].slot(span.From)
			found := 0
			for record, query := range map[string]string{"a:sum": "sum_over_time(a:recorded[6h]) / 2", "a:count": "count_over_time(a:recorded[6h])"} {
				want, err := r.Query(t.Context(), query, first, span.Until, time.Minute)
				require.NoError(t, err)
				got, err := r.Query(t.Context(), record, first, span.Until, time.Minute)
				require.NoError(t, err)
				require.Len(t, got, len(want))
				for i := range want {
					assert.Equal(t, want[i].Metric.Get("a"), got[i].Metric.Get("a"))
					require.Len(t, got[i].Floats, len(want[i].Floats))
					for j, p := range want[i].Floats {
						require.Equal(t, p.T, got[i].Floats[j].T)
						if math.IsNaN(p.F) || math.IsInf(p.F, 0) {
							require.Equal(t, math.IsNaN(p.F), math.IsNaN(got[i].Floats[j].F))
							continue
						}
						require.InDelta(t, p.F, got[i].Floats[j].F, 1e-9)
						found++
					}
				}
			}
			assert.Greater(t, found, 1000)
			require.Len(t, r.Groups[0].recordings[1].parts, 1)
			assert.Empty(t, r.Groups[0].recordings[3].parts, "the engine is fast enough")
		})
	}
}

// A source answers 1 at each step, and notes what it was asked.
type source struct {
	queries []string
	err     error
}

func (s *source) Range(_ context.Context, query string, first, last time.Time, step time.Duration) (promql.Matrix, error) {
	s.queries = append(s.queries, query)
	series := promql.Series{Metric: labels.FromStrings("a", "b")}
	for t := first; !t.After(last); t = t.Add(step) {
		series.Floats = append(series.Floats, promql.FPoint{T: t.UnixMilli(), F: 1})
	}
	return promql.Matrix{series}, s.err
}

func TestSource(t *testing.T) {
	s := &source{}
	group := rulefmt.RuleGroup{Name: "g", Rules: []rulefmt.Rule{
		{Record: "a:recorded", Expr: "sum by (a) (rate(raw[5m]))"},
		{Record: "a:mixed", Expr: "a:recorded / (2 * max by (a) (other)) + on (a) (time() - last > 3)"},
		{Alert: "Fires", Expr: "a:mixed > 0.9 and on (a) sum_over_time(raw[1h]) > 0", For: model.Duration(2 * time.Minute)},
	}}
	r := newReplay(t, Options{Storage: newStorage(t), Source: s}, group)
	require.NoError(t, r.Sweep(t.Context(), Span{Earliest: start, From: start, Until: start.Add(time.Hour)}))
	assert.Equal(t, []string{"sum by (a) (rate(raw[5m]))", "(2 * max by (a) (other))", "(time() - last > 3)", "sum_over_time(raw[1h]) > 0"}, s.queries)
	require.Len(t, r.Episodes, 1)
	assert.Equal(t, 2*time.Minute, r.Episodes[0].Firing.Sub(r.Episodes[0].Pending))

	s.err = errors.New("no answer")
	r = newReplay(t, Options{Storage: newStorage(t), Source: s}, group)
	require.ErrorIs(t, r.Sweep(t.Context(), Span{Earliest: start, From: start, Until: start.Add(time.Hour)}), s.err)
}

// What cannot be divided is refused by name.
func TestCannotBeReplayed(t *testing.T) {
	for _, expr := range []string{
		"max_over_time((a:recorded + raw)[1h:1m])",
		"quantile_over_time(scalar(a:recorded), raw[1h])",
	} {
		_, err := New(t.Context(), rulefmt.RuleGroups{Groups: []rulefmt.RuleGroup{{Name: "g", Rules: []rulefmt.Rule{{Record: "a:recorded", Expr: "raw"}, {Record: "odd", Expr: expr}}}}},
			Options{Storage: newStorage(t), Source: &source{}})
		require.ErrorContains(t, err, `rule "odd"`)
		require.ErrorContains(t, err, "cannot be replayed")
	}
}
