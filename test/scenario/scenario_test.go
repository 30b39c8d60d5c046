// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario_test

import (
	"math"
	"os"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	minute = time.Minute
	hour   = time.Hour
	day    = 24 * hour
)

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

func checkout(t *testing.T) scenario.Scenario {
	t.Helper()
	c, problems := catalog.Parse("checkout.yaml", []byte(`
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec:
  owner: payments
  slos:
    - {name: availability, objective: 99.9, sli: {availability: {}}}
`))
	require.Empty(t, problems)
	return scenario.Scenario{Service: c.Services[0], SLO: c.Services[0].SLOs[0], Environment: "production", Start: noon}
}

func handWritten(t *testing.T) rulefmt.RuleGroups {
	t.Helper()
	text, err := os.ReadFile("testdata/simple.rules.yaml")
	require.NoError(t, err)
	groups, errs := rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), promslog.NewNopLogger())
	require.Empty(t, errs)
	return *groups
}

func play(t *testing.T, s *scenario.Scenario, file rulefmt.RuleGroups) *scenario.Playback {
	t.Helper()
	p, err := scenario.Run(t.Context(), s, file, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// The usual recipe is off as others measured it, and the event-weighted one is not.
func TestCompare(t *testing.T) {
	want := []struct{ sloth, ours float64 }{{2.1, 4.12}, {2.1, 0.0412}, {9.4, 0.4}, {math.NaN(), 0}, {0, 0}, {0.07, 0.07}}
	for i, s := range scenario.Comparisons(checkout(t)) {
		row, err := scenario.Compare(t.Context(), s, handWritten(t))
		require.NoError(t, err)
		assert.InDelta(t, want[i].sloth, 100*row.Sloth, 0.1, s.Name)
		assert.InDelta(t, want[i].ours, 100*row.Ours, 0.01, s.Name)
	}
}

// What is filled in is what the groups would have written.
func TestFillIn(t *testing.T) {
	s := outage(t)
	whole := play(t, s, handWritten(t))
	last := *s
	last.Watch.Begin = 5 * hour
	filled := play(t, &last, handWritten(t))
	for _, query := range []string{
		"sum_over_time(bad:increase5m[6h])", "sum_over_time(total:increase5m[6h])", "count_over_time(total:increase5m[6h])",
		"slo:sli_error:ratio_rate30d",
	} {
		want, ok, err := whole.Query(t.Context(), s.Length, query)
		require.NoError(t, err)
		require.True(t, ok)
		got, ok, err := filled.Query(t.Context(), s.Length, query)
		require.NoError(t, err)
		require.True(t, ok)
		assert.InEpsilon(t, want, got, 1e-12, query)
	}
	assert.Len(t, whole.Fired("Burning"), 1)
	assert.Empty(t, filled.Episodes, "it was over before")
}

func TestTruth(t *testing.T) {
	s := outage(t)
	truth := scenario.Truth{Scenario: s}
	good, bad := truth.Events(0, s.Length)
	assert.Equal(t, 600.0*(5*60+140), good)
	assert.Equal(t, 600.0*60, bad)
	assert.Equal(t, 1.0, truth.ErrorRatio(hour, 3*hour))
	assert.Equal(t, 0.5, truth.ErrorRatio(hour, 2*hour+30*minute))
	assert.Equal(t, 0.0, truth.ErrorRatio(hour, 0), "nothing happened before the start")

	high := s.SLO.BurnPairs()[0]
	firing := truth.Firing(truth.Burning(high), high.For)
	require.Len(t, firing, 1)
	// 1.44 % of an hour is 52 s of a total outage; 5 min after it the short window is below 1.44 % of itself.
	assert.InDelta(t, float64(2*hour+52*time.Second+high.For), float64(firing[0].Begin), float64(10*time.Second))
	assert.InDelta(t, float64(3*hour+5*minute-4*time.Second), float64(firing[0].End), float64(10*time.Second))
}

// outage is one hour of failures after two hours that were clean, with all that a series can do:
// a replica that comes, one that goes, a restart, scrapes that fail.
func outage(t *testing.T) *scenario.Scenario {
	t.Helper()
	s := checkout(t)
	s.Name, s.Length = "an outage", 6*hour
	s.Streams = []scenario.Stream{
		{
			Version: "1.4.0", Instance: "a", Resets: []time.Duration{90 * minute},
			Gaps:    []scenario.Span{{Begin: 4 * hour, End: 4*hour + 2*minute}},
			Traffic: []scenario.Phase{{For: 2 * hour, PerMinute: 600}, {For: hour, PerMinute: 600, Bad: 1}, {For: 3 * hour, PerMinute: 600}},
		},
		{
			Version: "1.4.0", Instance: "b", Life: scenario.Span{Begin: 3*hour + 10*minute, End: 5*hour + 30*minute},
			Traffic: []scenario.Phase{{For: 3 * hour, PerMinute: 600}},
		},
	}
	return &s
}
