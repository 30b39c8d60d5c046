package correlation

import (
	"context"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

func (c *core) traces(ctx context.Context, td ptrace.Traces) (ptrace.Traces, error) {
	b := c.begin()
	defer c.end(b, traces)
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
	next := 0
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
	return td, nil
}
