// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package search

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/goleak"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/recent"
	"github.com/otelcol-sre/otelcol-sre/internal/request"
	"github.com/otelcol-sre/otelcol-sre/internal/request/requesttest"
	"github.com/otelcol-sre/otelcol-sre/processors/correlation"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func newWindow(megabytes int) *recent.Window {
	return recent.New(recent.Options{MaxBytes: megabytes << 20, MaxAge: time.Hour, Now: func() time.Time { return noon }})
}

func trace(n byte) pcommon.TraceID { return pcommon.TraceID{0xaa, 15: n} }

func span(n byte) pcommon.SpanID { return pcommon.SpanID{0xbb, 7: n} }

// addSpan adds a span, named by what the caller finds it by, that begins so many milliseconds after noon and takes one.
func addSpan(w *recent.Window, name string, of pcommon.TraceID, id, parent byte, at int, fill func(ptrace.Span)) {
	traces := ptrace.NewTraces()
	s := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	s.SetName(name)
	s.SetTraceID(of)
	s.SetSpanID(span(id))
	if parent != 0 {
		s.SetParentSpanID(span(parent))
	}
	begin := noon.Add(time.Duration(at) * time.Millisecond)
	s.SetStartTimestamp(pcommon.NewTimestampFromTime(begin))
	s.SetEndTimestamp(pcommon.NewTimestampFromTime(begin.Add(time.Millisecond)))
	if fill != nil {
		fill(s)
	}
	w.AddTraces(traces)
}

func addLog(w *recent.Window, name string, at int, fill func(plog.LogRecord)) {
	logs := plog.NewLogs()
	record := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetEventName(name)
	record.SetTimestamp(pcommon.NewTimestampFromTime(noon.Add(time.Duration(at) * time.Millisecond)))
	fill(record)
	w.AddLogs(logs)
}

func attribute1(name, value string) func(ptrace.Span) {
	return func(s ptrace.Span) { s.Attributes().PutStr(name, value) }
}

// names are those of what was found, each with a dot for each span around it.
func names(t *testing.T, w *recent.Window, id string) []string {
	t.Helper()
	found, err := New(w, correlation.NewExplainer).Find(t.Context(), id)
	require.NoError(t, err)
	var all []string
	for _, i := range found.Items {
		all = append(all, strings.Repeat(".", i.Depth)+i.Name)
	}
	return all
}

// An ID is found as a whole, in any place.
func TestAnyID(t *testing.T) {
	raw := trace(9)
	for name, test := range map[string]struct {
		id   string
		fill func(ptrace.Span)
	}{
		"trace ID":               {trace(1).String(), nil},
		"trace ID as a UUID":     {"AA000000-0000-0000-0000-000000000001", nil},
		"span ID":                {span(1).String(), nil},
		"parent's span ID":       {span(7).String(), func(s ptrace.Span) { s.SetParentSpanID(span(7)) }},
		"attribute":              {"order 7/α", attribute1("order", "order 7/α")},
		"number":                 {"-1001", func(s ptrace.Span) { s.Attributes().PutInt("order", -1001) }},
		"trace ID as text":       {strings.ToUpper(raw.String()), attribute1("cause", raw.String())},
		"in a list of an object": {"A-1", func(s ptrace.Span) { s.Attributes().PutEmptyMap("x").PutEmptySlice("y").AppendEmpty().SetStr("A-1") }},
		"attribute of an event":  {"A-1", func(s ptrace.Span) { s.Events().AppendEmpty().Attributes().PutStr("x", "A-1") }},
		"attribute of a link":    {"A-1", func(s ptrace.Span) { s.Links().AppendEmpty().Attributes().PutStr("x", "A-1") }},
		"trace of a link":        {raw.String(), func(s ptrace.Span) { s.Links().AppendEmpty().SetTraceID(raw) }},
		"span of a link":         {span(8).String(), func(s ptrace.Span) { s.Links().AppendEmpty().SetSpanID(span(8)) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWindow(1)
			addSpan(w, "other", trace(2), 2, 0, 0, attribute1("order", test.id+"0"))
			addSpan(w, "it", trace(1), 1, 0, 0, test.fill)
			got := names(t, w, test.id)
			require.NotEmpty(t, got)
			assert.Equal(t, "it", got[0])
			assert.NotContains(t, got, "other")
		})
	}
}

func TestAnyIDOfALogRecord(t *testing.T) {
	for name, test := range map[string]struct {
		id   string
		fill func(plog.LogRecord)
	}{
		"attribute":            {"A-1", func(l plog.LogRecord) { l.Attributes().PutStr("order", "A-1") }},
		"trace ID":             {trace(1).String(), func(l plog.LogRecord) { l.SetTraceID(trace(1)) }},
		"span ID":              {span(1).String(), func(l plog.LogRecord) { l.SetSpanID(span(1)) }},
		"body":                 {"A-1", func(l plog.LogRecord) { l.Body().SetStr("A-1") }},
		"word of the body":     {"A-1", func(l plog.LogRecord) { l.Body().SetStr("xA-1, A-10; order=A-1.") }},
		"trace ID in the body": {strings.ToUpper(trace(1).String()), func(l plog.LogRecord) { l.Body().SetStr("trace=" + trace(1).String()) }},
		"value of the body":    {"77", func(l plog.LogRecord) { l.Body().SetEmptyMap().PutEmptySlice("x").AppendEmpty().SetInt(77) }},
		"word in a message":    {"A-1", func(l plog.LogRecord) { l.Body().SetEmptyMap().PutStr("message", "(A-1)") }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWindow(1)
			addLog(w, "other", 0, func(l plog.LogRecord) { l.Body().SetStr("A-10 A-1-2 _A-1 äA-1") })
			addLog(w, "it", 0, test.fill)
			assert.Equal(t, []string{"it"}, names(t, w, test.id))
		})
	}
}

func TestResourceHasTheID(t *testing.T) {
	w := newWindow(1)
	logs := plog.NewLogs()
	of := logs.ResourceLogs().AppendEmpty()
	of.Resource().Attributes().PutStr("k8s.pod.name", "checkout-x2x7k")
	of.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().SetEventName("it")
	w.AddLogs(logs)
	assert.Equal(t, []string{"it"}, names(t, w, "checkout-x2x7k"))
	assert.Empty(t, names(t, w, "checkout"))
}

// The whole request is found by each of its IDs: the consumer has a trace of its own, and what was exported before
// its trace showed an ID has none.
func TestWholeRequest(t *testing.T) {
	w := newWindow(1)
	addSpan(w, "early", trace(1), 2, 1, 2, nil)
	addSpan(w, "producer", trace(1), 1, 0, 0, attribute1("correlation.id", "A-1"))
	addSpan(w, "consumer", trace(2), 3, 0, 9, attribute1("correlation.id", "A-1"))
	addSpan(w, "late", trace(2), 4, 3, 9, nil)
	addLog(w, "said", 3, func(l plog.LogRecord) { l.SetTraceID(trace(1)); l.SetSpanID(span(2)) })
	addSpan(w, "other", trace(3), 5, 0, 0, attribute1("correlation.id", "A-2"))
	whole := []string{"producer", ".early", "..said", "consumer", ".late"}
	for _, id := range []string{"A-1", trace(1).String(), trace(2).String(), span(1).String(), span(3).String()} {
		assert.Equal(t, whole, names(t, w, id), id)
	}
	found, err := New(w, correlation.NewExplainer).Find(t.Context(), trace(2).String())
	require.NoError(t, err)
	assert.Equal(t, []string{trace(1).String(), trace(2).String()}, found.Traces)
	assert.Equal(t, []string{"A-1"}, found.IDs)
	assert.Empty(t, found.Missing)
}

// Each ID of a request finds the same; srectl find has the same test.
func TestEachIDFindsTheSame(t *testing.T) {
	for _, c := range requesttest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			w := newWindow(1)
			for _, d := range c.Documents() {
				w.AddTraces(d.Traces)
				w.AddLogs(d.Logs)
			}
			for _, r := range c.Requests {
				for _, id := range r.IDs {
					found, err := New(w, correlation.NewExplainer).Find(t.Context(), id)
					require.NoError(t, err)
					var got []string
					for _, i := range found.Items {
						if i.Signal != SignalEvent {
							got = append(got, i.Name+i.Body)
						}
					}
					assert.ElementsMatch(t, r.Finds, got, id)
					assert.Equal(t, max(r.Shared, 1), found.Requests, id)
					assert.Empty(t, found.Missing, id)
				}
			}
		})
	}
}

// A consumer that works on several requests in one trace does not make them one.
func TestOtherRequestsInTheTrace(t *testing.T) {
	w := newWindow(1)
	addSpan(w, "batch", trace(1), 1, 0, 0, nil)
	addSpan(w, "first", trace(1), 2, 1, 1, attribute1("correlation.id", "A-1"))
	addSpan(w, "second", trace(1), 3, 1, 2, attribute1("correlation.id", "A-2"))
	addSpan(w, "second's", trace(2), 4, 0, 3, attribute1("correlation.id", "A-2"))
	assert.Equal(t, []string{"batch", ".first", ".second"}, names(t, w, "A-1"))

	addSpan(w, "lost", trace(3), 5, 0, 4, func(s ptrace.Span) {
		s.Attributes().PutStr("correlation.id", "A-1")
		s.Attributes().PutStr("correlation.conflict", "A-3")
	})
	assert.Equal(t, []string{"batch", ".first", ".second", "lost"}, names(t, w, "A-3"), "nothing else says what A-3 is")
	addSpan(w, "winner", trace(4), 6, 0, 5, attribute1("correlation.id", "A-3"))
	assert.Equal(t, []string{"lost", "winner"}, names(t, w, "A-3"), "A-1 is another request")
}

func TestOrder(t *testing.T) {
	w := newWindow(1)
	addSpan(w, "circle 1", trace(1), 10, 11, 50, nil)
	addSpan(w, "circle 2", trace(1), 11, 10, 51, nil)
	addSpan(w, "own parent", trace(1), 12, 12, 60, nil)
	addLog(w, "no time", 0, func(l plog.LogRecord) { l.SetTraceID(trace(1)); l.SetTimestamp(0) })
	addLog(w, "observed", 0, func(l plog.LogRecord) {
		l.SetTraceID(trace(1))
		l.SetTimestamp(0)
		l.SetObservedTimestamp(pcommon.NewTimestampFromTime(noon.Add(70 * time.Millisecond)))
	})
	addSpan(w, "second", trace(1), 3, 1, 2, nil)
	addSpan(w, "first", trace(1), 2, 1, 1, func(s ptrace.Span) { s.Events().AppendEmpty().SetName("event") })
	addSpan(w, "root", trace(1), 1, 99, 0, nil)
	addSpan(w, "ends before it begins", trace(1), 4, 0, 80, func(s ptrace.Span) { s.SetEndTimestamp(1) })
	assert.Equal(t, []string{
		"root", ".first", "..event", ".second", "observed", "ends before it begins", "no time", "circle 1", ".circle 2", "own parent",
	}, names(t, w, trace(1).String()))
}

func TestDeepNestingIsCut(t *testing.T) {
	w := newWindow(1)
	for i := byte(1); i <= 50; i++ {
		addSpan(w, "span", trace(1), i, i-1, int(i), nil)
	}
	found, err := New(w, correlation.NewExplainer).Find(t.Context(), trace(1).String())
	require.NoError(t, err)
	assert.Equal(t, request.MaxDepth, found.Items[49].Depth)
}

func TestCopiesAreShownOnce(t *testing.T) {
	w := newWindow(1)
	addSpan(w, "it", trace(1), 1, 0, 0, nil)
	addSpan(w, "it", trace(1), 1, 0, 0, nil)
	addSpan(w, "other side", trace(1), 1, 0, 0, func(s ptrace.Span) { s.SetKind(ptrace.SpanKindServer) })
	assert.ElementsMatch(t, []string{"it", "other side"}, names(t, w, trace(1).String()))
}

func TestTooMuchIsCut(t *testing.T) {
	w := newWindow(8)
	for i := range 2 * MaxItems {
		addSpan(w, strconv.Itoa(i), trace(1), byte(i), 0, i, attribute1("correlation.id", "A-1"))
	}
	found, err := New(w, correlation.NewExplainer).Find(t.Context(), "A-1")
	require.NoError(t, err)
	assert.Len(t, found.Items, MaxItems)
	assert.Equal(t, cutItems, found.Missing)
	assert.Equal(t, strconv.Itoa(2*MaxItems-1), found.Items[MaxItems-1].Name, "the newest are shown")

	w = newWindow(8)
	for i := range 100 {
		addSpan(w, strconv.Itoa(i), trace(byte(i)), 1, 0, i, attribute1("user", "u-1"))
	}
	found, err = New(w, correlation.NewExplainer).Find(t.Context(), "u-1")
	require.NoError(t, err)
	assert.Equal(t, cutKnown, found.Missing)
	assert.Len(t, found.Traces, maxKnown)
	assert.Equal(t, trace(99).String(), found.Traces[maxKnown-1])
}

func TestWhatIsShownIsBounded(t *testing.T) {
	w := newWindow(8)
	long := strings.Repeat("long\x1b\u202e ", 10_000)
	addSpan(w, long, trace(1), 1, 0, 0, func(s ptrace.Span) {
		s.Status().SetMessage(long)
		for i := range 1000 {
			s.Attributes().PutStr(strconv.Itoa(i)+long[:100], "x")
			s.Events().AppendEmpty().SetName(long[:100])
		}
		deep := s.Attributes().PutEmptyMap("deep")
		for range 1000 {
			deep = deep.PutEmptyMap("deeper")
		}
	})
	addLog(w, long, 0, func(l plog.LogRecord) { l.SetTraceID(trace(1)); l.Body().SetStr(long) })
	found, err := New(w, correlation.NewExplainer).Find(t.Context(), trace(1).String())
	require.NoError(t, err)
	require.Len(t, found.Items, 2+maxEvents)
	for _, i := range found.Items {
		assert.LessOrEqual(t, len([]rune(i.Name)), maxName)
		assert.LessOrEqual(t, len([]rune(i.Body)), maxText)
		assert.LessOrEqual(t, len(i.Attributes), maxAttributes)
		assert.NotContains(t, fmt.Sprint(i), "\x1b")
		assert.NotContains(t, fmt.Sprint(i), "\u202e")
	}
}

// A search whose turn does not come says so, and one that takes too long ends.
func TestSearchesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(newWindow(1), nil)
		for range maxSearches {
			s.turns <- struct{}{}
		}
		_, err := s.Find(t.Context(), "A-1")
		require.ErrorIs(t, err, ErrBusy)
		<-s.turns
		_, err = s.Find(t.Context(), "A-1")
		require.NoError(t, err)
	})
	w := newWindow(1)
	addSpan(w, "it", trace(1), 1, 0, 0, nil)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	var stopped bool
	require.ErrorIs(t, source(ended, w, &stopped)(request.Names{}, nil), context.Canceled)
}

// A reading that takes more than half of the time ends with the newest, so that there is time to show them.
func TestSlowReadingsAreStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWindow(1)
		for n := range byte(5) {
			addSpan(w, "it", trace(n+1), n+1, 0, 0, nil)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var stopped bool
		read := source(ctx, w, &stopped)
		looks := func(each time.Duration) (seen []pcommon.TraceID) {
			require.NoError(t, read(request.Names{Texts: []string{"it"}}, func(r request.Record) bool {
				time.Sleep(each)
				seen = append(seen, r.TraceID())
				return true
			}))
			return seen
		}
		assert.Equal(t, []pcommon.TraceID{trace(5), trace(4)}, looks(patience/3))
		assert.True(t, stopped)
		assert.Equal(t, []pcommon.TraceID{trace(5), trace(4)}, looks(patience/10), "half of the rest")
		assert.Len(t, looks(0), 5)
	})
}

// FuzzFind looks for any ID in any telemetry: it ends, what it finds is bounded, and nothing else is shown.
func FuzzFind(f *testing.F) {
	traces := ptrace.NewTraces()
	s := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	s.SetTraceID(trace(1))
	s.Attributes().PutStr("correlation.id", "A-1")
	s.Events().AppendEmpty().SetName("exception")
	spans, err := new(ptrace.ProtoMarshaler).MarshalTraces(traces)
	require.NoError(f, err)
	logs := plog.NewLogs()
	logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr("order A-1")
	records, err := new(plog.ProtoMarshaler).MarshalLogs(logs)
	require.NoError(f, err)
	f.Add("A-1", spans, records)
	f.Add(trace(1).String(), spans, records)
	f.Add("-9223372036854775808", spans, []byte{})
	f.Add("\xff\x00", []byte("\n"), []byte("\x0a\x02\x0a\x00"))
	f.Fuzz(func(t *testing.T, id string, spans, records []byte) {
		w := newWindow(1)
		if traces, err := new(ptrace.ProtoUnmarshaler).UnmarshalTraces(spans); err == nil {
			w.AddTraces(traces)
		}
		if logs, err := new(plog.ProtoUnmarshaler).UnmarshalLogs(records); err == nil {
			w.AddLogs(logs)
		}
		found, err := New(w, correlation.NewExplainer).Find(t.Context(), id)
		require.NoError(t, err)
		require.LessOrEqual(t, len(found.Items), MaxItems)
		require.LessOrEqual(t, len(found.Traces)+len(found.IDs), maxKnown+1)
		for _, i := range found.Items {
			require.LessOrEqual(t, i.Depth, request.MaxDepth)
			require.False(t, i.End.Before(i.Start))
		}
	})
}

// BenchmarkFind is a search in a full window of 64 MiB, for what one batch of it has and for what none has.
func BenchmarkFind(b *testing.B) {
	w := recent.New(recent.Options{MaxBytes: 64 << 20, MaxAge: time.Hour, Now: func() time.Time { return noon }})
	for n := range 100 {
		traces := ptrace.NewTraces()
		spans := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
		for i := range 1000 {
			s := spans.AppendEmpty()
			s.SetTraceID(pcommon.TraceID{byte(n), byte(n >> 8), byte(i), byte(i >> 8), 5, 6, 7, 8, 9})
			s.SetSpanID(pcommon.SpanID{byte(n), byte(n >> 8), byte(i), byte(i >> 8), 5})
			s.SetName("POST /orders")
			s.Attributes().PutStr("correlation.id", fmt.Sprintf("13580a05-20fd-4670-%04x-%012x", n, i))
			for a := range 12 {
				s.Attributes().PutStr(fmt.Sprintf("http.attribute.%d", a), "some value of usual length")
			}
		}
		w.AddTraces(traces)
	}
	require.Less(b, w.Usage().Spans, 100_000, "it is full")
	b.Logf("%d spans", w.Usage().Spans)
	for name, id := range map[string]string{
		"correlation": fmt.Sprintf("13580a05-20fd-4670-%04x-%012x", 50, 17), "trace": "32000100050607080900000000000000", "nothing": "13580a05-20fd-4670-ffff-000000000000",
		"everything": "some value of usual length", "letter": "a",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := New(w, correlation.NewExplainer).Find(b.Context(), id)
				require.NoError(b, err)
			}
		})
	}
}
