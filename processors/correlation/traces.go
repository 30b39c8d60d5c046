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
	c.settleTraces(b, td)
	return td, nil
}

// findTraces is the first pass.
func (c *core) findTraces(ctx context.Context, b *batch, td ptrace.Traces) {
	resources := td.ResourceSpans()
	for i := range resources.Len() {
		rs := resources.At(i)
		resource := b.search.resource(rs.Resource().Attributes())
		for j := range rs.ScopeSpans().Len() {
			ss := rs.ScopeSpans().At(j)
			for k := range ss.Spans().Len() {
				span := ss.Spans().At(k)
				f := b.search.span(ctx, rs, ss, span, resource)
				it := c.note(b, f, span.TraceID(), span.ParentSpanID().IsEmpty())
				if it.outcome != found && !span.TraceID().IsEmpty() {
					c.follow(b, it, span)
				}
			}
		}
	}
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
				c.settle(b, &b.items[next], span.TraceID(), span.Attributes(), c.config.Generate)
				next++
			}
		}
	}
}

// splitTraces takes out the spans that are to wait: see [core.waits]. Their items come last then.
func (c *core) splitTraces(b *batch, td ptrace.Traces) ptrace.Traces {
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
				it := &b.items[next]
				next++
				if it.late = c.waits(b, it, span.TraceID()); it.late {
					span.MoveTo(lateScope.Spans().AppendEmpty())
				}
				return it.late
			})
		}
	}
	b.lateLast()
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
