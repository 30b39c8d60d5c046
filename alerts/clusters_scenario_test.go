// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

// One collector counts two clusters, or two collectors count one each: all that rules record of the SLO is equal, and the alerts are the same. The second
// cluster begins and fails while the first one is fine, and its counters begin again once.
func TestClustersAreOneObjective(t *testing.T) {
	versioned := scenario.Version{Name: "2", Status: "completed", Life: span{Begin: 90 * minute}, Instances: 1}
	streams := func(where func(s *stream, n int)) []stream {
		all := []stream{
			{Version: "1", Traffic: []phase{{For: day, PerMinute: rate}}},
			{Version: "1", Life: span{Begin: hour}, Resets: []time.Duration{3 * hour}, Traffic: []phase{{For: hour, PerMinute: rate}, {For: 20 * minute, PerMinute: rate, Bad: 0.3}, {For: day, PerMinute: rate}}},
			{Version: "2", Life: span{Begin: 90 * minute}, Traffic: []phase{{For: day, PerMinute: rate, Bad: 0.01}}},
		}
		for n := range all {
			where(&all[n], n%2)
		}
		return all
	}
	names := []string{"a", "b"}
	played := func(where func(s *stream, n int)) *scenario.Playback {
		s := life(t, counted, rolling)
		s.Streams, s.Alive, s.Versions = streams(where), []span{{}}, []scenario.Version{versioned}
		s.Watch.Begin, s.Length = 10*minute, 5*hour
		return play(t, &s)
	}
	apart := played(func(s *stream, n int) { s.Instance = names[n] })
	clusters := played(func(s *stream, n int) { s.Cluster = names[n] })

	require.Contains(t, clusters.Alerts(), "ErrorBudgetBurnCritical")
	assert.Equal(t, apart.Alerts(), clusters.Alerts())
	assert.Len(t, clusters.Episodes, len(apart.Episodes))
	compared := 0
	for _, record := range []string{
		"slo:sli_error:ratio_rate5m", "slo:sli_error:ratio_rate1h", "slo:period_error_budget_remaining:ratio", "slo:current_burn_rate:ratio", "slo:period_total:events",
		`sum(slo:version_total:increase5m{service_version="2"})`, `sum(slo:version_bad:increase5m{service_version="1"})`, `sum(slo:version_worse:evalue)`,
	} {
		for at := 10 * minute; at < 5*hour; at += 10 * minute {
			want, known, err := apart.Query(t.Context(), at, record)
			require.NoError(t, err)
			got, found, err := clusters.Query(t.Context(), at, record)
			require.NoError(t, err, "one series")
			require.Equal(t, known, found, "%s at %v", record, at)
			require.InDelta(t, want, got, 1e-9*max(1, want), "%s at %v", record, at)
			if known {
				compared++
			}
		}
	}
	require.Greater(t, compared, 150)
}
