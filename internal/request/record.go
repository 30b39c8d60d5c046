// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package request

import (
	"iter"
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A Record is a span or a log record, with the resource it comes from.
type Record struct {
	Resource pcommon.Map
	IsSpan   bool
	Span     ptrace.Span
	Log      plog.LogRecord
}

// Spans are the records in traces.
func Spans(traces ptrace.Traces) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for _, of := range traces.ResourceSpans().All() {
			for _, scope := range of.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					if !yield(Record{Resource: of.Resource().Attributes(), IsSpan: true, Span: span}) {
						return
					}
				}
			}
		}
	}
}

// Logs are the records in logs.
func Logs(logs plog.Logs) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for _, of := range logs.ResourceLogs().All() {
			for _, scope := range of.ScopeLogs().All() {
				for _, log := range scope.LogRecords().All() {
					if !yield(Record{Resource: of.Resource().Attributes(), Log: log}) {
						return
					}
				}
			}
		}
	}
}

// TraceID is the record's trace ID, which may be empty.
func (r Record) TraceID() pcommon.TraceID {
	if r.IsSpan {
		return r.Span.TraceID()
	}
	return r.Log.TraceID()
}

// SpanID is the span's ID, or that of the span that wrote the log record.
func (r Record) SpanID() pcommon.SpanID {
	if r.IsSpan {
		return r.Span.SpanID()
	}
	return r.Log.SpanID()
}

// at reports whether the record is the span, of it, or directly inside of it.
func (r Record) at(span pcommon.SpanID) bool {
	return !span.IsEmpty() && (r.SpanID() == span || r.IsSpan && r.Span.ParentSpanID() == span)
}

// Attributes are the record's own attributes.
func (r Record) Attributes() pcommon.Map {
	if r.IsSpan {
		return r.Span.Attributes()
	}
	return r.Log.Attributes()
}

// CorrelationID is the record's correlation ID, or else its resource's. It is empty if there is none.
func (r Record) CorrelationID() string {
	for _, attributes := range []pcommon.Map{r.Attributes(), r.Resource} {
		if id, ok := attributes.Get(semconv.CorrelationID); ok && id.Type() == pcommon.ValueTypeStr {
			return id.Str()
		}
	}
	return ""
}

// quoted reports whether the correlation ID of the record was only found in its text, and may be somebody else's.
func (r Record) quoted() bool {
	evidence, ok := r.Attributes().Get(semconv.CorrelationEvidence)
	return ok && evidence.Type() == pcommon.ValueTypeStr && (evidence.Str() == "text" || evidence.Str() == "pattern")
}

// list are the IDs in an attribute that is an array.
func (r Record) list(key string) (ids []string) {
	all, ok := r.Attributes().Get(key)
	if !ok || all.Type() != pcommon.ValueTypeSlice {
		return nil
	}
	for i := range min(all.Slice().Len(), maxList) {
		if id := all.Slice().At(i); id.Type() == pcommon.ValueTypeStr && id.Str() != "" && len(id.Str()) <= MaxID {
			ids = append(ids, id.Str())
		}
	}
	return ids
}

// lostID is the ID that lost to the correlation ID.
func (r Record) lostID() string {
	if id, ok := r.Attributes().Get(semconv.CorrelationConflict); ok && id.Type() == pcommon.ValueTypeStr && len(id.Str()) <= MaxID {
		return id.Str()
	}
	return ""
}

// Times are those of the span. A log record's is the time of the event, or else of its observation. Zero is unknown.
func (r Record) Times() (start, end time.Time) {
	if r.IsSpan {
		start, end = Moment(r.Span.StartTimestamp()), Moment(r.Span.EndTimestamp())
		if start.IsZero() || end.Before(start) { // a span that ends before it begins has no length
			end = start
		}
		return start, end
	}
	at := Moment(r.Log.Timestamp())
	if at.IsZero() {
		at = Moment(r.Log.ObservedTimestamp())
	}
	return at, at
}

// Moment is the time, or zero for a timestamp that is none.
func Moment(t pcommon.Timestamp) time.Time {
	if t == 0 || t > math.MaxInt64 {
		return time.Time{}
	}
	return t.AsTime()
}

// A spanKey is shared by copies of one span only. The two sides of a call may have the same span ID.
type spanKey struct {
	trace pcommon.TraceID
	span  pcommon.SpanID
	kind  ptrace.SpanKind
	start pcommon.Timestamp
}

// again reports whether the span was seen before: two pipelines, or two files, may have it.
func again(r Record, seen map[spanKey]bool) bool {
	if !r.IsSpan || r.Span.SpanID().IsEmpty() {
		return false
	}
	key := spanKey{r.Span.TraceID(), r.Span.SpanID(), r.Span.Kind(), r.Span.StartTimestamp()}
	before := seen[key]
	seen[key] = true
	return before
}
