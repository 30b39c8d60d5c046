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
	if b.changed {
		c.state.wake()
	}
	c.settleLogs(b, ld)
	return ld, nil
}

// findLogs is the first pass.
func (c *core) findLogs(ctx context.Context, b *batch, ld plog.Logs) {
	resources := ld.ResourceLogs()
	for i := range resources.Len() {
		rl := resources.At(i)
		resource := b.search.resource(rl.Resource().Attributes(), logs)
		service := b.search.service
		for j := range rl.ScopeLogs().Len() {
			sl := rl.ScopeLogs().At(j)
			for k := range sl.LogRecords().Len() {
				record := sl.LogRecords().At(k)
				var f *finding
				if c.config.After != nil {
					f = b.search.left(record.Attributes())
				} else {
					f = c.findLog(ctx, b, rl, sl, record, resource)
				}
				c.note(b, f, record.TraceID(), false, spotOf(record, service))
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
					c.giveTrace(b, it, record)
				}
				c.settle(b, it, record.TraceID(), record.Attributes(), c.config.Generate, logs)
				next++
			}
		}
	}
}

// spotOf is where and when a record was written. What only a receiver knows of its time is too late by a little.
func spotOf(record plog.LogRecord, service uint32) spot {
	at := int64(record.Timestamp())
	return spot{service: service, begin: at, end: at, parent: record.SpanID()}
}

// giveTrace writes the trace of a record that only has an ID, if it is certain that there is one such trace.
func (c *core) giveTrace(b *batch, it *item, record plog.LogRecord) {
	trace, sure := c.state.trace(it.id, it.at, b.now)
	switch {
	case sure == certain, sure == nearTime, sure == unknownTime && b.final:
		record.SetTraceID(trace)
		it.resolved = true
		b.tally.reversed++
	case sure == sharedID:
		c.demote(b, it)
		fallthrough
	default:
		b.tally.withheld[sure]++
	}
}

// findLog looks for the record's ID and, if it has no trace ID, for its trace context, which is written at once.
func (c *core) findLog(ctx context.Context, b *batch, rl plog.ResourceLogs, sl plog.ScopeLogs, record plog.LogRecord, resource finding) *finding {
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

// splitLogs takes out the records that are chosen by their place.
func splitLogs(ld plog.Logs, chosen func(int) bool) plog.Logs {
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
				out := chosen(next)
				next++
				if out {
					record.MoveTo(lateScope.LogRecords().AppendEmpty())
				}
				return out
			})
		}
	}
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
