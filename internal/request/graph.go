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

// maxList bounds what is remembered of one trace, ID or value.
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

// within tells whether there are elements, and all of them are in the other list.
func (l *list[T]) within(other list[T]) bool {
	return len(l.all) > 0 && !slices.ContainsFunc(l.all, func(e T) bool { return !other.has[e] })
}

// Facts are what is known of a node that was looked for.
type facts struct {
	// seen tells that the trace has a record, and labeled that a record has the correlation ID.
	seen, labeled bool
	// shows are the correlation IDs and linked traces that the trace's records have.
	shows list[node]
	// shownBy are the traces that show the node.
	shownBy list[node]
	// lostIn are the traces in which the correlation ID lost to another one.
	lostIn list[node]
	values list[string]
}

// Bearers are the records that have a value in an attribute that identifies a request.
type bearers struct {
	nodes list[node]
	// alone tells that a record without a trace and correlation ID has the value.
	alone bool
	// fellows are more such values, of records without a trace and correlation ID that mention the value.
	fellows list[string]
}

// labelsAndLinks are the correlation IDs and the other traces that a trace shows. A correlation ID that is the ID of a trace
// stands for that trace, if there is one.
func (s *search) labelsAndLinks(of *facts) (labels, links []node) {
	for _, n := range of.shows.all {
		switch f := s.nodes[n]; {
		case n.label != "":
			labels = append(labels, n)
		case f != nil && !f.seen && f.labeled:
			labels = append(labels, n)
		default:
			links = append(links, n)
		}
	}
	return labels, links
}

// joins are the nodes that a trace belongs to. Shared tells that it belongs to several requests, and joins none.
func (s *search) joins(trace *facts) (joined []node, shared bool) {
	labels, links := s.labelsAndLinks(trace)
	if len(labels) > 1 || len(labels) == 0 && len(links) > 1 {
		return nil, true
	}
	joined = labels
	if len(links) == 1 {
		joined = slices.Concat(labels, links)
	}
	return joined, false
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
	for queue := []node{from}; len(queue) > 0; {
		for len(queue) > 0 {
			n := queue[0]
			queue = queue[1:]
			if !c.members.has[n] {
				queue = append(queue, s.take(c, n)...)
			}
		}
		// A shared trace of which all belongs to this request is not shared.
		for _, n := range c.visited.all {
			if f := s.nodes[n]; f != nil && !c.members.has[n] && f.shows.within(c.members) {
				c.members.add(n)
				queue = append(queue, s.joining(c, n, f)...)
			}
		}
	}
	s.ownValues(c, nil)
	return c
}

// take makes the node a member, or visits it if it is shared, and returns what joins with it.
func (s *search) take(c *component, n node) []node {
	f := s.look(n)
	if f == nil {
		return nil
	}
	joined, shared := s.joins(f)
	if shared {
		c.visited.add(n)
		return nil
	}
	c.members.add(n)
	for _, other := range f.shows.all {
		if !slices.Contains(joined, other) {
			s.visit(c, other)
		}
	}
	return append(s.joining(c, n, f), joined...)
}

// joining are the traces that join the node. Others that show it are visited.
func (s *search) joining(c *component, n node, f *facts) (traces []node) {
	for _, other := range f.lostIn.all {
		s.visit(c, other)
	}
	for _, other := range f.shownBy.all {
		of := s.look(other)
		if of == nil {
			continue
		}
		if joined, _ := s.joins(of); slices.Contains(joined, n) {
			traces = append(traces, other)
		} else {
			c.visited.add(other)
		}
	}
	return traces
}

func (s *search) visit(c *component, n node) {
	if s.look(n) != nil { // which counts
		c.visited.add(n)
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
