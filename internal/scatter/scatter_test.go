// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scatter

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// The model: it decodes, and looks at each item by itself. An item is its text with the text of its resource and scope.

type owners func(key uint64) int

func (o owners) trace(id pcommon.TraceID, resource pcommon.Resource) int {
	if id.IsEmpty() {
		return o.service(resource)
	}
	return o(keyOfTrace(id[:]))
}

func (o owners) service(resource pcommon.Resource) int {
	return o(hash(encoded(resource.Attributes(), "service.namespace"), encoded(resource.Attributes(), "service.name")))
}

// encoded is a value as protobuf has it, of text that is shorter than 128 bytes.
func encoded(m pcommon.Map, key string) []byte {
	v, found := m.Get(key)
	if !found {
		return nil
	}
	return append([]byte{0x0a, byte(len(v.Str()))}, v.Str()...)
}

func first(key string, maps ...pcommon.Map) []byte {
	for _, m := range maps {
		if v := encoded(m, key); v != nil {
			return v
		}
	}
	return nil
}

func text(parts ...any) string {
	s := ""
	for _, p := range parts {
		if m, ok := p.(pcommon.Map); ok {
			p = m.AsRaw()
		}
		s += fmt.Sprintf("%v|", p)
	}
	return s
}

// spans returns the items of traces by their owner.
func (o owners) spans(td ptrace.Traces) map[int][]string {
	items := map[int][]string{}
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				to := o.trace(s.TraceID(), rs.Resource())
				items[to] = append(items[to], text(rs.Resource().Attributes(), rs.SchemaUrl(), ss.Scope().Name(), ss.Scope().Attributes(), ss.SchemaUrl(),
					s.TraceID(), s.SpanID(), s.Name(), s.Attributes()))
			}
		}
	}
	return items
}

func (o owners) records(ld plog.Logs) map[int][]string {
	items := map[int][]string{}
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, r := range sl.LogRecords().All() {
				to := o.trace(r.TraceID(), rl.Resource())
				items[to] = append(items[to], text(rl.Resource().Attributes(), rl.SchemaUrl(), sl.Scope().Name(), sl.SchemaUrl(), r.TraceID(), r.Body().AsString(), r.Attributes()))
			}
		}
	}
	return items
}

func (o owners) points(md pmetric.Metrics) map[int][]string {
	items := map[int][]string{}
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				add := func(attributes pcommon.Map, value any) {
					to := o.service(rm.Resource())
					scope := sm.Scope().Attributes()
					if service := encoded(scope, "slo.service"); service != nil {
						to = o(hash(service, first("slo.name", scope, attributes), first("deployment.environment.name", scope, attributes)))
					}
					items[to] = append(items[to], text(rm.Resource().Attributes(), rm.SchemaUrl(), sm.Scope().Name(), scope, sm.SchemaUrl(),
						m.Name(), m.Description(), m.Unit(), m.Metadata(), m.Type(), attributes, value))
				}
				switch m.Type() {
				case pmetric.MetricTypeGauge:
					for _, p := range m.Gauge().DataPoints().All() {
						add(p.Attributes(), p.IntValue())
					}
				case pmetric.MetricTypeSum:
					for _, p := range m.Sum().DataPoints().All() {
						add(p.Attributes(), text(p.IntValue(), m.Sum().IsMonotonic(), m.Sum().AggregationTemporality()))
					}
				case pmetric.MetricTypeHistogram:
					for _, p := range m.Histogram().DataPoints().All() {
						add(p.Attributes(), text(p.Count(), m.Histogram().AggregationTemporality()))
					}
				case pmetric.MetricTypeExponentialHistogram:
					for _, p := range m.ExponentialHistogram().DataPoints().All() {
						add(p.Attributes(), text(p.Count(), m.ExponentialHistogram().AggregationTemporality()))
					}
				case pmetric.MetricTypeSummary:
					for _, p := range m.Summary().DataPoints().All() {
						add(p.Attributes(), p.Count())
					}
				}
			}
		}
	}
	return items
}

// A writer makes random requests. Each item has a number of its own.
type writer struct {
	*rand.Rand
	items int
}

func (w *writer) item() string {
	w.items++
	return fmt.Sprint("item ", w.items)
}

func (w *writer) fill(m pcommon.Map) {
	for n := range w.IntN(4) {
		m.PutStr(fmt.Sprint("key ", n), strconv.Itoa(w.IntN(3)))
	}
}

func (w *writer) resource(m pcommon.Map) {
	w.fill(m)
	if w.IntN(5) > 0 {
		m.PutStr("service.name", fmt.Sprint("service ", w.IntN(4)))
	}
	if w.IntN(2) > 0 {
		m.PutStr("service.namespace", strconv.Itoa(w.IntN(2)))
	}
}

func (w *writer) schema() string { return []string{"", "https://example.com/schema"}[w.IntN(2)] }

func (w *writer) traceID() (id pcommon.TraceID) {
	if w.IntN(4) > 0 {
		id[w.IntN(16)] = byte(1 + w.IntN(6))
	}
	return id
}

func (w *writer) traces() ptrace.Traces {
	td := ptrace.NewTraces()
	for range w.IntN(4) {
		rs := td.ResourceSpans().AppendEmpty()
		w.resource(rs.Resource().Attributes())
		rs.SetSchemaUrl(w.schema())
		for range w.IntN(4) {
			ss := rs.ScopeSpans().AppendEmpty()
			ss.Scope().SetName(fmt.Sprint("scope ", w.IntN(3)))
			w.fill(ss.Scope().Attributes())
			ss.SetSchemaUrl(w.schema())
			for range w.IntN(8) {
				s := ss.Spans().AppendEmpty()
				s.SetName(w.item())
				s.SetTraceID(w.traceID())
				s.SetSpanID([8]byte{1, byte(w.IntN(256))})
				w.fill(s.Attributes())
				w.fill(s.Events().AppendEmpty().Attributes())
			}
		}
	}
	return td
}

func (w *writer) logs() plog.Logs {
	ld := plog.NewLogs()
	for range w.IntN(4) {
		rl := ld.ResourceLogs().AppendEmpty()
		w.resource(rl.Resource().Attributes())
		for range w.IntN(4) {
			sl := rl.ScopeLogs().AppendEmpty()
			sl.Scope().SetName(fmt.Sprint("scope ", w.IntN(3)))
			sl.SetSchemaUrl(w.schema())
			for range w.IntN(8) {
				r := sl.LogRecords().AppendEmpty()
				r.Body().SetStr(w.item())
				r.SetTraceID(w.traceID())
				w.fill(r.Attributes())
			}
		}
	}
	return ld
}

func (w *writer) metrics() pmetric.Metrics {
	md := pmetric.NewMetrics()
	for range w.IntN(4) {
		rm := md.ResourceMetrics().AppendEmpty()
		w.resource(rm.Resource().Attributes())
		for range w.IntN(4) {
			sm := rm.ScopeMetrics().AppendEmpty()
			sm.Scope().SetName(fmt.Sprint("scope ", w.IntN(3)))
			scope := sm.Scope().Attributes()
			w.fill(scope)
			if w.IntN(2) > 0 {
				scope.PutStr("slo.service", fmt.Sprint("shop/", w.IntN(3)))
				if w.IntN(4) == 0 {
					scope.PutStr("slo.name", "of the scope")
				}
			}
			for range w.IntN(4) {
				m := sm.Metrics().AppendEmpty()
				m.SetName(w.item())
				m.SetUnit("s")
				w.fill(m.Metadata())
				attributes := func(m pcommon.Map) {
					w.fill(m)
					m.PutStr("slo.name", fmt.Sprint("slo ", w.IntN(3)))
					m.PutStr("deployment.environment.name", fmt.Sprint("env ", w.IntN(2)))
				}
				switch w.IntN(6) {
				case 0:
					for range w.IntN(5) {
						attributes(m.SetEmptyGauge().DataPoints().AppendEmpty().Attributes())
					}
				case 1:
					sum := m.SetEmptySum()
					sum.SetIsMonotonic(true)
					sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
					for range w.IntN(5) {
						p := sum.DataPoints().AppendEmpty()
						attributes(p.Attributes())
						p.SetIntValue(int64(w.IntN(1000)))
					}
				case 2:
					h := m.SetEmptyHistogram()
					h.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
					for range w.IntN(5) {
						p := h.DataPoints().AppendEmpty()
						attributes(p.Attributes())
						p.SetCount(uint64(w.IntN(1000)))
					}
				case 3:
					for range w.IntN(5) {
						attributes(m.SetEmptyExponentialHistogram().DataPoints().AppendEmpty().Attributes())
					}
				case 4:
					for range w.IntN(5) {
						attributes(m.SetEmptySummary().DataPoints().AppendEmpty().Attributes())
					}
				}
			}
		}
	}
	return md
}

// oneSignal divides a request, and checks the parts against the model.
func oneSignal[T any](t *testing.T, s Signal, request T, encode func(T) ([]byte, error), decode func([]byte) (T, error), items func(owners, T) map[int][]string, gateways int, limit Limit) {
	t.Helper()
	o := owners(func(key uint64) int { return int(key % uint64(gateways)) })
	want := items(o, request)
	data, err := encode(request)
	require.NoError(t, err)
	before := slices.Clone(data)
	parts, err := Divide(s, data, gateways, o, limit)
	require.NoError(t, err)
	require.Equal(t, before, data)
	got := map[int][]string{}
	total := 0
	for _, p := range parts {
		decoded, err := decode(p.Data)
		require.NoError(t, err)
		n := 0
		for owner, items := range items(o, decoded) {
			require.Equal(t, p.Gateway, owner, "an item went to another gateway than its key says")
			n += len(items)
			got[owner] = append(got[owner], items...)
		}
		require.Equal(t, n, p.Items)
		require.True(t, n == 1 || limit.Bytes == 0 || len(p.Data) <= limit.Bytes, "%d items in %d bytes", n, len(p.Data))
		counted, err := Count(s, p.Data)
		require.NoError(t, err)
		require.Equal(t, n, counted)
		total += n
	}
	require.Equal(t, want, got, "every item once, in its order, with its resource and scope")
	counted, err := Count(s, data)
	require.NoError(t, err)
	require.Equal(t, total, counted)
}

func TestDivideIsTheModel(t *testing.T) {
	w := &writer{Rand: rand.New(rand.NewPCG(1, 2))}
	for range 2000 {
		gateways := 1 + w.IntN(5)
		limit := Limit{}
		if w.IntN(3) == 0 {
			limit.Bytes = 1 + w.IntN(600)
		}
		oneSignal(t, Traces, w.traces(), (&ptrace.ProtoMarshaler{}).MarshalTraces, (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces, owners.spans, gateways, limit)
		oneSignal(t, Logs, w.logs(), (&plog.ProtoMarshaler{}).MarshalLogs, (&plog.ProtoUnmarshaler{}).UnmarshalLogs, owners.records, gateways, limit)
		metricsLimit := Limit{} // a metric with all its data points is one part at least
		oneSignal(t, Metrics, w.metrics(), (&pmetric.ProtoMarshaler{}).MarshalMetrics, (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics, owners.points, gateways, metricsLimit)
	}
}

// One resource and one scope of a request stay one for each gateway.
func TestResourcesStayTogether(t *testing.T) {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "checkout")
	for range 2 {
		ss := rs.ScopeSpans().AppendEmpty()
		for n := range 100 {
			ss.Spans().AppendEmpty().SetTraceID([16]byte{1, byte(n % 10)})
		}
	}
	data, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	require.NoError(t, err)
	parts, err := Divide(Traces, data, 3, func(key uint64) int { return int(key % 3) }, Limit{})
	require.NoError(t, err)
	require.Len(t, parts, 3)
	for _, p := range parts {
		got, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(p.Data)
		require.NoError(t, err)
		require.Equal(t, 1, got.ResourceSpans().Len())
		require.Equal(t, 2, got.ResourceSpans().At(0).ScopeSpans().Len())
	}
}

// Two requests one after the other are one.
func TestConcatenationIsMerging(t *testing.T) {
	w := &writer{Rand: rand.New(rand.NewPCG(3, 4))}
	one, two := w.traces(), w.traces()
	a, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(one)
	require.NoError(t, err)
	b, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(two)
	require.NoError(t, err)
	got, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(append(a, b...))
	require.NoError(t, err)
	two.ResourceSpans().MoveAndAppendTo(one.ResourceSpans())
	require.Equal(t, one, got)
}

// Nothing that is on a disk makes it panic, or lose an item of what it can read.
func FuzzDivide(f *testing.F) {
	w := &writer{Rand: rand.New(rand.NewPCG(5, 6))}
	for range 20 {
		for signal, encode := range []func() ([]byte, error){
			func() ([]byte, error) { return (&ptrace.ProtoMarshaler{}).MarshalTraces(w.traces()) },
			func() ([]byte, error) { return (&plog.ProtoMarshaler{}).MarshalLogs(w.logs()) },
			func() ([]byte, error) { return (&pmetric.ProtoMarshaler{}).MarshalMetrics(w.metrics()) },
		} {
			data, err := encode()
			require.NoError(f, err)
			f.Add(signal, data, 100)
		}
	}
	f.Fuzz(func(t *testing.T, signal int, data []byte, bytes int) {
		s := Signal(uint(signal) % 3)
		items, err := Count(s, data)
		parts, divideErr := Divide(s, data, 3, func(key uint64) int { return int(key % 3) }, Limit{Bytes: bytes & 0xffff})
		if err != nil || divideErr != nil {
			return
		}
		got := 0
		for _, p := range parts {
			counted, err := Count(s, p.Data)
			require.NoError(t, err)
			require.Equal(t, p.Items, counted)
			got += counted
		}
		require.Equal(t, items, got)
	})
}
