// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package recent

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// spansOf are spans as an instrumented HTTP server sends them, with 12 attributes.
func spansOf(count int, mark string) ptrace.Traces {
	traces := ptrace.NewTraces()
	of := traces.ResourceSpans().AppendEmpty()
	resource(of.Resource())
	spans := of.ScopeSpans().AppendEmpty().Spans()
	for i := range count {
		span := spans.AppendEmpty()
		span.SetName("POST /orders")
		span.SetTraceID(pcommon.TraceID{0x4b, byte(i), byte(i >> 8), byte(i >> 16), 5, 6, 7, 8, 9})
		span.SetSpanID(pcommon.SpanID{byte(i), byte(i >> 8), byte(i >> 16), 4})
		span.SetStartTimestamp(1_795_262_400_000_000_000)
		span.SetEndTimestamp(1_795_262_400_050_000_000)
		attributes(span.Attributes(), mark)
	}
	return traces
}

func logsOf(count int, mark string) plog.Logs {
	logs := plog.NewLogs()
	of := logs.ResourceLogs().AppendEmpty()
	resource(of.Resource())
	records := of.ScopeLogs().AppendEmpty().LogRecords()
	for i := range count {
		record := records.AppendEmpty()
		record.SetTimestamp(1_795_262_400_000_000_000)
		record.SetTraceID(pcommon.TraceID{0x4b, byte(i), byte(i >> 8), byte(i >> 16), 5, 6, 7, 8, 9})
		record.SetSeverityText("INFO")
		record.Body().SetStr("order was paid with a card of the customer's in 34 ms")
		record.Attributes().PutStr("correlation.id", mark)
		record.Attributes().PutStr("logger", "com.example.shop.checkout.OrderService")
		record.Attributes().PutInt("thread.id", 17)
	}
	return logs
}

func resource(of pcommon.Resource) {
	for name, value := range map[string]string{
		"service.name": "checkout", "service.namespace": "shop", "service.version": "1.1.0", "service.instance.id": "checkout-6f7d9c5b8-x2x7k",
		"deployment.environment.name": "production", "k8s.pod.name": "checkout-6f7d9c5b8-x2x7k", "telemetry.sdk.language": "java",
	} {
		of.Attributes().PutStr(name, value)
	}
}

func attributes(of pcommon.Map, mark string) {
	for name, value := range map[string]string{
		"http.request.method": "POST", "http.route": "/orders", "url.path": "/orders", "url.scheme": "https", "server.address": "checkout.shop.svc",
		"client.address": "10.0.17.4", "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64)", "network.protocol.version": "1.1", "correlation.id": mark,
	} {
		of.PutStr(name, value)
	}
	of.PutInt("http.response.status_code", 201)
	of.PutInt("server.port", 8443)
	of.PutInt("thread.id", 17)
}

// A clock is set by hand.
type clock struct{ now time.Time }

func newClock() *clock                    { return &clock{time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)} }
func (c *clock) Now() time.Time           { return c.now }
func (c *clock) advance(by time.Duration) { c.now = c.now.Add(by) }

// found are those of the marks in the window.
func found(w *Window, marks ...string) (in []string) {
	for _, mark := range marks {
		if slices.ContainsFunc(w.Batches(), func(b Batch) bool { return b.Has([][]byte{[]byte(mark)}) }) {
			in = append(in, mark)
		}
	}
	return in
}

func TestWindowGivesBackWhatCameIn(t *testing.T) {
	clock := newClock()
	w := New(Options{MaxBytes: 1 << 20, MaxAge: time.Minute, Now: clock.Now})
	traces, logs := spansOf(3, "A-1001"), logsOf(2, "A-1002")
	w.AddTraces(traces)
	w.AddLogs(logs)
	w.AddTraces(ptrace.NewTraces())
	w.AddLogs(plog.NewLogs())
	traces.ResourceSpans().At(0).Resource().Attributes().PutStr("service.name", "changed")

	batches := w.Batches()
	require.Len(t, batches, 2, "nothing is kept of nothing")
	assert.Equal(t, []Signal{Spans, Logs}, []Signal{batches[0].Signal(), batches[1].Signal()})
	back, err := batches[0].Traces()
	require.NoError(t, err)
	name, _ := back.ResourceSpans().At(0).Resource().Attributes().Get("service.name")
	assert.Equal(t, "checkout", name.Str(), "nobody changes what is in the window")
	logsBack, err := batches[1].Logs()
	require.NoError(t, err)
	assert.Equal(t, logs.LogRecordCount(), logsBack.LogRecordCount())
	assert.True(t, batches[0].Has([][]byte{[]byte("missing"), []byte("A-1001")}))
	assert.False(t, batches[0].Has([][]byte{[]byte("A-1002")}))

	usage := w.Usage()
	assert.Equal(t, []int{3, 2}, []int{usage.Spans, usage.Logs})
	assert.Equal(t, clock.now, usage.Since)
}

func TestOldestMakesRoom(t *testing.T) {
	clock := newClock()
	var marshaler ptrace.ProtoMarshaler
	one := marshaler.TracesSize(spansOf(10, "A-1")) + overhead
	w := New(Options{MaxBytes: 3*one + one/2, MaxAge: time.Minute, Now: clock.Now})
	for i := range 5 {
		w.AddTraces(spansOf(10, fmt.Sprintf("A-%d", i)))
		assert.LessOrEqual(t, w.Usage().Bytes, w.MaxBytes)
	}
	assert.Equal(t, []string{"A-2", "A-3", "A-4"}, found(w, "A-0", "A-1", "A-2", "A-3", "A-4"))
	assert.Equal(t, 3*one, w.Usage().Bytes)
	assert.Equal(t, 30, w.Usage().Spans)
}

func TestOldGoes(t *testing.T) {
	clock := newClock()
	w := New(Options{MaxBytes: 1 << 20, MaxAge: time.Minute, Now: clock.Now})
	w.AddTraces(spansOf(1, "A-1"))
	clock.advance(30 * time.Second)
	w.AddLogs(logsOf(1, "A-2"))
	clock.advance(30 * time.Second)
	assert.Equal(t, []string{"A-1", "A-2"}, found(w, "A-1", "A-2"), "a minute is not too old")
	clock.advance(time.Second)
	assert.Equal(t, []string{"A-2"}, found(w, "A-1", "A-2"))
	assert.Equal(t, clock.now.Add(-31*time.Second), w.Usage().Since)
	clock.advance(time.Hour)
	assert.Equal(t, Usage{}, w.Usage())
	assert.Empty(t, w.Batches())
}

func TestTooBigABatchPushesNothingOut(t *testing.T) {
	w := New(Options{MaxBytes: 20_000, MaxAge: time.Minute, Now: newClock().Now})
	w.AddTraces(spansOf(1, "A-1"))
	w.AddTraces(spansOf(1000, "A-2"))
	w.AddLogs(logsOf(1000, "A-3"))
	assert.Equal(t, []string{"A-1"}, found(w, "A-1", "A-2", "A-3"))
	usage := w.Usage()
	assert.Equal(t, []int{1000, 1000}, []int{usage.SpansTooBig, usage.LogsTooBig})
}

func TestOff(t *testing.T) {
	w := New(Options{MaxAge: time.Minute, Now: newClock().Now})
	w.AddTraces(spansOf(1, "A-1"))
	w.AddLogs(logsOf(1, "A-1"))
	assert.True(t, w.Off())
	assert.Equal(t, Usage{}, w.Usage())
}

// Whatever comes in and whenever, the window holds what a list of all that ever came in says that it should.
func TestWindowIsAsItsModel(t *testing.T) {
	type entry struct {
		mark string
		size int
		at   time.Time
	}
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		clock := newClock()
		w := New(Options{MaxBytes: 20_000 + random.IntN(100_000), MaxAge: time.Minute, Now: clock.Now})
		var model []entry
		for step := range 300 {
			clock.advance(time.Duration(random.IntN(3000)) * time.Millisecond)
			mark := fmt.Sprintf("mark-%04d", step)
			var size int
			if count := 1 + random.IntN(40); random.IntN(2) == 0 {
				traces := spansOf(count, mark)
				w.AddTraces(traces)
				size = new(ptrace.ProtoMarshaler).TracesSize(traces) + overhead
			} else {
				logs := logsOf(count, mark)
				w.AddLogs(logs)
				size = new(plog.ProtoMarshaler).LogsSize(logs) + overhead
			}
			if size <= w.MaxBytes {
				model = append(model, entry{mark, size, clock.now})
			}
			total := 0
			from := len(model)
			for from > 0 && clock.now.Sub(model[from-1].at) <= w.MaxAge && total+model[from-1].size <= w.MaxBytes {
				from--
				total += model[from].size
			}
			model = model[from:]
			batches := w.Batches()
			require.Len(t, batches, len(model), "seed %d, step %d", seed, step)
			for i, e := range model {
				require.True(t, bytes.Contains(batches[i].data, []byte(e.mark)), "seed %d, step %d: in order", seed, step)
			}
			require.Equal(t, total, w.Usage().Bytes, "seed %d, step %d", seed, step)
		}
	}
}

// Pipelines add while people search.
func TestAddingAndReadingAtOnce(t *testing.T) {
	w := New(Options{MaxBytes: 50_000, MaxAge: time.Minute, Now: time.Now})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				w.AddTraces(spansOf(10, "A-1"))
				w.AddLogs(logsOf(10, "A-1"))
			}
		})
		all.Go(func() {
			for range 50 {
				for _, b := range w.Batches() {
					assert.True(t, b.Has([][]byte{[]byte("A-1")}))
				}
				assert.LessOrEqual(t, w.Usage().Bytes, w.MaxBytes)
			}
		})
	}
	all.Wait()
	assert.NotZero(t, w.Usage().Spans)
}

// What a full window takes of the heap is what it says, but for what the allocator rounds up.
func TestBytesAreTheHeaps(t *testing.T) {
	for _, count := range []int{1, 10, 1000} {
		w := New(Options{MaxBytes: 16 << 20, MaxAge: time.Hour, Now: newClock().Now})
		batch := spansOf(count, "A-1001")
		before := heap()
		for range 3 * w.MaxBytes / (new(ptrace.ProtoMarshaler).TracesSize(batch) + overhead) {
			w.AddTraces(batch)
		}
		taken := float64(heap()-before) / float64(w.Usage().Bytes)
		t.Logf("batches of %d: the heap has grown by %.3f of what the window says it holds, %d spans", count, taken, w.Usage().Spans)
		assert.InDelta(t, 1, taken, 0.2)
		runtime.KeepAlive(w)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkAdd(b *testing.B) {
	const count = 1000
	for name, add := range map[string]func(*Window){
		"span": func() func(*Window) { of := spansOf(count, "A-1001"); return func(w *Window) { w.AddTraces(of) } }(),
		"log":  func() func(*Window) { of := logsOf(count, "A-1001"); return func(w *Window) { w.AddLogs(of) } }(),
	} {
		b.Run(name, func(b *testing.B) {
			w := New(Options{MaxBytes: 64 << 20, MaxAge: time.Hour, Now: time.Now})
			b.ReportAllocs()
			for range b.N / count {
				add(w)
			}
		})
	}
}
