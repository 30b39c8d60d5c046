// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

func calendar(t *testing.T, unit catalog.CalendarUnit, zone string) catalog.Window {
	t.Helper()
	location, err := time.LoadLocation(zone)
	require.NoError(t, err)
	return catalog.Window{Calendar: &catalog.Calendar{Unit: unit, Location: location}}
}

// A calendar window counts from the first moment of the period to the last, to the event, also where
// clocks change or a day is left out (Apia had no 30 December 2011).
func TestCalendarWindows(t *testing.T) {
	for name, test := range map[string]struct {
		unit       catalog.CalendarUnit
		zone       string
		start, end string // local times of the period
		length     time.Duration
	}{
		"month, clocks go forward":  {catalog.Month, "Europe/Madrid", "2026-03-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00", 31*day - hour},
		"month, clocks go back":     {catalog.Month, "Europe/Madrid", "2026-10-01T00:00:00+02:00", "2026-11-01T00:00:00+01:00", 31*day + hour},
		"week, clocks go forward":   {catalog.Week, "America/New_York", "2026-03-02T00:00:00-05:00", "2026-03-09T00:00:00-04:00", 7*day - hour},
		"week, clocks go back":      {catalog.Week, "America/New_York", "2026-10-26T00:00:00-04:00", "2026-11-02T00:00:00-05:00", 7*day + hour},
		"quarter, both":             {catalog.Quarter, "America/New_York", "2026-01-01T00:00:00-05:00", "2026-04-01T00:00:00-04:00", 90*day - hour},
		"month, quarter of an hour": {catalog.Month, "Asia/Kathmandu", "2026-02-01T00:00:00+05:45", "2026-03-01T00:00:00+05:45", 28 * day},
		"month with a day left out": {catalog.Month, "Pacific/Apia", "2011-12-01T00:00:00-10:00", "2012-01-01T00:00:00+14:00", 30 * day},
		"week across the date line": {catalog.Week, "Pacific/Apia", "2011-12-26T00:00:00-10:00", "2012-01-02T00:00:00+14:00", 6 * day},
		"quarter, leap year, UTC":   {catalog.Quarter, "UTC", "2028-01-01T00:00:00Z", "2028-04-01T00:00:00Z", 91 * day},
		"month after a short one":   {catalog.Month, "UTC", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", 31 * day},
	} {
		t.Run(name, func(t *testing.T) {
			start, err := time.Parse(time.RFC3339, test.start)
			require.NoError(t, err)
			end, err := time.Parse(time.RFC3339, test.end)
			require.NoError(t, err)
			require.Equal(t, test.length, end.Sub(start))

			w := calendar(t, test.unit, test.zone)
			r := newRigWith(t, createDefaultConfig().(*Config), start.Add(-2*hour-time.Second), nil, checkout(objectiveOf(90), windowOf(w)))
			c := newCounter(r.clock)
			for range 2 * 60 {
				r.pass(minute)
				r.send(c.add(0, 1)) // the period before is all bad, to its last minute
			}
			require.Equal(t, 1.0, r.flushed().of(t, "slo.error_ratio", w.String()))
			r.pass(time.Second)
			r.send(c)
			require.Zero(t, r.flushed().of(t, "slo.error_ratio", w.String()), "a new period begins")
			for range 60 {
				r.pass(minute)
				r.send(c.add(1, 0))
			}
			g := r.flushed()
			require.Zero(t, g.of(t, "slo.error_ratio", w.String()))
			require.Equal(t, 1.0, g.of(t, "slo.error_budget.remaining"))
			require.Equal(t, test.length.Seconds(), g.of(t, "slo.error_budget.exhaustion"), "burns slower than that")

			// A late sender reports the minute before the period and of the one after: only the last counts.
			late := newCounter(start.Add(-minute))
			late.instance = "late"
			r.take(late.add(0, 120).metrics(start.Add(minute)))
			require.InDelta(t, 60.0/120, r.flushed().of(t, "slo.error_ratio", w.String()), 1e-9)

			r.clock = end.Add(-minute)
			r.send(c.add(0, 60))
			require.InDelta(t, 120.0/180, r.flushed().of(t, "slo.error_ratio", w.String()), 1e-9)
			r.clock = end
			require.Zero(t, r.flushed().of(t, "slo.error_ratio", w.String()))
			require.Equal(t, 1.0, r.flushed().of(t, "slo.error_budget.remaining"))
		})
	}
}

func TestStates(t *testing.T) {
	minutes := func(r *rig, c *counter, n int, good, bad float64) {
		for range n {
			r.pass(minute)
			r.send(c.add(good, bad))
		}
	}
	// A long good past, so that the budget lasts.
	rested := func(t *testing.T) (*rig, *counter) {
		r := newRig(t, checkout())
		c := newCounter(noon.Add(-29 * day))
		r.send(c.add(29*24*60*1000, 0))
		return r, c
	}
	t.Run("no_data before any", func(t *testing.T) {
		g := newRig(t, checkout()).flushed()
		require.Equal(t, "no_data", g.state(t))
		require.Equal(t, 1.0, g.of(t, "slo.error_budget.remaining"))
		require.Equal(t, (30 * day).Seconds(), g.of(t, "slo.error_budget.exhaustion"))
		require.Zero(t, g.of(t, "slo.burn_rate", "30d"))
	})
	t.Run("never seen", func(t *testing.T) {
		r := newRig(t, checkout())
		r.send(newCounter(noon))
		require.Equal(t, "never_seen", r.flushed().state(t))
	})
	t.Run("new", func(t *testing.T) {
		r := newRig(t, checkout())
		c := newCounter(noon)
		minutes(r, c, 30, 997, 3) // enough for a ticket, if it were known for longer
		g := r.flushed()
		require.Equal(t, "new", g.state(t))
		require.Zero(t, g.of(t, "slo.state", "burning_slow"))
		minutes(r, c, 5, 0, 1000)
		require.Equal(t, "burning_fast", r.flushed().state(t), "shows as such at once")
		minutes(r, c, 25, 1000, 0)
		require.NotEqual(t, "new", r.flushed().state(t))
	})
	t.Run("ok, idle, no_data", func(t *testing.T) {
		r, c := rested(t)
		minutes(r, c, 10, 1000, 0.5)
		g := r.flushed()
		require.Equal(t, "ok", g.state(t))
		require.Less(t, g.of(t, "slo.error_budget.remaining"), 1.0)
		require.Greater(t, g.of(t, "slo.error_budget.remaining"), 0.9)
		minutes(r, c, 62, 0, 0)
		require.Equal(t, "idle", r.flushed().state(t))
		r.pass(5 * minute)
		require.Equal(t, "idle", r.flushed().state(t))
		r.pass(time.Second)
		require.Equal(t, "no_data", r.flushed().state(t))
		r.send(c)
		require.Equal(t, "idle", r.flushed().state(t))
	})
	t.Run("burning_fast", func(t *testing.T) {
		r, c := rested(t)
		minutes(r, c, 90, 970, 30) // 30 × budget
		g := r.flushed()
		require.Equal(t, "burning_fast", g.state(t))
		remaining := g.of(t, "slo.error_budget.remaining")
		require.InDelta(t, 30, g.of(t, "slo.burn_rate", "1h"), 0.4)
		require.InDelta(t, remaining*(30*day).Seconds()/g.of(t, "slo.burn_rate", "1h"), g.of(t, "slo.error_budget.exhaustion"), 1)
		minutes(r, c, 6, 1000, 0)
		require.Equal(t, "burning_fast", r.flushed().state(t), "6 h and 30 min still burn")
	})
	t.Run("burning_slow", func(t *testing.T) {
		r, c := rested(t)
		minutes(r, c, 24*60, 996, 4)
		require.Equal(t, "burning_slow", r.flushed().state(t))
		minutes(r, c, 6*60+4, 1000, 0)
		require.Equal(t, "ok", r.flushed().state(t))
	})
	t.Run("exhausted", func(t *testing.T) {
		r, c := rested(t)
		minutes(r, c, 60, 0, 1000)
		g := r.flushed()
		require.Equal(t, "burning_fast", g.state(t), "what happens now comes first")
		require.Zero(t, g.of(t, "slo.error_budget.exhaustion"))
		require.Negative(t, g.of(t, "slo.error_budget.remaining"))
		minutes(r, c, 6*60+61, 1000, 0)
		for _, window := range []string{"2h", "6h"} {
			require.Zero(t, r.flushed().of(t, "slo.error_ratio", window), window)
		}
		require.Equal(t, "exhausted", r.flushed().state(t))
	})
}

func TestReset(t *testing.T) {
	logs, logged := observer.New(zap.InfoLevel)
	r := newRig(t, checkout())
	r.logger = zap.New(logs)
	c := newCounter(r.clock)
	for range 4 * 60 {
		r.pass(minute)
		r.send(c.add(90, 10))
	}
	before := r.flushed()
	require.Equal(t, "burning_fast", before.state(t))
	require.InDelta(t, 1-100*(4*hour).Hours()/(30*day).Hours(), before.of(t, "slo.error_budget.remaining"), 100*minute.Hours()/(30*day).Hours(), "to a minute")

	at := r.clock.Add(-2 * hour)
	r.catalog.swap(checkout(resets(catalog.Reset{At: at, By: "ana", Reason: "The load balancer's fault"})))
	for range 60 {
		r.pass(minute)
		r.send(c.add(1000, 0))
	}
	g := r.flushed()
	require.InDelta(t, 2*60*10/(2.0*60*100+60*1000), g.of(t, "slo.error_ratio", "30d"), 1e-3, "from the reset on")
	require.InDelta(t, 5*60*10./(4*60*100+60*1000), g.of(t, "slo.error_ratio", "6h"), 0.02, "burn windows go on")

	r.catalog.swap(checkout(resets(
		catalog.Reset{At: at, By: "ana", Reason: "The load balancer's fault"},
		catalog.Reset{At: r.clock.Add(minute), By: "bea", Reason: "Agreed"},
	)))
	require.Equal(t, g.of(t, "slo.error_ratio", "30d"), r.flushed().of(t, "slo.error_ratio", "30d"), "not before its time")
	r.pass(minute)
	r.send(c.add(100, 0))
	r.pass(minute)
	r.send(c.add(0, 1))
	g = r.flushed()
	require.Equal(t, 1.0, g.of(t, "slo.error_ratio", "30d"), "exact: the only event since")
	late := newCounter(r.clock.Add(-3 * minute)) // what was before the reset stays before it
	late.instance = "late"
	r.take(late.add(0, 300).metrics(r.clock.Add(-minute)))
	g = r.flushed()
	require.Equal(t, 1.0, g.of(t, "slo.error_ratio", "30d"))
	require.InDelta(t, 1-1000*minute.Hours()/(30*day).Hours(), g.of(t, "slo.error_budget.remaining"), 1000*minute.Hours()/(30*day).Hours(), "a minute of 30 days is known")

	r.pass(minute)
	r.flushed()
	entries := logged.FilterMessage("Error budget reset").All()
	require.Len(t, entries, 2, "each once")
	assert.Equal(t, "ana", entries[0].ContextMap()["by"])
	assert.Equal(t, "Agreed", entries[1].ContextMap()["reason"])

	r.catalog.swap(checkout()) // taken back
	require.InDelta(t, (4*60*10+301)/(4*60*100+60*1000+401.0), r.flushed().of(t, "slo.error_ratio", "30d"), 1e-9)
}

// A reset is logged once, also across restarts, and not when it is too long ago to do anything.
func TestResetIsLoggedOnce(t *testing.T) {
	logs, logged := observer.New(zap.InfoLevel)
	disk := openStorage(t, t.TempDir())
	service := checkout(resets(
		catalog.Reset{At: noon.Add(-31 * day), By: "cy", Reason: "too long ago"},
		catalog.Reset{At: noon.Add(-day), By: strings.Repeat("ana", 1000), Reason: "x"},
	))
	for range 3 {
		r := newRigWith(t, stored(), noon, disk, service)
		r.logger = zap.New(logs)
		r.checkpoint(t.Context(), r.clock, true)
		r.flushed()
		r.checkpoint(t.Context(), r.clock, true)
		r.kill()
	}
	require.Equal(t, 1, logged.Len())
	require.Len(t, logged.All()[0].ContextMap()["by"], 259, "cut")

	r := newRig(t, checkout(resets(service.SLOs[0].Resets[0])))
	r.logger = zap.New(logs)
	r.flushed()
	require.Equal(t, 1, logged.Len())
}

// A reset and a window of the same length: the point follows the budget.
func TestOwnWindowIsABurnWindow(t *testing.T) {
	r := newRig(t, checkout(windowOf(catalog.Window{Rolling: 3 * day}), resets(catalog.Reset{At: noon.Add(hour), By: "ana", Reason: "x"})))
	c := newCounter(r.clock)
	r.pass(hour)
	r.send(c.add(0, 100))
	r.pass(hour)
	r.send(c.add(100, 0))
	g := r.flushed()
	require.Zero(t, g.of(t, "slo.error_ratio", "3d"))
	require.InDelta(t, 0.5, g.of(t, "slo.error_ratio", "1d"), 1e-9)
	require.Len(t, g, 1+1+7+7+1+1+1+8)
}

func TestMaintenance(t *testing.T) {
	noon := noon.Truncate(minute) // a minute counts as a whole
	window := func(from, to time.Duration) catalog.Maintenance {
		return catalog.Maintenance{Start: noon.Add(from), End: noon.Add(to), Reason: "upgrade"}
	}
	r := newRigWith(t, createDefaultConfig().(*Config), noon, nil, checkout(maintenance(window(2*hour, 3*hour), window(10*minute, 20*minute), window(15*minute, 30*minute), window(5*hour, 4*hour))))
	c := newCounter(noon)
	r.send(c)
	g := r.flushed()
	require.Zero(t, g.of(t, "slo.maintenance.events", "good"), "starts at 0")
	r.pass(20 * minute)
	r.send(c.add(2000, 200)) // half of it inside
	r.requireCounted(1000, 100)
	r.pass(5 * minute)
	r.send(c.add(77, 7)) // all of it
	r.requireCounted(1000, 100)
	r.pass(2*hour + 35*minute)
	r.send(c.add(1550, 155)) // 5 minutes and an hour of 155 minutes
	r.requireCounted(1900, 190)
	g = r.flushed()
	require.Equal(t, 1000.+77+650, g.of(t, "slo.maintenance.events", "good"))
	require.Equal(t, 100.+7+65, g.of(t, "slo.maintenance.events", "bad"))
	sum := r.sink.AllMetrics()[0].ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(8)
	require.True(t, sum.Sum().IsMonotonic())
	require.Equal(t, noon, sum.Sum().DataPoints().At(0).StartTimestamp().AsTime())
	require.Equal(t, "{event}", sum.Unit())

	r.catalog.swap(checkout()) // the events count, as if there had been no maintenance; what was shown of it stays
	require.Equal(t, 100.+7+65, r.flushed().of(t, "slo.maintenance.events", "bad"))
	r.requireCounted(3627, 362)
	r.catalog.swap(checkout(maintenance(window(0, 24*hour))))
	r.requireCounted(0, 0)
}

func TestCatalogSwap(t *testing.T) {
	payment := checkout()
	payment.Name = "payment"
	r := newRig(t, checkout(), payment)
	c := newCounter(r.clock)
	r.pass(minute)
	r.send(c.add(99, 1))

	r.catalog.swap(payment) // a mistake
	r.pass(minute)
	r.send(c.add(99, 1))
	require.Equal(t, 2, r.points(unknownSLO))
	for name := range r.flushed() {
		require.NotContains(t, name, "checkout")
	}
	require.Empty(t, r.ended(), "the gauges were never emitted")
	r.pass(12 * hour)
	r.checkpoint(t.Context(), r.clock, true)
	r.catalog.swap(payment, checkout()) // undone
	r.send(c)
	r.requireTotal(198, 2)

	r.catalog.swap(payment, checkout(objectiveOf(98), environments("production", "staging")))
	g := r.flushed()
	require.Equal(t, 0.98, g.of(t, "slo.objective"))
	require.InDelta(t, 1-0.5*g.of(t, "slo.period.coverage"), g.of(t, "slo.error_budget.remaining"), 1e-9)
	require.InDelta(t, (12*hour+2*minute).Hours()/(30*day).Hours(), g.of(t, "slo.period.coverage"), minute.Hours()/(30*day).Hours())
	require.Contains(t, g, "slo.objective{ shop checkout staging availability }")

	r.catalog.swap(payment)
	r.flushed()
	require.Contains(t, r.ended(), "slo.state{ shop checkout staging availability ok }")
	require.Len(t, r.ended(), 2*(1+1+8+8+1+1+1+8), "every gauge of both environments")
	r.pass(25 * hour)
	r.checkpoint(t.Context(), r.clock, true) // forgotten
	r.catalog.swap(payment, checkout())
	r.send(c.add(1, 0))
	r.requireTotal(0, 0)
	require.Equal(t, 2, r.points(forgotten))
	r.pass(minute)
	r.send(c.add(1, 0))
	r.requireTotal(1, 0)
}

// SLOs that Prometheus evaluates have no gauges here.
func TestPrometheusSLO(t *testing.T) {
	r := newRig(t, checkout(func(_ *catalog.Service, slo *catalog.SLO) {
		slo.SLI = catalog.SLI{Prometheus: &catalog.Prometheus{ErrorRatio: "x"}}
	}))
	r.send(newCounter(noon).add(1, 1))
	require.Equal(t, 2, r.points(unknownSLO))
	require.Empty(t, r.flushed())
}
