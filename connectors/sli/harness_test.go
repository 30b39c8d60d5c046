// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"fmt"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/admission"
	"github.com/otelcol-sre/otelcol-sre/internal/heard"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// source is a service catalog that a test swaps.
type source struct {
	component.StartFunc
	component.ShutdownFunc
	mu          sync.Mutex
	catalog     *catalog.Catalog
	subscribers map[int]func(*catalog.Catalog)
	heard       *heard.Registry
}

// Heard is as that of the extension.
func (s *source) Heard() *heard.Registry {
	if s.heard == nil {
		s.heard = heard.New(admission.New(admission.DefaultLimits(), time.Now), admission.DefaultLimits().MaxByDefault, time.Now)
		s.heard.SetCatalog(s.catalog)
	}
	return s.heard
}

var _ servicecatalog.Source = (*source)(nil)

func (s *source) Catalog() *catalog.Catalog { return s.catalog }

func (*source) Problems() catalog.Problems { return nil }

func (*source) Reading() servicecatalog.Reading { return servicecatalog.Reading{} }

func (s *source) Subscribe(f func(*catalog.Catalog)) (cancel func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.subscribers)
	s.subscribers[n] = f
	f(s.catalog)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.subscribers, n)
	}
}

func (s *source) swap(c *catalog.Catalog) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catalog = c
	for _, f := range s.subscribers {
		f(c)
	}
	s.Heard().SetCatalog(c)
}

// catalogOf parses catalog documents, each from metadata on.
func catalogOf(t testing.TB, documents ...string) *catalog.Catalog {
	t.Helper()
	var text []string
	for _, d := range documents {
		text = append(text, "apiVersion: "+catalog.APIVersion+"\nkind: Service\n"+d)
	}
	c, problems := catalog.Parse("test.yaml", []byte(strings.Join(text, "\n---\n")))
	require.NoError(t, problems.Err())
	return c
}

type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// fixture is a started connector and what is around it.
type fixture struct {
	*instance
	source    *source
	sink      *consumertest.MetricsSink
	clock     *clock
	telemetry *componenttest.Telemetry
}

type option func(*Config, host)

func start(t testing.TB, c *catalog.Catalog, options ...option) *fixture {
	t.Helper()
	f := startUnbound(t, c, options...)
	t.Cleanup(func() { require.NoError(t, f.Shutdown(t.Context())) })
	return f
}

// startUnbound is start for a connector that the test itself shuts down, or does not.
func startUnbound(t testing.TB, c *catalog.Catalog, options ...option) *fixture {
	t.Helper()
	return startAt(t, c, epoch, options...)
}

// startAt is startUnbound at another time than the epoch.
func startAt(t testing.TB, c *catalog.Catalog, at time.Time, options ...option) *fixture {
	t.Helper()
	src := &source{catalog: c, subscribers: make(map[int]func(*catalog.Catalog))}
	h := host{component.MustNewID("service_catalog"): src}
	cfg := createDefaultConfig().(*Config)
	cfg.FlushInterval = time.Hour // the test flushes
	// Most tests send the same spans, of the same time, again and again.
	cfg.Deduplicate.Window, cfg.LateAfter = 0, 0
	for _, o := range options {
		o(cfg, h)
	}
	require.NoError(t, cfg.Validate())
	telemetry := componenttest.NewTelemetry()
	set := connectortest.NewNopSettings(typ)
	set.ID = component.MustNewID("sli")
	set.TelemetrySettings = telemetry.NewTelemetrySettings()
	set.Resource.Attributes().PutStr("service.name", "otelcol-sre")
	set.Resource.Attributes().PutStr("service.instance.id", "collector-1")
	f := &fixture{source: src, sink: new(consumertest.MetricsSink), clock: &clock{now: at}, telemetry: telemetry}
	traces, err := NewFactory().CreateTracesToMetrics(t.Context(), set, cfg, f.sink)
	require.NoError(t, err)
	f.instance = traces.(*instance)
	f.now = f.clock.Now
	require.NoError(t, f.Start(t.Context(), h))
	return f
}

// flush moves the clock on by a second, flushes and returns what came.
func (f *fixture) flush(t testing.TB) pmetric.Metrics {
	t.Helper()
	f.clock.add(time.Second)
	f.sink.Reset()
	f.core.flush(t.Context())
	all := f.sink.AllMetrics()
	if len(all) == 0 {
		return pmetric.NewMetrics()
	}
	require.Len(t, all, 1)
	return all[0]
}

// counts flushes and returns the last point of every series as text, sorted:
// "service/environment/version slo outcome value".
func (f *fixture) counts(t testing.TB) []string {
	t.Helper()
	return texts(f.flush(t))
}

func texts(md pmetric.Metrics) []string {
	last := make(map[string]pmetric.NumberDataPoint)
	for _, p := range points(md, semconv.SLOEvents.Name) {
		last[text4(p, semconv.ServiceName, semconv.Environment, semconv.ServiceVersion)+" "+attr(p, semconv.SLOName)+" "+attr(p, semconv.SLOOutcome)] = p
	}
	lines := make([]string, 0, len(last))
	for key, p := range last {
		lines = append(lines, fmt.Sprintf("%s %v", key, p.DoubleValue()))
	}
	sort.Strings(lines)
	return lines
}

func text4(p pmetric.NumberDataPoint, keys ...string) string {
	var parts []string
	for _, k := range keys {
		parts = append(parts, attr(p, k))
	}
	return strings.Join(parts, "/")
}

func attr(p pmetric.NumberDataPoint, key string) string {
	v, ok := p.Attributes().Get(key)
	if !ok {
		return "-"
	}
	return v.Str()
}

func points(md pmetric.Metrics, name string) []pmetric.NumberDataPoint {
	var found []pmetric.NumberDataPoint
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				if m.Name() != name {
					continue
				}
				slice := pmetric.NewNumberDataPointSlice()
				switch m.Type() {
				case pmetric.MetricTypeSum:
					slice = m.Sum().DataPoints()
				case pmetric.MetricTypeGauge:
					slice = m.Gauge().DataPoints()
				}
				for _, p := range slice.All() {
					found = append(found, p)
				}
			}
		}
	}
	return found
}

// spanOf is a span under test; the zero one is an unspecified span of no length.
type spanOf struct {
	kind       ptrace.SpanKind
	err        bool
	took       time.Duration
	tracestate string
	attributes map[string]any
}

// tracesOf is one resource with spans.
func tracesOf(resource map[string]any, spans ...spanOf) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	fill(rs.Resource().Attributes(), resource)
	ss := rs.ScopeSpans().AppendEmpty()
	for i, s := range spans {
		span := ss.Spans().AppendEmpty()
		span.SetTraceID(pcommon.TraceID{15: byte(i + 1)})
		span.SetSpanID(pcommon.SpanID{7: byte(i + 1)})
		span.SetKind(s.kind)
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(epoch))
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(epoch.Add(s.took)))
		span.TraceState().FromRaw(s.tracestate)
		if s.err {
			span.Status().SetCode(ptrace.StatusCodeError)
		}
		fill(span.Attributes(), s.attributes)
	}
	return td
}

func fill(m pcommon.Map, raw map[string]any) {
	if err := m.FromRaw(raw); err != nil {
		panic(err)
	}
}

func checkout(more ...string) map[string]any {
	r := map[string]any{"service.name": "checkout", "deployment.environment.name": "production", "service.version": "1.0"}
	for i := 0; i < len(more); i += 2 {
		r[more[i]] = more[i+1]
	}
	return r
}

const checkoutService = `
metadata: {name: checkout}
spec:
  owner: payments
  slos:
    - {name: availability, objective: 99.9, sli: {availability: {}}}
    - {name: latency, objective: 99, sli: {latency: {threshold: 300ms}}}
`

// counter is the value of an internal counter for a reason or stage.
func (f *fixture) counter(t testing.TB, name, attribute string) int64 {
	t.Helper()
	m, err := f.telemetry.GetMetric(name)
	if err != nil {
		return 0
	}
	var sum int64
	for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
		for _, kv := range p.Attributes.ToSlice() {
			if kv.Value.AsString() == attribute {
				sum += p.Value
			}
		}
	}
	return sum
}

func sumOf(m metricdata.Metrics) (sum int64) {
	for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
		sum += p.Value
	}
	return sum
}

// lateOf are the last points of late events as text, sorted: "version slo outcome reason value".
func lateOf(md pmetric.Metrics) []string {
	last := make(map[string]float64)
	for _, p := range points(md, semconv.SLOEventsLate.Name) {
		last[text4(p, semconv.ServiceVersion, semconv.SLOName, semconv.SLOOutcome, semconv.SLOLateReason)] = p.DoubleValue()
	}
	var lines []string
	for key, value := range last {
		lines = append(lines, fmt.Sprintf("%s %v", key, value))
	}
	sort.Strings(lines)
	return lines
}
