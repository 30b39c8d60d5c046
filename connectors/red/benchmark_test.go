// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package red

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

const spansPerRequest = 100

// request is 100 spans of ten services: calls with both sides, and internal spans.
func request() ptrace.Traces {
	td := ptrace.NewTraces()
	for service := range 10 {
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", fmt.Sprint("service-", service))
		rs.Resource().Attributes().PutStr("service.namespace", "shop")
		rs.Resource().Attributes().PutStr("service.version", "1.2.3")
		rs.Resource().Attributes().PutStr("deployment.environment.name", "production")
		spans := rs.ScopeSpans().AppendEmpty().Spans()
		for n := range spansPerRequest / 10 {
			span := spans.AppendEmpty()
			span.SetSpanID(pcommon.SpanID{byte(service + 1), byte(n + 1)})
			span.SetStartTimestamp(1e9)
			span.SetEndTimestamp(pcommon.Timestamp(1e9 + 1e6*(service+1)*(n+1)))
			switch n % 4 {
			case 0:
				span.SetKind(ptrace.SpanKindClient)
			case 1:
				span.SetKind(ptrace.SpanKindServer)
				span.SetParentSpanID(pcommon.SpanID{byte((service+9)%10 + 1), byte(n)})
			default:
				span.SetKind(ptrace.SpanKindInternal)
			}
			for a := range 14 {
				span.Attributes().PutStr(fmt.Sprint("attribute.", a), "a value of usual length")
			}
		}
	}
	return td
}

// number makes the request another trace.
func number(td ptrace.Traces, n uint64) {
	var id pcommon.TraceID
	binary.LittleEndian.PutUint64(id[:], n+1)
	for _, rs := range td.ResourceSpans().All() {
		for _, span := range rs.ScopeSpans().At(0).Spans().All() {
			span.SetTraceID(id)
		}
	}
}

// BenchmarkSpans is the time for one span, here and in span_metrics and service_graph together.
func BenchmarkSpans(b *testing.B) {
	b.Run("red", func(b *testing.B) {
		r := newRig(b, createDefaultConfig().(*Config), &catalog.Service{Name: "service-0"})
		td := request()
		b.ReportAllocs()
		for i := 0; i < b.N; i += spansPerRequest {
			number(td, uint64(i))
			r.consume(td)
		}
	})
	b.Run("span_metrics and service_graph", func(b *testing.B) {
		peers := startPeers(b, consumertest.NewNop(), "15s", "1ms")
		td := request()
		b.ReportAllocs()
		b.ResetTimer()
		for i := 0; i < b.N; i += spansPerRequest {
			number(td, uint64(i))
			for _, p := range peers {
				if err := p.ConsumeTraces(b.Context(), td); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

// BenchmarkFlush is the time for one series.
func BenchmarkFlush(b *testing.B) {
	r := newRig(b, createDefaultConfig().(*Config))
	for n := range 400 {
		r.consume(spanOf(fmt.Sprint("service-", n)))
	}
	r.pass(time.Minute)
	b.ReportAllocs()
	for i := 0; i < b.N; i += 400 {
		r.sink.Reset()
		r.flush(b.Context())
	}
}
