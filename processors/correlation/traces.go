// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"context"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

func (c *core) traces(ctx context.Context, td ptrace.Traces) (ptrace.Traces, error) {
	b := c.begin()
	defer c.end(b, traces)
	c.findTraces(ctx, b, td)
	if b.changed {
		c.state.wake()
	}
	c.settleTraces(b, td)
	return td, nil
}

// findTraces is the first pass.
func (c *core) findTraces(ctx context.Context, b *batch, td ptrace.Traces) {
	resources := td.ResourceSpans()
	for i := range resources.Len() {
		rs := resources.At(i)
		resource := b.search.resource(rs.Resource().Attributes(), traces)
		service := b.search.service
		for j := range rs.ScopeSpans().Len() {
			ss := rs.ScopeSpans().At(j)
			for k := range ss.Spans().Len() {
				span := ss.Spans().At(k)
				var f *finding
				if c.config.After != nil {
					f = b.search.left(span.Attributes())
				} else {
					f = b.search.span(ctx, rs, ss, span, resource)
				}
				at := spot{service, b.search.peer, int64(span.StartTimestamp()), int64(span.EndTimestamp()), span.SpanID(), span.ParentSpanID(), isTop(span)}
				it := c.note(b, f, span.TraceID(), span.ParentSpanID().IsEmpty(), at)
				if span.Links().Len() > 0 && !it.trace.IsEmpty() {
					c.follow(b, it, span)
				}
			}
		}
	}
}

// isTop tells a root span that is not a request itself, and may have called for several: of a page load, or of a job.
func isTop(span ptrace.Span) bool {
	return span.ParentSpanID().IsEmpty() && (span.Kind() == ptrace.SpanKindInternal || span.Kind() == ptrace.SpanKindClient)
}

// settleTraces is the second pass.
func (c *core) settleTraces(b *batch, td ptrace.Traces) {
	next := 0
	resources := td.ResourceSpans()
	for i := range resources.Len() {
		rs := resources.At(i)
		for j := range rs.ScopeSpans().Len() {
			spans := rs.ScopeSpans().At(j).Spans()
			for k := range spans.Len() {
				span := spans.At(k)
				c.settle(b, &b.items[next], span.TraceID(), span.Attributes(), c.config.Generate, traces)
				next++
			}
		}
	}
}

// splitTraces takes out the spans that are chosen by their place.
func splitTraces(td ptrace.Traces, chosen func(int) bool) ptrace.Traces {
	late := ptrace.NewTraces()
	next := 0
	for _, rs := range td.ResourceSpans().All() {
		lateResource := late.ResourceSpans().AppendEmpty()
		rs.Resource().CopyTo(lateResource.Resource())
		lateResource.SetSchemaUrl(rs.SchemaUrl())
		for _, ss := range rs.ScopeSpans().All() {
			lateScope := lateResource.ScopeSpans().AppendEmpty()
			ss.Scope().CopyTo(lateScope.Scope())
			lateScope.SetSchemaUrl(ss.SchemaUrl())
			ss.Spans().RemoveIf(func(span ptrace.Span) bool {
				out := chosen(next)
				next++
				if out {
					span.MoveTo(lateScope.Spans().AppendEmpty())
				}
				return out
			})
		}
	}
	pruneTraces(td)
	pruneTraces(late)
	return late
}

func pruneTraces(td ptrace.Traces) {
	td.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		rs.ScopeSpans().RemoveIf(func(ss ptrace.ScopeSpans) bool { return ss.Spans().Len() == 0 })
		return rs.ScopeSpans().Len() == 0
	})
}
