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

// One is one of the requests that have an ID.
type One struct {
	// ID is a correlation ID of the request or, if it has none, a trace.
	ID string
	// IDs are its correlation IDs, and Traces the traces that are known of it, in hexadecimal.
	IDs, Traces []string
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
	// Each are the requests, each by itself. A record may belong to several of them.
	Each []One
	// Word tells that the ID identifies none of them: it is a value or a word that they have in common.
	Word bool
	// Cut tells that there are more names than the bounds allow to follow.
	Cut bool
}

// Find searches for the requests that have the ID, and calls keep for each of their records, in the order of the source,
// until keep returns false. It is also given the places in Found.Each of the requests that the record belongs to: none, if the record only mentions
// what they have in common.
func Find(source Source, id string, bounds Bounds, keep func(r Record, of []int) bool) (Found, error) {
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
	var each []One
	var scopes []*scope
	for _, c := range a.requests {
		one := s.one(c)
		each = append(each, one)
		scopes = append(scopes, s.scope(&answer{requests: []*component{c}, loose: a.loose}))
	}
	err = source(whole.names(s.asked), func(r Record) bool {
		if !whole.has(r) || again(r, seen) {
			return true
		}
		if trace := traceNode(r.TraceID()); whole.visited[trace] {
			traces.add(trace.name())
		}
		var of []int
		for n, w := range scopes {
			if len(scopes) == 1 || w.owns(r) {
				of = append(of, n)
			}
		}
		return keep(r, of)
	})
	slices.Sort(ids.all)
	slices.Sort(traces.all)
	return Found{Any: true, Requests: len(a.requests), IDs: ids.all, Traces: traces.all, Each: each, Word: a.loose, Cut: s.cut}, err
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

// one names a request.
func (s *search) one(c *component) (one One) {
	for _, n := range c.members.all {
		if s.nodes[n].seen {
			one.Traces = append(one.Traces, n.name())
		} else if n.label != "" || s.nodes[n].labeled {
			one.IDs = append(one.IDs, n.name())
		}
	}
	switch {
	case len(one.IDs) > 0:
		one.ID = one.IDs[0]
	case len(one.Traces) > 0:
		one.ID = one.Traces[0]
	}
	return one
}

// owns reports whether the record belongs to the request by its trace or correlation ID, or mentions a name that is the request's own.
func (w *scope) owns(r Record) bool {
	i := identityOf(r)
	if i.trace != (node{}) || i.label != (node{}) {
		return w.members[i.trace] || w.visited[i.trace] || w.members[i.label] || w.members[i.lost]
	}
	return w.vocabulary.mentionedBy(r)
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
