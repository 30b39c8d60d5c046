// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

// spentAt is the share of the budget that the rules say is spent.
func spentAt(t *testing.T, p *scenario.Playback, at time.Duration) float64 {
	t.Helper()
	remaining, ok, err := p.Query(t.Context(), at, `slo:period_error_budget_remaining:ratio{slo_name="availability"}`)
	require.NoError(t, err)
	require.True(t, ok, "%s: no budget recorded at %s", p.Name, at)
	return 1 - remaining
}

// mayBeOff is by which share of what was spent the rules may be wrong, as in checkBudget.
func mayBeOff(p *scenario.Playback) float64 {
	if p.SLO.SLI.Prometheus != nil {
		return 0.04
	}
	return 0.01
}

// The first day of an SLO, and of its rules, with an outage of half of the period's budget. What is spent is at once what it is when the period is over,
// and no alert says that the budget is gone.
func TestFirstDayInRules(t *testing.T) {
	objectives(t, rollings, func(t *testing.T, s scenario.Scenario) {
		period := s.SLO.Window.Rolling
		outage := (period / 2000).Truncate(minute)
		const before = 30 * minute
		s.Scrape, s.Length = minute, 2*day
		if period == 7*day { // to the end
			s.Length = period
		}
		s.Streams = []stream{{Traffic: []phase{{For: before, PerMinute: rate}, {For: outage, PerMinute: rate, Bad: 1}, {For: period, PerMinute: rate}}}}
		p := sweep(t, &s)
		assert.Empty(t, p.Fired("ErrorBudgetExhausted"))
		truth := 1 - scenario.Truth{Scenario: p.Scenario}.BudgetRemaining(period)
		require.InDelta(t, float64(outage)/float64(period)/0.001, truth, 1e-9)
		for at := 2 * step; at <= p.Length; at += 30 * minute {
			// So soon, a minute more or less that was measured is a large share of the time.
			off := mayBeOff(p) + float64(step+s.Scrape+slow)/float64(at)
			assert.LessOrEqual(t, spentAt(t, p, at), truth*(1+off), "%s: at %s", p.Name, at)
			if at >= before+outage+2*step {
				assert.GreaterOrEqual(t, spentAt(t, p, at), truth*(1-off), "%s: at %s", p.Name, at)
			}
		}
	})
}

// On the first day, the rules know nothing of the traffic to come: the projection is as wrong as traffic is uneven, and no more.
func TestFirstDayOfUnevenTraffic(t *testing.T) {
	const night, noon, mean = 20., 100., 60.
	for name, first := range map[string]float64{"by night": night, "by day": noon} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := life(t, counted, rolling)
			s.Name = t.Name()
			s.Scrape, s.Length = 2*minute, 3*day
			traffic := []phase{{For: hour, PerMinute: first}, {For: 10 * minute, PerMinute: first, Bad: 1}, {For: 10*hour + 50*minute, PerMinute: first}}
			for range 30 {
				traffic = append(traffic, phase{For: 12 * hour, PerMinute: night + noon - first}, phase{For: 12 * hour, PerMinute: first})
			}
			s.Streams = []stream{{Traffic: traffic}}
			p := sweep(t, &s)
			assert.Empty(t, p.Fired("ErrorBudgetExhausted"))
			truth := scenario.Truth{Scenario: p.Scenario}
			end := 30 * day
			spent := 1 - truth.BudgetRemaining(end)
			whole := events(truth, 0, end)
			require.InDelta(t, 10*first/(mean*end.Minutes())/0.001, spent, 1e-3)
			// stated is the error: the share of the period's time over that of its events.
			stated := func(at time.Duration) float64 { return float64(at) / float64(end) / (events(truth, 0, at) / whole) }
			for at := 2 * hour; at <= p.Length; at += hour {
				lag := step + s.Scrape + slow
				now, before := stated(at), stated(at-lag)
				off := mayBeOff(p) + float64(lag)/float64(at)
				got := spentAt(t, p, at) / spent
				assert.True(t, got >= min(now, before)*(1-off) && got <= max(now, before)*(1+off), "%f times what is spent, at %s; stated are %f and %f", got, at, now, before)
				assert.True(t, now >= mean/noon-1e-9 && now <= mean/night+1e-9, "%f at %s", now, at)
			}
		})
	}
}

// The first of a month after a bad quarter of an hour: 0.7 ‰ of the month's minutes, or a third of its budget. By the collector's own budget, and, for an SLI that it
// does not count, by that of the last 31 days.
func TestFirstOfTheMonthInRules(t *testing.T) {
	for kind, sli := range map[string]string{"counted": counted, "queried": queried} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := life(t, sli, calendar)
			s.Name = t.Name()
			april := time.Date(2026, time.March, 31, 22, 0, 0, 0, time.UTC) // in Madrid
			s.Start = april.Add(-9 * day)
			const outage = 15 * minute
			border := april.Sub(s.Start)
			s.Scrape, s.Watch.Begin, s.Length = 2*minute, border-hour, border+2*day
			s.Streams = []stream{{Traffic: []phase{{For: border, PerMinute: rate}, {For: outage, PerMinute: rate, Bad: 1}, {For: 31 * day, PerMinute: rate}}}}
			p := sweep(t, &s)
			assert.Empty(t, p.Fired("ErrorBudgetExhausted"))
			assert.True(t, slices.Contains(p.Alerts(), "ErrorBudgetBurnCritical"), "it burns, %v", p.Episodes)
			period := 30 * day
			if s.SLO.SLI.Prometheus != nil {
				period = s.SLO.Window.Nominal()
			}
			truth := outage.Minutes() / period.Minutes() / 0.001
			for at := border + outage + 2*step; at <= p.Length; at += 30 * minute {
				// The collector rounds the measured time down to a minute, and is scraped every other.
				assert.InEpsilon(t, truth, spentAt(t, p, at), mayBeOff(p)+float64(minute+s.Scrape)/float64(at-border), "at %s", at-border)
			}
		})
	}
}
