package search

import (
	"iter"
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/recent"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const correlationAttribute, conflictAttribute = semconv.CorrelationID, semconv.CorrelationConflict

// A record is a span or a log record where it stands.
type record struct {
	resource pcommon.Map
	isSpan   bool
	span     ptrace.Span
	log      plog.LogRecord
}

// records decodes a batch. One that cannot be decoded has none.
func records(b recent.Batch) iter.Seq[record] {
	if b.Signal() == recent.Spans {
		return spans(b)
	}
	return logs(b)
}

func spans(b recent.Batch) iter.Seq[record] {
	return func(yield func(record) bool) {
		traces, err := b.Traces()
		if err != nil {
			return
		}
		for _, of := range traces.ResourceSpans().All() {
			for _, scope := range of.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					if !yield(record{resource: of.Resource().Attributes(), isSpan: true, span: span}) {
						return
					}
				}
			}
		}
	}
}

func logs(b recent.Batch) iter.Seq[record] {
	return func(yield func(record) bool) {
		logs, err := b.Logs()
		if err != nil {
			return
		}
		for _, of := range logs.ResourceLogs().All() {
			for _, scope := range of.ScopeLogs().All() {
				for _, log := range scope.LogRecords().All() {
					if !yield(record{resource: of.Resource().Attributes(), log: log}) {
						return
					}
				}
			}
		}
	}
}

func (r record) traceID() pcommon.TraceID {
	if r.isSpan {
		return r.span.TraceID()
	}
	return r.log.TraceID()
}

func (r record) spanID() pcommon.SpanID {
	if r.isSpan {
		return r.span.SpanID()
	}
	return r.log.SpanID()
}

func (r record) attributes() pcommon.Map {
	if r.isSpan {
		return r.span.Attributes()
	}
	return r.log.Attributes()
}

// correlationID is the record's, or that of the process it comes from.
func (r record) correlationID() string {
	for _, attributes := range []pcommon.Map{r.attributes(), r.resource} {
		if id, ok := attributes.Get(correlationAttribute); ok && id.Type() == pcommon.ValueTypeStr {
			return id.Str()
		}
	}
	return ""
}

// times are those of the span; a log record's is when it happened, or else was first seen. Zero is unknown.
func (r record) times() (start, end time.Time) {
	if r.isSpan {
		start, end = moment(r.span.StartTimestamp()), moment(r.span.EndTimestamp())
		if end.Before(start) { // a span that ends before it begins has no length
			end = start
		}
		return start, end
	}
	at := moment(r.log.Timestamp())
	if at.IsZero() {
		at = moment(r.log.ObservedTimestamp())
	}
	return at, at
}

// moment is zero for what is no time.
func moment(t pcommon.Timestamp) time.Time {
	if t == 0 || t > math.MaxInt64 {
		return time.Time{}
	}
	return t.AsTime()
}

// A spanKey is what no two spans have in common, but for copies of one. Both sides of a call may share a span ID.
type spanKey struct {
	trace pcommon.TraceID
	span  pcommon.SpanID
	kind  ptrace.SpanKind
	start pcommon.Timestamp
}

// again tells whether the span was seen: two pipelines may show it to the page.
func again(r record, seen map[spanKey]bool) bool {
	if !r.isSpan {
		return false
	}
	key := spanKey{r.span.TraceID(), r.span.SpanID(), r.span.Kind(), r.span.StartTimestamp()}
	before := seen[key]
	seen[key] = true
	return before
}
