// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

// What was spent comes back when it leaves the period: data reach beyond it, and the budget is exhausted
// until enough of an outage has passed out of sight.
func TestPeriodRolls(t *testing.T) {
	objectives(t, rollings, func(t *testing.T, s scenario.Scenario) {
		const before = hour
		period := s.SLO.Window.Rolling
		outage := (period * 3 / 2000).Truncate(minute) // one and a half budgets
		s.Scrape = 2 * minute
		s.Watch.Begin, s.Length = period, period+before+outage+hour
		s.Streams = []stream{{Traffic: []phase{{For: before, PerMinute: rate}, {For: outage, PerMinute: rate, Bad: 1}, {For: period + day, PerMinute: rate}}}}
		p := sweep(t, &s)
		checkAlerts(t, p)
		checkBudget(t, p, 0)
		require.Len(t, p.Fired("ErrorBudgetExhausted"), 1, "%v", p.Episodes)
		assert.InDelta(t, (period + before + outage/3).Minutes(), p.Fired("ErrorBudgetExhausted")[0].Resolved.Minutes(), 15)
	})
}

// The budget of a calendar period, or of one that was reset, is the collector's own. It is full
// again at midnight where the calendar says, or at the reset, and no alert outlives that.
func TestBudgetStartsAgain(t *testing.T) {
	march := time.Date(2026, time.March, 31, 22, 0, 0, 0, time.UTC) // is over in Madrid
	for name, test := range map[string]struct {
		window string
		start  time.Time
		resets []catalog.Reset
	}{
		"a month":   {window: calendar, start: march.Add(-33 * day)},
		"a quarter": {window: "calendar: {unit: quarter, timeZone: Europe/Madrid}", start: march.Add(-33 * day)},
		"a reset":   {window: rolling, start: march.Add(-3 * day), resets: []catalog.Reset{{At: march, By: "jo", Reason: "the load balancer's fault"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := life(t, counted, test.window)
			s.Name, s.Start, s.SLO.Resets = t.Name(), test.start, test.resets
			s.Scrape = 4 * minute
			border := march.Sub(s.Start)
			s.Watch.Begin, s.Length = border-2*hour, border+2*hour
			s.Streams = []stream{{Traffic: []phase{
				{For: 6 * hour, PerMinute: rate, Bad: 1}, // in a month that is over
				{For: border - 36*hour, PerMinute: rate},
				{For: 6 * hour, PerMinute: rate, Bad: 0.2},
				{For: 2 * day, PerMinute: rate},
			}}}
			p := sweep(t, &s)
			checkAlerts(t, p)
			checkBudget(t, p, 0)
			require.Len(t, p.Fired("ErrorBudgetExhausted"), 1, "%v", p.Episodes)
			assert.InDelta(t, border.Minutes(), p.Fired("ErrorBudgetExhausted")[0].Resolved.Minutes(), 5)
			remaining, ok, err := p.Query(t.Context(), s.Length, `slo:period_error_budget_remaining:ratio{slo_name="availability"}`)
			require.NoError(t, err)
			require.True(t, ok)
			assert.Equal(t, 1.0, remaining)
		})
	}
}
