// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/internal/past"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// lateMetrics are the counter's values as events that ended in the interval.
func (c *counter) lateMetrics(at, ended time.Time, length int64) pmetric.Metrics {
	md := c.metrics(at)
	m := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
	m.SetName(semconv.SLOEventsPast.Name)
	return each(md, func(dp pmetric.NumberDataPoint) {
		i := past.Of(past.Minute(pcommon.NewTimestampFromTime(ended)), length)
		dp.Attributes().PutStr(semconv.SLOEventInterval, i.String())
	})
}

// An error of three days ago does not page, and the budget of the month knows it.
func TestLateEventsAreBooked(t *testing.T) {
	r := newRig(t, checkout())
	began := noon.Add(-30 * day)
	now := newCounter(began)
	r.send(now.add(30*24*60*100, 0))
	before := r.flushed()
	require.Equal(t, 1.0, before.of(t, "slo.error_budget.remaining"))

	late := newCounter(noon.Add(-time.Second))
	happened := noon.Add(-3*day - hour)
	r.late(late.add(0, 1000).lateMetrics(noon, happened, past.Lengths[0]))
	g := r.flushed()
	for _, window := range []string{"5m", "30m", "1h", "2h", "6h", "1d", "3d"} {
		require.Zero(t, g.of(t, "slo.burn_rate", window), window)
	}
	require.Equal(t, "ok", g.state(t))
	require.InDelta(t, 1000./(30*24*60*100+1000), g.of(t, "slo.error_ratio", "30d"), 1e-9)
	require.InDelta(t, 1-1000./(30*24*60*100+1000)/0.001, g.of(t, "slo.error_budget.remaining"), 1e-6)

	for range 3 { // sent again, it counts once
		r.pass(5 * time.Second)
		r.late(late.lateMetrics(r.clock, happened, past.Lengths[0]))
	}
	r.requireTotal(30*24*60*100, 1000)
	r.pass(5 * time.Second)
	r.late(late.add(0, 1).lateMetrics(r.clock, happened, past.Lengths[0]))
	again := newCounter(r.clock) // it was idle, and a new one begins
	r.pass(5 * time.Second)
	r.late(again.add(0, 2).lateMetrics(r.clock, happened, past.Lengths[0]))
	r.requireTotal(30*24*60*100, 1003)

	history := r.history(t)
	minute := history.minutes.hour(happened.UnixNano() / hourLength)[happened.Minute()]
	require.Equal(t, 1003*oneEvent, minute[bad], "in its minute")

	yesterday := newCounter(noon.Add(-time.Second))
	r.late(yesterday.add(0, 240).lateMetrics(r.clock, noon.Add(-day), past.Day))
	require.Greater(t, r.flushed().of(t, "slo.error_ratio", "3d"), 0.0)
	require.Zero(t, r.flushed().of(t, "slo.error_ratio", "2h"), "spread over a day that is over")

	old := newCounter(noon)
	r.late(old.add(0, 7).lateMetrics(r.clock, noon.Add(-40*day), past.Lengths[0]))
	require.Equal(t, 2, r.points(tooOld), "before any window")
	r.requireTotal(30*24*60*100, 1243)
}

func (r *rig) late(md pmetric.Metrics) {
	r.t.Helper()
	_, err := r.consume(r.t.Context(), md)
	require.NoError(r.t, err)
}

// history is that of the checkout SLO in production.
func (r *rig) history(t *testing.T) *history {
	t.Helper()
	of := subject{key{"shop", "checkout", "availability"}, "production"}
	i := r.shards[of.shard()].slos[of.key].instance(of.environment)
	require.NotNil(t, i.history)
	i.history.advance(r.clock.UnixNano(), r.shards[of.shard()].slos[of.key].objective)
	return i.history
}

// What is for this processor only is not passed on.
func TestLateEventsByMinuteEndHere(t *testing.T) {
	r := newRig(t, checkout())
	c := newCounter(noon.Add(-time.Second)).add(1, 1)
	md := c.metrics(noon)
	c.lateMetrics(noon, noon.Add(-hour), past.Lengths[0]).ResourceMetrics().MoveAndAppendTo(md.ResourceMetrics())
	out, err := r.consume(t.Context(), md)
	require.NoError(t, err)
	require.Equal(t, 4, md.DataPointCount(), "the input is others', too")
	require.Equal(t, 2, out.DataPointCount())

	wrong := each(c.lateMetrics(noon, noon, past.Lengths[0]), func(dp pmetric.NumberDataPoint) { dp.Attributes().PutStr(semconv.SLOEventInterval, "yesterday") })
	_, err = r.consume(t.Context(), wrong)
	require.NoError(t, err)
	require.Equal(t, 2, r.points(invalid))
}
