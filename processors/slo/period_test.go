// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// traffic sends an hour of events for each hour, in steps of a minute, and calls check after each.
func (r *rig) traffic(c *counter, hours int, rate func(time.Time) (good, bad float64), check func(gauges)) {
	for range hours * 12 {
		r.pass(5 * minute)
		good, bad := rate(r.clock)
		r.send(c.add(5*good, 5*bad))
		check(r.flushed())
	}
}

// The first day of an SLO: an outage of three minutes spends three minutes of the month, and says how long the rest lasts.
func TestFirstDay(t *testing.T) {
	r := newRigWith(t, createDefaultConfig().(*Config), noon.Truncate(minute), nil, checkout())
	c := newCounter(r.clock)
	for range 3 {
		r.pass(minute)
		r.send(c.add(0, 1000))
	}
	g := r.flushed()
	require.Equal(t, "burning_fast", g.state(t))
	month := (30 * day).Minutes()
	require.InDelta(t, 1-3/month/0.001, g.of(t, "slo.error_budget.remaining"), 1e-9)
	require.InDelta(t, 3/month, g.of(t, "slo.period.coverage"), 1e-12)
	require.Equal(t, 1.0, g.of(t, "slo.error_ratio", "30d"), "is what was measured")
	require.Equal(t, 1000.0, g.of(t, "slo.burn_rate", "30d"))
	require.InDelta(t, g.of(t, "slo.error_budget.remaining")*month*60/1000, g.of(t, "slo.error_budget.exhaustion"), 1, "at this rate spent in 40 minutes")

	r.traffic(c, 24, func(time.Time) (float64, float64) { return 1000, 0 }, func(g gauges) {
		require.NotEqual(t, "exhausted", g.state(t))
		require.InDelta(t, 1-3/month/0.001, g.of(t, "slo.error_budget.remaining"), 0.01, "three minutes of all")
	})
	r.traffic(c, 1, func(time.Time) (float64, float64) { return 0, 1000 }, func(gauges) {})
	require.Negative(t, r.flushed().of(t, "slo.error_budget.remaining"), "an hour is more than a month allows")
}

// The first of a month, after a quarter of an hour without an answer: 0.7 % of the month's minutes, or 35 % of its budget.
func TestFirstOfTheMonth(t *testing.T) {
	r := newRigWith(t, createDefaultConfig().(*Config), time.Date(2026, 10, 23, 22, 0, 0, 0, time.UTC), nil, checkout(windowOf(calendar(t, "month", "Europe/Madrid"))))
	c := newCounter(r.clock)
	minutesOfNovember := (30 * day).Minutes()
	atNight := func(t time.Time) float64 { // an hour of night has a tenth of the traffic, a weekend half
		rate := 1000.0
		if t.Hour() < 6 {
			rate /= 10
		}
		if day := t.Weekday(); day == time.Saturday || day == time.Sunday {
			rate /= 2
		}
		return rate
	}
	november := time.Date(2026, 10, 31, 23, 0, 0, 0, time.UTC)
	r.traffic(c, int(november.Sub(r.clock).Hours()), func(t time.Time) (float64, float64) { return atNight(t), 0 }, func(gauges) {})
	require.Equal(t, "ok", r.flushed().state(t))
	whole := 0.0 // events of the month
	for at := november; at.Before(november.Add(30 * day)); at = at.Add(5 * minute) {
		whole += 5 * atNight(at.Add(5*minute))
	}
	var lost float64
	for range 15 {
		r.pass(minute)
		lost += atNight(r.clock)
		r.send(c.add(0, atNight(r.clock)))
	}
	truth := 1 - lost/whole/0.001
	require.Positive(t, truth)
	g := r.flushed()
	require.Equal(t, "burning_fast", g.state(t))
	require.InDelta(t, truth, g.of(t, "slo.error_budget.remaining"), 0.02, "the week is known, and its weekend too")
	require.InDelta(t, 15/minutesOfNovember, g.of(t, "slo.period.coverage"), 1e-9)
	furthest := 0.0
	r.traffic(c, 29*24+23, func(t time.Time) (float64, float64) { return atNight(t), 0 }, func(g gauges) {
		require.NotEqual(t, "exhausted", g.state(t))
		furthest = max(furthest, math.Abs(g.of(t, "slo.error_budget.remaining")-truth))
	})
	require.Less(t, furthest, 0.02, "throughout the month")
	require.InDelta(t, truth, r.flushed().of(t, "slo.error_budget.remaining"), 0.002)
}

// Without a week, the projection takes traffic as steady: what is shown as spent is as wrong as the traffic so far is uneven.
func TestProjectionWithoutAWeek(t *testing.T) {
	r := newRigWith(t, createDefaultConfig().(*Config), noon.Truncate(minute), nil, checkout())
	c := newCounter(r.clock)
	peak := func(t time.Time) (float64, float64) {
		if t.Hour() >= 12 { // half of the day has all of the traffic
			return 990, 10
		}
		return 0, 0
	}
	r.traffic(c, 12, peak, func(gauges) {})
	spent := 1 - r.flushed().of(t, "slo.error_budget.remaining")
	require.InDelta(t, 10*0.5*(1./30), spent*30./30, 0.01, "ten times too fast for half a day of thirty")
	for range 29*2 + 1 {
		r.traffic(c, 12, peak, func(gauges) {})
	}
	g := r.flushed()
	require.Equal(t, 1.0, g.of(t, "slo.period.coverage"))
	require.InDelta(t, 1-g.of(t, "slo.burn_rate", "30d"), g.of(t, "slo.error_budget.remaining"), 1e-9, "as ever, when the whole period is known")
}

// A gap is what no counter covers, and not what was counted while nobody listened.
func TestCoverage(t *testing.T) {
	r := newRigWith(t, createDefaultConfig().(*Config), noon.Truncate(minute), nil, checkout())
	c := newCounter(r.clock)
	steady := func(time.Time) (float64, float64) { return 100, 0 }
	r.traffic(c, 10, steady, func(gauges) {})
	r.pass(3 * hour) // the collector cannot be reached
	r.traffic(c, 7, steady, func(gauges) {})
	require.InDelta(t, 20./720, r.flushed().of(t, "slo.period.coverage"), 1e-9)
	r.pass(10 * hour) // the sender is gone
	again := newCounter(r.clock)
	again.instance = "agent-2"
	r.traffic(again, 10, steady, func(gauges) {})
	require.InDelta(t, 30./720, r.flushed().of(t, "slo.period.coverage"), 1e-9)
	r.pass(6 * minute)
	require.Equal(t, "no_data", r.flushed().state(t))
	require.InDelta(t, 30./720, r.flushed().of(t, "slo.period.coverage"), 1e-9)

	r.pass(29 * day)
	require.InDelta(t, 13.9/720, r.flushed().of(t, "slo.period.coverage"), 0.1/720)
	var m measured
	for n := range int64(500) {
		m.cover(n*10*hourLength, n*10*hourLength+hourLength+n*minuteLength%hourLength, minuteLength)
	}
	require.Len(t, m, maxGaps+1)
	require.Equal(t, int64(499*10)*hourLength+499*minuteLength%hourLength+hourLength, m[maxGaps].end)
	m.cover(0, 600*10*hourLength, 0)
	require.Len(t, m, 1)
}
