// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package requesttest has requests, and what each of their IDs has to find. All tools that look for requests are tested with them.
package requesttest

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// A Case is telemetry, and the requests in it.
type Case struct {
	Name     string
	Records  []Record
	Requests []Request
}

// A Request has IDs, each of which finds the same. An ID that several requests have finds all of them.
type Request struct {
	IDs []string
	// Finds are the names of spans, and the texts of log records.
	Finds []string
	// Shared is how many requests have these IDs; 0 is one only.
	Shared int
}

// A Record is a span, or a log record if it has a text or an object as its body.
type Record struct {
	name, text       string
	object           map[string]any
	event            map[string]any // attributes of the span's event
	trace, id, inner byte           // numbers of IDs; 0 is none. inner is the span that is around it.
	attributes       map[string]any
	links            []byte
}

// Trace is the trace ID with the number.
func Trace(n byte) pcommon.TraceID { return pcommon.TraceID{0: 0x4b, 1: 0xf9, 15: n} }

// Span is the span ID with the number.
func Span(n byte) pcommon.SpanID { return pcommon.SpanID{0: 0xbb, 7: n} }

func trace(n byte) string { return Trace(n).String() }

func span(n byte) string { return Span(n).String() }

type with = map[string]any

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// Documents are the records, each in a batch of its own. Of each pair one is empty.
func (c Case) Documents() (all []Document) {
	for i, r := range c.Records {
		at := pcommon.NewTimestampFromTime(start.Add(time.Duration(i) * time.Millisecond))
		d := Document{ptrace.NewTraces(), plog.NewLogs()}
		if r.name != "" {
			of := d.Traces.ResourceSpans().AppendEmpty()
			of.Resource().Attributes().PutStr("service.name", "shop")
			r.span(of.ScopeSpans().AppendEmpty().Spans().AppendEmpty(), at)
		} else {
			of := d.Logs.ResourceLogs().AppendEmpty()
			of.Resource().Attributes().PutStr("service.name", "shop")
			r.log(of.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty(), at)
		}
		all = append(all, d)
	}
	return all
}

// A Document is a batch of spans or log records.
type Document struct {
	Traces ptrace.Traces
	Logs   plog.Logs
}

func (r Record) span(to ptrace.Span, at pcommon.Timestamp) {
	to.SetName(r.name)
	to.SetTraceID(Trace(r.trace))
	to.SetSpanID(Span(r.id))
	if r.inner != 0 {
		to.SetParentSpanID(Span(r.inner))
	}
	to.SetStartTimestamp(at)
	to.SetEndTimestamp(at)
	for _, n := range r.links {
		link := to.Links().AppendEmpty()
		link.SetTraceID(Trace(n))
		link.SetSpanID(Span(n))
	}
	if r.event != nil {
		fill(to.Events().AppendEmpty().Attributes(), r.event)
	}
	fill(to.Attributes(), r.attributes)
}

func (r Record) log(to plog.LogRecord, at pcommon.Timestamp) {
	to.Body().SetStr(r.text)
	if r.object != nil {
		fill(to.Body().SetEmptyMap(), r.object)
	}
	to.SetTimestamp(at)
	if r.trace != 0 {
		to.SetTraceID(Trace(r.trace))
	}
	if r.inner != 0 {
		to.SetSpanID(Span(r.inner))
	}
	fill(to.Attributes(), r.attributes)
}

func fill(to pcommon.Map, attributes map[string]any) {
	if err := to.FromRaw(attributes); err != nil {
		panic(err) // of a value in the table
	}
}
