// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package request

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// MaxID is the longest ID that can be looked for, in bytes: no correlation ID is longer.
const MaxID = 1024

// Bounds limit a search.
type Bounds struct {
	// Names is how many traces and correlation IDs are followed.
	Names int
	// Values is how many values of ID attributes are followed.
	Values int
	// Rounds is how often the source is read to follow them.
	Rounds int
}

// A Source calls each for the records that show one of the names, and possibly for others, until each returns false.
type Source func(names Names, each func(Record) bool) error

// Found describes the requests that have an ID.
type Found struct {
	// Any tells that something shows the ID.
	Any bool
	// Requests is how many requests have the ID. An ID of one request only gives 1.
	Requests int
	// IDs are the correlation IDs, and Traces the traces in which something was found, in hexadecimal.
	IDs, Traces []string
	// Cut tells that there are more names than the bounds allow to follow.
	Cut bool
}

// Find searches for the requests that have the ID, and calls keep for each of their records, in the order of the source,
// until keep returns false.
func Find(source Source, id string, bounds Bounds, keep func(Record) bool) (Found, error) {
	if id == "" {
		return Found{}, nil
	}
	s := newSearch(id, bounds)
	a, err := s.follow(source)
	if err != nil {
		return Found{}, err
	}
	if !a.any {
		return Found{}, nil
	}
	whole := s.scope(a)
	ids, traces, seen := list[string]{}, list[string]{}, map[spanKey]bool{}
	for n := range whole.members {
		f := s.nodes[n]
		if f.labeled {
			ids.add(n.name())
		}
		if f.seen {
			traces.add(n.name())
		}
	}
	err = source(whole.names(s.asked), func(r Record) bool {
		if !whole.has(r) || again(r, seen) {
			return true
		}
		if trace := traceNode(r.TraceID()); whole.visited[trace] {
			traces.add(trace.name())
		}
		return keep(r)
	})
	slices.Sort(ids.all)
	slices.Sort(traces.all)
	return Found{Any: true, Requests: len(a.requests), IDs: ids.all, Traces: traces.all, Cut: s.cut}, err
}

// follow reads the source until it is known what belongs to the requests, or a bound is reached.
func (s *search) follow(source Source) (*answer, error) {
	err := source(s.asked.names(), func(r Record) bool {
		s.note(r)
		s.noteAsked(r)
		return true
	})
	for round := 1; err == nil; round++ {
		a := s.resolve()
		names, more := s.next()
		if !more || round == s.bounds.Rounds {
			s.cut = s.cut || more
			return a, nil
		}
		err = source(names, func(r Record) bool {
			s.note(r)
			return true
		})
	}
	return nil, err
}

// A scope is all that belongs to the requests of an answer.
type scope struct {
	members, visited map[node]bool
	vocabulary       vocabulary
	span             pcommon.SpanID // that was asked for
}

func (s *search) scope(a *answer) *scope {
	w := &scope{map[node]bool{}, map[node]bool{}, vocabulary{}, s.asked.span}
	for _, c := range a.requests {
		for _, n := range c.members.all {
			w.members[n] = true
			w.say(n.name())
		}
		for _, n := range c.visited.all {
			w.visited[n] = true
		}
		for _, value := range c.values.all {
			w.say(value)
		}
	}
	for _, n := range a.shared.all {
		w.visited[n] = true
	}
	if asked := s.asked.text; a.loose || distinct(asked) {
		w.vocabulary[asked] = a.loose
	}
	if s.asked.hex != "" {
		w.vocabulary[s.asked.hex] = a.loose
	}
	return w
}

// say adds a name to search for in attributes and texts, unless it may occur there by chance.
func (w *scope) say(name string) {
	if distinct(name) {
		w.vocabulary[name] = false
	}
}

// names are all that a record of the scope may be found by.
func (w *scope) names(asked id) Names {
	names := asked.names()
	for word := range w.vocabulary {
		names.text(word)
	}
	for _, nodes := range []map[node]bool{w.members, w.visited} {
		for n := range nodes {
			names.node(n)
		}
	}
	return names
}

// has reports whether the record belongs to the scope.
func (w *scope) has(r Record) bool {
	i := identityOf(r)
	return w.members[i.trace] || w.visited[i.trace] || w.members[i.label] || w.members[i.lost] || i.of() == node{} && r.at(w.span) ||
		w.vocabulary.mentionedBy(r)
}

func (n node) name() string {
	if n.label != "" {
		return n.label
	}
	return n.trace.String()
}
