// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-sre/otelcol-sre/internal/request"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/processors/correlation/internal/metadata"
)

const (
	fromHeader = "hdr-0001-abcdef"
	fromLog    = "log-0002-abcdef"
	fromText   = "txt-0003-abcdef"
)

func valueOf(m pcommon.Map, key string) any {
	v, ok := m.Get(key)
	if !ok {
		return nil
	}
	return v.AsRaw()
}

// Text labels its own record until its trace shows something better, and nothing else ever.
func TestTextLabelsItsOwnRecord(t *testing.T) {
	c := coreOf(t)
	line := logOf{trace: trace1, body: "paid request_id=" + fromText}
	record := c.logged(t, line).At(0)
	require.Equal(t, fromText, idOf(record.Attributes()))
	require.Equal(t, "text", valueOf(record.Attributes(), semconv.CorrelationEvidence))
	require.Equal(t, trace1.String(), c.through(t, nil, spanOf{trace: trace1})[0]["correlation.id"])

	// The next collector knows that it is only from text.
	next := coreOf(t)
	again := next.logged(t, logOf{trace: trace1, body: "x", attributes: record.Attributes().AsRaw()}).At(0)
	require.Equal(t, "text", valueOf(again.Attributes(), semconv.CorrelationEvidence))
	require.Equal(t, trace1.String(), next.through(t, nil, spanOf{trace: trace1})[0]["correlation.id"])

	c.through(t, nil, withID(trace1, fromHeader))
	record = c.logged(t, line).At(0)
	require.Equal(t, map[string]any{"correlation.id": fromHeader}, record.Attributes().AsRaw())
	require.Zero(t, c.stats.conflicts.Load(), "what text says is no conflict")

	// Text that says the same is as good as the header.
	record = c.logged(t, logOf{trace: trace1, body: "paid request_id=" + fromHeader}).At(0)
	require.Equal(t, map[string]any{"correlation.id": fromHeader}, record.Attributes().AsRaw())
}

// A trace that has its ID only in its text has it when nothing better came in time, and a header elsewhere confirms it.
func TestConfirmedText(t *testing.T) {
	for name, test := range map[string]struct {
		lines []string
		want  string
	}{
		"confirmed":   {[]string{"sent request_id=" + fromHeader}, fromHeader},
		"unknown":     {[]string{"sent request_id=" + fromText}, trace2.String()},
		"two of them": {[]string{"sent request_id=" + fromHeader, "sent request_id=" + fromText}, trace2.String()},
	} {
		t.Run(name, func(t *testing.T) {
			c := coreOf(t)
			c.through(t, nil, withID(trace1, fromHeader))
			for _, line := range test.lines {
				c.logged(t, logOf{trace: trace2, body: line})
			}
			require.Equal(t, trace2.String(), c.through(t, nil, spanOf{trace: trace2})[0]["correlation.id"], "it may show a header yet")
			b := c.begin()
			b.final = true
			td := ptrace.NewTraces()
			spanOf{trace: trace2}.span(t, td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty())
			c.findTraces(t.Context(), b, td)
			c.settleTraces(b, td)
			c.end(b, traces)
			require.Equal(t, test.want, idOf(td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes()))
		})
	}
}

// A header replaces what a log record had in a field, whatever came first; what was sent before is named.
func TestBetterEvidenceReplaces(t *testing.T) {
	c := coreOf(t)
	log := logOf{trace: trace1, body: map[string]any{"request_id": fromLog}}
	require.Equal(t, fromLog, idOf(c.logged(t, log).At(0).Attributes()))
	out := c.through(t, nil, spanOf{trace: trace1})[0]
	require.Equal(t, fromLog, out["correlation.id"])
	require.Equal(t, "log", out[semconv.CorrelationEvidence], "the next collector is not to take it for a header")

	out = c.through(t, nil, withID(trace1, fromHeader), spanOf{trace: trace1})[1]
	require.Equal(t, map[string]any{"correlation.id": fromHeader, semconv.CorrelationAliases: []any{fromLog}}, out)
	record := c.logged(t, log).At(0)
	require.Equal(t, map[string]any{"correlation.id": fromHeader, semconv.CorrelationConflict: fromLog, semconv.CorrelationAliases: []any{fromLog}}, record.Attributes().AsRaw())
}

// Within a batch, too: the order does not matter.
func TestBetterEvidenceReplacesWithinABatch(t *testing.T) {
	c := coreOf(t)
	out := c.through(t, nil,
		spanOf{trace: trace1, attributes: map[string]any{"correlation.id": fromLog, semconv.CorrelationEvidence: "log"}},
		withID(trace1, fromHeader))
	require.Equal(t, fromHeader, out[0]["correlation.id"])
	require.NotContains(t, out[0], semconv.CorrelationEvidence)
	require.Equal(t, fromHeader, out[1]["correlation.id"])
}

// Without IDs of spans, nobody knows what is below what: the first ID is that of all, and the others lead to it.
func TestAliasesOfSeveralIDs(t *testing.T) {
	c := coreOf(t)
	for i := range 5 {
		c.through(t, nil, withID(trace1, fmt.Sprintf("request-%d-abc", i)))
	}
	out := c.through(t, nil, spanOf{trace: trace1})[0]
	require.Equal(t, "request-0-abc", out["correlation.id"])
	require.Equal(t, []any{"request-1-abc", "request-2-abc", "request-3-abc", "request-4-abc"}, out[semconv.CorrelationAliases])
}

// An ID of many traces is that of a session or a probe: it is kept by its own name, and joins nobody.
func TestSharedIDs(t *testing.T) {
	c := coreOf(t, func(c *Config) { c.MaxTraces = 4 })
	trace := func(i int) pcommon.TraceID { return pcommon.TraceID{1, 15: byte(i + 1)} }
	for i := range 4 {
		require.Equal(t, fromHeader, c.through(t, nil, withID(trace(i), fromHeader))[0]["correlation.id"])
	}
	for i := range 6 { // those that had it before, too
		out := c.through(t, nil, withID(trace(5-i), fromHeader), spanOf{trace: trace(5 - i)})
		require.Equal(t, trace(5-i).String(), out[0]["correlation.id"])
		require.Equal(t, fromHeader, out[0][semconv.CorrelationShared])
		require.Equal(t, trace(5-i).String(), out[1]["correlation.id"])
	}
	record := c.logged(t, logOf{body: "request_id=" + fromHeader}).At(0)
	require.Equal(t, map[string]any{semconv.CorrelationShared: fromHeader}, record.Attributes().AsRaw())
	require.True(t, record.TraceID().IsEmpty())
	require.EqualValues(t, 7, c.stats.shared.Load())
	require.EqualValues(t, 1, c.stats.withheld[sharedID].Load())

	// Over a longer time they may well be retries.
	c = coreOf(t, func(c *Config) { c.MaxTraces = 4 })
	now := c.now()
	c.now = func() time.Time { return now }
	for i := range 12 {
		require.Equal(t, fromHeader, c.through(t, nil, withID(trace(i), fromHeader))[0]["correlation.id"])
		now = now.Add(9 * time.Minute)
	}
}

// One consumer span with 100 links: its work is that of no single request, and its array names them all.
func TestBatches(t *testing.T) {
	c := coreOf(t)
	var links []pcommon.TraceID
	var ids []any
	for i := range 100 {
		trace := pcommon.TraceID{1, 15: byte(i + 1)}
		links = append(links, trace)
		ids = append(ids, fmt.Sprintf("order-%d-aaaa", i))
		c.through(t, nil, withID(trace, ids[i].(string)))
	}
	out := c.through(t, nil, spanOf{trace: trace1, links: links}, spanOf{trace: trace1})
	require.Equal(t, trace1.String(), out[0]["correlation.id"])
	require.Equal(t, ids, out[0][semconv.CorrelationIDs])
	require.Equal(t, trace1.String(), out[1]["correlation.id"])
	require.Equal(t, trace1.String(), idOf(c.logged(t, logOf{trace: trace1, body: "charged"}).At(0).Attributes()))

	// Several links to one request are one request; with one that is not known, it may be another.
	out = c.through(t, nil, spanOf{trace: trace2, links: []pcommon.TraceID{links[7], links[7]}})
	require.Equal(t, map[string]any{"correlation.id": ids[7], semconv.CorrelationEvidence: "link"}, out[0])
	out = c.through(t, nil, spanOf{trace: trace3, links: []pcommon.TraceID{links[7], {9}}})
	require.Equal(t, map[string]any{"correlation.id": trace3.String(), semconv.CorrelationIDs: []any{ids[7]}}, out[0])
}

// A trace is written onto a log record only if it can be no other.
func TestTraceContextIsCertain(t *testing.T) {
	shop := map[string]any{"service.name": "shop"}
	for name, test := range map[string]struct {
		service string
		after   time.Duration // the begin of the trace, which takes a second
		spans   []spanOf
		doubt   certainty
	}{
		"its own":          {service: "shop", after: time.Second / 2},
		"of its caller":    {service: "pay", after: time.Second / 2, spans: []spanOf{{trace: trace1, client: true, attributes: map[string]any{"server.address": "pay"}}}},
		"another service":  {service: "mail", after: time.Second / 2, doubt: otherService},
		"a later attempt":  {service: "shop", after: 2 * time.Second, doubt: otherTime},
		"before it":        {service: "shop", after: -time.Second, doubt: otherTime},
		"a retry":          {service: "shop", after: time.Second / 2, spans: []spanOf{withID(trace2, fromHeader)}, doubt: severalTraces},
		"without its time": {service: "shop", after: -time.Duration(started), doubt: unknownTime},
		"unknown":          {service: "shop", after: time.Second / 2, doubt: noTrace},
	} {
		t.Run(name, func(t *testing.T) {
			c := coreOf(t)
			if test.doubt != noTrace || name != "unknown" {
				c.through(t, shop, withID(trace1, fromHeader))
			}
			for _, span := range test.spans {
				c.through(t, shop, span)
			}
			ld := plog.NewLogs()
			rl := ld.ResourceLogs().AppendEmpty()
			rl.Resource().Attributes().PutStr("service.name", test.service)
			record := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
			record.Body().SetStr("paid request_id=" + fromHeader)
			record.SetTimestamp(started + pcommon.Timestamp(test.after))
			_, err := c.logs(t.Context(), ld)
			require.NoError(t, err)
			require.Equal(t, fromHeader, idOf(record.Attributes()))
			if test.doubt == noTrace && name != "unknown" {
				require.Equal(t, trace1, record.TraceID())
				return
			}
			require.True(t, record.TraceID().IsEmpty())
			require.EqualValues(t, 1, c.stats.withheld[test.doubt].Load())
		})
	}
}

func TestLetterCaseAndLists(t *testing.T) {
	c := coreOf(t)
	out := c.through(t, nil, withID(trace1, "7B6E6A1C-5A0E-4C57-9A3E-3A4C2E1F0D9B"), withID(trace2, requestID+", "+fromHeader))
	require.Equal(t, requestID, out[0]["correlation.id"])
	require.Equal(t, requestID, out[1]["correlation.id"])
	record := c.logged(t, logOf{attributes: map[string]any{"traceparent": "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01"}}).At(0)
	require.True(t, record.TraceID().IsEmpty(), "the W3C allows lower case only")
}

func TestExplain(t *testing.T) {
	c := coreOf(t)
	out := c.through(t, nil, withID(trace1, fromHeader), spanOf{trace: trace1, attributes: map[string]any{"request_id": "test"}})
	e, err := newExplainer(c.config)
	require.NoError(t, err)
	explain := func(attributes map[string]any) request.Reason {
		m := pcommon.NewMap()
		require.NoError(t, m.FromRaw(attributes))
		return e.explain(pcommon.NewMap(), m, trace1, traces, func(finding) *finding {
			e.search.begin()
			e.search.attributes(m)
			return &e.search.finding
		})
	}
	require.Equal(t, request.Reason{Origin: "source", Evidence: "span", Candidates: []request.Candidate{
		{Source: "attribute:http.request.header.x-request-id", Evidence: "span", Value: fromHeader},
	}}, explain(out[0]))
	require.Equal(t, request.Reason{Origin: "trace", Candidates: []request.Candidate{
		{Source: "attribute:request_id", Evidence: "span", Value: "test", Rejected: "it says that there is none"},
	}}, explain(out[1]))
	require.Equal(t, request.Reason{Origin: "generated"}, explain(map[string]any{"correlation.id": trace1.String()}))
	require.Equal(t, request.Reason{Origin: "none"}, explain(nil))
	record := c.logged(t, logOf{body: "duplicate of request_id=" + fromLog}).At(0)
	require.Equal(t, request.Reason{Origin: "none", Candidates: []request.Candidate{
		{Source: "logfmt:request_id", Evidence: "text", Value: fromLog, Rejected: "the text says that it is the ID of another request"},
	}}, e.Log(pcommon.NewMap(), record))
}

// page is an extension that shows reasons.
type page struct {
	component.Component
	explainer func() (request.Explainer, error)
}

func (p *page) ExplainWith(explainer func() (request.Explainer, error)) { p.explainer = explainer }

type hostWith map[component.ID]component.Component

func (h hostWith) GetExtensions() map[component.ID]component.Component { return h }

// A page explains with the sources of the processor that runs.
func TestPageKnowsTheSources(t *testing.T) {
	shown := &page{}
	cfg := createDefaultConfig().(*Config)
	cfg.Sources = []Source{{Attribute: "order.number"}}
	p, err := NewFactory().CreateTraces(t.Context(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), hostWith{component.MustNewID("status_page"): shown}))
	defer func() { require.NoError(t, p.Shutdown(context.Background())) }()
	e, err := shown.explainer()
	require.NoError(t, err)
	span := ptrace.NewSpan()
	require.NoError(t, span.Attributes().FromRaw(map[string]any{"order.number": "A-17", "request_id": fromHeader, "correlation.id": "A-17"}))
	require.Equal(t, request.Reason{Origin: "source", Evidence: "span", Candidates: []request.Candidate{
		{Source: "attribute:order.number", Evidence: "span", Value: "A-17"},
	}}, e.Span(pcommon.NewMap(), span))
}
