// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor"
)

const (
	itemsPerBatch = 100
	attributes    = 16
)

func benchmarkAttributes(m pcommon.Map, source string) {
	for i := range attributes - 1 {
		m.PutStr(fmt.Sprintf("app.attribute.number.%d", i), "value")
	}
	m.PutStr(source, requestID)
}

// benchmarkTraces is a batch of spans with 16 attributes, one of which is the source; ten a trace.
func benchmarkTraces(source string) ptrace.Traces {
	td := ptrace.NewTraces()
	spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for i := range itemsPerBatch {
		span := spans.AppendEmpty()
		span.SetTraceID(pcommon.TraceID{1, 15: byte(i % 10)})
		span.SetParentSpanID(pcommon.SpanID{1})
		benchmarkAttributes(span.Attributes(), source)
	}
	return td
}

func benchmarkLogs(source string, body string) plog.Logs {
	ld := plog.NewLogs()
	records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for i := range itemsPerBatch {
		record := records.AppendEmpty()
		record.SetTraceID(pcommon.TraceID{1, 15: byte(i % 10)})
		record.Body().SetStr(body)
		benchmarkAttributes(record.Attributes(), source)
	}
	return ld
}

var sourcesToMeasure = []string{"correlation.id", "http.request.header.x-request-id", "none"}

// BenchmarkSpans is the cost of a span in steady state: the attribute is read, the state looked up,
// and what has to be written is there already or, for the second source, is replaced.
func BenchmarkSpans(b *testing.B) {
	for _, source := range sourcesToMeasure {
		b.Run(source, func(b *testing.B) {
			c, td := coreOf(b), benchmarkTraces(source)
			perItem(b, func() { _, _ = c.traces(context.Background(), td) })
		})
	}
}

// BenchmarkTransform is the attribute part of the same job in OTTL.
func BenchmarkTransform(b *testing.B) {
	for _, source := range sourcesToMeasure {
		b.Run(source, func(b *testing.B) {
			p, td := transform(b), benchmarkTraces(source)
			perItem(b, func() { _ = p.ConsumeTraces(context.Background(), td) })
		})
	}
}

func transform(b *testing.B) processor.Traces {
	factory := transformprocessor.NewFactory()
	cfg := factory.CreateDefaultConfig()
	require.NoError(b, confmap.NewFromStringMap(map[string]any{"trace_statements": []any{
		`set(span.attributes["correlation.id"], span.attributes["http.request.header.x-correlation-id"]) where span.attributes["correlation.id"] == nil`,
		`set(span.attributes["correlation.id"], span.attributes["http.request.header.x-request-id"]) where span.attributes["correlation.id"] == nil`,
		`set(span.attributes["correlation.id"], span.attributes["messaging.message.conversation_id"]) where span.attributes["correlation.id"] == nil`,
		`set(span.attributes["correlation.id"], span.trace_id.string) where span.attributes["correlation.id"] == nil`,
	}}).Unmarshal(cfg))
	p, err := factory.CreateTraces(b.Context(), processortest.NewNopSettings(factory.Type()), cfg, consumertest.NewNop())
	require.NoError(b, err)
	require.NoError(b, p.Start(b.Context(), componenttest.NewNopHost()))
	b.Cleanup(func() { require.NoError(b, p.Shutdown(context.Background())) })
	return p
}

// BenchmarkFreshSpans is the cost of spans that do not have the attribute yet, for which pdata has to make
// room, in both processors; copying the batch is not counted.
func BenchmarkFreshSpans(b *testing.B) {
	td := benchmarkTraces("http.request.header.x-request-id")
	fresh := func(b *testing.B, run func(ptrace.Traces)) {
		var taken time.Duration
		for range b.N {
			batch := ptrace.NewTraces()
			td.CopyTo(batch)
			began := time.Now()
			run(batch)
			taken += time.Since(began)
		}
		b.ReportMetric(float64(taken.Nanoseconds())/float64(b.N*itemsPerBatch), "ns/item")
	}
	b.Run("correlation", func(b *testing.B) {
		c := coreOf(b)
		fresh(b, func(td ptrace.Traces) { _, _ = c.traces(context.Background(), td) })
	})
	b.Run("transform", func(b *testing.B) {
		p := transform(b)
		fresh(b, func(td ptrace.Traces) { _ = p.ConsumeTraces(context.Background(), td) })
	})
}

func BenchmarkLogs(b *testing.B) {
	for name, input := range map[string][2]string{
		"attribute":      {"correlation.id", "paid"},
		"JSON":           {"none", `{"level":"info","ts":1700000000.123,"caller":"app/main.go:12","msg":"paid","order":"A-17","status":200,"request_id":"` + requestID + `"}`},
		"logfmt":         {"none", `time=2026-01-02T15:04:05Z level=info msg="paid" order=A-17 status=200 request_id=` + requestID},
		"text with none": {"none", "2026-01-02 15:04:05 INFO 1 --- [main] com.example.Shop : order A-17 was paid, after two tries"},
	} {
		b.Run(name, func(b *testing.B) {
			c, ld := coreOf(b), benchmarkLogs(input[0], input[1])
			perItem(b, func() { _, _ = c.logs(context.Background(), ld) })
		})
		b.Run(name+", read again", func(b *testing.B) {
			c, ld := coreOf(b), benchmarkLogs(input[0], input[1])
			search := search{plan: c.plan, hygiene: &c.hygiene, maxBody: c.config.MaxBody}
			rl := ld.ResourceLogs().At(0)
			sl := rl.ScopeLogs().At(0)
			perItem(b, func() {
				for i := range itemsPerBatch {
					search.log(context.Background(), rl, sl, sl.LogRecords().At(i), finding{rank: unranked}, nil)
				}
			})
		})
	}
}

// BenchmarkFreshLogs is the whole cost of a line of JSON from a file: read, and written into a record that
// has the receiver's few attributes; copying the batch is not counted.
func BenchmarkFreshLogs(b *testing.B) {
	ld := plog.NewLogs()
	records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for i := range itemsPerBatch {
		record := records.AppendEmpty()
		record.SetTraceID(pcommon.TraceID{1, 15: byte(i % 10)})
		record.Attributes().PutStr("log.file.name", "shop.log")
		record.Attributes().PutStr("log.iostream", "stdout")
		record.Body().SetStr(`{"level":"info","ts":1700000000.123,"caller":"app/main.go:12","msg":"paid","order":"A-17","status":200,"request_id":"` + requestID + `"}`)
	}
	c := coreOf(b)
	b.ReportAllocs()
	var taken time.Duration
	for range b.N {
		batch := plog.NewLogs()
		ld.CopyTo(batch)
		began := time.Now()
		_, _ = c.logs(context.Background(), batch)
		taken += time.Since(began)
	}
	b.ReportMetric(float64(taken.Nanoseconds())/float64(b.N*itemsPerBatch), "ns/item")
}

func perItem(b *testing.B, run func()) {
	run()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.ResetTimer()
	for range b.N {
		run()
	}
	b.StopTimer()
	runtime.ReadMemStats(&after)
	items := float64(b.N) * itemsPerBatch
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/items, "ns/item")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/items, "allocs/item")
}

// BenchmarkMemory is the heap that a million live traces take, each with a UUID and the way back.
func BenchmarkMemory(b *testing.B) {
	const million = 1_000_000
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		c := coreOf(b, func(c *Config) { c.MaxEntries, c.MaxBytes = 2*million, 1<<30 })
		for i := range million {
			var trace pcommon.TraceID
			binary.BigEndian.PutUint64(trace[8:], uint64(i+1))
			id := fmt.Sprintf("%08x%s", i, requestID[8:])
			c.state.show(trace, sighting{id: id, by: spanEvidence}, 1)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		u := c.state.usage()
		require.EqualValues(b, 2*million, u.entries)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/million, "B/trace")
		b.ReportMetric(float64(u.bytes)/million, "estimated-B/trace")
	}
}

// Attribute sources cost no allocation in steady state.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	c, td, ld := coreOf(t), benchmarkTraces("correlation.id"), benchmarkLogs("correlation.id", "paid")
	allocated := testing.AllocsPerRun(100, func() {
		_, _ = c.traces(context.Background(), td)
		_, _ = c.logs(context.Background(), ld)
	})
	// The pool may be emptied by a garbage collection in between.
	require.Less(t, allocated/(2*itemsPerBatch), 0.05, "an item")
}
