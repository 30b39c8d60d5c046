// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

// A burn that is 5 % above a pair's factor fires once it fills the long window, and is over soon
// after it ends. One that is 5 % below never even waits.
func TestSlowBurn(t *testing.T) {
	objectives(t, periods, func(t *testing.T, base scenario.Scenario) {
		for _, pair := range base.SLO.BurnPairs() {
			for _, factor := range []float64{1.05, 0.95} {
				s := burn(base, pair, factor)
				p := sweep(t, s)
				checkAlerts(t, p)
				checkBudget(t, p, 0)
				fired := p.Fired("ErrorBudgetBurn" + pair.Name)
				if factor < 1 {
					assert.Empty(t, fired, "%s %v", pair.Name, factor)
					continue
				}
				if assert.Len(t, fired, 1, "%s %v: %v", pair.Name, factor, p.Episodes) {
					assert.NotZero(t, fired[0].Resolved, "%s %v", pair.Name, factor)
				}
			}
		}
	})
}

// burn is clean for a day and for the long window at least, then burns at so many times the pair's factor until
// the alert must have been up for a while, then is clean again.
func burn(base scenario.Scenario, pair catalog.BurnPair, times float64) *scenario.Scenario {
	const perMinute, up = 6000, 20 * minute
	clean := max(day, pair.Long)
	share := min(1, times*pair.Factor*base.SLO.ErrorBudget())
	full := time.Duration(float64(pair.Long) / max(times, 1)) // the share of the long window is enough
	burning := full + pair.For + up
	after := pair.Short/10 + 2*step + up
	s := base
	s.Name += fmt.Sprintf(" %s x %g", pair.Name, times)
	s.Length = (clean + burning + after).Truncate(minute)
	s.Watch.Begin = clean + full - 10*minute
	s.Streams = []scenario.Stream{{Version: "1.4.0", Traffic: []scenario.Phase{
		{For: clean, PerMinute: perMinute}, {For: burning, PerMinute: perMinute, Bad: share}, {For: after, PerMinute: perMinute},
	}}}
	return &s
}

// An hour in which everything fails, by day with the traffic of a day and by night with a hundredth of
// it: who is called, when, and when it is over; the budget is spent by events, not by hours.
func TestTotalOutage(t *testing.T) {
	const busy, quiet = 6000, 60
	objectives(t, periods, func(t *testing.T, base scenario.Scenario) {
		var spent []float64
		for name, traffic := range map[string][]scenario.Phase{
			"peak":  {{For: 12 * hour, PerMinute: quiet}, {For: 5 * hour, PerMinute: busy}, {For: hour, PerMinute: busy, Bad: 1}, {For: 6 * hour, PerMinute: busy}},
			"night": {{For: 12 * hour, PerMinute: busy}, {For: 5 * hour, PerMinute: quiet}, {For: hour, PerMinute: quiet, Bad: 1}, {For: 6 * hour, PerMinute: quiet}},
		} {
			s := base
			s.Name += " at " + name
			s.Length = 19 * hour
			s.Watch.Begin = 17*hour - 30*minute
			s.Streams = []scenario.Stream{{Version: "1.4.0", Traffic: traffic}}
			p := sweep(t, &s)
			checkAlerts(t, p)
			checkBudget(t, p, 0)
			require.Len(t, p.Fired("ErrorBudgetBurnCritical"), 1, "%s: %v", name, p.Episodes)
			critical := p.Fired("ErrorBudgetBurnCritical")[0]
			assert.Less(t, critical.Firing, 17*hour+8*minute, "a total outage pages within minutes")
			assert.Less(t, critical.Resolved, 18*hour+12*minute, "and is over soon after")
			spent = append(spent, 1-scenario.Truth{Scenario: &s}.BudgetRemaining(s.Length))
		}
		assert.NotEqual(t, spent[0], spent[1])
	})
}

// What is swept is what the rule groups do, to the second.
func TestSweepIsPlay(t *testing.T) {
	s := life(t, counted, rolling)
	s.Length, s.Watch.Begin = 4*hour, 170*minute
	s.Streams = []scenario.Stream{{Version: "1.4.0", Traffic: []scenario.Phase{
		{For: 3 * hour, PerMinute: 600}, {For: 20 * minute, PerMinute: 600, Bad: 0.5}, {For: hour, PerMinute: 600},
	}}}
	played, swept := play(t, &s), sweep(t, &s)
	require.NotEmpty(t, played.Alerts())
	var want, got []string
	for _, e := range played.Episodes {
		want = append(want, e.String())
	}
	for _, e := range swept.Episodes {
		got = append(got, e.String())
	}
	assert.Equal(t, want, got)
}
