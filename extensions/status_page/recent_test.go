// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspage

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/metadatatest"
)

func oneSpan() ptrace.Traces {
	traces := ptrace.NewTraces()
	traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty().Attributes().PutStr("correlation.id", "A-1001")
	return traces
}

func TestSearchFindsWhatTheExporterHandsOver(t *testing.T) {
	s := create(t, func(*Config) {})
	id := component.MustNewID("status_page")
	h := host{id: s}
	require.NoError(t, s.Start(t.Context(), h))
	recent, err := FindRecent(h, id)
	require.NoError(t, err)
	_, body := s.get(t, "/search?id=A-1001")
	assert.Contains(t, body, "no spans or log records have arrived recently")
	recent.AddTraces(oneSpan())
	_, body = s.get(t, "/search?id=A-1001")
	assert.Contains(t, body, "1 span, 0 log records")
	require.NoError(t, s.Shutdown(t.Context()))
}

func TestTelemetryOfTheWindow(t *testing.T) {
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, telemetry.Shutdown(context.Background())) })
	config := createDefaultConfig().(*Config)
	config.Search.MaxBytes = minSearchBytes
	s, err := newStatusPage(config, component.MustNewID("status_page"), telemetry.NewTelemetrySettings())
	require.NoError(t, err)

	tooBig := plog.NewLogs()
	records := tooBig.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for range 3 {
		records.AppendEmpty().Body().SetEmptyBytes().FromRaw(make([]byte, minSearchBytes/2))
	}
	s.recent.AddTraces(oneSpan())
	s.recent.AddTraces(oneSpan())
	s.recent.AddLogs(tooBig)
	two := func(spans, logs int64) []metricdata.DataPoint[int64] {
		return []metricdata.DataPoint[int64]{{Attributes: attribute.NewSet(attribute.String("signal", "spans")), Value: spans}, {Attributes: attribute.NewSet(attribute.String("signal", "logs")), Value: logs}}
	}
	ignore := metricdatatest.IgnoreTimestamp()
	metadatatest.AssertEqualExtensionStatusPageRecentItems(t, telemetry, two(2, 0), ignore)
	metadatatest.AssertEqualExtensionStatusPageRecentSkipped(t, telemetry, two(0, 3), ignore)
	metadatatest.AssertEqualExtensionStatusPageRecentBytes(t, telemetry, []metricdata.DataPoint[int64]{{Value: int64(s.recent.Usage().Bytes)}}, ignore)
	require.NoError(t, s.Shutdown(t.Context()))
	_, err = telemetry.GetMetric("otelcol_extension_status_page_recent_bytes")
	require.Error(t, err, "nobody asks an extension that was shut down")
}
