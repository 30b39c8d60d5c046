package alerts_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/alerts/scenario"
	"github.com/otelcol-sre/otelcol-sre/catalog"
)

const (
	minute = time.Minute
	hour   = time.Hour
	day    = 24 * hour

	// minFailures is the guard for low traffic.
	minFailures = 5
	// step is how long the samples are that the rules add up.
	step   = 5 * minute
	scrape = 30 * time.Second
)

// monday is in the middle of a month, so that a calendar month has begun long before.
var monday = time.Date(2026, time.March, 16, 0, 0, 0, 0, time.UTC)

// The two kinds of SLI: what the collector counts, and what only Prometheus sees.
const (
	counted = `{availability: {}}`
	queried = `{prometheus: {errors: 'sum(rate(old_errors_total[{{.window}}]))', total: 'sum(rate(old_requests_total[{{.window}}]))'}}`
	rolling = "window: 30d"
)

// life begins a scenario of the service checkout with one SLO.
func life(t *testing.T, sli, window string) scenario.Scenario {
	t.Helper()
	c, problems := catalog.Parse("checkout.yaml", fmt.Appendf(nil, `
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec:
  owner: payments
  slos:
    - {name: availability, objective: 99.9, %s, sli: %s}
`, window, sli))
	require.NoError(t, problems.Err())
	s := c.Services[0]
	return scenario.Scenario{Service: s, SLO: s.SLOs[0], Environment: "production", Start: monday}
}

func generated(s *scenario.Scenario) rulefmt.RuleGroups {
	file, _ := alerts.Generate(s.Service, alerts.DefaultOptions())
	return rulefmt.RuleGroups{Groups: file.Groups}
}

// play runs the rule groups; sweep does the same by range queries, for what takes long.
func play(t *testing.T, s *scenario.Scenario) *scenario.Playback {
	t.Helper()
	p, err := scenario.Run(t.Context(), s, generated(s), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func sweep(t *testing.T, s *scenario.Scenario) *scenario.Playback {
	t.Helper()
	p, err := scenario.Sweep(t.Context(), s, generated(s))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// pairCondition is when a pair's alert must hold.
func pairCondition(truth scenario.Truth, pair catalog.BurnPair) scenario.Condition {
	burning := truth.Burning(pair)
	if truth.SLO.SLI.Prometheus != nil {
		return burning
	}
	return burning.And(truth.Failed(minFailures, pair.Long))
}

// tolerance is how much later or earlier than by exact windows an alert may come and go: a window
// of the rules is made of samples of a step, taken after a scrape, recorded and looked at once an
// interval each. The rate() of a query adds as much: it guesses what lies between its first
// and last sample and the ends of its range.
func tolerance(s *scenario.Scenario, pair catalog.BurnPair) time.Duration {
	interval := minute
	if pair.Long >= day {
		interval = 2 * minute
	}
	late := step + scrape + 2*interval
	if s.SLO.SLI.Prometheus != nil {
		late += step
	}
	return late
}

// checkPairs compares the four burn alerts with what the raw events say, in the time that was watched.
func checkPairs(t *testing.T, p *scenario.Playback) {
	t.Helper()
	truth := scenario.Truth{Scenario: p.Scenario}
	for _, pair := range p.SLO.BurnPairs() {
		late := tolerance(p.Scenario, pair)
		// An alert that burned already when the watch began waits from then on.
		from := p.Watch.Begin + pair.For + late
		var want []scenario.Span
		for _, span := range truth.Firing(pairCondition(truth, pair), pair.For) {
			if span.End == 0 || span.End > from {
				want = append(want, span)
			}
		}
		fired := p.Fired("ErrorBudgetBurn" + pair.Name)
		for i := range max(len(want), len(fired)) {
			switch {
			case i >= len(want):
				assert.Failf(t, "fires, should not", "%s: %s; should: %v", p.Name, fired[i], want)
			case i >= len(fired):
				end := want[i].End
				if end == 0 {
					end = p.Length
				}
				lasts := end-max(want[i].Begin, from) > late
				assert.Falsef(t, lasts, "%s: %s does not fire, should: %v, %v", p.Name, pair.Name, want[i], p.Episodes)
			default:
				if want[i].Begin > from {
					assert.InDeltaf(t, want[i].Begin.Minutes(), fired[i].Firing.Minutes(), late.Minutes(), "%s: %s, firing", p.Name, fired[i])
				}
				switch {
				case want[i].End != 0 && want[i].End+late < p.Length:
					assert.InDeltaf(t, want[i].End.Minutes(), fired[i].Resolved.Minutes(), late.Minutes(), "%s: %s, resolved", p.Name, fired[i])
				case want[i].End == 0:
					assert.Zerof(t, fired[i].Resolved, "%s: %s", p.Name, fired[i])
				}
			}
		}
	}
}

// checkBudget compares the recorded budget at the end with the truth: the share of bad events is right to
// 1 %, or to half an event where there are few.
func checkBudget(t *testing.T, p *scenario.Playback, at time.Duration) {
	t.Helper()
	checkBudgetWithin(t, p, at, 0.01)
}

// checkBudgetWithin takes the share of what was spent that may be off.
func checkBudgetWithin(t *testing.T, p *scenario.Playback, at time.Duration, share float64) {
	t.Helper()
	truth := scenario.Truth{Scenario: p.Scenario}
	got, ok, err := p.Query(t.Context(), at, `slo:period_error_budget_remaining:ratio{sloth_service="checkout", sloth_slo="availability"}`)
	require.NoError(t, err)
	require.True(t, ok, "no budget recorded")
	spent := 1 - truth.BudgetRemaining(at)
	assert.InDelta(t, spent, 1-got, share*spent+1e-9, "%s: the share of the budget that is spent", p.Name)
}
