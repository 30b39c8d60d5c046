// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/request"
)

// traffic is telemetry of many requests that have to do with each other, each item with what it is to end with.
type traffic struct {
	random *rand.Rand
	spans  []ptrace.Traces
	logs   []plog.Logs
	wanted map[string]string   // the ID by the item's name
	own    map[string][]string // the names of the items by the request's ID
	traces map[string][]pcommon.TraceID
	spanID byte
	items  int
}

func (f *traffic) trace() (id pcommon.TraceID) {
	for i := range id {
		id[i] = byte(f.random.IntN(256))
	}
	return id
}

// name counts an item that is to end with the ID; of are the requests whose searches find it.
func (f *traffic) name(kind, id string, of ...string) string {
	f.items++
	name := fmt.Sprintf("%s%d", kind, f.items)
	f.wanted[name] = id
	for _, request := range of {
		f.own[request] = append(f.own[request], name)
	}
	return name
}

func (f *traffic) span(service, name string, trace pcommon.TraceID, begin time.Duration, fill func(ptrace.Span)) {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", service)
	span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetName(name)
	span.SetTraceID(trace)
	f.spanID++
	span.SetSpanID(pcommon.SpanID{f.spanID, byte(f.items), byte(f.items >> 8)})
	span.SetParentSpanID(pcommon.SpanID{9})
	span.SetStartTimestamp(started + pcommon.Timestamp(begin))
	span.SetEndTimestamp(started + pcommon.Timestamp(begin+time.Second))
	fill(span)
	f.spans = append(f.spans, td)
}

func (f *traffic) log(service, name, text string, trace pcommon.TraceID, at time.Duration) {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("service.name", service)
	record := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.Body().SetStr(text)
	record.Attributes().PutStr("name", name)
	record.SetTraceID(trace)
	record.SetTimestamp(started + pcommon.Timestamp(at))
	f.logs = append(f.logs, ld)
}

func header(id string) func(ptrace.Span) {
	return func(s ptrace.Span) { s.Attributes().PutStr("http.request.header.x-request-id", id) }
}

func nothing(ptrace.Span) {}

func newTraffic(seed uint64) *traffic {
	f := &traffic{random: rand.New(rand.NewPCG(seed, 7)), wanted: map[string]string{}, own: map[string][]string{}, traces: map[string][]pcommon.TraceID{}}
	var ids []string
	for i := range 30 {
		ids = append(ids, fmt.Sprintf("%08x-5a0e-4c57-9a3e-3a4c2e1f%04x", f.random.Uint32(), i))
	}
	for i, id := range ids {
		attempts := 1 + f.random.IntN(3)/2
		for attempt := range attempts {
			trace, begin := f.trace(), time.Duration(attempt)*3*time.Second
			f.traces[id] = append(f.traces[id], trace)
			f.span("front", f.name("front", id, id), trace, begin, header(id))
			f.span("back", f.name("back", id, id), trace, begin, nothing)
			f.log("back", f.name("line", id, id), "reserved", trace, begin+time.Millisecond)
			f.log("front", f.name("named", id, id), `{"level":"info","request_id":"`+id+`"}`, trace, begin+time.Millisecond)
			f.log("front", f.name("lone", id, id), "level=info request_id="+id+" done", pcommon.TraceID{}, begin+time.Millisecond)
			// Lines within the trace that speak of somebody else's request. Its search finds the line, as it mentions the ID.
			other := ids[(i+1)%len(ids)]
			for _, text := range []string{"duplicate of request_id=%s", "saw request_id=%s at the door", `peer said "request_id=%s"`, "GET /a?request_id=%s"} {
				f.log("back", f.name("quote", id, id, other), fmt.Sprintf(text, other), trace, begin+time.Millisecond)
			}
			f.log("back", f.name("client", id, id), "operation error S3: PutObject, RequestID: "+fmt.Sprintf("7Q1EX%08X", f.random.Uint32())+", api error SlowDown", trace, begin+time.Millisecond)
		}
	}
	for range 5 { // batches
		trace := f.trace()
		first := f.random.IntN(len(ids) - 4)
		f.span("mailer", f.name("batch", trace.String(), ids[first:first+4]...), trace, 0, func(s ptrace.Span) {
			for _, id := range ids[first : first+4] {
				s.Links().AppendEmpty().SetTraceID(f.traces[id][0])
			}
		})
		f.span("mailer", f.name("item", trace.String(), ids[first:first+4]...), trace, 0, nothing)
		f.log("mailer", f.name("line", trace.String(), ids[first:first+4]...), "mailed", trace, time.Millisecond)
	}
	for i := range 5 { // a service that lost the trace, and knows the request only from its message; and one that works on several
		id, other, trace := ids[i], ids[i+9], f.trace()
		f.span("receipts", f.name("receipt", id, id), trace, 0, nothing)
		f.log("receipts", f.name("line", id, id), "receipt sent request_id="+id, trace, time.Millisecond)
		trace = f.trace()
		f.span("loop", f.name("loop", trace.String()), trace, 0, nothing)
		f.log("loop", f.name("line", id, id), "looked at request_id="+id, trace, time.Millisecond)
		f.log("loop", f.name("line", other, other), "looked at request_id="+other, trace, time.Millisecond)
	}
	for range 40 { // a probe with an ID of its own, and a session
		trace := f.trace()
		f.span("front", f.name("probe", trace.String()), trace, 0, header("probe-static-0001"))
		f.span("front", f.name("probed", trace.String()), trace, 0, nothing)
		trace = f.trace()
		f.span("front", f.name("visit", trace.String()), trace, 0, header("session-9f3ac1d2"))
		f.log("front", f.name("visited", trace.String()), "seen", trace, time.Millisecond)
	}
	return f
}

// Whatever the order in which they come: no item ends with the ID of another request, each that can be known has its own, and a
// search for any ID of a request finds its items, and no others.
func TestNoItemGetsAStrangersID(t *testing.T) {
	for seed := range uint64(8) {
		eachWay(t, func(t *testing.T, start func(*testing.T, ...func(*Config)) *waiting) {
			f := newTraffic(seed)
			w := start(t)
			order := make([]int, len(f.spans)+len(f.logs))
			for i := range order {
				order[i] = i
			}
			f.random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			for len(order) > 0 { // all within the time that items wait
				n := min(len(order), 1+f.random.IntN(20))
				td, ld := ptrace.NewTraces(), plog.NewLogs()
				for _, i := range order[:n] {
					if i < len(f.spans) {
						f.spans[i].ResourceSpans().MoveAndAppendTo(td.ResourceSpans())
					} else {
						f.logs[i-len(f.spans)].ResourceLogs().MoveAndAppendTo(ld.ResourceLogs())
					}
				}
				order = order[n:]
				require.NoError(t, w.traces.ConsumeTraces(t.Context(), td))
				require.NoError(t, w.logs.ConsumeLogs(t.Context(), ld))
				time.Sleep(time.Millisecond)
			}
			w.shutdown(t)
			var records []request.Record
			for _, td := range w.tracesOut.AllTraces() {
				records = slices.AppendSeq(records, request.Spans(td))
			}
			for _, ld := range w.logsOut.AllLogs() {
				records = slices.AppendSeq(records, request.Logs(ld))
			}
			require.Len(t, records, f.items)
			for _, r := range records {
				name, id := nameOf(r), idOf(r.Attributes())
				if id == "probe-static-0001" || id == "session-9f3ac1d2" {
					continue // before it was known to be that of many
				}
				require.Equal(t, f.wanted[name], id, "seed %d: %s", seed, name)
			}
			f.searches(t, records)
		})
	}
}

func (f *traffic) searches(t *testing.T, records []request.Record) {
	source := func(_ request.Names, each func(request.Record) bool) error {
		for _, r := range records {
			if !each(r) {
				break
			}
		}
		return nil
	}
	for id, names := range f.own {
		for _, asked := range append([]string{id}, f.traces[id][0].String()) {
			var found []string
			answer, err := request.Find(source, asked, request.Bounds{Names: 1000, Values: 64, Rounds: 10}, func(r request.Record, _ []int) bool {
				found = append(found, nameOf(r))
				return true
			})
			require.NoError(t, err)
			require.Equal(t, 1, answer.Requests, asked)
			require.ElementsMatch(t, names, found, "%s of %s", asked, id)
		}
	}
}

func nameOf(r request.Record) string {
	if r.IsSpan {
		return r.Span.Name()
	}
	name, _ := r.Attributes().Get("name")
	return name.Str()
}
