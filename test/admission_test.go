// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"io"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
)

func postMetrics(t *testing.T, c *collector, md pmetric.Metrics) (status int, answer string) {
	t.Helper()
	body, err := pmetricotlp.NewExportRequestFromMetrics(md).MarshalProto()
	require.NoError(t, err)
	response, err := http.Post("http://"+c.otlpHTTP+"/v1/metrics", "application/x-protobuf", bytes.NewReader(body))
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

func counterOf(service, name string, value float64, attributes ...string) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", service)
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName(name)
	sum := m.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	dp := sum.DataPoints().AppendEmpty()
	dp.SetStartTimestamp(pcommon.NewTimestampFromTime(time.Now().Add(-time.Minute)))
	dp.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	dp.SetDoubleValue(value)
	for i := 0; i < len(attributes); i += 2 {
		dp.Attributes().PutStr(attributes[i], attributes[i+1])
	}
	return md
}

// A workload sends a metric that is called as the collector's own, to a standalone collector and to an agent. The error ratio does not
// change, the workload learns why, and its other metrics arrive, also with bytes that are not UTF-8.
func TestNoWorkloadForgesAnSLO(t *testing.T) {
	t.Parallel()
	catalog := writeCatalog(t, map[string]string{"alpha": service("alpha", "{name: availability, objective: 99, sli: {availability: {}}}")})
	standalone := newCollector(t, "standalone", catalog)
	agent := newCollector(t, "agent", catalog, "OTELCOL_SRE_GATEWAY="+freeAddress(t), "OTELCOL_SRE_GATEWAY_INSECURE=true")
	forged := []string{"service.name", "alpha", "slo.name", "availability", "slo.outcome", "bad"}
	for _, c := range []*collector{standalone, agent} {
		for _, name := range []string{"slo.events", "slo_events_total"} {
			status, answer := postMetrics(t, c, counterOf("some-batch-job", name, 5000, forged...))
			require.Equal(t, http.StatusBadRequest, status, answer)
			require.Contains(t, answer, "only collectors send metrics of these names")
		}
		dropped, _ := sum(c.own(), "otelcol_processor_admission_reserved", "name", "slo")
		require.EqualValues(t, 2, dropped)
	}
	status, answer := postMetrics(t, standalone, counterOf("some-batch-job", "jobs.done", 7, "queue", "a\xffb"))
	require.Equal(t, http.StatusOK, status, answer)
	body, good, failed := spanRequest(t, "alpha", time.Now(), 1000)
	require.True(t, standalone.post(http.DefaultClient, body))
	assert.Eventually(t, func() bool {
		families := standalone.scrape()
		done, _ := sum(families, "jobs_done_total", "queue", "a\uFFFDb")
		bad, known := sum(families, "slo_events_total", "service_name", "alpha", "slo_outcome", "bad")
		counted, _ := sum(families, "slo_events_total", "service_name", "alpha", "slo_outcome", "good")
		ratio, judged := sum(families, "slo_error_ratio", "service_name", "alpha", "slo_window", "1h")
		return done == 7 && known && bad == failed && counted == good && judged && math.Abs(ratio-failed/(good+failed)) < 1e-9
	}, patience, 100*time.Millisecond)
}
