// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A sample is a counter pair at a moment.
type sample struct {
	at        time.Time
	good, bad float64
}

// history is 31 days of a service's counters up to now: a day and night rhythm, a low base of
// failures, an outage two hours ago and another that is still going on.
func history(now time.Time) []sample {
	random := rand.New(rand.NewPCG(1, 2))
	var samples []sample
	var good, bad float64
	for at, step := now.Add(-31*24*time.Hour), time.Duration(0); !at.After(now); at = at.Add(step) {
		step = 10 * time.Minute
		switch age := now.Sub(at); { // finer than 1 % of any window it is in
		case age < 3*time.Hour:
			step = 2 * time.Second
		case age < 4*24*time.Hour:
			step = 15 * time.Second
		}
		share := 0.001
		switch age := now.Sub(at); {
		case age < 3*time.Minute:
			share = 0.05
		case age > 100*time.Minute && age < 140*time.Minute:
			share = 0.3
		}
		samples = append(samples, sample{at, good, bad})
		rate := 20 + 15*math.Sin(float64(at.Unix())/86400*2*math.Pi)
		events := math.Round(rate * step.Seconds() * (0.8 + 0.4*random.Float64()))
		failed := math.Round(events * share)
		good, bad = good+events-failed, bad+failed
	}
	return samples
}

func toMetrics(samples []sample, start time.Time) pmetric.Metrics {
	metrics := pmetric.NewMetrics()
	rm := metrics.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "otelcol-sre")
	rm.Resource().Attributes().PutStr("service.instance.id", "an-agent")
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("slo.events")
	m.SetUnit("{event}")
	sum := m.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	for _, s := range samples {
		for outcome, value := range map[string]float64{"good": s.good, "bad": s.bad} {
			dp := sum.DataPoints().AppendEmpty()
			dp.SetStartTimestamp(pcommon.NewTimestampFromTime(start))
			dp.SetTimestamp(pcommon.NewTimestampFromTime(s.at))
			dp.SetDoubleValue(value)
			dp.Attributes().PutStr("service.name", "checkout")
			dp.Attributes().PutStr("deployment.environment.name", "production")
			dp.Attributes().PutStr("slo.name", "availability")
			dp.Attributes().PutStr("slo.outcome", outcome)
		}
	}
	return metrics
}

// The gateway's gauges equal what Prometheus' engine computes from the same counters, within the
// stated bound: 1 % of a window's length.
func TestGaugesAgreeWithPrometheus(t *testing.T) {
	t.Parallel()
	dir := writeCatalog(t, map[string]string{"checkout": service("checkout", "{name: availability, objective: 99.9, sli: {availability: {}}}")})
	gateway := newCollector(t, "gateway", dir)
	samples := history(time.Now())
	start := samples[0].at.Add(-time.Second)

	for batch := range slices.Chunk(samples, 2000) {
		body, err := pmetricotlp.NewExportRequestFromMetrics(toMetrics(batch, start)).MarshalProto()
		require.NoError(t, err)
		response, err := http.Post("http://"+gateway.otlpHTTP+"/v1/metrics", "application/x-protobuf", bytes.NewReader(body))
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
	}

	db, err := tsdb.Open(t.TempDir(), nil, nil, tsdb.DefaultOptions(), nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, db.Close()) }()
	appender := db.Appender(t.Context())
	for _, s := range samples {
		for outcome, value := range map[string]float64{"good": s.good, "bad": s.bad} {
			_, err := appender.Append(0, labels.FromStrings("__name__", "slo_events_total", "slo_outcome", outcome), s.at.UnixMilli(), value)
			require.NoError(t, err)
		}
	}
	require.NoError(t, appender.Commit())
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 50_000_000, Timeout: time.Minute})
	query := func(at time.Time, expr string) float64 {
		q, err := engine.NewInstantQuery(t.Context(), db, nil, expr, at)
		require.NoError(t, err)
		defer q.Close()
		vector, err := q.Exec(t.Context()).Vector()
		require.NoError(t, err)
		require.Len(t, vector, 1, expr)
		return vector[0].F
	}

	// Wait for gauges that were computed after the last point was taken.
	last := samples[len(samples)-1]
	require.Eventually(t, func() bool {
		bad, _ := sum(gateway.scrape(), "slo_events_total", "slo_outcome", "bad")
		ratio, found := sum(gateway.scrape(), "slo_error_ratio", "slo_window", "5m")
		return bad == last.bad && found && ratio > 0.001
	}, patience, 100*time.Millisecond)
	families, at := gateway.scrape(), time.Now()

	objective, budget := 0.999, 0.001
	own := catalog.Window{Rolling: 30 * 24 * time.Hour}
	for _, window := range append([]time.Duration{own.Rolling}, catalog.BurnWindows...) {
		name := catalog.FormatDuration(window)
		want := query(at, fmt.Sprintf(`sum(increase(slo_events_total{slo_outcome="bad"}[%s])) / sum(increase(slo_events_total[%s]))`, name, name))
		got, found := sum(families, "slo_error_ratio", "slo_window", name)
		require.True(t, found, name)
		assert.InEpsilon(t, want, got, 0.02, "error ratio over %s", name)
		burn, found := sum(families, "slo_burn_rate_ratio", "slo_window", name)
		require.True(t, found, name)
		assert.InEpsilon(t, got/budget, burn, 1e-9, "burn rate over %s", name)
		if window == own.Rolling {
			remaining, _ := sum(families, "slo_error_budget_remaining_ratio")
			assert.InDelta(t, 1-want/budget, remaining, 0.02)
			assert.Negative(t, remaining)
		}
	}
	got, _ := sum(families, "slo_objective_ratio")
	assert.Equal(t, objective, got)
	coverage, _ := sum(families, "slo_period_coverage_ratio")
	assert.Equal(t, 1.0, coverage)
	fast, _ := sum(families, "slo_state", "slo_state", "burning_fast")
	slow, _ := sum(families, "slo_state", "slo_state", "burning_slow")
	assert.Equal(t, 1.0, fast+slow, "what happens now comes before what is spent")
}
