// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package request

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A search is what is known while a request is looked for.
type search struct {
	asked  id
	bounds Bounds

	nodes         map[node]*facts
	values        map[string]*bearers
	pendingNodes  list[node]
	pendingValues list[string]
	cut           bool // a bound was reached

	// These are of the records that show the ID that was asked for. Nodes are traces, and correlation IDs of records without one.
	ofSpan, holders, sayers list[node]
	found                   bool
}

// maxHints is how many words of lone records are followed.
const maxHints = 16

func newSearch(text string, bounds Bounds) *search {
	s := &search{asked: newID(text), bounds: bounds, nodes: map[node]*facts{}, values: map[string]*bearers{text: {}}}
	for _, n := range s.asked.nodes() {
		s.nodes[n] = &facts{}
	}
	return s
}

// nodes are the correlation ID and the trace that the ID may be.
func (i id) nodes() []node {
	nodes := []node{labelNode(i.text)}
	if i.lower != "" {
		nodes = append(nodes, labelNode(i.lower))
	}
	if trace := traceNode(i.trace); !i.trace.IsEmpty() && !slices.Contains(nodes, trace) {
		nodes = append(nodes, trace)
	}
	return nodes
}

// look is what is known of the node. If that is nothing yet, the node is looked for in the next round.
func (s *search) look(n node) *facts {
	if f, known := s.nodes[n]; known {
		return f
	}
	if s.followed() >= s.bounds.Names && !s.pendingNodes.has[n] {
		s.cut = true
	} else {
		s.pendingNodes.add(n)
	}
	return nil
}

// followed is how many nodes are looked for. The ID that was asked for need not be one.
func (s *search) followed() int {
	count := len(s.nodes) + len(s.pendingNodes.all)
	for _, n := range s.asked.nodes() {
		if f := s.nodes[n]; !f.known() {
			count--
		}
	}
	return count
}

// known reports whether something has the trace ID or correlation ID.
func (f *facts) known() bool { return f.seen || f.labeled || len(f.shownBy.all) > 0 }

func (s *search) lookValue(value string) *bearers {
	if b, known := s.values[value]; known {
		return b
	}
	if len(s.values)+len(s.pendingValues.all) > s.bounds.Values && !s.pendingValues.has[value] {
		s.cut = true
	} else {
		s.pendingValues.add(value)
	}
	return nil
}

// next are the names to look for in the next round, if any.
func (s *search) next() (names Names, more bool) {
	for _, n := range s.pendingNodes.all {
		s.nodes[n] = &facts{}
		names.node(n)
	}
	for _, value := range s.pendingValues.all {
		s.values[value] = &bearers{}
		names.text(value)
	}
	more = len(s.pendingNodes.all)+len(s.pendingValues.all) > 0
	s.pendingNodes, s.pendingValues = list[node]{}, list[string]{}
	return names, more
}

func (n *Names) node(of node) {
	if of.label != "" {
		n.text(of.label)
	} else {
		n.trace(of.trace)
	}
}

// An identity is what a record says of where it belongs.
type identity struct {
	trace, label, lost node // the zero node is none
	quoted             node // an ID that was only found in the record's text
	links              []node
	aliases            []node // of the label
	labels             []node // of the requests that a span works on
}

func identityOf(r Record) (i identity) {
	if trace := r.TraceID(); !trace.IsEmpty() {
		i.trace = traceNode(trace)
	}
	if label := r.CorrelationID(); label != "" && len(label) <= MaxID {
		i.label = labelNode(label)
	}
	if lost := r.lostID(); lost != "" {
		i.lost = labelNode(lost)
	}
	if i.trace != (node{}) && r.quoted() {
		i.quoted, i.label = i.label, node{}
	}
	for _, alias := range r.list(semconv.CorrelationAliases) {
		i.aliases = append(i.aliases, labelNode(alias))
	}
	for _, label := range r.list(semconv.CorrelationIDs) {
		i.labels = append(i.labels, labelNode(label))
	}
	if !r.IsSpan {
		return i
	}
	for _, link := range r.Span.Links().All() {
		if to := traceNode(link.TraceID()); !link.TraceID().IsEmpty() && to != i.trace && !slices.Contains(i.links, to) && len(i.links) < maxList {
			i.links = append(i.links, to)
		}
	}
	return i
}

// of is the node that the record belongs to; zero if it belongs to none.
func (i identity) of() node {
	if i.trace != (node{}) {
		return i.trace
	}
	return i.label
}

// note takes from the record what it says of the nodes and values that are looked for.
func (s *search) note(r Record) {
	i := identityOf(r)
	if own := s.nodes[i.trace]; own != nil {
		own.seen = true
		own.shows.add(i.links...)
		if i.label != (node{}) && i.label != i.trace {
			own.shows.add(i.label)
			own.ids.add(i.label)
		}
		own.shows.add(i.labels...)
		own.ids.add(i.labels...)
		own.aliases.add(i.aliases...)
		own.addValues(r)
	}
	if f := s.nodes[i.label]; f != nil {
		f.labeled = true
		if i.trace == (node{}) {
			f.addValues(r)
		} else if i.trace != i.label {
			f.shownBy.add(i.trace)
		}
	}
	if i.trace != (node{}) {
		for _, label := range i.labels {
			if f := s.nodes[label]; f != nil {
				f.shownBy.add(i.trace)
			}
		}
		for _, alias := range i.aliases {
			if f := s.nodes[alias]; f != nil {
				f.aliasIn.add(i.trace)
			}
		}
		for _, link := range i.links {
			if f := s.nodes[link]; f != nil {
				f.shownBy.add(i.trace)
			}
		}
		if f := s.nodes[i.lost]; f != nil {
			f.lostIn.add(i.trace)
		}
		if f := s.nodes[i.quoted]; f != nil {
			f.quotedIn.add(i.trace)
		}
	}
	if len(s.values) > 1 || distinct(s.asked.text) {
		s.noteValues(r, i.of())
	}
}

func (f *facts) addValues(r Record) {
	for value := range r.ids() {
		f.values.add(value)
	}
}

func (s *search) noteValues(r Record, of node) {
	for value := range r.ids() {
		b := s.values[value]
		switch {
		case b == nil:
		case of != (node{}):
			b.nodes.add(of)
		default:
			b.alone = true
			b.addLone(r)
		}
	}
	if of != (node{}) || r.IsSpan {
		return
	}
	for word := range bodyWords(r.Log.Body(), 0) {
		if b := s.values[word]; b != nil {
			b.addLone(r)
		}
	}
}

// addLone takes what a record without a trace and correlation ID has besides the value.
func (b *bearers) addLone(r Record) {
	for value := range r.ids() {
		b.fellows.add(value)
		b.addHint(value)
	}
	if !r.IsSpan {
		for word := range bodyWords(r.Log.Body(), 0) {
			b.addHint(word)
		}
	}
}

func (b *bearers) addHint(word string) {
	if len(b.hints.all) < maxHints {
		b.hints.add(word)
	}
}

// noteAsked notes the nodes that have the requested ID.
func (s *search) noteAsked(r Record) {
	of := identityOf(r).of()
	s.noteSpan(r, of)
	v := vocabulary{s.asked.text: true}
	if s.asked.hex != "" {
		v[s.asked.hex] = true
	}
	held := v.heldBy(r)
	switch {
	case !held && (r.IsSpan || !v.saidBy(r.Log.Body(), 0)):
		return
	case of == (node{}):
		s.values[s.asked.text].addLone(r)
	case held:
		s.holders.add(of)
	default:
		s.sayers.add(of)
	}
	s.found = true
}

// noteSpan notes the trace of the span that was asked for, and what is inside of it or links to it.
func (s *search) noteSpan(r Record, of node) {
	asked := s.asked.span
	if asked.IsEmpty() {
		return
	}
	var shows []node
	if r.at(asked) {
		shows = append(shows, of)
	}
	if r.IsSpan {
		for _, link := range r.Span.Links().All() {
			switch {
			case link.SpanID() != asked:
			case link.TraceID() == pcommon.TraceID{}:
				shows = append(shows, of)
			default:
				shows = append(shows, traceNode(link.TraceID()))
			}
		}
	}
	for _, n := range shows {
		s.found = true
		if n != (node{}) {
			s.ofSpan.add(n)
		}
	}
}

// starts are the nodes that have the ID. Loose says that the ID is only a text or a number in them.
func (s *search) starts() (starts []node, loose bool) {
	var lost []node
	for _, n := range s.asked.nodes() {
		switch f := s.nodes[n]; {
		case f.known():
			starts = append(starts, n)
		default:
			lost = slices.Concat(lost, f.lostIn.all, f.aliasIn.all, f.quotedIn.all)
		}
	}
	starts = append(starts, s.ofSpan.all...)
	if len(starts) == 0 {
		starts = lost // an ID that only ever lost is one more name of the winners
	}
	b := s.values[s.asked.text]
	switch {
	case len(starts) > 0:
	case len(b.nodes.all) > 0:
		starts = b.nodes.all
	case b.alone:
	case len(s.holders.all) > 0:
		return s.holders.all, true
	default:
		return s.sayers.all, true
	}
	return starts, false
}

// An answer is the requests that have an ID.
type answer struct {
	any      bool // something shows the ID
	requests []*component
	shared   list[node] // traces of several requests that have the ID
	loose    bool
}

// resolve is the answer by what is known. More may have to be looked for.
func (s *search) resolve() *answer {
	s.cut = false
	starts, loose := s.starts()
	a := &answer{any: s.found || len(starts) > 0, loose: loose}
	for _, n := range starts {
		s.add(a, n)
	}
	if len(starts) > 0 || !a.any {
		return a
	}
	// Only records without a trace and correlation ID show the ID. What else they say may lead to a request.
	lone := &component{}
	s.ownValues(lone, []string{s.asked.text})
	var hints list[string]
	for _, value := range lone.values.all {
		hints.add(s.values[value].hints.all...)
	}
	for _, hint := range hints.all[:min(len(hints.all), maxHints)] {
		if b := s.lookValue(hint); b != nil {
			if c := s.only(b.nodes.all); c != nil {
				s.add(a, c.members.all[0])
			}
		}
	}
	if len(a.requests) == 0 {
		a.requests = append(a.requests, lone)
	}
	return a
}

// only is the request that all the nodes belong to; nil if there are several.
func (s *search) only(nodes []node) *component {
	of := &answer{}
	for _, n := range nodes {
		if s.add(of, n); len(of.requests) > 1 {
			return nil
		}
	}
	if len(of.requests) == 0 {
		return nil
	}
	return of.requests[0]
}

// add adds the request of the node, or those that share it.
func (s *search) add(a *answer, n node) {
	if a.shared.has[n] || slices.ContainsFunc(a.requests, func(c *component) bool { return c.members.has[n] }) {
		return
	}
	f := s.look(n)
	if f == nil {
		return
	}
	if _, shared := s.joins(f); shared {
		a.shared.add(n)
		for _, other := range f.shows.all {
			s.add(a, other)
		}
		return
	}
	if c := s.component(n); len(c.members.all) > 0 {
		a.requests = append(a.requests, c)
	}
}
