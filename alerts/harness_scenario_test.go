// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

const (
	minute = time.Minute
	hour   = time.Hour
	day    = 24 * hour
)

// monday is in the middle of a month, so that a calendar month has begun long before.
var monday = time.Date(2026, time.March, 16, 0, 0, 0, 0, time.UTC)

// The two kinds of SLI, as the rules see them: what the collector counts, and what only Prometheus sees.
const (
	counted = `{availability: {}}`
	queried = `{prometheus: {errors: 'sum(rate(old_errors_total[{{.window}}]))', total: 'sum(rate(old_requests_total[{{.window}}]))'}}`
)

const (
	rolling  = "window: 30d"
	calendar = "calendar: {unit: month, timeZone: Europe/Madrid}"
)

// rollings are the rolling periods, periods are all.
var (
	rollings = []string{"window: 7d", "window: 28d", rolling, "window: 90d"}
	periods  = append(slices.Clip(rollings), calendar)
)

// objectives are both kinds of SLI with each of the periods; with -short, with the first and the last.
func objectives(t *testing.T, periods []string, each func(t *testing.T, base scenario.Scenario)) {
	if testing.Short() {
		periods = []string{periods[0], periods[len(periods)-1]}
	}
	for kind, sli := range map[string]string{"counted": counted, "queried": queried} {
		for _, window := range periods {
			t.Run(kind+" "+window, func(t *testing.T) {
				t.Parallel()
				base := life(t, sli, window)
				base.Name = t.Name()
				each(t, base)
			})
		}
	}
}

// Whatever the collector counts, it counts it as the same metric, and the rules are the same.
func TestCountedKindsAreOne(t *testing.T) {
	want := life(t, counted, rolling)
	for _, sli := range []string{
		`{latency: {threshold: 300ms}}`,
		`{spans: {match: 'attributes["a"] != nil', good: 'attributes["b"] == true'}}`,
		`{logs: {match: 'attributes["a"] != nil', good: 'severity_number < SEVERITY_NUMBER_ERROR'}}`,
		`{metrics: {good: {name: a.good}, total: {name: a.all}}}`,
	} {
		got := life(t, sli, rolling)
		assert.Equal(t, ofAnyEntry(generated(&want)), ofAnyEntry(generated(&got)), sli)
	}
}

var digest = regexp.MustCompile(`!= \d+\nor\n`)

// ofAnyEntry are rules without the number of the entry that they were made from.
func ofAnyEntry(rules rulefmt.RuleGroups) rulefmt.RuleGroups {
	for _, g := range rules.Groups {
		for i := range g.Rules {
			if g.Rules[i].Alert == alerts.Outdated {
				g.Rules[i].Expr = digest.ReplaceAllString(g.Rules[i].Expr, "")
			}
		}
	}
	return rules
}

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
	return live(t, s, func(ctx context.Context, s *scenario.Scenario, file rulefmt.RuleGroups) (*scenario.Playback, error) {
		return scenario.Run(ctx, s, file, nil)
	})
}

func sweep(t *testing.T, s *scenario.Scenario) *scenario.Playback { return live(t, s, scenario.Sweep) }

type way func(context.Context, *scenario.Scenario, rulefmt.RuleGroups) (*scenario.Playback, error)

func live(t *testing.T, s *scenario.Scenario, through way) *scenario.Playback {
	t.Helper()
	if s.SLO.SLI.Prometheus == nil && (s.SLO.Window.Calendar != nil || len(s.SLO.Resets) > 0) {
		s.Budget = collectorBudget(t, s)
	}
	p, err := through(t.Context(), s, generated(s))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}
