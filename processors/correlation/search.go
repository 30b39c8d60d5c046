// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"context"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// maxElements is how many elements of an array are offered: a header that came more than once.
const maxElements = 8

// search looks for one item's ID. It holds the best clean one of those that it was offered.
type search struct {
	plan    *plan
	hygiene *hygiene
	maxBody int // bytes of a body that are searched
	invalid int // values that are no IDs
	of      signal
	client  bool // the item is a span of a client: what it names a request ID may be that of its server
	written evidence
	service uint32   // hash of the resource's service, never 0
	peer    uint32   // hash of the service that a client's span names, 0 for none
	recent  struct { // the last value that was an ID as it is
		value  string
		by     evidence
		shaped bool // it looks like an ID, too
	}
	// judge, if it is not nil, is called for each value that a source has, and with why it is not an ID.
	judge func(r rank, value string, by evidence, rejected string)
	finding
}

// finding is what a search found.
type finding struct {
	id   string // "" is nothing
	rank rank   // of the source; unranked if there is none
	by   evidence
	// present and same are about the destination attribute: it is there; it holds the ID, as it is.
	present, same bool
	// marked tells that the attribute with the evidence is there.
	marked bool
}

func (s *search) begin() { s.finding, s.written, s.peer = finding{rank: unranked}, noEvidence, 0 }

// offer takes the value if it is an ID and from a better source than what was found so far.
func (s *search) offer(r rank, value string) { s.offerBy(r, value, s.plan.evidence(r, s.of)) }

// offerBy is offer with other evidence than that of the source.
func (s *search) offerBy(r rank, value string, by evidence) {
	if r >= s.rank {
		s.judged(r, value, by, "a better source has one")
		return
	}
	if s.client && s.plan.ofServer[r] {
		s.judged(r, value, by, "it is a client's name for the call of a server")
		return
	}
	if value != "" && value == s.recent.value && by == s.recent.by && (s.recent.shaped || !s.plan.shaped[r]) && !s.plan.apache[r] && s.judge == nil { // consecutive items often have the same
		s.id, s.rank, s.by, s.same = value, r, by, r == 0
		return
	}
	id, verdict := s.hygiene.clean(value)
	if verdict == invalid && strings.IndexByte(value, ',') >= 0 && len(value) <= longestHashed {
		s.offerList(r, value, by)
		return
	}
	rejected := ""
	switch {
	case verdict == invalid && id == "":
		rejected = "it is too long, or has characters that an ID does not have"
	case id == "":
		rejected = "it says that there is none"
	case verdict == clean && s.plan.shaped[r] && !s.plan.plausible(r, strings.TrimSpace(value), by):
		id, verdict, rejected = "", invalid, "it does not look like an ID"
	}
	if verdict == invalid {
		s.invalid++
	}
	s.judged(r, value, by, rejected)
	if id != "" {
		s.id, s.rank, s.by = id, r, by
		s.same = r == 0 && id == value
		if id == value {
			s.recent.value, s.recent.by, s.recent.shaped = value, by, s.plan.shaped[r]
		}
	}
}

func (s *search) judged(r rank, value string, by evidence, rejected string) {
	if s.judge != nil {
		s.judge(r, value, by, rejected)
	}
}

// offerList takes the first ID of several in one header.
func (s *search) offerList(r rank, values string, by evidence) {
	for range maxElements {
		one, rest, more := strings.Cut(values, ",")
		if s.offerBy(r, one, by); s.rank <= r || !more {
			break
		}
		values = rest
	}
	s.same = false
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
	lengths := s.plan.attributes.lengths
	for name, v := range m.All() {
		var k *key
		if lengths&lengthBit(name) != 0 { // few are of such a length
			k = s.plan.attributes.find(name)
		}
		if k == nil {
			if s.of == logs && name != "" && s.plan.body.end[name[len(name)-1]] && rank(s.plan.body.best) < s.rank {
				s.logAttribute(name, v)
			}
			continue
		}
		if k.peer {
			if s.client && v.Type() == pcommon.ValueTypeStr {
				s.peer = s.plan.hash(v.Str())
			}
			continue
		}
		if k.evidence {
			s.marked, s.written = true, evidenceNamed(v.AsString())
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
	if s.rank == 0 && s.written != noEvidence {
		s.by = min(s.by, s.written)
	}
}

// resource looks at the attributes of a resource, once for all its items.
func (s *search) resource(m pcommon.Map, of signal) finding {
	s.begin()
	s.of, s.client = of, false
	service := ""
	for name, v := range m.All() {
		if name == semconv.ServiceName {
			service = v.Str()
		} else if k := s.plan.resource.find(name); k != nil {
			s.offerValue(k.rank, v)
		}
	}
	s.service = s.plan.hash(service)
	return s.finding
}

// take takes what the resource has, if it is better.
func (s *search) take(resource finding) {
	if resource.rank < s.rank {
		s.id, s.rank, s.by, s.same = resource.id, resource.rank, s.plan.evidence(resource.rank, s.of), false
	}
}

// left is what the correlation before this one has found out about an item. It has looked everywhere.
func (s *search) left(m pcommon.Map) *finding {
	s.begin()
	id, ok := m.Get(s.plan.attribute)
	if s.present = ok; !ok {
		return &s.finding
	}
	s.id, s.rank, s.by, s.same = id.AsString(), 0, s.plan.evidence(0, s.of), true
	if written, ok := m.Get(semconv.CorrelationEvidence); ok {
		s.marked, s.written = true, evidenceNamed(written.AsString())
		s.by = min(s.by, s.written)
	}
	return &s.finding
}

func (s *search) span(ctx context.Context, rs ptrace.ResourceSpans, ss ptrace.ScopeSpans, span ptrace.Span, resource finding) *finding {
	s.begin()
	s.of, s.client = traces, span.Kind() == ptrace.SpanKindClient || span.Kind() == ptrace.SpanKindProducer
	s.attributes(span.Attributes())
	s.take(resource)
	if s.plan.tracestate.best < s.rank {
		s.tracestate(span.TraceState().AsRaw())
	}
	s.spanExpressions(ctx, rs, ss, span)
	return &s.finding
}

func (s *search) log(ctx context.Context, rl plog.ResourceLogs, sl plog.ScopeLogs, record plog.LogRecord, resource finding, parts *traceParts) *finding {
	s.begin()
	s.of, s.client = logs, false
	s.attributes(record.Attributes())
	s.take(resource)
	s.body(record.Body(), parts)
	s.logExpressions(ctx, rl, sl, record)
	return &s.finding
}
