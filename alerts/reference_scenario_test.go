// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

const (
	// minFailures is the guard for low traffic.
	minFailures = 5
	// step is how long the samples are that the rules add up.
	step = 5 * minute
	// fast and slow are how often the two groups of an SLO are evaluated.
	fast, slow = minute, 2 * minute
)

// An expectation is what the raw events say of one alert.
type expectation struct {
	alert string
	holds scenario.Condition
	wait  time.Duration
	// late is how much later or earlier the alert may come and go.
	late time.Duration
	// fires are the times at which it must fire, if they depend on those of another alert.
	fires []scenario.Span
}

// reference is what must fire, worked out from the raw events alone.
func reference(truth scenario.Truth) []expectation {
	queried := truth.SLO.SLI.Prometheus != nil
	least := float64(minFailures)
	if queried {
		least++ // the rate() of a counter that was 0 sees a little less than what happened
	}
	enough := func(_, bad float64) bool { return bad >= least }
	var all []expectation
	var slower []scenario.Span
	for _, pair := range slices.Backward(truth.SLO.BurnPairs()) {
		burning := truth.Burning(pair).And(func(at time.Duration) bool { return noChance(truth, pair, at) })
		one := expectation{alert: "ErrorBudgetBurn" + pair.Name, holds: burning, wait: pair.For, late: tolerance(truth, pair)}
		if pair.Page && !queried {
			one.fires = pages(truth, pair, burning, slower)
			slower = one.fires
		}
		all = append(all, one)
	}
	return append(all,
		expectation{alert: "ErrorBudgetExhausted", holds: func(at time.Duration) bool {
			return truth.BudgetRemaining(at) <= 0 && enough(truth.Period(at))
		}, wait: 15 * minute, late: step + truth.Interval() + 2*slow},
		expectation{alert: "SLIMissing", holds: func(at time.Duration) bool {
			seen, _ := truth.LastSeen(at)
			return !truth.Counted(at-step-10*minute, at) && (queried || at-seen < 10*minute)
		}, wait: 10 * minute, late: truth.Interval() + 2*slow},
		expectation{alert: "ServiceSilent", holds: func(at time.Duration) bool {
			seen, ok := truth.LastSeen(at)
			return ok && at-seen > 10*minute
		}, wait: 5 * minute, late: truth.Interval() + 2*fast},
		expectation{alert: "DeploymentRegression", holds: func(at time.Duration) bool {
			for _, v := range truth.Versions {
				if !queried && regressed(truth, v, at) {
					return true
				}
			}
			return false
		}, wait: 2 * minute, late: step + truth.Interval() + 2*fast},
	)
}

// noChance reports whether more events failed in the long window than chance makes: ten years of such windows have less than one with as many.
func noChance(truth scenario.Truth, pair catalog.BurnPair, at time.Duration) bool {
	good, bad := truth.Events(at-pair.Long, at)
	total := good + bad
	if truth.SLO.SLI.Prometheus != nil {
		bad-- // the rate() of a counter that was 0 sees a little less than what happened
	}
	expected := min(truth.SLO.ErrorBudget()*total, 5)
	alpha := 0.1 * pair.Long.Hours() / (365 * 24)
	return bad+0.5 >= expected+distuv.UnitNormal.Quantile(1-alpha)*math.Sqrt(expected)+3.25
}

// pages are the times at which a page on what the collector counts fires, within the watch: from the moment on at which both windows burn. The slowest pair
// also asks whether events still fail, unless there are too few to tell, and fires on for a step. A faster one fires on with the slower one.
func pages(truth scenario.Truth, pair catalog.BurnPair, burning scenario.Condition, slower []scenario.Span) (fires []scenario.Span) {
	const resolution, fewest = 10 * time.Second, 3
	asks := pair.Short > step
	now := func(at time.Duration) bool {
		return !asks || truth.ErrorRatio(step, at) > min(1, pair.Factor/2)*truth.SLO.ErrorBudget()
	}
	few := func(at time.Duration) bool {
		return events(truth, at-step, at)*truth.ErrorRatio(pair.Short, at) < fewest
	}
	fires = []scenario.Span{}
	on, last := false, time.Duration(0) // when the condition last held
	for at := truth.Watch.Begin; at < truth.Length; at += resolution {
		holds := burning(at) && (now(at) || on && few(at)) ||
			on && slices.ContainsFunc(slower, func(s scenario.Span) bool { return at >= s.Begin && (s.End == 0 || at < s.End) })
		switch {
		case holds:
			if !on {
				fires = append(fires, scenario.Span{Begin: at})
			}
			on, last = true, at
		case on && (slower != nil || at-last >= step):
			fires[len(fires)-1].End = at
			on = false
		}
	}
	return fires
}

// regressed reports whether a version that is new fails more than the others, beyond chance.
func regressed(truth scenario.Truth, v scenario.Version, at time.Duration) bool {
	const fresh = hour
	age := at - v.Life.Begin
	if age < 0 || age >= fresh || truth.ErrorRatio(step, at) <= truth.SLO.ErrorBudget() {
		return false
	}
	its := truth.Only(func(s *scenario.Stream) bool { return s.Version == v.Name })
	others := truth.Only(func(s *scenario.Stream) bool { return s.Version != v.Name })
	_, bad := its.Events(at-2*fresh, at)
	since := at - 2*fresh
	if events(others, at-step, at)*10 >= events(its, at-step, at) { // they run beside it
		since = v.Life.Begin
	}
	n, m := events(its, since, at), events(others, since, at)
	p, q := its.ErrorRatio(at-since, at), others.ErrorRatio(at-since, at)
	pooled := (p*n + q*m) / (n + m)
	return bad >= minFailures && (p-q)/math.Sqrt(pooled*(1-pooled)*(1/n+1/m)) > 3
}

func events(truth scenario.Truth, from, to time.Duration) float64 {
	good, bad := truth.Events(from, to)
	return good + bad
}

// tolerance is how much later or earlier than by exact windows an alert may come and go: a window
// of the rules is made of samples of a step, taken after a scrape, recorded and looked at once an
// interval each. The rate() of a query adds as much: it guesses what lies between its first
// and last sample and the ends of its range.
func tolerance(truth scenario.Truth, pair catalog.BurnPair) time.Duration {
	interval := fast
	if pair.Long >= day {
		interval = slow
	}
	late := step + truth.Interval() + 2*interval
	if truth.SLO.SLI.Prometheus != nil {
		late += step
	}
	return late
}

// checkAlerts compares every alert with what the raw events say, in the time that was watched: whether it fires, when,
// and when it is over.
func checkAlerts(t *testing.T, p *scenario.Playback) {
	t.Helper()
	known := make(map[string]bool)
	for _, e := range reference(scenario.Truth{Scenario: p.Scenario}) {
		known[e.alert] = true
		checkAlert(t, p, e)
	}
	for _, name := range p.Alerts() {
		assert.Truef(t, known[name], "%s: %s fires, of which the reference knows nothing", p.Name, name)
	}
}

func checkAlert(t *testing.T, p *scenario.Playback, e expectation) {
	t.Helper()
	want, fired := e.fires, p.Fired(e.alert)
	if want == nil {
		want = scenario.Truth{Scenario: p.Scenario}.Firing(e.holds, e.wait)
	}
	for i := range max(len(want), len(fired)) {
		switch {
		case i >= len(want):
			assert.Failf(t, "fires, should not", "%s: %s; should: %v", p.Name, fired[i], want)
		case i >= len(fired):
			end := want[i].End
			if end == 0 {
				end = p.Length
			}
			assert.LessOrEqualf(t, end-want[i].Begin, e.late, "%s: %s does not fire, should: %v, %v", p.Name, e.alert, want[i], p.Episodes)
		default:
			assert.InDeltaf(t, want[i].Begin.Minutes(), fired[i].Firing.Minutes(), e.late.Minutes(), "%s: %s, firing", p.Name, fired[i])
			switch {
			case want[i].End == 0:
				assert.Zerof(t, fired[i].Resolved, "%s: %s", p.Name, fired[i])
			case want[i].End+e.late < p.Length:
				assert.InDeltaf(t, want[i].End.Minutes(), fired[i].Resolved.Minutes(), e.late.Minutes(), "%s: %s, resolved", p.Name, fired[i])
			}
		}
	}
}

// checkBudget compares the recorded budget with the truth, through the watch and at its end. It may be off by 1 %
// of what was spent and the share that was lost. The rate() of a query guesses at what is between its range's ends and the
// samples in it.
func checkBudget(t *testing.T, p *scenario.Playback, lost float64) {
	t.Helper()
	share := 0.01 + lost
	if p.SLO.SLI.Prometheus != nil {
		share += 0.03
	}
	truth := scenario.Truth{Scenario: p.Scenario}
	const every = 30 * minute
	for at := p.Length; at > p.Watch.Begin+slow; at -= every {
		got, ok, err := p.Query(t.Context(), at, `slo:period_error_budget_remaining:ratio{sloth_service="checkout", sloth_slo="availability"}`)
		require.NoError(t, err)
		require.True(t, ok, "%s: no budget recorded at %s", p.Name, at)
		// While events fail, what was spent is known as of the last step.
		least, most := 1-truth.BudgetRemaining(at-step-truth.Interval()-slow), 1-truth.BudgetRemaining(at)
		least, most = min(least, most), max(least, most)
		assert.GreaterOrEqual(t, 1-got, least*(1-share)-1e-9, "%s: the share of the budget that is spent at %s", p.Name, at)
		assert.LessOrEqual(t, 1-got, most*(1+share)+1e-9, "%s: the share of the budget that is spent at %s", p.Name, at)
	}
}
