// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"context"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// maxElements is how many elements of an array are offered: a header that came more than once.
const maxElements = 8

// search looks for one item's ID. It holds the best clean one of those that it was offered.
type search struct {
	plan    *plan
	hygiene *hygiene
	maxBody int // bytes of a body that are searched
	invalid int // values that are no IDs
	finding
}

// finding is what a search found.
type finding struct {
	id   string // "" is nothing
	rank rank   // of the source; unranked if there is none
	// present and same are about the destination attribute: it is there; it holds the ID, as it is.
	present, same bool
}

func (s *search) begin() { s.finding = finding{rank: unranked} }

// offer takes the value if it is an ID and from a better source than what was found so far.
func (s *search) offer(r rank, value string) {
	if r >= s.rank {
		return
	}
	id, verdict := s.hygiene.clean(value)
	if verdict == invalid {
		s.invalid++
	}
	if id != "" {
		s.id, s.rank = id, r
		s.same = r == 0 && id == value
	}
}

func (s *search) offerValue(r rank, v pcommon.Value) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		s.offer(r, v.Str())
	case pcommon.ValueTypeSlice:
		s.offerSlice(r, v.Slice())
		s.same = false
	case pcommon.ValueTypeInt:
		s.offer(r, strconv.FormatInt(v.Int(), 10))
		s.same = false
	}
}

func (s *search) offerSlice(r rank, values pcommon.Slice) {
	for i := range min(values.Len(), maxElements) {
		if v := values.At(i); v.Type() == pcommon.ValueTypeStr {
			s.offer(r, v.Str())
		}
	}
}

// attributes looks at the attributes of a span, a log record or an exemplar.
func (s *search) attributes(m pcommon.Map) {
	for name, v := range m.All() {
		k := s.plan.attributes.find(name)
		if k == nil {
			continue
		}
		if k.rank == 0 {
			s.present = true
		}
		switch {
		case k.rank >= s.rank:
		case !k.baggage:
			s.offerValue(k.rank, v)
		case v.Type() == pcommon.ValueTypeStr:
			s.baggage(v.Str())
		case v.Type() == pcommon.ValueTypeSlice:
			for i := range min(v.Slice().Len(), maxElements) {
				s.baggage(v.Slice().At(i).Str())
			}
		}
	}
}

// resource looks at the attributes of a resource, once for all its items.
func (s *search) resource(m pcommon.Map) finding {
	s.begin()
	if s.plan.resource.best < unranked {
		for name, v := range m.All() {
			if k := s.plan.resource.find(name); k != nil {
				s.offerValue(k.rank, v)
			}
		}
	}
	return s.finding
}

// take takes what the resource has, if it is better.
func (s *search) take(resource finding) {
	if resource.rank < s.rank {
		s.id, s.rank, s.same = resource.id, resource.rank, false
	}
}

func (s *search) span(ctx context.Context, rs ptrace.ResourceSpans, ss ptrace.ScopeSpans, span ptrace.Span, resource finding) finding {
	s.begin()
	s.attributes(span.Attributes())
	s.take(resource)
	if s.plan.tracestate.best < s.rank {
		s.tracestate(span.TraceState().AsRaw())
	}
	s.spanExpressions(ctx, rs, ss, span)
	return s.finding
}

func (s *search) log(ctx context.Context, rl plog.ResourceLogs, sl plog.ScopeLogs, record plog.LogRecord, resource finding, parts *traceParts) finding {
	s.begin()
	s.attributes(record.Attributes())
	s.take(resource)
	s.body(record.Body(), parts)
	s.logExpressions(ctx, rl, sl, record)
	return s.finding
}
