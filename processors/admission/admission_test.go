// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	collectorlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/processors/admission/internal/metadata"
)

// bad has bytes that are not UTF-8, which U+FFFD takes the place of in fixed.
const (
	bad   = "a\xff\xfeb"
	fixed = "a\uFFFDb"
)

// A source is a service_catalog extension with one service.
type source struct {
	component.StartFunc
	component.ShutdownFunc
}

var known = &catalog.Catalog{Services: []*catalog.Service{{Name: "checkout"}}}

func (source) Catalog() *catalog.Catalog       { return known }
func (source) Problems() catalog.Problems      { return nil }
func (source) Reading() servicecatalog.Reading { return servicecatalog.Reading{} }
func (source) Subscribe(f func(*catalog.Catalog)) func() {
	f(known)
	return func() {}
}

type host struct{ component.Host }

func (host) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{component.MustNewID("service_catalog"): source{}}
}

// A rig has a processor of each signal.
type rig struct {
	telemetry *componenttest.Telemetry
	sink      *sink
	traces    processor.Traces
	logs      processor.Logs
	metrics   processor.Metrics
}

type sink struct {
	consumertest.TracesSink
	consumertest.LogsSink
	consumertest.MetricsSink
}

func settings() processor.Settings { return processortest.NewNopSettings(metadata.Type) }

func newRig(t testing.TB, config *Config) *rig {
	r := &rig{telemetry: componenttest.NewTelemetry(), sink: &sink{}}
	set := settings()
	set.TelemetrySettings = r.telemetry.NewTelemetrySettings()
	var err error
	r.traces, err = NewFactory().CreateTraces(t.Context(), set, config, &r.sink.TracesSink)
	require.NoError(t, err)
	r.logs, err = NewFactory().CreateLogs(t.Context(), set, config, &r.sink.LogsSink)
	require.NoError(t, err)
	r.metrics, err = NewFactory().CreateMetrics(t.Context(), set, config, &r.sink.MetricsSink)
	require.NoError(t, err)
	for _, c := range []component.Component{r.traces, r.logs, r.metrics} {
		require.NoError(t, c.Start(t.Context(), host{}))
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		for _, c := range []component.Component{r.traces, r.logs, r.metrics} {
			require.NoError(t, c.Shutdown(ctx))
		}
		require.NoError(t, r.telemetry.Shutdown(ctx))
	})
	return r
}

func defaults(change ...func(*Config)) *Config {
	c := createDefaultConfig().(*Config)
	for _, f := range change {
		f(c)
	}
	return c
}

// spoiled fills everything that is text with bytes that are not UTF-8.
func spoil(m pcommon.Map) {
	m.PutStr(bad, bad)
	m.PutInt("n", 1)
	m.PutEmptyBytes("bytes").FromRaw([]byte(bad))
	nested := m.PutEmptyMap("nested")
	nested.PutStr(bad, bad)
	nested.PutEmptySlice("list").AppendEmpty().SetEmptyMap().PutStr("x", bad)
}

func spoiledTraces() ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.SetSchemaUrl(bad)
	spoil(rs.Resource().Attributes())
	rs.Resource().Attributes().PutStr(semconv.ServiceName, "checkout")
	ss := rs.ScopeSpans().AppendEmpty()
	ss.SetSchemaUrl(bad)
	ss.Scope().SetName(bad)
	ss.Scope().SetVersion(bad)
	spoil(ss.Scope().Attributes())
	for range 2 {
		span := ss.Spans().AppendEmpty()
		span.SetName(bad)
		span.TraceState().FromRaw(bad)
		span.Status().SetMessage(bad)
		spoil(span.Attributes())
		event := span.Events().AppendEmpty()
		event.SetName(bad)
		spoil(event.Attributes())
		link := span.Links().AppendEmpty()
		link.TraceState().FromRaw(bad)
		spoil(link.Attributes())
	}
	return td
}

func spoiledLogs() plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.SetSchemaUrl(bad)
	spoil(rl.Resource().Attributes())
	sl := rl.ScopeLogs().AppendEmpty()
	sl.SetSchemaUrl(bad)
	sl.Scope().SetName(bad)
	record := sl.LogRecords().AppendEmpty()
	record.SetSeverityText(bad)
	record.SetEventName(bad)
	spoil(record.Body().SetEmptyMap())
	spoil(record.Attributes())
	return ld
}

func spoiledMetrics() pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.SetSchemaUrl(bad)
	spoil(rm.Resource().Attributes())
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.SetSchemaUrl(bad)
	sm.Scope().SetName(bad)
	metric := func() pmetric.Metric {
		m := sm.Metrics().AppendEmpty()
		m.SetName(bad)
		m.SetUnit(bad)
		m.SetDescription(bad)
		spoil(m.Metadata())
		return m
	}
	number := func(p pmetric.NumberDataPoint) {
		spoil(p.Attributes())
		spoil(p.Exemplars().AppendEmpty().FilteredAttributes())
	}
	number(metric().SetEmptyGauge().DataPoints().AppendEmpty())
	number(metric().SetEmptySum().DataPoints().AppendEmpty())
	h := metric().SetEmptyHistogram().DataPoints().AppendEmpty()
	spoil(h.Attributes())
	spoil(h.Exemplars().AppendEmpty().FilteredAttributes())
	e := metric().SetEmptyExponentialHistogram().DataPoints().AppendEmpty()
	spoil(e.Attributes())
	spoil(e.Exemplars().AppendEmpty().FilteredAttributes())
	spoil(metric().SetEmptySummary().DataPoints().AppendEmpty().Attributes())
	return md
}

// A strict backend is protobuf's own decoder, which refuses a message with text that is not UTF-8.
func TestStrictBackendTakesWhatWasRepaired(t *testing.T) {
	r := newRig(t, defaults())
	td, ld, md := spoiledTraces(), spoiledLogs(), spoiledMetrics()
	refused := func(body []byte, err error, into proto.Message) {
		require.NoError(t, err)
		require.ErrorContains(t, proto.Unmarshal(body, into), "invalid UTF-8")
	}
	taken := func(body []byte, err error, into proto.Message) {
		require.NoError(t, err)
		require.NoError(t, proto.Unmarshal(body, into))
	}
	body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	refused(body, err, &collectortrace.ExportTraceServiceRequest{})
	body, err = plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
	refused(body, err, &collectorlogs.ExportLogsServiceRequest{})
	body, err = pmetricotlp.NewExportRequestFromMetrics(md).MarshalProto()
	refused(body, err, &collectormetrics.ExportMetricsServiceRequest{})

	require.NoError(t, r.traces.ConsumeTraces(t.Context(), td))
	require.NoError(t, r.logs.ConsumeLogs(t.Context(), ld))
	require.NoError(t, r.metrics.ConsumeMetrics(t.Context(), md))
	body, err = ptraceotlp.NewExportRequestFromTraces(r.sink.AllTraces()[0]).MarshalProto()
	taken(body, err, &collectortrace.ExportTraceServiceRequest{})
	body, err = plogotlp.NewExportRequestFromLogs(r.sink.AllLogs()[0]).MarshalProto()
	taken(body, err, &collectorlogs.ExportLogsServiceRequest{})
	body, err = pmetricotlp.NewExportRequestFromMetrics(r.sink.AllMetrics()[0]).MarshalProto()
	taken(body, err, &collectormetrics.ExportMetricsServiceRequest{})

	span := r.sink.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(1)
	assert.Equal(t, fixed, span.Name())
	assert.Equal(t, map[string]any{
		fixed: fixed, "n": int64(1), "bytes": []byte(bad),
		"nested": map[string]any{fixed: fixed, "list": []any{map[string]any{"x": fixed}}},
	}, span.Attributes().AsRaw(), "bytes are bytes")
	repaired, err := r.telemetry.GetMetric("otelcol_processor_admission_repaired")
	require.NoError(t, err)
	services := map[string]bool{}
	for _, p := range metricPoints(repaired) {
		services[p["service.name"]+" "+p["signal"]] = true
	}
	assert.Equal(t, map[string]bool{"checkout traces": true, "_other logs": true, "_other metrics": true}, services)
}

func TestDeepNesting(t *testing.T) {
	ld := plog.NewLogs()
	v := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body()
	for range 10_000 {
		v = v.SetEmptyMap().PutEmpty("x")
	}
	v.SetStr(bad)
	r := newRig(t, defaults())
	require.NoError(t, r.logs.ConsumeLogs(t.Context(), ld))
	body, err := plogotlp.NewExportRequestFromLogs(r.sink.AllLogs()[0]).MarshalProto()
	require.NoError(t, err)
	require.NoError(t, proto.Unmarshal(body, &collectorlogs.ExportLogsServiceRequest{}))
}

func FuzzRepair(f *testing.F) {
	f.Add(bad, "key")
	f.Add("\xf0\x28\x8c\x28", bad)
	f.Fuzz(func(t *testing.T, key, value string) {
		m := pcommon.NewMap()
		m.PutStr(key, value)
		m.PutEmptyMap("m").PutStr(value, key)
		var r repair
		r.attributes(m, 0)
		var check func(m pcommon.Map)
		check = func(m pcommon.Map) {
			for k, v := range m.All() {
				require.True(t, utf8.ValidString(k) && utf8.ValidString(v.AsString()))
				if v.Type() == pcommon.ValueTypeMap {
					check(v.Map())
				}
			}
		}
		check(m)
		require.Equal(t, !utf8.ValidString(key) || !utf8.ValidString(value), r.repaired > 0)
	})
}

func metricsNamed(names ...string) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr(semconv.ServiceName, "some-batch-job")
	metrics := rm.ScopeMetrics().AppendEmpty().Metrics()
	for _, name := range names {
		name, unit, _ := strings.Cut(name, "|")
		m := metrics.AppendEmpty()
		m.SetName(name)
		m.SetUnit(unit)
		sum := m.SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		sum.DataPoints().AppendEmpty().SetIntValue(5000)
	}
	return md
}

func namesIn(md pmetric.Metrics) (names []string) {
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				names = append(names, m.Name())
			}
		}
	}
	return names
}

func TestReservedNames(t *testing.T) {
	forged := []string{
		"slo.events", "slo_events", "slo_events_total", "slo.events.total", "slo-events", "slo/events", "slo events", "slo..events", "slo:events",
		"slo|events", "slo|{x}events", "_slo.events", "..slo.events", "slo.error_budget.remaining", "slo:sli_error:ratio_rate5m",
		"slo:period_error_budget_remaining:ratio", "sloth_slo_info", "service.telemetry.last_seen", "service_telemetry_last_seen_seconds",
		"deployment.info", "deployment_info", "deployment|info", "change.time", "change_time_seconds", "ALERTS", "ALERTS_FOR_STATE",
	}
	honest := []string{
		"slow.queries", "slot.machine.events", "http.server.request.duration", "service.requests", "k8s.deployment.available", "deployments.count",
		"sloshing", "my.slo.events", "alerts", "changes", "change.requests", "",
	}
	r := newRig(t, defaults())
	require.NoError(t, r.metrics.ConsumeMetrics(t.Context(), metricsNamed(append(slices.Clone(forged), honest...)...)))
	require.Equal(t, honest, namesIn(r.sink.AllMetrics()[0]))

	err := r.metrics.ConsumeMetrics(t.Context(), metricsNamed("slo.events"))
	require.ErrorContains(t, err, "reserved_names")
	require.True(t, consumererror.IsPermanent(err), "sending it again is of no use")
	require.Len(t, r.sink.AllMetrics(), 1)

	dropped, err := r.telemetry.GetMetric("otelcol_processor_admission_reserved")
	require.NoError(t, err)
	names := map[string]bool{}
	for _, p := range metricPoints(dropped) {
		names[p["name"]] = true
	}
	require.Equal(t, map[string]bool{"slo": true, "sloth": true, "service_telemetry": true, "deployment": true, "change_time": true, "ALERTS": true}, names)

	empty := pmetric.NewMetrics()
	empty.ResourceMetrics().AppendEmpty()
	require.NoError(t, r.metrics.ConsumeMetrics(t.Context(), empty), "nothing was dropped")
}

// A person is what an authenticator says of a client.
type person struct{}

func (person) GetAttribute(string) any     { return nil }
func (person) GetAttributeNames() []string { return nil }

func TestWhoIsTrusted(t *testing.T) {
	here, there := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, &net.IPAddr{IP: net.IPv4(10, 1, 2, 3)}
	senders := map[string]client.Info{
		"local":         {Addr: here},
		"local6":        {Addr: &net.IPAddr{IP: net.IPv6loopback}},
		"socket":        {Addr: &net.UnixAddr{Name: "x"}},
		"file":          {},
		"remote":        {Addr: there},
		"authenticated": {Addr: there, Auth: person{}},
	}
	for trust, accepted := range map[Trust][]string{
		Drop:          nil,
		Authenticated: {"authenticated"},
		Local:         {"local", "local6", "socket", "file", "authenticated"},
		Accept:        {"local", "local6", "socket", "file", "remote", "authenticated"},
	} {
		for name, sender := range senders {
			require.Equal(t, slices.Contains(accepted, name), trust.accepts(client.NewContext(t.Context(), sender)), "%s %s", trust, name)
		}
	}
}

func deployment(change func(plog.LogRecord)) plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr(semconv.ServiceName, "checkout")
	record := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.Attributes().PutStr(semconv.ServiceVersion, "6.6.6")
	change(record)
	return ld
}

func TestDeploymentReports(t *testing.T) {
	remote := client.NewContext(t.Context(), client.Info{Addr: &net.IPAddr{IP: net.IPv4(10, 1, 2, 3)}})
	r := newRig(t, defaults())
	for name, report := range map[string]func(plog.LogRecord){
		"event name": func(record plog.LogRecord) { record.SetEventName("deployment.completed") },
		"attribute":  func(record plog.LogRecord) { record.Attributes().PutStr("event.name", "deployment.rolled_back") },
		"status":     func(record plog.LogRecord) { record.Attributes().PutStr(semconv.DeploymentStatus, "failed") },
		"CDEvent": func(record plog.LogRecord) {
			record.Body().SetStr(`{"context":{"version":"0.4.1","id":"1","source":"x","type":"dev.cdevents.service.deployed.0.2.0","timestamp":"2026-03-14T12:00:00Z"},` +
				`"subject":{"id":"checkout","type":"service","content":{"environment":{"id":"production"},"artifactId":"pkg:oci/checkout@1"}}}`)
		},
		"another change": func(record plog.LogRecord) {
			record.SetEventName("change.incident")
			record.Attributes().PutStr("change.name", "INC-1")
		},
		"webhook of a flag": func(record plog.LogRecord) {
			record.Body().SetStr(`{"type": "feature-environment-enabled", "featureName": "new-card-check"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r.sink.LogsSink.Reset()
			err := r.logs.ConsumeLogs(remote, deployment(report))
			require.ErrorContains(t, err, "deployment_reports")
			require.True(t, consumererror.IsPermanent(err))
			mixed := deployment(report)
			mixed.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().AppendEmpty().Body().SetStr("paid order 7")
			require.NoError(t, r.logs.ConsumeLogs(remote, mixed))
			require.Equal(t, 1, r.sink.LogRecordCount(), "the rest goes on")
			require.NoError(t, r.logs.ConsumeLogs(t.Context(), deployment(report)))
			require.Equal(t, 2, r.sink.LogRecordCount(), "from this machine it is accepted")
		})
	}
}

// metricPoints are the attributes of a metric's data points.
func metricPoints(m metricdata.Metrics) (all []map[string]string) {
	for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
		attributes := map[string]string{}
		for _, a := range p.Attributes.ToSlice() {
			attributes[string(a.Key)] = a.Value.AsString()
		}
		all = append(all, attributes)
	}
	return all
}
