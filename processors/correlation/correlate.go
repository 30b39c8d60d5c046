// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"encoding/hex"
	"slices"

	"github.com/google/uuid"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// Bounds of what a span with many links is read and written for: SDKs allow it 128.
const (
	maxLinks = 1024
	maxIDs   = 128
)

// note is the first pass's end for an item: what it found is shown to its trace, unless the evidence is weak.
func (c *core) note(b *batch, f *finding, trace pcommon.TraceID, root bool, at spot) *item {
	it := b.add()
	it.id, it.rank, it.by, it.present, it.same, it.marked = f.id, f.rank, f.by, f.present, f.same, f.marked
	it.outcome, it.trace, it.at = found, trace, at
	if f.id == "" {
		it.outcome = missed
		return it
	}
	it.passed = c.config.After != nil
	if trace.IsEmpty() {
		return it
	}
	if isTraceID(f.id, trace) {
		it.passed = false
		// Some collector before this one found nothing. What the trace shows is better.
		it.outcome = generated
		return it
	}
	if f.by.weak() {
		if f.by > generatedHere && !it.passed {
			c.state.hint(trace, f.id, f.by, at, b.now)
		}
		return it
	}
	if it.passed || b.last.has(trace, f, root, at) {
		return it
	}
	is := c.state.show(trace, sighting{f.id, f.by, root, at}, b.now)
	if is.shared {
		c.demote(b, it)
		return it
	}
	b.changed = b.changed || is.changed
	it.take(is)
	if is.loser != "" {
		b.tally.conflicts++
	}
	if b.last.trace = (pcommon.TraceID{}); is.loser == "" && is.aliases == nil && !is.several {
		b.last.trace, b.last.id, b.last.by, b.last.at = trace, f.id, f.by, at
	}
	return it
}

// take gives the item what the state says.
func (it *item) take(is answer) {
	if is.id != it.id {
		it.id, it.same = is.id, false
	}
	it.by, it.loser = is.by, is.loser
	if is.aliases != nil {
		it.rest().aliases = *is.aliases
	}
}

// demote takes from an item an ID that is not that of one request.
func (c *core) demote(b *batch, it *item) {
	it.rest().shared = it.id
	it.id, it.same, it.outcome = "", false, missed
	it.present = it.present || it.rank == 0
	b.tally.shared++
}

// has reports whether the item before this one has shown the same, so that the state has nothing to learn.
func (l *last) has(trace pcommon.TraceID, f *finding, root bool, at spot) bool {
	return trace == l.trace && f.id == l.id && f.by == l.by && !root && at.service == l.at.service && at.peer == 0 &&
		at.begin >= l.at.begin && at.end <= l.at.end
}

// follow gives a span without an ID the one of the request that it links to: of one trace that has shown
// one of its own, one hop away. Its trace has shown it then. A span that links to several requests, or to one and some that are not
// known, gets an array of all their IDs, and none of them for itself.
func (c *core) follow(b *batch, it *item, span ptrace.Span) {
	links := span.Links()
	n := min(links.Len(), maxLinks)
	if n == 0 {
		return
	}
	var ids []string
	others := 0 // linked traces without an ID
	for i := range n {
		trace := links.At(i).TraceID()
		if trace == span.TraceID() {
			continue
		}
		is := c.state.id(trace, spot{parent: links.At(i).SpanID()}, b.now)
		switch {
		case is.id == "" || is.by == linkEvidence:
			others++
		case len(ids) < maxIDs && !slices.Contains(ids, is.id):
			ids = append(ids, is.id)
		}
	}
	switch {
	case len(ids) > 1 || len(ids) == 1 && others > 0 && it.outcome != found:
		it.rest().ids, it.more.links = ids, others
	case len(ids) == 1 && it.outcome != found:
		is := c.state.show(span.TraceID(), sighting{ids[0], linkEvidence, false, it.at}, b.now)
		if is.shared {
			return
		}
		b.changed = b.changed || is.changed
		it.take(is)
		it.outcome, it.loser, it.same = linked, "", false
	}
}

// settle is the second pass for an item: one without an ID of its own gets its trace's, or a generated
// one, and the attributes are written.
func (c *core) settle(b *batch, it *item, trace pcommon.TraceID, m pcommon.Map, generate string, of signal) {
	switch {
	case it.outcome == missed || it.outcome == generated:
		c.inherit(b, it, trace, generate)
	case trace.IsEmpty():
	case it.by.weak():
		c.confirm(b, it, trace)
	case b.changed && c.state.policy != conflictKeep:
		if is := c.state.id(trace, spot{}, b.now); is.id != "" && is.id != it.id && is.by >= it.by && !is.several { // a later item of the batch knew better
			loser := it.loser
			it.take(is)
			it.loser = loser
		}
	}
	switch {
	case it.passed:
	case it.outcome == found:
		b.tally.sources[it.rank]++
	default:
		b.tally.outcomes[it.outcome]++
	}
	it.write(m, c.config.Attribute, of)
}

// confirm compares an ID from text with that of its trace, which is better.
func (c *core) confirm(b *batch, it *item, trace pcommon.TraceID) {
	is := c.request(b, trace, it.at, "")
	if id, ok := c.confirmed(b, trace); !is.several && is.id == "" && ok {
		is = c.state.show(trace, sighting{id: id, by: confirmed, at: it.at}, b.now)
		b.changed = b.changed || is.changed
	}
	switch {
	case is.id == "" || is.by.weak():
	case is.id == it.id:
		it.take(is)
		it.resolved = true
	default:
		it.take(is) // what the text says may be the ID of another request
		it.outcome = inherited
	}
}

// write sets the attributes to what is known, and removes what an earlier collector knew less well.
func (it *item) write(m pcommon.Map, attribute string, of signal) {
	if it.same && it.by == spanEvidence && it.loser == "" && it.more == nil && !it.marked {
		return // nothing has changed
	}
	switch {
	case it.id == "" && it.present:
		m.Remove(attribute) // it holds something that is no ID
	case it.id != "" && !it.same:
		m.PutStr(attribute, it.id)
	}
	if it.loser != "" {
		m.PutStr(semconv.CorrelationConflict, it.loser)
	}
	if it.more != nil {
		it.more.write(m, it.id)
	}
	least := spanEvidence
	if of == logs {
		least = logEvidence
	}
	switch {
	case it.id != "" && it.by < least && it.by > generatedHere:
		m.PutStr(semconv.CorrelationEvidence, evidenceNames[it.by])
	case it.marked:
		m.Remove(semconv.CorrelationEvidence)
	}
}

func (m *more) write(to pcommon.Map, id string) {
	if m.shared != "" {
		to.PutStr(semconv.CorrelationShared, m.shared)
	}
	if m.aliases != nil {
		putAll(to, semconv.CorrelationAliases, m.aliases, id, maxAliases)
	}
	if m.ids != nil {
		putAll(to, semconv.CorrelationIDs, m.ids, "", maxIDs)
	}
}

// putAll adds the IDs to the array at the key, but for one.
func putAll(m pcommon.Map, key string, ids []string, without string, most int) {
	v, ok := m.Get(key)
	if !ok {
		v = m.PutEmpty(key)
	}
	if v.Type() != pcommon.ValueTypeSlice {
		v.SetEmptySlice()
	}
	all := v.Slice()
	all.RemoveIf(func(v pcommon.Value) bool { return v.Type() != pcommon.ValueTypeStr || v.Str() == without })
next:
	for _, id := range ids {
		if id == without || all.Len() >= most {
			continue
		}
		for _, v := range all.All() {
			if v.Str() == id {
				continue next
			}
		}
		all.AppendEmpty().SetStr(id)
	}
}

// confirmed returns the ID that a trace has only in its text, when all has been waited for that may say otherwise.
func (c *core) confirmed(b *batch, trace pcommon.TraceID) (id string, ok bool) {
	if !b.final {
		return "", false
	}
	return c.state.confirmed(trace, b.now)
}

// request is the ID of the item's trace or, if that has several requests, of the one that the item is below.
func (c *core) request(b *batch, trace pcommon.TraceID, at spot, generate string) answer {
	is := c.state.id(trace, at, b.now)
	if is.several && !b.noted {
		c.noteAll(b)
		is = c.state.id(trace, at, b.now)
	}
	if at.top && !is.several && !is.settled && !b.final && generate == generateNone {
		return answer{} // there may be more requests below it
	}
	return is
}

func (c *core) inherit(b *batch, it *item, trace pcommon.TraceID, generate string) {
	if trace.IsEmpty() {
		return
	}
	is := c.request(b, trace, it.at, generate)
	if is.id != "" {
		it.take(is)
		it.outcome, it.same = inherited, false
		return
	}
	if len(is.ids) > 0 && generate != generateNone && (it.more == nil || it.more.ids == nil) {
		it.rest().ids = is.ids
	}
	if id, ok := c.confirmed(b, trace); ok {
		if is := c.state.show(trace, sighting{id: id, by: confirmed, at: it.at}, b.now); !is.shared {
			b.changed = b.changed || is.changed
			it.take(is)
			it.outcome, it.same = inherited, false
			return
		}
	}
	if it.id != "" {
		it.by = generatedHere
		return
	}
	switch generate {
	case generateTraceID:
		it.id, it.outcome, it.by = hex.EncodeToString(trace[:]), generated, generatedHere
	case generateUUIDv7:
		if len(is.ids) > 0 {
			it.id, it.outcome, it.by = hex.EncodeToString(trace[:]), generated, generatedHere
		} else if id, err := uuid.NewV7(); err == nil {
			it.take(c.state.show(trace, sighting{id: id.String(), by: generatedHere, at: it.at}, b.now))
			it.outcome = generated
		}
	}
}
