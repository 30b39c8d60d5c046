// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcol-sre/otelcol-sre/processors/correlation/internal/metadata"
)

// The three signals of one component share what they know; what each did is in its telemetry and adds up.
func TestSignalsShareOneState(t *testing.T) {
	reader := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, reader.Shutdown(context.Background())) })
	set := processor.Settings{ID: component.NewID(metadata.Type), TelemetrySettings: reader.NewTelemetrySettings()}
	factory, cfg := NewFactory(), createDefaultConfig()
	var tracesOut consumertest.TracesSink
	var logsOut consumertest.LogsSink
	var metricsOut consumertest.MetricsSink
	tp, err := factory.CreateTraces(t.Context(), set, cfg, &tracesOut)
	require.NoError(t, err)
	lp, err := factory.CreateLogs(t.Context(), set, cfg, &logsOut)
	require.NoError(t, err)
	mp, err := factory.CreateMetrics(t.Context(), set, cfg, &metricsOut)
	require.NoError(t, err)
	for _, p := range []component.Component{tp, lp, mp} {
		require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	}
	require.True(t, tp.Capabilities().MutatesData)
	require.True(t, lp.Capabilities().MutatesData)
	require.True(t, mp.Capabilities().MutatesData)

	td := ptrace.NewTraces()
	withID(trace1, "a1b2c3d4").span(t, td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty())
	require.NoError(t, tp.ConsumeTraces(t.Context(), td))

	ld := plog.NewLogs()
	records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	records.AppendEmpty().SetTraceID(trace1)
	records.AppendEmpty().Body().SetStr("request_id=a1b2c3d4")
	records.AppendEmpty().Body().SetStr("trace_id=" + trace2.String() + " correlation_id=\"<b>\"")
	records.AppendEmpty().Body().SetStr("nothing")
	for _, record := range records.All() {
		record.SetTimestamp(started)
	}
	require.NoError(t, lp.ConsumeLogs(t.Context(), ld))
	require.Equal(t, "a1b2c3d4", idOf(records.At(0).Attributes()))
	require.Equal(t, trace1, records.At(1).TraceID())

	md := pmetric.NewMetrics()
	all := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	var exemplars []pmetric.Exemplar
	exemplar := func(to pmetric.ExemplarSlice, trace pcommon.TraceID) {
		to.AppendEmpty().SetTraceID(trace)
		exemplars = append(exemplars, to.At(0))
	}
	exemplar(all.AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty().Exemplars(), trace1)
	exemplar(all.AppendEmpty().SetEmptySum().DataPoints().AppendEmpty().Exemplars(), trace1)
	exemplar(all.AppendEmpty().SetEmptyHistogram().DataPoints().AppendEmpty().Exemplars(), trace1)
	exemplar(all.AppendEmpty().SetEmptyExponentialHistogram().DataPoints().AppendEmpty().Exemplars(), trace3)
	all.AppendEmpty().SetEmptySummary().DataPoints().AppendEmpty()
	exemplars[1].FilteredAttributes().PutStr("correlation.id", "a1b2c3d4")
	require.NoError(t, mp.ConsumeMetrics(t.Context(), md))
	require.Equal(t, "a1b2c3d4", idOf(exemplars[0].FilteredAttributes()))
	require.Equal(t, "a1b2c3d4", idOf(exemplars[1].FilteredAttributes()))
	require.Equal(t, "a1b2c3d4", idOf(exemplars[2].FilteredAttributes()))
	require.Zero(t, exemplars[3].FilteredAttributes().Len())

	require.Equal(t, map[string]int64{
		"traces/found/attribute:http.request.header.x-request-id": 1,
		"traces/inherited/": 0, "traces/linked/": 0, "traces/generated/": 0, "traces/missed/": 0,
		"logs/parsed/logfmt:request_id": 1,
		"logs/inherited/":               1, "logs/linked/": 0, "logs/generated/": 1, "logs/missed/": 1,
		"metrics/found/attribute:correlation.id": 1,
		"metrics/inherited/":                     2, "metrics/linked/": 0, "metrics/generated/": 0, "metrics/missed/": 1,
	}, observed(t, reader, "otelcol_processor_correlation_items", "signal", "outcome", "source"))
	require.Equal(t, map[string]int64{"parsed": 1, "reverse": 1}, observed(t, reader, "otelcol_processor_correlation_trace_contexts", "origin"))
	require.Equal(t, map[string]int64{"": 0}, observed(t, reader, "otelcol_processor_correlation_conflicts"))
	require.Equal(t, map[string]int64{"": 1}, observed(t, reader, "otelcol_processor_correlation_invalid"))
	require.Equal(t, map[string]int64{"full": 0, "expired": 0}, observed(t, reader, "otelcol_processor_correlation_evicted", "reason"))
	require.Equal(t, map[string]int64{"": 2}, observed(t, reader, "otelcol_processor_correlation_state_entries"))
	require.Equal(t, map[string]int64{"": traceEntry + idEntry + 2*8}, observed(t, reader, "otelcol_processor_correlation_state_size"))

	for range 2 {
		for _, p := range []component.Component{tp, lp, mp} {
			require.NoError(t, p.Shutdown(t.Context()))
		}
	}
	require.NoError(t, createAndShutdown(t, factory, cfg))
}

// observed returns the values of a metric by the values of the attributes, joined by slashes.
func observed(t *testing.T, reader *componenttest.Telemetry, name string, keys ...string) map[string]int64 {
	m, err := reader.GetMetric(name)
	require.NoError(t, err)
	var points []metricdata.DataPoint[int64]
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		points = data.DataPoints
	case metricdata.Gauge[int64]:
		points = data.DataPoints
	}
	values := make(map[string]int64)
	for _, p := range points {
		key := ""
		for i, name := range keys {
			if i > 0 {
				key += "/"
			}
			if v, ok := p.Attributes.Value(attribute.Key(name)); ok {
				key += v.AsString()
			}
		}
		values[key] = p.Value
	}
	return values
}

func createAndShutdown(t *testing.T, factory processor.Factory, cfg component.Config) error {
	p, err := factory.CreateTraces(t.Context(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
	require.NoError(t, err)
	return p.Shutdown(t.Context())
}
