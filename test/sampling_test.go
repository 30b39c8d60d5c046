// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// toFile is a backend of traces: a file.
const toFile = `{exporters: {file/backend: {path: %q, flush_interval: 100ms}}, processors: {trace_sampler: {wait: 1s}}, service: {pipelines: {
	traces: {exporters: [forward/sampled]},
	traces/sampled: {receivers: [forward/sampled], processors: [trace_sampler], exporters: [file/backend]}}}}`

// A backend gets every trace with an event that the catalog calls bad, every trace of what was deployed just now, and of the
// rest what is asked for: here, nothing. All of them are counted.
func TestWhatIsBadOrNewIsSampled(t *testing.T) {
	t.Parallel()
	catalog := writeCatalog(t, map[string]string{"checkout": service("checkout",
		"{name: availability, objective: 99, sli: {availability: {}}}", "{name: latency, objective: 99, sli: {latency: {threshold: 100ms}}}")})
	c := prepareCollector(t, "standalone", catalog, "OTELCOL_SRE_SAMPLING_PERCENTAGE=0")
	backend := filepath.Join(t.TempDir(), "traces.json")
	c.args = append(c.args, "--config", "yaml:"+quickly, "--config", "yaml:"+fmt.Sprintf(toFile, backend))
	c.start()
	old := newTracerProvider(t, c, "grpc", attribute.String("service.name", "checkout"), attribute.String("service.version", "1.0.0"))
	want := map[string]bool{}
	for range 50 {
		serve(t, old, time.Millisecond, codes.Unset)
	}
	for range 10 {
		want[serve(t, old, 200*time.Millisecond, codes.Unset)] = true
	}
	for range 5 {
		want[serve(t, old, time.Millisecond, codes.Error)] = true
	}
	require.NoError(t, old.ForceFlush(t.Context()))
	assert.Eventually(t, func() bool { return len(kept(t, backend)) >= len(want) }, patience, 100*time.Millisecond)
	assert.Equal(t, want, kept(t, backend))
	events := func() float64 {
		total, _ := sum(c.scrape(), "slo_events_total", "slo_name", "latency")
		return total
	}
	assert.Eventually(t, func() bool { return events() == 65 }, patience, 100*time.Millisecond)

	// A new version is deployed: what it does is kept, good or not, once the deployment is seen.
	next := newTracerProvider(t, c, "grpc", attribute.String("service.name", "checkout"), attribute.String("service.version", "2.0.0"))
	var newest string
	require.Eventually(t, func() bool {
		newest = serve(t, next, time.Millisecond, codes.Unset)
		require.NoError(t, next.ForceFlush(t.Context()))
		_, found := sum(c.scrape(), "deployment_info", "service_version", "2.0.0")
		return found
	}, patience, 200*time.Millisecond)
	assert.Eventually(t, func() bool {
		newest = serve(t, next, time.Millisecond, codes.Unset)
		require.NoError(t, next.ForceFlush(t.Context()))
		return len(kept(t, backend)) > len(want)
	}, patience, 200*time.Millisecond)
	assert.Eventually(t, func() bool { return kept(t, backend)[newest] }, patience, 100*time.Millisecond)
	require.NoError(t, old.Shutdown(t.Context()))
	require.NoError(t, next.Shutdown(t.Context()))
	c.stop()
}

// serve is a server span that took so long; it returns the trace's ID.
func serve(t *testing.T, provider *sdktrace.TracerProvider, took time.Duration, status codes.Code) string {
	t.Helper()
	start := time.Now()
	_, span := provider.Tracer("test").Start(t.Context(), "POST /orders", trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(start))
	span.SetStatus(status, "")
	span.End(trace.WithTimestamp(start.Add(took)))
	return span.SpanContext().TraceID().String()
}

// kept are the IDs of the traces that came to the file.
func kept(t *testing.T, file string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	ids := map[string]bool{}
	for line := range bytes.Lines(text) {
		if !json.Valid(line) {
			continue // is being written
		}
		traces, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(line)
		require.NoError(t, err)
		for _, rs := range traces.ResourceSpans().All() {
			for _, scope := range rs.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					ids[span.TraceID().String()] = true
				}
			}
		}
	}
	return ids
}
