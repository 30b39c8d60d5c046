// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/request"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const loads = 5

func idOfRequest(i int) string { return fmt.Sprintf("page-request-%d-9c", i) }

// part is what one service exports of a page load.
type part struct {
	td ptrace.Traces
	ld plog.Logs
}

func newPart() part { return part{ptrace.NewTraces(), plog.NewLogs()} }

func (p part) span(service, name string, kind ptrace.SpanKind, id, parent byte, header string) {
	rs := p.td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", service)
	span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetName(name)
	span.SetKind(kind)
	span.SetTraceID(trace1)
	span.SetSpanID(pcommon.SpanID{id})
	if parent != 0 {
		span.SetParentSpanID(pcommon.SpanID{parent})
	}
	span.SetStartTimestamp(started)
	span.SetEndTimestamp(started + 1e9)
	if header != "" {
		span.Attributes().PutStr("http.request.header.x-request-id", header)
	}
}

func (p part) log(name string, parent byte) {
	record := p.ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.Attributes().PutStr("name", name)
	record.Body().SetStr("reserved")
	record.SetTraceID(trace1)
	record.SetSpanID(pcommon.SpanID{parent})
	record.SetTimestamp(started + 1e6)
}

// pageLoad is a page that calls a service five times in one trace. The service knows the ID of each request, and calls another one. The page comes in
// four parts.
func pageLoad() (parts [4]part) {
	for i := range parts {
		parts[i] = newPart()
	}
	browser, back := parts[0], parts[1]
	for i := range loads {
		fetch, server, call, callee := byte(10+i), byte(20+i), byte(30+i), byte(40+i)
		front := parts[2+i/3]
		back.span("back", fmt.Sprintf("inner %d", i), ptrace.SpanKindInternal, byte(50+i), callee, "")
		back.span("back", fmt.Sprintf("callee %d", i), ptrace.SpanKindServer, callee, call, "")
		back.log(fmt.Sprintf("line %d", i), callee)
		front.span("front", fmt.Sprintf("call %d", i), ptrace.SpanKindClient, call, server, "")
		front.span("front", fmt.Sprintf("server %d", i), ptrace.SpanKindServer, server, fetch, idOfRequest(i))
		front.log(fmt.Sprintf("own line %d", i), server)
		browser.span("page", fmt.Sprintf("fetch %d", i), ptrace.SpanKindClient, fetch, 1, "")
	}
	browser.span("page", "load", ptrace.SpanKindInternal, 1, 0, "")
	return parts
}

// Each request of a page load has its ID, and so has what is below it, in whatever order the services export. The page itself has an array of all of them,
// and a search for one of them finds its request, and the page.
func TestPageLoad(t *testing.T) {
	for n := range 24 {
		eachWay(t, func(t *testing.T, start func(*testing.T, ...func(*Config)) *waiting) {
			w := start(t)
			parts, left := pageLoad(), []int{0, 1, 2, 3}
			order := ""
			for k, n := 4, n; k > 0; k-- {
				at := n % k
				n /= k
				order += strconv.Itoa(left[at])
				one := parts[left[at]]
				left = slices.Delete(left, at, at+1)
				require.NoError(t, w.traces.ConsumeTraces(t.Context(), one.td))
				if one.ld.LogRecordCount() > 0 {
					require.NoError(t, w.logs.ConsumeLogs(t.Context(), one.ld))
				}
				time.Sleep(wait / 5)
				synctest.Wait()
			}
			time.Sleep(wait)
			synctest.Wait()
			w.shutdown(t)

			var records []request.Record
			for _, td := range w.tracesOut.AllTraces() {
				records = slices.AppendSeq(records, request.Spans(td))
			}
			for _, ld := range w.logsOut.AllLogs() {
				records = slices.AppendSeq(records, request.Logs(ld))
			}
			require.Len(t, records, loads*7+1)
			var all []any
			for i := range loads {
				all = append(all, idOfRequest(i))
			}
			for _, r := range records {
				name, m := nameOf(r), r.Attributes()
				require.NotContains(t, m.AsRaw(), semconv.CorrelationConflict, name)
				require.NotContains(t, m.AsRaw(), semconv.CorrelationAliases, name)
				if name == "load" || name[:len("fetch")] == "fetch" {
					require.Equal(t, trace1.String(), idOf(m), "%s in order %s", name, order)
					require.ElementsMatch(t, all, m.AsRaw()[semconv.CorrelationIDs], "%s in order %s", name, order)
					continue
				}
				require.Equal(t, idOfRequest(int(name[len(name)-1]-'0')), idOf(m), "%s in order %s", name, order)
				require.NotContains(t, m.AsRaw(), semconv.CorrelationIDs, name)
			}
			source := func(_ request.Names, each func(request.Record) bool) error {
				for _, r := range records {
					if !each(r) {
						break
					}
				}
				return nil
			}
			for i := range loads {
				var names []string
				_, err := request.Find(source, idOfRequest(i), request.Bounds{Names: 1000, Values: 64, Rounds: 10}, func(r request.Record, _ []int) bool {
					names = append(names, nameOf(r))
					return true
				})
				require.NoError(t, err)
				for _, name := range []string{"server", "call", "callee", "inner", "line", "own line"} {
					require.Contains(t, names, fmt.Sprintf("%s %d", name, i))
				}
				require.Contains(t, names, "load")
			}
		})
	}
}

// If the root has an ID, it is a request itself, and what it calls with other IDs belongs to it.
func TestARootWithAnIDIsOneRequest(t *testing.T) {
	for _, rootLast := range []bool{false, true} {
		c := coreOf(t)
		root, below := newPart(), newPart()
		root.span("front", "root", ptrace.SpanKindServer, 1, 0, "root-request-7f")
		for i := range 3 {
			below.span("back", "server", ptrace.SpanKindServer, byte(20+i), byte(10+i), idOfRequest(i))
		}
		order := []part{root, below}
		if rootLast {
			slices.Reverse(order)
		}
		for _, one := range order {
			_, err := c.traces(t.Context(), one.td)
			require.NoError(t, err)
		}
		out := c.through(t, nil, spanOf{trace: trace1})[0]
		require.Equal(t, "root-request-7f", out["correlation.id"])
		require.ElementsMatch(t, []any{idOfRequest(0), idOfRequest(1), idOfRequest(2)}, out[semconv.CorrelationAliases])
	}
}

// A link leads to the request of the span that it names.
func TestLinkIntoAPageLoad(t *testing.T) {
	c := coreOf(t)
	for _, one := range pageLoad() {
		_, err := c.traces(t.Context(), one.td)
		require.NoError(t, err)
	}
	td := ptrace.NewTraces()
	span := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetTraceID(trace2)
	link := span.Links().AppendEmpty()
	link.SetTraceID(trace1)
	link.SetSpanID(pcommon.SpanID{33})
	_, err := c.traces(t.Context(), td)
	require.NoError(t, err)
	require.Equal(t, idOfRequest(3), idOf(span.Attributes()))
}

// What is kept of one trace is bounded, and accounted for.
func TestAPageLoadIsBounded(t *testing.T) {
	c := coreOf(t)
	const many = 20_000
	for i := range many {
		at := spot{span: pcommon.SpanID{1, byte(i), byte(i >> 8), byte(i >> 16)}, parent: pcommon.SpanID{2, byte(i), byte(i >> 8)}}
		c.state.show(trace1, sighting{id: fmt.Sprintf("many-%05d", i), by: spanEvidence, at: at}, 1)
	}
	l := c.state.shardOf(trace1)
	known := l.get(trace1, 1)
	require.Len(t, known.requests.ids, maxIDs)
	require.Len(t, known.requests.steps, maxSteps)
	require.Equal(t, traceEntry+len(known.id)+known.requests.bytes(), l.bytes)
	require.Equal(t, "many-00007", c.state.id(trace1, spot{parent: pcommon.SpanID{1, 7}}, 1).id)
	ring := &requests{steps: map[pcommon.SpanID]step{{1}: {parent: pcommon.SpanID{2}}, {2}: {parent: pcommon.SpanID{1}}}}
	require.Empty(t, ring.of(spot{parent: pcommon.SpanID{1}}))
}
