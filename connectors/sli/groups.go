// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"bytes"
	"encoding/binary"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/judge"
)

// A group is the values of an SLO's groupBy in one environment. In the registry it is an SLO of its own, with counters of its own, beside the SLO
// that it is of. The SLO itself counts the events without any of the attributes, and has the counters that are 0 until there is a group.

// groups are those of an SLO that are kept apart, and the overflow of each environment. They are found without the service's lock, which is held
// to change them.
type groups struct {
	by judge.Grouping
	// overflowKey has the values of the overflow.
	overflowKey []byte

	mu sync.RWMutex
	// all are by the environment and the values, as keyOf has them; overflows by the environment.
	all, overflows map[string]*slo
	// limit and period are the catalog's; the limit is 0 while it is not known.
	limit  int
	period time.Duration
}

// A groupID is what tells an SLO apart from others: its name, the attributes by which it is grouped, and for a group the environment and the values.
type groupID struct {
	name        string
	by          judge.Grouping
	group       bool
	environment string
	values      []string
}

// text is the ID as text: for an SLO without groups, its name, which has no byte 0.
func (id groupID) text() string {
	if len(id.by) == 0 {
		return id.name
	}
	var w checkpoint.Writer
	w.Length(len(id.by))
	for _, name := range id.by {
		w.Text(name)
	}
	if id.group {
		w.Text(id.environment)
		for _, value := range id.values {
			w.Text(value)
		}
	}
	return id.name + "\x00" + string(w)
}

// parseID reads an ID.
func parseID(text string) (id groupID, ok bool) {
	name, rest, grouped := strings.Cut(text, "\x00")
	id.name = name
	if !grouped {
		return id, true
	}
	r := checkpoint.NewReader([]byte(rest))
	for range r.Length(1) {
		id.by = append(id.by, r.Text())
	}
	if id.group = r.Rest() > 0; id.group {
		id.environment = r.Text()
		for range id.by {
			id.values = append(id.values, r.Text())
		}
	}
	return id, r.End() == nil && len(id.by) > 0
}

// base is the ID of the SLO that the group is of.
func (id groupID) base() groupID { return groupID{name: id.name, by: id.by} }

// key is what the group is found by.
func (id groupID) key() string {
	key := appendEnvironment(nil, id.environment)
	for _, value := range id.values {
		key = append(append(key, value...), 0)
	}
	return string(key)
}

// appendEnvironment begins the key of a group. The values follow; they have no byte 0, and there are always equally many.
func appendEnvironment(key []byte, environment string) []byte {
	return append(append(key, environment...), 0)
}

func (id groupID) overflows() bool { return id.group && id.values[0] == catalog.Overflow }

// find is the group with the key, whose first bytes, so many, are the environment's; nil if it has to be admitted.
func (g *groups) find(base *slo, key []byte, environment int) *slo {
	if judge.Ungrouped(key[environment:]) {
		return base
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	if found := g.all[string(key)]; found != nil {
		return found
	}
	if g.limit == 0 || len(g.all) < g.limit {
		return nil
	}
	return g.overflows[string(key[:environment])]
}

// admit is the group with the key, made while there is room, or else the overflow. s.mu must be held.
func (s *service) admit(base *slo, key []byte, environment int, now time.Time) *slo {
	if s.slos[base.index] != base {
		return base // it is no more
	}
	g := base.groups
	if found := g.find(base, key, environment); found != nil {
		found.touched = max(found.touched, now.UnixNano())
		return found
	}
	id := groupID{base.name, g.by, true, string(key[:environment-1]), g.by.Values(key[environment:])}
	if full := g.limit > 0 && len(g.all) >= g.limit; full {
		id.values = g.by.Values(g.overflowKey)
	}
	made := s.slo(id.text())
	made.wanted, made.touched = true, now.UnixNano()
	return made
}

// join adds the group to those of its SLO. s.mu must be held.
func (s *service) join(id groupID, o *slo) {
	o.of = s.slo(id.base().text())
	g := o.of.groups
	g.mu.Lock()
	defer g.mu.Unlock()
	if id.overflows() {
		g.overflows[string(appendEnvironment(nil, id.environment))] = o
	} else {
		g.all[id.key()] = o
	}
}

// leave takes the group from those of its SLO. s.mu must be held.
func (o *slo) leave() {
	if o.of == nil {
		return
	}
	g := o.of.groups
	g.mu.Lock()
	defer g.mu.Unlock()
	if o.overflows() {
		delete(g.overflows, string(appendEnvironment(nil, o.environment)))
	} else {
		delete(g.all, o.key())
	}
}

// fit takes what the catalog says of the groups. s.mu must be held.
func (s *service) fit(base *slo, of *catalog.SLO) {
	if base.groups == nil {
		return
	}
	base.groups.mu.Lock()
	base.groups.limit, base.groups.period = of.GroupLimit(), of.Window.MaxLength()
	base.groups.mu.Unlock()
	for _, o := range s.slos {
		if o != nil && o.of == base {
			o.wanted = true
		}
	}
}

// forgetGroups lets go of groups that have had no event for the period of their SLO: others may take their places. s.mu must be held.
func (s *service) forgetGroups(now time.Time) {
	for _, o := range s.slos {
		if o == nil || o.of == nil || o.of.groups.period == 0 {
			continue
		}
		o.touched = min(o.touched, now.UnixNano()) // the clock was set back
		if now.UnixNano()-o.touched > int64(o.of.groups.period) {
			s.remove(o)
		}
	}
}

// grouped reports whether the SLO has groups in the environment.
func (o *slo) grouped(environment string) bool {
	if o.groups == nil {
		return false
	}
	if o.groups.overflows[string(appendEnvironment(nil, environment))] != nil {
		return true
	}
	for _, group := range o.groups.all {
		if group.environment == environment {
			return true
		}
	}
	return false
}

// label adds the group's attributes. One without a value is not there.
func (o *slo) label(attributes pcommon.Map) {
	for i, value := range o.values {
		if value != "" {
			attributes.PutStr(o.by[i], value)
		}
	}
}

// record is the ID with the time of the last event of a group.
func (o *slo) record() string {
	if !o.group {
		return o.id
	}
	return o.id + string(binary.BigEndian.AppendUint64(nil, uint64(max(o.touched, 0))))
}

// decodeSLO reads a record.
func decodeSLO(record string, index int) (*slo, bool) {
	if id, ok := parseID(record); ok && !id.group {
		return newSLO(id, index), true
	}
	if len(record) < 8 {
		return nil, false
	}
	id, ok := parseID(record[:len(record)-8])
	if !ok || !id.group {
		return nil, false
	}
	o := newSLO(id, index)
	o.touched = int64(binary.BigEndian.Uint64([]byte(record[len(record)-8:])) & (1<<63 - 1))
	return o, true
}

func newSLO(id groupID, index int) *slo {
	o := &slo{groupID: id, id: id.text(), index: index}
	if len(id.by) > 0 && !id.group {
		o.groups = &groups{by: id.by, overflowKey: id.by.AppendOverflow(nil), all: make(map[string]*slo), overflows: make(map[string]*slo)}
	}
	return o
}

// current makes sure that the tally's group is one: it may have been forgotten since the event was judged. s.mu must be held.
func (s *service) current(t *tally, now time.Time) {
	o := t.slo
	if !o.group {
		return
	}
	if s.slos[o.index] != o {
		key := appendEnvironment(nil, o.environment)
		o = s.admit(o.of, append(key, o.key()[len(key):]...), len(key), now)
		t.slo = o
	}
	o.touched = max(o.touched, now.UnixNano())
}

// group is the index of the tally of an event's group: of rule i, whose own tally is for events without any of the attributes.
func (b *batch) group(i int, by judge.Grouping, event, resource pcommon.Map) int {
	environment := b.beginKey()
	b.key = by.AppendKey(b.key, event, resource)
	return b.grouped(i, environment)
}

// groupOfSpan is group for a span.
func (b *batch) groupOfSpan(i int, by judge.Grouping, e *judge.SpanEvent) int {
	environment := b.beginKey()
	b.key = by.AppendSpanKey(b.key, e.Span, e.Resource.Resource().Attributes())
	return b.grouped(i, environment)
}

// beginKey begins the key with the environment, whose length it returns.
func (b *batch) beginKey() int {
	b.key = appendEnvironment(b.key[:0], b.into.environment)
	return len(b.key)
}

func (b *batch) grouped(i, environment int) int {
	base := b.tallies[i].slo
	o := base.groups.find(base, b.key, environment)
	if o == nil {
		b.of.mu.Lock()
		o = b.of.admit(base, b.key, environment, b.now)
		b.of.mu.Unlock()
	}
	if o == base {
		return i
	}
	if o.overflows() && !bytes.Equal(b.key[environment:], base.groups.overflowKey) {
		b.adjusted[remark{reasonGroupOverflow, b.of.serviceKey, base.name}]++
	}
	n, known := b.byGroup[o]
	if !known {
		n = b.add(o)
	}
	return n
}
