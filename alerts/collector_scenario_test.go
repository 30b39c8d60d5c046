// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

// collectorBudget is the gauge of the error budget as the collector has it, whose counters arrive a second before each scrape.
func collectorBudget(t *testing.T, s *scenario.Scenario) func(time.Duration) (float64, bool) {
	t.Helper()
	collector := scenario.Collector{Flush: s.Interval(), Lead: time.Second}
	for _, gauge := range collector.Gauges(t, s) {
		if gauge.Labels.Get("__name__") == "slo_error_budget_remaining_ratio" {
			return gauge.At
		}
	}
	require.Fail(t, "the collector emits no budget")
	return nil
}
