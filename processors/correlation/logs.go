// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"context"

	"go.opentelemetry.io/collector/pdata/plog"
)

func (c *core) logs(ctx context.Context, ld plog.Logs) (plog.Logs, error) {
	b := c.begin()
	defer c.end(b, logs)
	c.findLogs(ctx, b, ld)
	c.settleLogs(b, ld)
	return ld, nil
}

// findLogs is the first pass.
func (c *core) findLogs(ctx context.Context, b *batch, ld plog.Logs) {
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
}

// settleLogs is the second pass.
func (c *core) settleLogs(b *batch, ld plog.Logs) {
	next := 0
	resources := ld.ResourceLogs()
	for i := range resources.Len() {
		rl := resources.At(i)
		for j := range rl.ScopeLogs().Len() {
			records := rl.ScopeLogs().At(j).LogRecords()
			for k := range records.Len() {
				record, it := records.At(k), &b.items[next]
				if it.id != "" && record.TraceID().IsEmpty() {
					if trace, _ := c.state.trace(it.id, b.now); !trace.IsEmpty() {
						record.SetTraceID(trace)
						b.tally.reversed++
					}
				}
				c.settle(b, it, record.TraceID(), record.Attributes(), c.config.Generate)
				next++
			}
		}
	}
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

// splitLogs takes out the records that are to wait: see [core.waits]. Their items come last then.
func (c *core) splitLogs(b *batch, ld plog.Logs) plog.Logs {
	late := plog.NewLogs()
	next := 0
	for _, rl := range ld.ResourceLogs().All() {
		lateResource := late.ResourceLogs().AppendEmpty()
		rl.Resource().CopyTo(lateResource.Resource())
		lateResource.SetSchemaUrl(rl.SchemaUrl())
		for _, sl := range rl.ScopeLogs().All() {
			lateScope := lateResource.ScopeLogs().AppendEmpty()
			sl.Scope().CopyTo(lateScope.Scope())
			lateScope.SetSchemaUrl(sl.SchemaUrl())
			sl.LogRecords().RemoveIf(func(record plog.LogRecord) bool {
				it := &b.items[next]
				next++
				if it.late = c.waits(b, it, record.TraceID()) || c.waitsForTrace(b, it, record.TraceID()); it.late {
					record.MoveTo(lateScope.LogRecords().AppendEmpty())
				}
				return it.late
			})
		}
	}
	b.lateLast()
	pruneLogs(ld)
	pruneLogs(late)
	return late
}

func pruneLogs(ld plog.Logs) {
	ld.ResourceLogs().RemoveIf(func(rl plog.ResourceLogs) bool {
		rl.ScopeLogs().RemoveIf(func(sl plog.ScopeLogs) bool { return sl.LogRecords().Len() == 0 })
		return rl.ScopeLogs().Len() == 0
	})
}
