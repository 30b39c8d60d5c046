// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"encoding/hex"

	"github.com/google/uuid"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// maxLinks is how many links of a span are followed.
const maxLinks = 16

// note is the first pass's end for an item: what it found is shown to its trace.
func (c *core) note(b *batch, f finding, trace pcommon.TraceID, root bool) *item {
	b.items = append(b.items, item{finding: f, outcome: found})
	it := &b.items[len(b.items)-1]
	if f.id == "" {
		it.outcome = missed
		return it
	}
	if trace.IsEmpty() {
		return it
	}
	if isTraceID(f.id, trace) {
		// Some collector before this one found nothing. What the trace shows is better.
		it.outcome = generated
		return it
	}
	if trace == b.last.trace && f.id == b.last.id && !root {
		return it // the previous item has it
	}
	b.last.trace, b.last.id = trace, f.id
	id, loser := c.state.show(trace, shown{id: f.id}, root, b.now)
	if loser != "" {
		it.loser = loser
		b.tally.conflicts++
		b.last.trace = pcommon.TraceID{}
	}
	if id != f.id {
		it.id, it.same = id, false
	}
	return it
}

// follow gives a span without an ID the one of the first trace that it links to and that has shown
// one of its own: one hop. Its trace has shown it then.
func (c *core) follow(b *batch, it *item, span ptrace.Span) {
	links := span.Links()
	for i := range min(links.Len(), maxLinks) {
		id, hop := c.state.id(links.At(i).TraceID(), b.now)
		if id == "" || hop || links.At(i).TraceID() == span.TraceID() {
			continue
		}
		it.id, _ = c.state.show(span.TraceID(), shown{id: id, linked: true}, false, b.now)
		it.outcome, it.same = linked, false
		return
	}
}

// settle is the second pass for an item: one without an ID of its own gets its trace's, or a generated
// one, and the attribute is written.
func (c *core) settle(b *batch, it *item, trace pcommon.TraceID, m pcommon.Map, generate string) {
	if it.outcome == missed || it.outcome == generated {
		c.inherit(b, it, trace, generate)
	}
	if it.outcome == found {
		b.tally.sources[it.rank]++
	} else {
		b.tally.outcomes[it.outcome]++
	}
	switch {
	case it.id == "" && it.present:
		m.Remove(c.config.Attribute) // it holds something that is no ID
	case it.id != "" && !it.same:
		m.PutStr(c.config.Attribute, it.id)
	}
	if it.loser != "" {
		m.PutStr(semconv.CorrelationConflict, it.loser)
	}
}

func (c *core) inherit(b *batch, it *item, trace pcommon.TraceID, generate string) {
	if trace.IsEmpty() {
		return
	}
	if id, _ := c.state.id(trace, b.now); id != "" {
		it.id, it.outcome, it.same = id, inherited, false
		return
	}
	if it.id != "" {
		return
	}
	switch generate {
	case generateTraceID:
		it.id, it.outcome = hex.EncodeToString(trace[:]), generated
	case generateUUIDv7:
		if id, err := uuid.NewV7(); err == nil {
			it.id, _ = c.state.show(trace, shown{id: id.String(), made: true}, false, b.now)
			it.outcome = generated
		}
	}
}
