// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/teststorage"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// The gauges are what Prometheus' engine makes of the same counters, scraped at the same times. Both
// look at a window's edges with some width: here one ring step, there one scrape interval (increase
// extrapolates). So the share of bad events over a window lies between the least and the most that
// the events near its beginning allow.
func TestAgreesWithPrometheus(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 9))
	db := teststorage.New(t)
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 50_000_000, Timeout: time.Minute})
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	query := func(at time.Time, expr string) float64 {
		q, err := engine.NewInstantQuery(t.Context(), db, nil, expr, at)
		require.NoError(t, err)
		defer q.Close()
		v, err := q.Exec(t.Context()).Vector()
		require.NoError(t, err)
		require.Len(t, v, 1, expr)
		return v[0].F
	}

	start := noon.Truncate(time.Second)
	r := newRigWith(t, createDefaultConfig().(*Config), start, nil, checkout(windowOf(catalog.Window{Rolling: 7 * day})))
	windows := append([]window{{"7d", int64(7 * day)}}, burnWindows...)
	c := newCounter(start)
	var events exactHistory
	const interval = 30 * time.Second
	var compared int
	for n := 0; r.clock.Before(start.Add(8 * day)); n++ {
		appender := db.Appender(t.Context())
		for o, v := range []float64{c.good, c.bad} {
			_, err := appender.Append(0, labels.FromStrings("__name__", "slo_events_total", "slo_outcome", outcome(o).String()), r.clock.UnixMilli(), v)
			require.NoError(t, err)
		}
		require.NoError(t, appender.Commit())
		r.send(c)

		if n > 0 && n%1511 == 0 {
			g := r.flushed()
			for _, w := range windows {
				if r.clock.Add(-time.Duration(w.length)).Before(start.Add(interval)) {
					continue // Prometheus would extrapolate to before the beginning
				}
				want := query(r.clock, fmt.Sprintf(`sum(increase(slo_events_total{slo_outcome="bad"}[%[1]s])) / sum(increase(slo_events_total[%[1]s]))`, w.name))
				edge := r.clock.UnixNano() - w.length
				width := stepOf(w.length) + int64(interval)
				var inside, near [outcomes]float64
				for out := range outcomes {
					inside[out], _ = events.between(edge+width, r.clock.UnixNano(), out)
					near[out], _ = events.between(edge-width, edge+width, out)
				}
				least := inside[bad] / (inside[bad] + inside[good] + near[good])
				most := (inside[bad] + near[bad]) / (inside[bad] + near[bad] + inside[good])
				got := g.of(t, "slo.error_ratio", w.name)
				const rounding = 1e-6
				require.InDelta(t, want, (least+most)/2, (most-least)/2+rounding, "Prometheus, %s", w.name)
				require.InDelta(t, (least+most)/2, got, (most-least)/2+rounding, "slo, %s", w.name)
				require.InDelta(t, want, got, most-least+rounding, w.name)
				compared++
			}
		}

		share := 0.002
		if n%700 < 40 {
			share = 0.3 // an outage of 20 minutes every few hours
		}
		var e exactIncrease
		for range 20 + random.IntN(20) {
			if random.Float64() < share {
				e.n[bad]++
			} else {
				e.n[good]++
			}
		}
		c.add(e.n[good], e.n[bad])
		e.from = r.clock.UnixNano()
		r.pass(interval)
		e.to = r.clock.UnixNano()
		events = append(events, e)
	}
	require.Greater(t, compared, 80)
}
