// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicemap

import (
	"cmp"
	"slices"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
)

const (
	// Whole is the number of nodes up to which the whole map is drawn unless a part is asked for.
	Whole = 40
	// MaxDrawn is how many nodes are drawn at most.
	MaxDrawn = 150
	// MaxDepth is how far from a service the part around it reaches at most.
	MaxDepth = 3
)

// A Choice says which part of a map is wanted.
type Choice struct {
	// Around is the service in the middle, Depth how many calls away the others are. Namespace is that of the wanted ones, without a service.
	Around    *Name
	Depth     int
	Namespace string
	// All wants the whole map, whatever its size.
	All bool
}

// A Part is what is drawn of a map.
type Part struct {
	Nodes []Node
	Edges []Edge
	// Around is the service in the middle; nil without one. Chosen says that it was asked for; else, it is the one that is worst off.
	Around *Name
	Chosen bool
	// Left are nodes of the part that are not drawn, because there are too many.
	Left int
}

// Part chooses. A map that is too large to be read at once is shown around the service that is worst off.
func (m *Map) Part(c Choice) Part {
	p := Part{Around: c.Around, Chosen: c.Around != nil}
	if p.Around == nil && c.Namespace == "" && !c.All && len(m.Nodes) > Whole {
		p.Around = m.worst()
	}
	distance := map[Name]int{}
	switch {
	case p.Around != nil:
		distance = m.distances([]Name{*p.Around}, max(1, c.Depth))
	case c.Namespace != "":
		var members []Name
		for i := range m.Nodes {
			if m.Nodes[i].Namespace == c.Namespace {
				members = append(members, m.Nodes[i].Name)
			}
		}
		distance = m.distances(members, 1)
	default:
		for i := range m.Nodes {
			distance[m.Nodes[i].Name] = 0
		}
	}
	for i := range m.Nodes {
		if _, in := distance[m.Nodes[i].Name]; in {
			p.Nodes = append(p.Nodes, m.Nodes[i])
		}
	}
	if p.Left = max(0, len(p.Nodes)-MaxDrawn); p.Left > 0 {
		slices.SortStableFunc(p.Nodes, func(a, b Node) int { return cmp.Or(cmp.Compare(distance[a.Name], distance[b.Name]), a.urgency(&b)) })
		p.Nodes = p.Nodes[:MaxDrawn]
		slices.SortFunc(p.Nodes, func(a, b Node) int { return a.compare(b.Name) })
	}
	drawn := map[Name]bool{}
	for i := range p.Nodes {
		drawn[p.Nodes[i].Name] = true
	}
	for i := range m.Edges {
		if e := &m.Edges[i]; drawn[e.From] && drawn[e.To] {
			p.Edges = append(p.Edges, *e)
		}
	}
	return p
}

// urgency orders those first that are worse off.
func (n *Node) urgency(other *Node) int {
	switch {
	case n.SLO != nil && other.SLO != nil:
		return fleet.Worst(n.SLO, other.SLO)
	case n.SLO != nil:
		return -1
	case other.SLO != nil:
		return 1
	}
	return 0
}

// worst is the service that is worst off; of those with the same, the one with the most calls.
func (m *Map) worst() *Name {
	calls := map[Name]int{}
	for i := range m.Edges {
		calls[m.Edges[i].From]++
		calls[m.Edges[i].To]++
	}
	worst := slices.MinFunc(m.Nodes, func(a, b Node) int {
		return cmp.Or(a.urgency(&b), cmp.Compare(calls[b.Name], calls[a.Name]), a.compare(b.Name))
	})
	return &worst.Name
}

// distances are how many calls away from some each is, up to a depth, in either direction.
func (m *Map) distances(from []Name, depth int) map[Name]int {
	beside := map[Name][]Name{}
	for i := range m.Edges {
		e := &m.Edges[i]
		beside[e.From] = append(beside[e.From], e.To)
		beside[e.To] = append(beside[e.To], e.From)
	}
	found := map[Name]int{}
	for _, n := range from {
		found[n] = 0
	}
	for at := 1; at <= depth; at++ {
		var next []Name
		for _, n := range from {
			for _, other := range beside[n] {
				if _, known := found[other]; !known {
					found[other] = at
					next = append(next, other)
				}
			}
		}
		from = next
	}
	return found
}

// Find are the nodes that a text is the name of: NAME, or NAMESPACE/NAME. If there are none, those of whose names it is a part, whatever the case.
func (m *Map) Find(text string) (found []Name, exact bool) {
	var parts []Name
	for i := range m.Nodes {
		name := m.Nodes[i].Name
		full := name.String()
		if name.Name == text || full == text {
			found = append(found, name)
		}
		if strings.Contains(strings.ToLower(full), strings.ToLower(text)) {
			parts = append(parts, name)
		}
	}
	if len(found) > 0 {
		return found, true
	}
	return parts, false
}

// A Group is a namespace.
type Group struct {
	Namespace string
	Nodes     int
	// Worst is the node of it that is worst off.
	Worst *Node
}

// Groups are the namespaces, those first that are worse off.
func (m *Map) Groups() []Group {
	var groups []Group
	for i := range m.Nodes { // by namespace
		n := &m.Nodes[i]
		if len(groups) == 0 || groups[len(groups)-1].Namespace != n.Namespace {
			groups = append(groups, Group{Namespace: n.Namespace, Worst: n})
		}
		g := &groups[len(groups)-1]
		if g.Nodes++; n.urgency(g.Worst) < 0 {
			g.Worst = n
		}
	}
	slices.SortStableFunc(groups, func(a, b Group) int { return a.Worst.urgency(b.Worst) })
	return groups
}
