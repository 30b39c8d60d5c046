// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// often lets the collector look at itself every second.
const often = `yaml:
receivers:
  prometheus/self:
    config:
      scrape_configs:
        - {job_name: otelcol-sre, scrape_interval: 1s, static_configs: [{targets: [%q]}]}
exporters:
  otlp_http/refusing: {endpoint: %q, compression: none}
service:
  pipelines:
    traces/refused: {receivers: [otlp], exporters: [otlp_http/refusing]}`

// A backend that refuses one burst, and nothing before or after it, is a ticket with the number of spans that it lacks.
func TestOneBurstThatABackendRefusesIsATicket(t *testing.T) {
	t.Parallel()
	const burst = 20_000
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }))
	defer backend.Close()
	rules, err := os.ReadFile("../alerts/examples/otelcol-sre.rules.yaml")
	require.NoError(t, err)
	folder := t.TempDir()
	hasty := strings.Replace(string(rules), "interval: 1m", "interval: 1s", 1)
	require.NotEqual(t, string(rules), hasty)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "otelcol-sre.rules.yaml"), []byte(hasty), 0o600))
	c := prepareCollector(t, "standalone", t.TempDir(), "OTELCOL_SRE_RULES="+folder)
	c.args = append(c.args, "--config", fmt.Sprintf(often, c.telemetry, backend.URL))
	c.start()
	require.Eventually(t, func() bool { return len(c.samples(`otelcol_process_uptime[1m]`)) > 3 }, patience, 100*time.Millisecond)
	_, there := c.alert("CollectorExportFailing")
	require.False(t, there, "nothing is lost yet")

	traces := ptrace.NewTraces()
	spans := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for i := range burst {
		s := spans.AppendEmpty()
		s.SetTraceID(pcommon.TraceID{1, byte(i >> 8), byte(i)})
		s.SetSpanID(pcommon.SpanID{1, byte(i >> 8), byte(i)})
	}
	body, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(traces)
	require.NoError(t, err)
	response, err := http.Post("http://"+c.otlpHTTP+"/v1/traces", "application/x-protobuf", bytes.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())

	var firing v1.Alert
	require.Eventually(t, func() bool {
		firing, _ = c.alert("CollectorExportFailing")
		return firing.State == v1.AlertStateFiring
	}, patience, 100*time.Millisecond)
	assert.Equal(t, "otlp_http/refusing", string(firing.Labels["exporter"]))
	assert.Equal(t, "ticket", string(firing.Labels["severity"]))
	assert.Equal(t, "20k spans were dropped in the last 15 minutes after all retries failed. They are missing in that backend.", string(firing.Annotations["description"]))
	c.stop()
}
