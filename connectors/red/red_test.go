// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package red

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/connectors/red/internal/metadata"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/admission"
)

// A rig is a connector whose clock the test turns. Its loop does not run: the test flushes.
type rig struct {
	*red
	t     testing.TB
	sink  *consumertest.MetricsSink
	clock time.Time
}

func settings() connector.Settings {
	set := connectortest.NewNopSettings(metadata.Type)
	set.Resource = pcommon.NewResource()
	set.Resource.Attributes().PutStr("service.name", "otelcol-sre")
	set.Resource.Attributes().PutStr("service.instance.id", "collector-1")
	return set
}

func newRig(t testing.TB, config *Config, services ...*catalog.Service) *rig {
	t.Helper()
	r := &rig{t: t, sink: &consumertest.MetricsSink{}, clock: time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)}
	var err error
	r.red, err = newRed(settings(), config, r.sink)
	require.NoError(t, err)
	r.now = func() time.Time { return r.clock }
	registry := admission.New(admission.DefaultLimits(), r.now)
	registry.SetCatalog(&catalog.Catalog{Services: services})
	r.open(registry)
	return r
}

func (r *rig) pass(d time.Duration) { r.clock = r.clock.Add(d) }

func (r *rig) consume(td ptrace.Traces) { require.NoError(r.t, r.ConsumeTraces(r.t.Context(), td)) }

// flushed are the values of a flush now.
func (r *rig) flushed() map[string]string {
	r.sink.Reset()
	r.flush(r.t.Context())
	return values(r.sink.AllMetrics())
}

// spanOf is one server span of a service.
func spanOf(service string, change ...func(ptrace.ResourceSpans, ptrace.Span)) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", service)
	span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetTraceID(pcommon.TraceID{1})
	span.SetSpanID(pcommon.SpanID{2})
	span.SetKind(ptrace.SpanKindServer)
	span.SetStartTimestamp(1e9)
	span.SetEndTimestamp(1e9 + 20e6)
	for _, f := range change {
		f(rs, span)
	}
	return td
}

func TestCollectorIsTheResource(t *testing.T) {
	r := newRig(t, createDefaultConfig().(*Config))
	r.consume(spanOf("checkout"))
	r.flushed()
	md := r.sink.AllMetrics()[0]
	require.Equal(t, map[string]any{"service.name": "otelcol-sre", "service.instance.id": "collector-1"}, md.ResourceMetrics().At(0).Resource().Attributes().AsRaw())
	p := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(1).Histogram().DataPoints().At(0)
	require.Equal(t, 1, p.Exemplars().Len())
	require.Equal(t, pcommon.TraceID{1}, p.Exemplars().At(0).TraceID())
	require.InDelta(t, 20, p.Exemplars().At(0).DoubleValue(), 1e-9)
	require.Equal(t, pcommon.NewTimestampFromTime(r.clock), p.StartTimestamp())
	r.pass(time.Second)
	r.flushed()
	p = r.sink.AllMetrics()[0].ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(1).Histogram().DataPoints().At(0)
	require.Zero(t, p.Exemplars().Len(), "an exemplar is shown once")
}

func TestSampledSpansRepresentMany(t *testing.T) {
	r := newRig(t, createDefaultConfig().(*Config))
	r.consume(spanOf("checkout", func(_ ptrace.ResourceSpans, s ptrace.Span) { s.TraceState().FromRaw("ot=th:c") }))
	for key, value := range r.flushed() {
		if strings.HasPrefix(key, metricCalls) || strings.HasPrefix(key, metricDuration) {
			require.True(t, strings.HasPrefix(value, "4"), "%s %s", key, value)
		}
	}
}

// Whatever names clients choose, the number of series is bounded, services of the catalog are counted exactly, and no span is lost.
func TestSeriesAreBounded(t *testing.T) {
	config := createDefaultConfig().(*Config)
	config.MaxSeries, config.MaxEdges = 100, 30
	r := newRig(t, config, &catalog.Service{Name: "checkout"}, &catalog.Service{Name: "payment"})
	const n = 20_000
	for i := range n {
		r.consume(spanOf(fmt.Sprint("job-", i), func(rs ptrace.ResourceSpans, s ptrace.Span) {
			rs.Resource().Attributes().PutStr("deployment.environment.name", fmt.Sprint("env-", i))
			rs.Resource().Attributes().PutStr("service.namespace", fmt.Sprint("ns-", i))
			s.SetTraceID(pcommon.TraceID{9, byte(i), byte(i >> 8)})
			s.SetKind(ptrace.SpanKind(i % 6))
			s.Status().SetCode(ptrace.StatusCode(i % 3))
		}))
		r.consume(spanOf("checkout", func(_ ptrace.ResourceSpans, s ptrace.Span) {
			s.SetKind(ptrace.SpanKindClient)
			s.Attributes().PutStr("db.name", fmt.Sprint("db-", i, strings.Repeat("x", 1000)))
		}))
		call := spanOf("checkout", func(_ ptrace.ResourceSpans, s ptrace.Span) { s.SetKind(ptrace.SpanKindClient) })
		r.consume(call)
		r.consume(spanOf("payment", func(_ ptrace.ResourceSpans, s ptrace.Span) { s.SetParentSpanID(pcommon.SpanID{2}) }))
	}
	r.pass(11 * time.Second)
	got := r.flushed()
	total := map[string]float64{}
	series := map[string]int{}
	for key, value := range got {
		name, _, _ := strings.Cut(key, " ")
		var count float64
		_, err := fmt.Sscan(strings.TrimSuffix(strings.Fields(value)[0], "trueCumulative"), &count)
		require.NoError(t, err, value)
		total[name] += count
		series[name]++
	}
	assert.EqualValues(t, 4*n, total[metricCalls])
	assert.EqualValues(t, 4*n, total[metricDuration])
	assert.LessOrEqual(t, series[metricCalls], 100+18+3)
	assert.LessOrEqual(t, series[metricRequests], 30+10)
	assert.Equal(t, fmt.Sprint(n, "trueCumulative"), strings.ReplaceAll(got["traces_service_graph_request_total  Sum client=checkout,connection_type=,failed=false,server=payment"], " ", ""))
}

func TestPairing(t *testing.T) {
	p := newPairing(3)
	at := func(n byte) spanID { return spanID{span: pcommon.SpanID{n}} }
	for n := range byte(3) {
		require.True(t, p.put(at(n), asClient, side{name: strconv.Itoa(int(n))}, int64(n)+10))
	}
	require.False(t, p.put(at(9), asClient, side{}, 99), "no room")
	require.True(t, p.put(at(1), asClient, side{name: "again"}, 50), "one that waits already stays")
	_, ok := p.take(at(1), asServer)
	require.False(t, ok)
	s, ok := p.take(at(1), asClient)
	require.True(t, ok)
	require.Equal(t, "1", s.name)
	_, _, ok = p.expired(9)
	require.False(t, ok)
	_, s, ok = p.expired(10)
	require.True(t, ok)
	require.Equal(t, "0", s.name)
	for n := range 1000 { // taken at once: the ring does not fill
		id := spanID{trace: pcommon.TraceID{byte(n), byte(n >> 8)}}
		require.True(t, p.put(id, asServer, side{}, 100))
		_, ok := p.take(id, asServer)
		require.True(t, ok)
	}
	_, s, ok = p.expired(12)
	require.True(t, ok)
	require.Equal(t, "2", s.name)
	require.Empty(t, p.waiters)
}

func TestSeriesExpire(t *testing.T) {
	r := newRig(t, createDefaultConfig().(*Config))
	r.consume(spanOf("cart"))
	require.NotEmpty(t, r.flushed())
	require.EqualValues(t, 1, r.calls.series.Load())
	r.pass(r.config.Expiration + time.Second)
	require.Empty(t, r.flushed())
	require.Zero(t, r.calls.series.Load())
	require.Empty(t, r.graph.edges)
	require.Zero(t, r.graph.limited)
}

func TestStrangeSpans(t *testing.T) {
	r := newRig(t, createDefaultConfig().(*Config))
	r.consume(ptrace.NewTraces())
	r.consume(spanOf(""))
	r.consume(spanOf("cart", func(_ ptrace.ResourceSpans, s ptrace.Span) {
		s.SetKind(99)
		s.Status().SetCode(-5)
		s.SetEndTimestamp(0)
	}))
	r.consume(spanOf("cart", func(_ ptrace.ResourceSpans, s ptrace.Span) {
		s.SetKind(ptrace.SpanKindClient)
		s.Attributes().PutStr("db.name", "a\xffb")
	}))
	require.NotEmpty(t, r.flushed())
}

func TestConcurrency(t *testing.T) {
	r := newRig(t, createDefaultConfig().(*Config), &catalog.Service{Name: "checkout"})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for n := range 500 {
				assert.NoError(t, r.ConsumeTraces(t.Context(), spanOf("checkout")))
				assert.NoError(t, r.ConsumeTraces(t.Context(), spanOf(fmt.Sprint("job-", n%(10+g)))))
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			r.flush(t.Context())
		}
	})
	wg.Wait()
	require.Contains(t, r.flushed(), "traces.span.metrics.calls  Sum deployment.environment.name=,service.name=checkout,service.namespace=,service.version=,span.kind=SPAN_KIND_SERVER,status.code=STATUS_CODE_UNSET")
}

// A source is a service_catalog extension without services.
type source struct {
	component.StartFunc
	component.ShutdownFunc
}

func (source) Catalog() *catalog.Catalog                 { return &catalog.Catalog{} }
func (source) Problems() catalog.Problems                { return nil }
func (source) Reading() servicecatalog.Reading           { return servicecatalog.Reading{} }
func (source) Subscribe(f func(*catalog.Catalog)) func() { f(&catalog.Catalog{}); return func() {} }

type host struct{ component.Host }

func (host) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{component.MustNewID("service_catalog"): source{}}
}

// A refuser is a next component that refuses once.
type refuser struct {
	consumertest.MetricsSink
	refused bool
}

func (r *refuser) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	if !r.refused {
		r.refused = true
		return errors.New("full")
	}
	return r.MetricsSink.ConsumeMetrics(ctx, md)
}

func TestLifecycle(t *testing.T) {
	next := &refuser{refused: true}
	c, err := NewFactory().CreateTracesToMetrics(t.Context(), settings(), createDefaultConfig(), next)
	require.NoError(t, err)
	require.ErrorContains(t, c.Start(t.Context(), componenttest.NewNopHost()), "service_catalog")
	require.NoError(t, c.Shutdown(t.Context()), "one that never started")

	c, err = NewFactory().CreateTracesToMetrics(t.Context(), settings(), createDefaultConfig(), next)
	require.NoError(t, err)
	require.NoError(t, c.Start(t.Context(), host{}))
	require.False(t, c.Capabilities().MutatesData)
	require.NoError(t, c.ConsumeTraces(t.Context(), spanOf("cart")))
	require.NoError(t, c.Shutdown(t.Context()))
	require.NotEmpty(t, next.AllMetrics(), "the last flush")
}

func TestRefusedIsSentAgain(t *testing.T) {
	r := newRig(t, createDefaultConfig().(*Config))
	next := &refuser{}
	r.next = next
	r.consume(spanOf("cart"))
	r.flush(t.Context())
	require.Empty(t, next.AllMetrics())
	r.flush(t.Context())
	require.Len(t, next.AllMetrics(), 1)
}
