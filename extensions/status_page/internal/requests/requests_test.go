// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package requests

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/recent"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func newWindow(mebibytes int) *recent.Window {
	return recent.New(recent.Options{MaxBytes: mebibytes << 20, MaxAge: time.Hour, Now: func() time.Time { return noon }})
}

func id(n int) pcommon.TraceID { return pcommon.TraceID{1, byte(n >> 8), byte(n)} }

// A story is telemetry of a few traces, made by chance.
type story struct {
	chance *rand.Rand
	spans  []ptrace.Traces
	logs   []plog.Logs
}

func pick[T any](s *story, from ...T) T { return from[s.chance.IntN(len(from))] }

func (s *story) resource(of pcommon.Map) {
	of.PutStr("service.name", pick(s, "checkout", "payment", ""))
	of.PutStr("service.namespace", pick(s, "shop", "bank"))
	of.PutStr(pick(s, "deployment.environment.name", "deployment.environment"), pick(s, "production", "staging"))
	if s.chance.IntN(3) > 0 {
		of.PutStr("service.version", pick(s, "1", "2"))
	}
}

func (s *story) attributes(of pcommon.Map) {
	of.PutStr("customer.tier", pick(s, "gold", "Gold", ""))
	of.PutInt("attempt", int64(pick(s, -1, 0, 1)))
	of.PutBool("cached", pick(s, true, false))
	of.PutDouble("share", pick(s, 0.5, 0))
	if s.chance.IntN(4) == 0 {
		of.PutEmptySlice("list").AppendEmpty().SetEmptyMap().PutStr("deep", "a Declined card")
	}
	if s.chance.IntN(2) == 0 {
		of.PutStr("http.route", pick(s, "/orders/{id}", "/charges"))
	}
	if s.chance.IntN(2) == 0 {
		of.PutInt(pick(s, "http.response.status_code", "rpc.grpc.status_code"), int64(pick(s, 200, 503)))
	}
}

func newStory(seed uint64) *story {
	s := &story{chance: rand.New(rand.NewPCG(seed, 1))}
	for range 1 + s.chance.IntN(12) {
		traces := ptrace.NewTraces()
		for range 1 + s.chance.IntN(2) {
			of := traces.ResourceSpans().AppendEmpty()
			s.resource(of.Resource().Attributes())
			for range 1 + s.chance.IntN(3) {
				s.span(of.ScopeSpans().AppendEmpty().Spans().AppendEmpty())
			}
		}
		s.spans = append(s.spans, traces)
		logs := plog.NewLogs()
		of := logs.ResourceLogs().AppendEmpty()
		s.resource(of.Resource().Attributes())
		record := of.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		record.SetTraceID(id(s.chance.IntN(6)))
		record.SetSeverityNumber(pick(s, plog.SeverityNumberInfo, plog.SeverityNumberError))
		record.Body().SetStr(pick(s, "the card was DECLINED", "paid"))
		s.logs = append(s.logs, logs)
	}
	return s
}

func (s *story) span(span ptrace.Span) {
	if s.chance.IntN(10) > 0 {
		span.SetTraceID(id(s.chance.IntN(6)))
	}
	span.SetSpanID(pcommon.SpanID{byte(1 + s.chance.IntN(200)), byte(s.chance.IntN(200))})
	if s.chance.IntN(2) == 0 {
		span.SetParentSpanID(pcommon.SpanID{9})
	}
	span.SetName(pick(s, "POST /orders", "charge", ""))
	span.SetKind(ptrace.SpanKind(s.chance.IntN(6)))
	at := noon.Add(time.Duration(s.chance.IntN(1000)) * time.Millisecond)
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(at))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(at.Add(time.Duration(s.chance.IntN(500)-20) * time.Millisecond)))
	span.Status().SetCode(ptrace.StatusCode(s.chance.IntN(3)))
	span.Status().SetMessage(pick(s, "", "declined", "timeout"))
	s.attributes(span.Attributes())
	if s.chance.IntN(3) == 0 {
		span.Events().AppendEmpty().Attributes().PutStr("exception.message", pick(s, "card deCLined", "null"))
	}
}

func (s *story) filter() Filter {
	maybe := func(values ...string) string { return pick(s, append(values, "", "", "", "")...) }
	f := Filter{
		Service: maybe("checkout", "nobody"), Namespace: maybe("shop"), Environment: maybe("staging"), Version: maybe("1"), Route: maybe("charge", "/charges"),
		Status: maybe("failed", "ok", "503"), Text: maybe("Declined", "PAID", "nothing"), Slowest: pick(s, true, false),
	}
	f.Least, f.Most = pick(s, 0, 0, 100*time.Millisecond), pick(s, 0, 0, 300*time.Millisecond)
	for _, a := range []Attribute{{"customer.tier", "gold"}, {"attempt", "-1"}, {"cached", "true"}, {"share", "0.5"}, {"service.name", "payment"}} {
		if s.chance.IntN(12) == 0 {
			f.Attributes = append(f.Attributes, a)
		}
	}
	return f
}

// A listed is what the reference lists of a request.
type listed struct {
	trace               string
	service, name, code string
	start               time.Time
	took                time.Duration
	failed              bool
	spans, logs, errors int
}

// reference lists as List does, from decoded telemetry.
func (s *story) reference(f Filter) (all []listed) {
	says := s.says(f.Text)
	best := map[pcommon.TraceID]ptrace.Span{}
	of := map[pcommon.TraceID]pcommon.Map{}
	s.eachSpan(func(resource pcommon.Map, span ptrace.Span) {
		if span.TraceID().IsEmpty() || f.Text != "" && !says[span.TraceID()] || !fitsReference(f, resource, span) {
			return
		}
		if known, ok := best[span.TraceID()]; !ok || further(span, known) {
			best[span.TraceID()], of[span.TraceID()] = span, resource
		}
	})
	for trace, span := range best {
		one := listed{trace: trace.String(), service: text1(of[trace], "service.name"), name: span.Name(), code: text1(span.Attributes(), codes...), start: span.StartTimestamp().AsTime(), took: length(span), failed: span.Status().Code() == ptrace.StatusCodeError}
		seen := map[string]bool{}
		s.eachSpan(func(_ pcommon.Map, span ptrace.Span) {
			key := fmt.Sprint(span.SpanID(), span.Kind())
			if span.TraceID() != trace || seen[key] {
				return
			}
			seen[key] = true
			one.spans++
			if span.Status().Code() == ptrace.StatusCodeError {
				one.errors++
			}
		})
		s.eachLog(func(record plog.LogRecord) {
			if record.TraceID() == trace {
				one.logs++
				if record.SeverityNumber() >= plog.SeverityNumberError {
					one.errors++
				}
			}
		})
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b listed) int {
		newer := cmp.Or(b.start.Compare(a.start), cmp.Compare(a.trace, b.trace))
		if f.Slowest {
			return cmp.Or(cmp.Compare(b.took, a.took), newer)
		}
		return newer
	})
	return all
}

// eachSpan gives the newest batch first, as it is read.
func (s *story) eachSpan(f func(pcommon.Map, ptrace.Span)) {
	for _, traces := range slices.Backward(s.spans) {
		for _, of := range traces.ResourceSpans().All() {
			for _, scope := range of.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					f(of.Resource().Attributes(), span)
				}
			}
		}
	}
}

func (s *story) eachLog(f func(plog.LogRecord)) {
	for _, logs := range s.logs {
		f(logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0))
	}
}

func (s *story) says(text string) map[pcommon.TraceID]bool {
	says := map[pcommon.TraceID]bool{}
	has := func(in string) bool { return strings.Contains(strings.ToLower(in), strings.ToLower(text)) }
	values := func(m pcommon.Map) bool {
		for _, v := range m.All() {
			if v.Type() == pcommon.ValueTypeStr && has(v.Str()) || v.Type() == pcommon.ValueTypeSlice && has(v.AsString()) {
				return true
			}
		}
		return false
	}
	s.eachSpan(func(_ pcommon.Map, span ptrace.Span) {
		found := has(span.Name()) || has(span.Status().Message()) || values(span.Attributes())
		for _, event := range span.Events().All() {
			found = found || has(event.Name()) || values(event.Attributes())
		}
		if found {
			says[span.TraceID()] = true
		}
	})
	s.eachLog(func(record plog.LogRecord) {
		if has(record.Body().Str()) {
			says[record.TraceID()] = true
		}
	})
	return says
}

func text1(m pcommon.Map, names ...string) string {
	for _, name := range names {
		if value, ok := m.Get(name); ok {
			return value.AsString()
		}
	}
	return ""
}

func length(span ptrace.Span) time.Duration {
	return max(0, span.EndTimestamp().AsTime().Sub(span.StartTimestamp().AsTime()))
}

func further(a, b ptrace.Span) bool {
	if a.ParentSpanID().IsEmpty() != b.ParentSpanID().IsEmpty() {
		return a.ParentSpanID().IsEmpty()
	}
	return a.StartTimestamp() < b.StartTimestamp() || a.StartTimestamp() == b.StartTimestamp() && length(a) > length(b)
}

func fitsReference(f Filter, resource pcommon.Map, span ptrace.Span) bool {
	failed := span.Status().Code() == ptrace.StatusCodeError
	is := func(want, got string) bool { return want == "" || want == got }
	status := map[string]bool{"": true, StatusFailed: failed, StatusOK: !failed, "503": text1(span.Attributes(), codes...) == "503"}[f.Status]
	for _, a := range f.Attributes {
		value, ok := span.Attributes().Get(a.Name)
		if !ok {
			value, ok = resource.Get(a.Name)
		}
		if !ok || value.AsString() != a.Value {
			return false
		}
	}
	return (span.Kind() == ptrace.SpanKindServer || span.Kind() == ptrace.SpanKindConsumer || span.ParentSpanID().IsEmpty()) && status &&
		is(f.Service, text1(resource, "service.name")) && is(f.Namespace, text1(resource, "service.namespace")) && is(f.Environment, text1(resource, environments...)) && is(f.Version, text1(resource, "service.version")) &&
		(is(f.Route, span.Name()) || is(f.Route, text1(span.Attributes(), "http.route"))) &&
		length(span) >= f.Least && (f.Most == 0 || length(span) <= f.Most)
}

// Whatever arrived and whatever is asked, the list is that of a reference that decodes everything.
func TestListIsThatOfTheReference(t *testing.T) {
	matching := 0
	for seed := range uint64(3000) {
		s := newStory(seed)
		f := s.filter()
		w := newWindow(1)
		for i := range s.spans {
			w.AddTraces(s.spans[i])
			w.AddLogs(s.logs[i])
		}
		got, err := New(w).List(t.Context(), f, Max)
		require.NoError(t, err)
		want := s.reference(f)
		var all []listed
		for i := range got.Requests {
			r := &got.Requests[i]
			all = append(all, listed{r.TraceID, r.Service, r.Name, r.Code, r.Start, r.Took, r.Failed, r.Spans, r.Logs, r.Errors})
		}
		require.Equal(t, want, all, "seed %d, %+v", seed, f)
		require.Equal(t, len(want), got.Matching)
		require.Empty(t, got.Missing)
		matching += len(want)
	}
	assert.Greater(t, matching, 2000, "filters leave something")
}

func TestFilters(t *testing.T) {
	for _, text := range []string{
		"", "service=a&namespace=b&environment=c&version=1&route=%2Forders&status=failed&text=x&min=250ms&max=1.5s&attribute=a%3Db%3Dc&attribute=d%3D&sort=slowest", "status=503",
	} {
		query, err := url.ParseQuery(text)
		require.NoError(t, err)
		f, err := Parse(query)
		require.NoError(t, err)
		assert.Equal(t, query, f.Values(), "it is written as it is read")
		assert.Equal(t, text != "", f.Narrow())
	}
	for text, want := range map[string]string{
		"status=bad": "failed, ok, or a status code", "status=1000": "status", "min=5": "250ms", "max=-1s": "max", "min=2s&max=1s": "exchange", "attribute=a": "name=value", "attribute=%3Db": "name=value",
		"sort=oldest": "newest or slowest", "text=" + strings.Repeat("a", 201): "shorten", "service=%00": "not text", "route=%ff": "not text",
		"attribute=a%3D1&attribute=a%3D1&attribute=a%3D1&attribute=a%3D1&attribute=a%3D1&attribute=a%3D1": "more than 5",
	} {
		query, err := url.ParseQuery(text)
		require.NoError(t, err)
		_, err = Parse(query)
		require.ErrorContains(t, err, want, text)
	}
	of := Filter{Attributes: []Attribute{{"a", "b"}}, Slowest: true, Status: StatusOK}
	assert.Equal(t, "attribute=a%3Db&status=failed", of.With(StatusFailed, false).Values().Encode())
	assert.True(t, of.Slowest)
}

// The filter offers what there is to choose from: all services, and the versions and routes of the chosen one.
func TestChoices(t *testing.T) {
	w := newWindow(1)
	add := func(service, version, name string) {
		traces := ptrace.NewTraces()
		of := traces.ResourceSpans().AppendEmpty()
		of.Resource().Attributes().PutStr("service.name", service)
		of.Resource().Attributes().PutStr("service.version", version)
		span := of.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		span.SetTraceID(id(1))
		span.SetName(name)
		w.AddTraces(traces)
	}
	add("b", "1", "GET /")
	add("b", "2", "GET /")
	add("a", "3", "POST /\u202e")
	add(strings.Repeat("x", 201), "4", "")
	got, err := New(w).List(t.Context(), Filter{Service: "b"}, Usual)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, got.ServiceNames)
	assert.Equal(t, []string{"1", "2"}, got.Versions)
	assert.Equal(t, []string{"GET /"}, got.Routes)
	got, err = New(w).List(t.Context(), Filter{}, Usual)
	require.NoError(t, err)
	assert.Equal(t, []string{"GET /", "POST / "}, got.Routes)
}

func TestLongTextsAreCut(t *testing.T) {
	w := newWindow(4)
	long := strings.Repeat("long\x1b\u202e ", 10_000)
	traces := ptrace.NewTraces()
	of := traces.ResourceSpans().AppendEmpty()
	for _, name := range []string{"service.name", "service.namespace", "service.version", "deployment.environment"} {
		of.Resource().Attributes().PutStr(name, long)
	}
	span := of.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetTraceID(id(1))
	span.SetName(long)
	span.SetKind(77)
	span.SetStartTimestamp(1<<64 - 1)
	span.Status().SetMessage(long)
	span.Attributes().PutStr("http.route", long)
	span.Attributes().PutStr("http.status_code", long)
	w.AddTraces(traces)
	got, err := New(w).List(t.Context(), Filter{}, Usual)
	require.NoError(t, err)
	require.Len(t, got.Requests, 1)
	r := got.Requests[0]
	assert.True(t, r.Start.IsZero())
	assert.Zero(t, r.Took)
	for _, text := range []string{r.Service, r.Namespace, r.Version, r.Environment, r.Name, r.Route, r.Code, r.Message} {
		assert.NotEmpty(t, text)
		assert.LessOrEqual(t, len([]rune(text)), maxMessage)
		assert.NotContains(t, text, "\x1b")
		assert.NotContains(t, text, "\u202e")
	}
}

// What was not looked at is not counted, and the answer says so.
func TestMissing(t *testing.T) {
	w := newWindow(2)
	for n := range 3 {
		traces := ptrace.NewTraces()
		span := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		span.SetTraceID(id(n))
		span.Attributes().PutStr("padding", strings.Repeat("x", 400<<10))
		w.AddTraces(traces)
	}
	lister := New(w)
	lister.maxBytes = 1 << 20
	got, err := lister.List(t.Context(), Filter{}, 1)
	require.NoError(t, err)
	assert.Equal(t, cutBytes, got.Missing)
	assert.Equal(t, 2, got.Spans)
	assert.Equal(t, 2, got.Matching)
	assert.Len(t, got.Requests, 1)

	ended, cancel := context.WithCancel(t.Context())
	r := reading{context: ended}
	r.take(w.Batches(), maxBytes)
	cancel()
	r.findRequests()
	l := r.listing(Usual)
	assert.Equal(t, cutTime, l.Missing)
	assert.Zero(t, l.Spans)
	assert.True(t, l.Since.IsZero())
}

// A list whose turn does not come says so.
func TestListsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(newWindow(1))
		for range maxReaders {
			l.turns <- struct{}{}
		}
		_, err := l.List(t.Context(), Filter{}, Usual)
		require.ErrorIs(t, err, ErrBusy)
		<-l.turns
		_, err = l.List(t.Context(), Filter{}, Usual)
		require.NoError(t, err)
	})
}

// FuzzList lists any telemetry: it ends, and what is listed is bounded.
func FuzzList(f *testing.F) {
	s := newStory(1)
	spans, err := new(ptrace.ProtoMarshaler).MarshalTraces(s.spans[0])
	require.NoError(f, err)
	records, err := new(plog.ProtoMarshaler).MarshalLogs(s.logs[0])
	require.NoError(f, err)
	f.Add("declined", "503", spans, records)
	f.Add("", "", []byte("\n"), []byte("\x0a\x02\x0a\x00"))
	f.Fuzz(func(t *testing.T, text, status string, spans, records []byte) {
		filter, err := Parse(url.Values{"text": {text}, "status": {status}})
		if err != nil {
			return
		}
		w := newWindow(1)
		if traces, err := new(ptrace.ProtoUnmarshaler).UnmarshalTraces(spans); err == nil {
			w.AddTraces(traces)
		}
		if logs, err := new(plog.ProtoUnmarshaler).UnmarshalLogs(records); err == nil {
			w.AddLogs(logs)
		}
		got, err := New(w).List(t.Context(), filter, Usual)
		require.NoError(t, err)
		require.LessOrEqual(t, len(got.Requests), Usual)
		for i := range got.Requests {
			require.GreaterOrEqual(t, got.Requests[i].Spans, 1)
			require.GreaterOrEqual(t, got.Requests[i].Took, time.Duration(0))
		}
	})
}

// full is a window of 64 MiB of spans and log records of usual size, 8 spans and 2 log records per request.
func full(t testing.TB) *recent.Window {
	w := newWindow(64)
	for n := range 160 {
		traces, logs := ptrace.NewTraces(), plog.NewLogs()
		for service := range 8 {
			of := traces.ResourceSpans().AppendEmpty()
			for name, value := range map[string]string{"service.name": fmt.Sprint("service-", service), "service.namespace": "shop", "service.version": "1.2.3", "deployment.environment.name": "production"} {
				of.Resource().Attributes().PutStr(name, value)
			}
			spans := of.ScopeSpans().AppendEmpty().Spans()
			for i := range 125 {
				s := spans.AppendEmpty()
				s.SetTraceID(pcommon.TraceID{1, byte(n >> 8), byte(n), byte(i)})
				s.SetSpanID(pcommon.SpanID{1, byte(service), byte(i), byte(n)})
				s.SetKind(ptrace.SpanKindServer)
				s.SetName("POST /orders")
				s.SetStartTimestamp(pcommon.NewTimestampFromTime(noon.Add(time.Duration(n*1000+i) * time.Millisecond)))
				s.SetEndTimestamp(s.StartTimestamp() + pcommon.Timestamp(time.Millisecond)*pcommon.Timestamp(1+i*7%100))
				if service > 0 {
					s.SetParentSpanID(pcommon.SpanID{1, byte(service - 1), byte(i), byte(n)})
				}
				if i%10 == 0 {
					s.Status().SetCode(ptrace.StatusCodeError)
				}
				s.Attributes().PutStr("http.route", "/orders")
				for a := range 11 {
					s.Attributes().PutStr(fmt.Sprintf("http.attribute.%d", a), "some value of usual length")
				}
			}
		}
		records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		for i := range 250 {
			record := records.AppendEmpty()
			record.SetTraceID(pcommon.TraceID{1, byte(n >> 8), byte(n), byte(i / 2)})
			record.Body().SetStr("the order is taken, and everything else that a log record of usual length says")
		}
		w.AddTraces(traces)
		w.AddLogs(logs)
	}
	u := w.Usage()
	require.Less(t, u.Spans, 160_000, "it is full")
	return w
}

func BenchmarkList(b *testing.B) {
	w := full(b)
	u := w.Usage()
	b.Logf("%d spans, %d log records", u.Spans, u.Logs)
	for name, f := range map[string]Filter{
		"all": {}, "slowest": {Slowest: true}, "service": {Service: "service-3", Status: StatusFailed}, "attribute": {Attributes: []Attribute{{"http.attribute.9", "nothing"}}},
		"text": {Text: "everything else"}, "text of nothing": {Text: "zzzz"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			l := New(w)
			for b.Loop() {
				_, err := l.List(b.Context(), f, Usual)
				require.NoError(b, err)
			}
		})
	}
}
