// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// requests are those of a trace that several belong to, side by side, such as the trace of a page load. Its items have the ID of the request
// that they are below, as far as the spans between are known.
type requests struct {
	ids   []string
	steps map[pcommon.SpanID]step
}

// step is a span on the way from an item up to its request.
type step struct {
	parent pcommon.SpanID
	id     string // "" if it has no ID of its own
}

// Bounds of what is kept of one such trace, and the bytes that it takes.
const (
	maxSteps  = 1024
	stepBytes = 64
)

func (r *requests) bytes() (n int) {
	n = stepBytes * len(r.steps)
	for _, id := range r.ids {
		n += 16 + len(id)
	}
	return n
}

// add notes a span, and the ID that it shows, and reports whether there is something new.
func (r *requests) add(at spot, id string) bool {
	fresh := false
	if id != "" && !slices.Contains(r.ids, id) && len(r.ids) < maxIDs {
		r.ids = append(r.ids, strings.Clone(id))
		fresh = true
	}
	known, ok := r.steps[at.span]
	if at.span.IsEmpty() || ok && (known.id != "" || id == "") || !ok && len(r.steps) >= maxSteps {
		return fresh
	}
	if i := slices.Index(r.ids, id); i >= 0 {
		id = r.ids[i] // a copy of its own
	}
	r.steps[at.span] = step{at.parent, id}
	return true
}

// of is the ID of the request that an item is below, "" if that is not known.
func (r *requests) of(at spot) string {
	for parent, n := at.parent, 0; n < maxSteps; n++ {
		one, ok := r.steps[parent]
		if !ok || one.id != "" {
			return one.id
		}
		parent = one.parent
	}
	return ""
}

// answer is what is known of an item at the spot.
func (r *requests) answer(at spot) answer {
	is := answer{id: r.of(at), by: spanEvidence, several: true}
	if is.id == "" {
		is.ids = slices.Clone(r.ids)
	}
	return is
}

// divide makes a trace one of several requests, as two of its spans show different IDs, and none of them is its root.
func (s *state) divide(l *lru[pcommon.TraceID, shown], trace pcommon.TraceID, known *shown, one sighting) answer {
	next := *known
	next.requests = &requests{steps: map[pcommon.SpanID]step{}}
	next.requests.add(spot{span: known.span}, known.id)
	next.requests.add(one.at, one.id)
	weigh(l, trace, next)
	s.divided.Store(true)
	return answer{id: one.id, by: one.by, several: true, changed: true}
}

// weigh accounts for the requests of the trace, which may have become more.
func weigh(l *lru[pcommon.TraceID, shown], trace pcommon.TraceID, next shown) {
	next.weight = int32(next.requests.bytes())
	l.set(trace, next)
}

// ofSeveral is what an item of such a trace is to carry, which shows an ID itself.
func (s *state) ofSeveral(l *lru[pcommon.TraceID, shown], trace pcommon.TraceID, known *shown, one sighting) answer {
	if one.by <= generatedHere {
		return known.requests.answer(one.at)
	}
	if one.by == spanEvidence {
		fresh := known.requests.add(one.at, one.id)
		weigh(l, trace, *known)
		return answer{id: one.id, by: one.by, several: true, changed: fresh}
	}
	if id := known.requests.of(one.at); id != "" && id != one.id {
		return answer{id: id, by: spanEvidence, loser: one.id, several: true}
	}
	return answer{id: one.id, by: one.by, several: true}
}

// note notes a span of a trace that may be one of several requests. The ID is the one that it has itself.
func (s *state) note(trace pcommon.TraceID, at spot, id string, now int64) {
	l := s.shardOf(trace)
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.get(trace, now); known != nil && known.requests != nil && known.requests.add(at, id) {
		weigh(l, trace, *known)
	}
}

// noteAll notes all spans of a batch that has to do with such a trace, so that their order makes no difference.
func (c *core) noteAll(b *batch) {
	b.noted = true
	for i := range b.items {
		it := &b.items[i]
		if it.trace.IsEmpty() || it.at.span.IsEmpty() {
			continue
		}
		own := ""
		if it.outcome == found && it.by == spanEvidence {
			own = it.id
		}
		c.state.note(it.trace, it.at, own, b.now)
	}
}
