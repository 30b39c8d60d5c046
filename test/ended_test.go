// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// An SLO without listed environments has none until an environment is seen. Then nothing of
// that is left on the scrape endpoint.
func TestPlaceholderLeavesNoGaugesBehind(t *testing.T) {
	t.Parallel()
	dir := writeCatalog(t, map[string]string{"checkout": service("checkout", slos[0])})
	c := newCollector(t, "standalone", dir)
	assert.EventuallyWithT(t, func(collect *assert.CollectT) {
		families := c.scrape()
		state, _ := sum(families, "slo_state", "slo_state", "never_seen", "deployment_environment_name", "")
		assert.Equal(collect, 1.0, state)
		for _, outcome := range []string{"good", "bad"} {
			events, found := sum(families, "slo_events_total", "slo_outcome", outcome)
			assert.True(collect, found, "counters are 0 as soon as the catalog names the SLO")
			assert.Zero(collect, events)
		}
	}, patience, 100*time.Millisecond)

	send(t, c, "grpc", "checkout", "1.0.0", 100, 7)
	gauges := []string{
		"slo_objective_ratio", "slo_error_ratio", "slo_burn_rate_ratio",
		"slo_error_budget_remaining_ratio", "slo_error_budget_exhaustion_seconds", "slo_period_coverage_ratio", "slo_state",
	}
	assert.EventuallyWithT(t, func(collect *assert.CollectT) {
		families := c.scrape()
		for _, name := range gauges {
			_, found := sum(families, name, "deployment_environment_name", "production")
			assert.True(collect, found, name)
			_, found = sum(families, name, "deployment_environment_name", "")
			assert.False(collect, found, name)
		}
	}, patience, 100*time.Millisecond)
}
