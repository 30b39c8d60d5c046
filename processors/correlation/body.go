// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// containers are the members of a structured log line under which loggers put what the code gave
// them: their keys count as if they were at the top level.
var containers = func() foldedKeys {
	k := newFoldedKeys()
	for i, name := range []string{"attributes", "context", "contextMap", "fields", "labels", "mdc", "properties", "state"} {
		k.add(name, i)
	}
	return k
}()

// body looks at a log body for IDs and, if parts is not nil, for the trace context. It reads it once, for all
// of its sources, and not at all if none of them can be better than what was found.
func (s *search) body(v pcommon.Value, parts *traceParts) {
	p := s.plan
	structured := parts != nil || rank(p.body.best) < s.rank
	switch v.Type() {
	case pcommon.ValueTypeMap:
		if structured {
			s.mapBody(v.Map(), parts)
		}
	case pcommon.ValueTypeStr:
		text := v.Str()
		cut := len(text) > s.maxBody
		if cut {
			text = text[:s.maxBody]
		}
		if m, ok := readMembers(text); ok {
			if structured {
				s.jsonBody(m, parts)
			}
			return
		}
		if cut {
			text = text[:strings.LastIndexAny(text, " \t\n")+1] // half an ID is another ID
		}
		s.textBody(text, parts)
	}
}

func (s *search) jsonBody(m members, parts *traceParts) {
	for {
		one, ok := m.next()
		if !ok {
			return
		}
		if r, ok := s.plan.body.inBody(one.outer, one.key); ok {
			s.offer(rank(r), one.value)
		}
		if parts != nil {
			if f, ok := traceKeys.inBody(one.outer, one.key); ok {
				parts.offer(field(f), one.value)
			}
		}
	}
}

func (s *search) mapBody(m pcommon.Map, parts *traceParts) {
	left := maxMembers
	for name, v := range m.All() {
		if v.Type() == pcommon.ValueTypeMap {
			for inner, v := range v.Map().All() {
				if left--; left < 0 {
					return
				}
				s.mapMember(name, inner, v, parts)
			}
			continue
		}
		if left--; left < 0 {
			return
		}
		s.mapMember("", name, v, parts)
	}
}

func (s *search) mapMember(outer, name string, v pcommon.Value, parts *traceParts) {
	if r, ok := s.plan.body.inBody(outer, name); ok {
		s.offerValue(rank(r), v)
	}
	if parts != nil {
		if f, ok := traceKeys.inBody(outer, name); ok {
			parts.offerValue(field(f), v)
		}
	}
}

// inBody looks up a key of a structured body: outer.name, or name alone in a container.
func (k *foldedKeys) inBody(outer, name string) (int, bool) {
	if value, ok := k.find(outer, name); ok || outer == "" {
		return value, ok
	}
	if _, ok := containers.find("", outer); ok {
		return k.find("", name)
	}
	return 0, false
}

func (s *search) textBody(text string, parts *traceParts) {
	p := s.plan
	if parts != nil || rank(p.logfmt.best) < s.rank {
		all := pairs{text: text}
		for {
			name, ok := all.next()
			if !ok {
				break
			}
			r, isID := p.logfmt.find("", name)
			f, isTrace := 0, false
			if parts != nil {
				f, isTrace = traceKeys.find("", name)
			}
			if !isID && !isTrace {
				continue
			}
			value := all.value()
			if isID {
				s.offer(rank(r), value)
			}
			if isTrace {
				parts.offer(field(f), value)
			}
		}
	}
	if parts != nil && !parts.found() {
		parts.unnamed(text)
	}
	if p.bracketed < s.rank {
		if id, ok := enclosedUUID(text, '[', ']'); ok {
			s.offer(p.bracketed, id)
		}
	}
	if p.quoted < s.rank {
		if id, ok := enclosedUUID(text, '"', '"'); ok {
			s.offer(p.quoted, id)
		}
	}
	for _, one := range p.patterns {
		if one.rank < s.rank {
			if at := one.regex.FindStringSubmatchIndex(text); at != nil && at[2] >= 0 {
				s.offer(one.rank, text[at[2]:at[3]])
			}
		}
	}
}
