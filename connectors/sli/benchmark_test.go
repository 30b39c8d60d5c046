// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"encoding/binary"
	"fmt"
	"math"
	mathrand "math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/open-telemetry/opentelemetry-collector-contrib/connector/spanmetricsconnector"
)

const (
	spansPerBatch     = 100
	attributesPerSpan = 16
	// benchmarkInputs is the same for any catalog, so that the input takes the same room in the CPU cache.
	benchmarkInputs = 4
)

// benchmarkBatches are requests as SDKs send them: one resource, 100 server spans, 16 attributes
// each; one in twenty fails. They are spread over the services.
func benchmarkBatches(services int) []ptrace.Traces {
	batches := make([]ptrace.Traces, benchmarkInputs)
	for i := range batches {
		td := ptrace.NewTraces()
		rs := td.ResourceSpans().AppendEmpty()
		resource := rs.Resource().Attributes()
		resource.PutStr("telemetry.sdk.language", "go")
		resource.PutStr("host.name", "node-17")
		resource.PutStr("service.name", fmt.Sprintf("service-%d", i*services/len(batches)))
		resource.PutStr("service.version", "1.2.3")
		resource.PutStr("deployment.environment.name", "production")
		spans := rs.ScopeSpans().AppendEmpty().Spans()
		for j := range spansPerBatch {
			benchmarkSpan(spans.AppendEmpty(), j)
		}
		// As the receiver hands it over: from the wire, and not to be changed.
		wire, err := new(ptrace.ProtoMarshaler).MarshalTraces(td)
		if err != nil {
			panic(err)
		}
		if td, err = new(ptrace.ProtoUnmarshaler).UnmarshalTraces(wire); err != nil {
			panic(err)
		}
		td.MarkReadOnly()
		batches[i] = td
	}
	return batches
}

func benchmarkSpan(span ptrace.Span, i int) {
	span.SetName("POST /orders")
	span.SetKind(ptrace.SpanKindServer)
	span.SetTraceID(pcommon.TraceID{1, 15: byte(i)})
	span.SetSpanID(pcommon.SpanID{1, 7: byte(i)})
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(epoch))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(epoch.Add(time.Duration(i) * 4 * time.Millisecond)))
	attributes := span.Attributes()
	attributes.PutStr("http.request.method", "POST")
	attributes.PutStr("url.scheme", "https")
	attributes.PutStr("url.path", "/orders")
	attributes.PutStr("http.route", "/orders")
	attributes.PutStr("server.address", "checkout.example.com")
	attributes.PutInt("server.port", 443)
	attributes.PutStr("network.protocol.version", "1.1")
	attributes.PutStr("user_agent.original", "Mozilla/5.0")
	attributes.PutStr("client.address", "203.0.113.7")
	attributes.PutStr("correlation.id", "7b6e6a1c-5a0e-4c57-9a3e-3a4c2e1f0d9b")
	status := int64(200)
	if i%20 == 0 {
		status = 503
		span.Status().SetCode(ptrace.StatusCodeError)
	}
	attributes.PutInt("http.response.status_code", status)
	for attributes.Len() < attributesPerSpan {
		attributes.PutStr(fmt.Sprintf("app.attribute.%d", attributes.Len()), "value")
	}
}

func benchmarkCatalog(services int) []string {
	documents := make([]string, services)
	for i := range documents {
		documents[i] = fmt.Sprintf(`
metadata: {name: service-%d}
spec:
  owner: team
  slos:
    - {name: availability, objective: 99.9, sli: {availability: {}}}
    - {name: latency, objective: 99, sli: {latency: {threshold: 300ms}}}
`, i)
	}
	return documents
}

// BenchmarkGroups is the cost of a span with both SLOs by groups, of which a request has as many.
func BenchmarkGroups(b *testing.B) {
	for _, groups := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("groups=%d", groups), func(b *testing.B) {
			f := start(b, catalogOf(b, groupedBenchmark))
			td := groupedBatch(groups)
			f.traces(b, td)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				_ = f.ConsumeTraces(b.Context(), td)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*spansPerBatch), "ns/span")
		})
	}
}

// BenchmarkTraces is the cost of a span with an availability and a latency SLO.
func BenchmarkTraces(b *testing.B) {
	for _, services := range []int{1, 10, 1000} {
		b.Run(fmt.Sprintf("services=%d", services), func(b *testing.B) {
			f := start(b, catalogOf(b, benchmarkCatalog(services)...))
			benchmarkConsume(b, f, benchmarkBatches(services))
		})
	}
}

// BenchmarkByDefault is the cost of a span of services that the catalog does not name.
func BenchmarkByDefault(b *testing.B) {
	f := start(b, withDefaults(b, forAll, benchmarkCatalog(1)...))
	benchmarkConsume(b, f, benchmarkBatches(4000)[1:])
}

// BenchmarkExact is what it costs, beside counting, to recognize what is sent again and to lose nothing at a kill.
func BenchmarkExact(b *testing.B) {
	current := func(cfg *Config, h host) { exactly(cfg, h) }
	for _, mode := range []struct {
		name    string
		options []option
	}{
		{"count", nil},
		{"late", []option{current, func(cfg *Config, _ host) { cfg.Deduplicate.Window = 0 }}},
		{"deduplicate", []option{current}},
		{"journal", []option{newDisk(b).on(b)}},
	} {
		b.Run(mode.name, func(b *testing.B) {
			f := start(b, catalogOf(b, benchmarkCatalog(10)...), mode.options...)
			td := ptrace.NewTraces()
			benchmarkBatches(10)[1].CopyTo(td)
			spans := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
			var next uint64
			b.ReportAllocs()
			for b.Loop() {
				for i := range spans.Len() {
					next++
					var id [8]byte
					binary.LittleEndian.PutUint64(id[:], next)
					spans.At(i).SetSpanID(id)
				}
				if err := f.ConsumeTraces(b.Context(), td); err != nil {
					b.Fatal(err)
				}
			}
			if f.total(b, deduplicated) > 0 {
				b.Fatal("spans were not new")
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/spansPerBatch, "ns/span")
		})
	}
}

// BenchmarkSpanMetrics is the cost of the same spans in contrib's span_metrics connector.
func BenchmarkSpanMetrics(b *testing.B) {
	for _, services := range []int{1, 10, 1000} {
		b.Run(fmt.Sprintf("services=%d", services), func(b *testing.B) {
			factory := spanmetricsconnector.NewFactory()
			c, err := factory.CreateTracesToMetrics(b.Context(), connectortest.NewNopSettings(factory.Type()), factory.CreateDefaultConfig(), consumertest.NewNop())
			require.NoError(b, err)
			require.NoError(b, c.Start(b.Context(), componenttest.NewNopHost()))
			defer func() { require.NoError(b, c.Shutdown(b.Context())) }()
			benchmarkConsume(b, c, benchmarkBatches(services))
		})
	}
}

func benchmarkConsume(b *testing.B, c consumer.Traces, batches []ptrace.Traces) {
	for _, td := range batches {
		require.NoError(b, c.ConsumeTraces(b.Context(), td))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if err := c.ConsumeTraces(b.Context(), batches[i%len(batches)]); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	runtime.ReadMemStats(&after)
	spans := float64(b.N) * spansPerBatch
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/spans, "ns/span")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/spans, "allocs/span")
}

// BenchmarkSampledTraces is the same with spans that were sampled, each of its own trace.
func BenchmarkSampledTraces(b *testing.B) {
	f := start(b, catalogOf(b, benchmarkCatalog(1)...))
	batches := benchmarkBatches(1)
	for i := range batches {
		td := ptrace.NewTraces()
		batches[i].CopyTo(td)
		for j, span := range td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
			span.TraceState().FromRaw(fmt.Sprintf("vendor=x,ot=th:c;rv:%014x", j))
		}
		batches[i] = td
	}
	benchmarkConsume(b, f, batches)
}

// BenchmarkFlush is the cost of a flush of n services with two SLOs in one environment and version.
func BenchmarkFlush(b *testing.B) {
	for _, services := range []int{10, 1000} {
		b.Run(fmt.Sprintf("services=%d", services), func(b *testing.B) {
			f := start(b, catalogOf(b, benchmarkCatalog(services)...))
			for i := range services {
				f.traces(b, tracesOf(checkout("service.name", fmt.Sprintf("service-%d", i)), spanOf{kind: server}))
			}
			b.ReportAllocs()
			for b.Loop() {
				f.core.flush(b.Context())
				f.sink.Reset()
			}
		})
	}
}

// A steady stream of spans costs no allocation, whether they are good or bad, new or sent again, in the journal or not.
func TestSpansDoNotAllocate(t *testing.T) {
	for name, options := range map[string][]option{"counted": nil, "sent again": {exactly}, "ledger": {withLedger}, "journal": {newDisk(t).on(t), func(cfg *Config, _ host) { cfg.Deduplicate.Window = 0 }}} {
		t.Run(name, func(t *testing.T) { doNotAllocate(t, options, benchmarkBatches(10)) })
	}
	t.Run("outage", func(t *testing.T) { doNotAllocate(t, []option{withLedger}, ledgerDays("bad")) })
}

func doNotAllocate(t *testing.T, options []option, batches []ptrace.Traces) {
	f := start(t, catalogOf(t, benchmarkCatalog(10)...), options...)
	for range 10 {
		for _, td := range batches {
			f.traces(t, td)
		}
	}
	allocated := testing.AllocsPerRun(100, func() {
		for _, td := range batches {
			_ = f.ConsumeTraces(t.Context(), td)
		}
	})
	// The pool may be emptied by a garbage collection in between.
	require.Less(t, allocated/(float64(len(batches))*spansPerBatch), 0.05, "a span")
}

// withLedger has the budget ledger on.
func withLedger(cfg *Config, _ host) { cfg.Ledger = configoptional.Some(LedgerConfig{MaxSLOs: 1000}) }

// ledgerDays are requests of a good day, of one with some bad events, and of an outage. Routes, tenants and products vary, as those of users do.
func ledgerDays(share string) []ptrace.Traces {
	random := mathrand.New(mathrand.NewPCG(1, 2))
	batches := benchmarkBatches(1)
	for i := range batches {
		td := ptrace.NewTraces()
		batches[i].CopyTo(td)
		for j, span := range td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
			bad := share == "bad" || share == "some" && j%20 == 0
			span.SetEndTimestamp(span.StartTimestamp() + pcommon.Timestamp(10*time.Millisecond))
			span.Status().SetCode(ptrace.StatusCodeUnset)
			a := span.Attributes()
			a.PutInt("http.response.status_code", 200)
			if bad {
				span.Status().SetCode(ptrace.StatusCodeError)
				a.PutInt("http.response.status_code", 503)
			}
			a.PutStr("http.route", fmt.Sprintf("/orders/%d", random.IntN(6)))
			a.PutStr("app.attribute.11", fmt.Sprintf("tenant-%d", int(100*math.Pow(random.Float64(), 3))))
			a.PutStr("app.attribute.12", fmt.Sprintf("product-%d", random.IntN(20)))
		}
		wire, err := new(ptrace.ProtoMarshaler).MarshalTraces(td)
		if err != nil {
			panic(err)
		}
		if td, err = new(ptrace.ProtoUnmarshaler).UnmarshalTraces(wire); err != nil {
			panic(err)
		}
		td.MarkReadOnly()
		batches[i] = td
	}
	return batches
}

// BenchmarkLedger is the cost of a span with an availability and a latency SLO, with the budget ledger and without: on a good day, in a minute that has had
// a bad event, with some bad events, and when all are bad. All else is as by default: late events count apart, and what is sent again is recognized.
// They take turns, request by request, so that a busy machine is busy for all of them; the result is the quartile of the faster requests.
func BenchmarkLedger(b *testing.B) {
	var days []*ledgerDay
	for _, day := range []struct{ name, share string }{{"good", "good"}, {"burns", "good"}, {"some", "some"}, {"outage", "bad"}} {
		days = append(days, newLedgerDay(b, day.name+"-without", day.share, exactly), newLedgerDay(b, day.name+"-with", day.share, exactly, withLedger))
	}
	for i := range 3 * len(days) {
		days[i%len(days)].consume(b)
	}
	for i := range days {
		days[i].took = days[i].took[:0]
	}
	for b.Loop() {
		for _, day := range days {
			day.consume(b)
		}
	}
	for _, day := range days {
		if day.total(b, deduplicated) > 0 {
			b.Fatal("spans were not new")
		}
		slices.Sort(day.took)
		b.ReportMetric(float64(day.took[len(day.took)/4].Nanoseconds())/spansPerBatch, day.name+"-ns/span")
	}
	b.ReportMetric(0, "ns/op")
}

// A ledgerDay is a connector, and what it gets.
type ledgerDay struct {
	*fixture
	name    string
	batches []ptrace.Traces
	next    uint64
	read    byte
	took    []time.Duration
}

func newLedgerDay(b *testing.B, name, share string, options ...option) *ledgerDay {
	d := &ledgerDay{fixture: start(b, catalogOf(b, benchmarkCatalog(1)...), options...), name: name, batches: ledgerDays(share)}
	if strings.HasPrefix(name, "burns") {
		d.traces(b, tracesOf(checkout("service.name", "service-0"), spanOf{kind: server, err: true, took: time.Second}))
	}
	for i, td := range d.batches { // with new IDs each time
		d.batches[i] = ptrace.NewTraces()
		td.CopyTo(d.batches[i])
	}
	return d
}

func (d *ledgerDay) consume(b *testing.B) {
	td := d.batches[len(d.took)%len(d.batches)]
	for _, span := range td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
		d.next++
		var id [8]byte
		binary.LittleEndian.PutUint64(id[:], d.next)
		span.SetSpanID(id)
		for name, value := range span.Attributes().All() { // as after decoding, all of it is in the cache
			d.read ^= name[0]
			if text := value.Str(); text != "" {
				d.read ^= text[0]
			}
		}
	}
	began := time.Now()
	err := d.ConsumeTraces(b.Context(), td)
	d.took = append(d.took, time.Since(began))
	if err != nil {
		b.Fatal(err)
	}
}
