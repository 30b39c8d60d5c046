package correlation

import (
	"context"

	"go.opentelemetry.io/collector/pdata/plog"
)

func (c *core) logs(ctx context.Context, ld plog.Logs) (plog.Logs, error) {
	b := c.begin()
	defer c.end(b, logs)
	resources := ld.ResourceLogs()
	for i := range resources.Len() {
		rl := resources.At(i)
		resource := b.search.resource(rl.Resource().Attributes())
		for j := range rl.ScopeLogs().Len() {
			sl := rl.ScopeLogs().At(j)
			for k := range sl.LogRecords().Len() {
				record := sl.LogRecords().At(k)
				f := c.findLog(ctx, b, rl, sl, record, resource)
				c.note(b, f, record.TraceID(), false)
			}
		}
	}
	next := 0
	for i := range resources.Len() {
		rl := resources.At(i)
		for j := range rl.ScopeLogs().Len() {
			records := rl.ScopeLogs().At(j).LogRecords()
			for k := range records.Len() {
				record, it := records.At(k), &b.items[next]
				if it.id != "" && record.TraceID().IsEmpty() {
					if trace, ok := c.state.trace(it.id, b.now); ok {
						record.SetTraceID(trace)
						b.tally.reversed++
					}
				}
				c.settle(b, it, record.TraceID(), record.Attributes(), c.config.Generate)
				next++
			}
		}
	}
	return ld, nil
}

// findLog looks for the record's ID and, if it has no trace ID, for its trace context, which is written at once.
func (c *core) findLog(ctx context.Context, b *batch, rl plog.ResourceLogs, sl plog.ScopeLogs, record plog.LogRecord, resource finding) finding {
	if !c.config.TraceContext || !record.TraceID().IsEmpty() {
		return b.search.log(ctx, rl, sl, record, resource, nil)
	}
	var parts traceParts
	parts.attributes(record.Attributes())
	inBody := &parts
	if parts.found() {
		inBody = nil
	}
	f := b.search.log(ctx, rl, sl, record, resource, inBody)
	if t, ok := parts.best(); ok {
		record.SetTraceID(t.trace)
		if record.SpanID().IsEmpty() {
			record.SetSpanID(t.span)
		}
		if record.Flags() == 0 {
			record.SetFlags(plog.LogRecordFlags(t.flags))
		}
		b.tally.parsed++
	}
	return f
}
