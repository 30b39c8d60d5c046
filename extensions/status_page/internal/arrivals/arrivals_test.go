// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package arrivals

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/goleak"

	"github.com/otelcol-sre/otelcol-sre/internal/admission"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)

type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func traces(service string, n int, kind ptrace.SpanKind, ended time.Time) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	resource := rs.Resource().Attributes()
	resource.PutStr("service.name", service)
	resource.PutStr("service.version", "1.2.3")
	resource.PutStr("service.instance.id", "a")
	resource.PutStr("telemetry.sdk.name", "opentelemetry")
	resource.PutStr("telemetry.sdk.language", "java")
	resource.PutStr("telemetry.sdk.version", "1.40.0")
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	for range n {
		span := spans.AppendEmpty()
		span.SetKind(kind)
		span.SetName("GET /")
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(ended))
	}
	return td
}

func TestRecord(t *testing.T) {
	at := &clock{start}
	r := New(Options{MaxBytes: MaxBytes, Now: at.now})
	ctx := client.NewContext(t.Context(), client.Info{Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7), Port: 12345}})
	r.SawTraces(ctx, traces("checkout", 1000, ptrace.SpanKindInternal, start.Add(time.Hour)))
	r.SawTraces(ctx, traces("checkout", 1, ptrace.SpanKindInternal, start.Add(-time.Hour)))

	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("service.name", "checkout")
	rl.Resource().Attributes().PutStr("service.version", "1.2.3")
	rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr("paid")
	r.SawLogs(ctx, ld)

	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rl.Resource().CopyTo(rm.Resource())
	sum := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	sum.SetName("orders")
	sum.SetEmptySum().SetIsMonotonic(true)
	sum.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	sum.Sum().DataPoints().AppendEmpty()
	sum.Sum().DataPoints().AppendEmpty()
	r.SawMetrics(ctx, md)

	senders := r.Senders()
	require.Len(t, senders, 1)
	s := senders[0]
	assert.Equal(t, []any{"checkout", "1.2.3", int64(1001), int64(1), int64(2), start, "opentelemetry java 1.40.0"}, []any{s.Service, s.Version, s.Spans, s.LogRecords, s.DataPoints, s.LastSeen, s.SDK})
	assert.Equal(t, []string{"10.0.0.7"}, s.Peers)
	assert.Equal(t, []string{"INTERNAL"}, s.Kinds)
	require.Len(t, s.Instances, 2, "spans have an instance, logs and metrics none")
	assert.InDelta(t, 3600, s.Instances[1].Offset, 0.001, "the newest says what the clock is; what is older may have waited")
	require.Len(t, s.Metrics, 1)
	assert.Equal(t, []any{"orders", "sum", true, "delta"}, []any{s.Metrics[0].Name, s.Metrics[0].Type, s.Metrics[0].Monotonic, s.Metrics[0].Temporality})
	require.Len(t, s.Traces, 1, "samples are some time apart")
	assert.Equal(t, maxItems, s.Traces[0].SpanCount())
	require.Len(t, s.Logs, 1)

	// A clock that was set right is right after two periods.
	for range 3 {
		at.Time = at.Add(period + time.Second)
		r.SawTraces(ctx, traces("checkout", 1, ptrace.SpanKindServer, at.Time))
	}
	s = r.Senders()[0]
	assert.InDelta(t, 0, s.Instances[1].Offset, 0.001)
	assert.Equal(t, []string{"INTERNAL", "SERVER"}, s.Kinds)

	at.Time = at.Add(forget + time.Second)
	assert.Empty(t, r.Senders())
	assert.Zero(t, r.bytes, "its samples are gone too")
}

// Whatever clients send, what is remembered has a bound.
func TestBounds(t *testing.T) {
	at := &clock{start}
	const budget = 1 << 20
	r := New(Options{MaxBytes: budget, Now: at.now})
	limits := admission.Limits{MaxUnknown: 100, MaxPerService: 10}
	r.Admit(admission.New(limits, at.now))
	for i := range 2000 {
		td := traces(fmt.Sprintf("service-%d", i), 100, ptrace.SpanKindServer, start)
		td.ResourceSpans().At(0).Resource().Attributes().PutStr("service.instance.id", strings.Repeat("x", 1000)+strconv.Itoa(i))
		td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().PutStr("big", strings.Repeat("x", 10_000))
		r.SawTraces(client.NewContext(t.Context(), client.Info{Addr: &net.TCPAddr{IP: net.IPv4(10, 0, byte(i>>8), byte(i))}}), td)
		md := pmetric.NewMetrics()
		rm := md.ResourceMetrics().AppendEmpty()
		rm.Resource().Attributes().PutStr("service.name", "checkout")
		m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		m.SetName(fmt.Sprintf("metric-%d", i))
		m.SetEmptyGauge().DataPoints().AppendEmpty()
		r.SawMetrics(t.Context(), md)
		at.Time = at.Add(time.Millisecond)
	}
	senders := r.Senders()
	assert.LessOrEqual(t, len(senders), limits.MaxUnknown+1)
	size := 0
	for _, s := range senders {
		assert.LessOrEqual(t, len(s.Instances), maxInstances)
		assert.LessOrEqual(t, len(s.Peers), maxPeers)
		assert.LessOrEqual(t, len(s.Metrics), maxMetrics)
	}
	for _, s := range r.senders {
		for i := range s.samples {
			for _, data := range s.samples[i].data {
				assert.LessOrEqual(t, len(data), maxSample)
				size += len(data)
			}
		}
	}
	assert.Equal(t, r.bytes, size)
	assert.LessOrEqual(t, size, budget)

	off := New(Options{Now: at.now})
	off.SawTraces(t.Context(), traces("checkout", 10, ptrace.SpanKindServer, start))
	assert.Empty(t, off.Senders()[0].Traces, "nothing is kept where nothing may be kept")
}

// A sender that was admitted and has not been noted yet is not forgotten meanwhile.
func TestNewSendersAreNotForgotten(t *testing.T) {
	r := New(Options{Now: func() time.Time { return start }})
	td := traces("checkout", 1, ptrace.SpanKindServer, start)
	s := r.sender(td.ResourceSpans().At(0).Resource(), start)
	assert.Empty(t, r.Senders(), "nothing has arrived")
	assert.Same(t, s, r.sender(td.ResourceSpans().At(0).Resource(), start))
}

func TestConcurrentUse(t *testing.T) {
	r := New(Options{MaxBytes: 1 << 16, Now: time.Now})
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 200 {
				r.SawTraces(context.Background(), traces(fmt.Sprintf("service-%d", (i+j)%7), 3, ptrace.SpanKindServer, start))
				if j%50 == 0 {
					r.Senders()
				}
			}
		})
	}
	all.Wait()
	var spans int64
	for _, s := range r.Senders() {
		spans += s.Spans
	}
	assert.EqualValues(t, 4*200*3, spans)
}

// Between two samples, nothing is allocated.
func TestSpansDoNotAllocate(t *testing.T) {
	at := &clock{start}
	r := New(Options{MaxBytes: MaxBytes, Now: at.now})
	ctx := client.NewContext(t.Context(), client.Info{Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7)}})
	td := traces("checkout", 100, ptrace.SpanKindServer, start)
	td.MarkReadOnly()
	r.SawTraces(ctx, td)
	assert.Zero(t, testing.AllocsPerRun(100, func() { r.SawTraces(ctx, td) }))
}

func BenchmarkSawTraces(b *testing.B) {
	r := New(Options{MaxBytes: MaxBytes, Now: time.Now})
	td := traces("checkout", 100, ptrace.SpanKindServer, start)
	td.MarkReadOnly()
	b.ReportAllocs()
	for b.Loop() {
		r.SawTraces(b.Context(), td)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/span")
}
