// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package request

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// A node is a trace or a correlation ID. A correlation ID that is written as a trace ID is that trace.
type node struct {
	trace pcommon.TraceID
	label string
}

func traceNode(trace pcommon.TraceID) node { return node{trace: trace} }

func labelNode(label string) node {
	if trace, ok := traceOf(label); ok {
		return traceNode(trace)
	}
	return node{label: label}
}

// A list has each element once, in the order in which they came.
type list[T comparable] struct {
	all []T
	has map[T]bool
}

// maxList bounds what is remembered of one trace, ID or value. It is more than is followed, so that what is left out is noticed.
const maxList = 1024

func (l *list[T]) add(elements ...T) {
	for _, e := range elements {
		if l.has[e] || len(l.all) == maxList {
			continue
		}
		if l.has == nil {
			l.has = map[T]bool{}
		}
		l.has[e] = true
		l.all = append(l.all, e)
	}
}

// Facts are what is known of a node that was looked for.
type facts struct {
	// seen tells that the trace has a record, and labeled that a record has the correlation ID.
	seen, labeled bool
	// shows are the correlation IDs and linked traces that the trace's records have, and ids those that are correlation IDs.
	shows, ids list[node]
	// shownBy are the traces that show the node.
	shownBy list[node]
	// lostIn are the traces in which the correlation ID lost to another one, and aliasIn those in which it is one more name of it.
	lostIn, aliasIn list[node]
	// quotedIn are the traces in whose text the correlation ID was found, which may be somebody else's.
	quotedIn list[node]
	// aliases are one more name each of the trace's correlation ID.
	aliases list[node]
	values  list[string]
}

// Bearers are the records that have a value in an attribute that identifies a request.
type bearers struct {
	nodes list[node]
	// alone tells that a record without a trace and correlation ID has the value.
	alone bool
	// fellows are more such values, of records without a trace and correlation ID that mention the value, and hints all
	// that may be an ID in these records.
	fellows, hints list[string]
}

// labelsAndLinks are the correlation IDs and the other traces that a trace shows. A correlation ID that is the ID of a trace
// represents that trace, if there is one.
func (s *search) labelsAndLinks(of *facts) (labels, links []node) {
	for _, n := range of.shows.all {
		if of.aliases.has[n] {
			continue
		}
		isLabel := n.label != ""
		if of.ids.has[n] && !isLabel {
			f := s.look(n)
			isLabel = f != nil && !f.seen
		}
		if isLabel {
			labels = append(labels, n)
		} else {
			links = append(links, n)
		}
	}
	return labels, links
}

// joins are the nodes that a trace belongs to. Shared tells that it belongs to several requests, and joins none.
func (s *search) joins(trace *facts) (joined []node, shared bool) {
	labels, links := s.labelsAndLinks(trace)
	joined = labels
	if len(links) == 1 {
		joined = slices.Concat(labels, links)
	}
	if len(labels) == 1 {
		for _, alias := range trace.aliases.all {
			if s.onlyAlias(alias) {
				joined = append(slices.Clip(joined), alias)
			}
		}
	}
	// What follows a shared trace is shared, too. The circle that links may be ends here.
	for range maxFollowed {
		switch {
		case len(labels) > 1, len(labels) == 0 && len(links) > 1:
			return nil, true
		case len(labels) == 1 || len(links) == 0 || s.nodes[links[0]] == nil:
			return joined, false
		}
		labels, links = s.labelsAndLinks(s.nodes[links[0]])
	}
	return joined, false
}

// onlyAlias reports whether the ID is the ID of no other request: all traces that show it have it as an alias.
func (s *search) onlyAlias(alias node) bool {
	f := s.look(alias)
	if f == nil {
		return false
	}
	for _, trace := range f.shownBy.all {
		if of := s.look(trace); of == nil || !of.aliases.has[alias] {
			return false
		}
	}
	return true
}

// maxFollowed is how many links lead to a shared trace at most.
const maxFollowed = 16

// joinsTo reports whether the trace belongs to the node.
func (s *search) joinsTo(trace, n node) bool {
	joined, _ := s.joins(s.nodes[trace])
	return slices.Contains(joined, n)
}

// A component is one request: the nodes that join each other, the traces that are shown with them, and the values that are
// the request's own.
type component struct {
	members, visited list[node]
	values           list[string]
}

// component is all that joins the node. What is not known yet is asked for.
func (s *search) component(from node) *component {
	c := &component{}
	for queue := []node{from}; len(queue) > 0; queue = queue[1:] {
		if n := queue[0]; !c.members.has[n] {
			queue = append(queue, s.take(c, n)...)
		}
	}
	s.ownValues(c, nil)
	return c
}

// take makes the node a member, or visits it if it is shared, and returns what joins with it.
func (s *search) take(c *component, n node) (next []node) {
	f := s.look(n)
	if f == nil {
		return nil
	}
	joined, shared := s.joins(f)
	if shared {
		s.visit(c, n)
		return nil
	}
	c.members.add(n)
	for _, other := range f.shows.all {
		if !slices.Contains(joined, other) {
			s.visit(c, other)
		}
	}
	for _, other := range f.shownBy.all {
		switch {
		case s.look(other) == nil:
		case s.joinsTo(other, n):
			joined = append(joined, other)
		default:
			s.visit(c, other)
		}
	}
	for _, other := range slices.Concat(f.lostIn.all, f.aliasIn.all) {
		if !c.members.has[other] && !slices.Contains(joined, other) {
			s.visit(c, other)
		}
	}
	return joined
}

// visit shows the trace, and if it is shared, what follows it.
func (s *search) visit(c *component, n node) {
	f := s.look(n) // which counts
	if f == nil || c.visited.has[n] {
		return
	}
	c.visited.add(n)
	if _, shared := s.joins(f); !shared {
		return
	}
	for _, other := range f.shownBy.all {
		of := s.look(other)
		if of == nil {
			continue
		}
		if _, follows := s.joins(of); follows && len(of.shows.all) == 1 {
			s.visit(c, other)
		}
	}
}

// ownValues takes the values that only this request has, of its members and those given.
func (s *search) ownValues(c *component, given []string) {
	var queue list[string]
	queue.add(given...)
	for _, n := range c.members.all {
		queue.add(s.nodes[n].values.all...)
	}
	for i := 0; i < len(queue.all); i++ {
		b := s.lookValue(queue.all[i])
		if b == nil || slices.ContainsFunc(b.nodes.all, func(n node) bool { return !c.members.has[n] && !c.visited.has[n] }) {
			continue
		}
		c.values.add(queue.all[i])
		queue.add(b.fellows.all...)
	}
}
