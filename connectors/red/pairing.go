// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package red

import (
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// maxName is the longest name of a peer or database, in bytes.
const maxName = 128

// A spanID names the span of the client, which that of the server has as its parent.
type spanID struct {
	trace pcommon.TraceID
	span  pcommon.SpanID
}

// A role is a side of a call.
type role bool

const (
	asClient role = false
	asServer role = true
)

// A side is what is known of one side of a call: a service, or a peer that has only a name.
type side struct {
	node       *node
	name       string
	seconds    float64
	failed     bool
	connection string
}

func (s side) known() bool { return s.node != nil && s.node.known }

func (s side) endpoint() endpoint {
	if s.node == nil {
		return endpoint{service: clip(s.name)}
	}
	return endpoint{s.node.Service, s.node.Namespace, s.node.Environment}
}

// clone makes the key's names its own: those of peers are parts of the input.
func (k edgeKey) clone() edgeKey {
	k.client.service, k.server.service = strings.Clone(k.client.service), strings.Clone(k.server.service)
	return k
}

// clip is the name, cut to what is kept of it, with valid UTF-8.
func clip(name string) string {
	if len(name) > maxName {
		cut := maxName
		for cut > maxName-utf8.UTFMax && !utf8.RuneStart(name[cut]) {
			cut--
		}
		name = name[:cut]
	}
	return strings.ToValidUTF8(name, "?")
}

// A waiter is a span that waits for the other side of its call.
type waiter struct {
	side
	role    role
	expires int64
}

// pairing keeps the spans that wait. All wait equally long, so they leave in the order in which they came.
type pairing struct {
	max     int
	waiters map[spanID]waiter
	// order is a ring of the spans in the order of their arrival; some have been taken since.
	order    []arrival
	from, to int
}

type arrival struct {
	id      spanID
	expires int64
}

func newPairing(most int) pairing {
	return pairing{max: most, waiters: make(map[spanID]waiter), order: make([]arrival, 2*most)}
}

// take removes and returns the span that waits in the role.
func (p *pairing) take(id spanID, as role) (side, bool) {
	w, ok := p.waiters[id]
	if !ok || w.role != as {
		return side{}, false
	}
	delete(p.waiters, id)
	return w.side, true
}

// put lets a span wait until the time; false if there is no room. One that waits there already stays: of two servers with one
// parent, the first gets the client.
func (p *pairing) put(id spanID, as role, s side, expires int64) bool {
	if _, taken := p.waiters[id]; taken {
		return true
	}
	if len(p.waiters) >= p.max {
		return false
	}
	if p.to-p.from == len(p.order) {
		p.compact()
	}
	s.name = strings.Clone(s.name)
	p.waiters[id] = waiter{s, as, expires}
	p.order[p.to%len(p.order)] = arrival{id, expires}
	p.to++
	return true
}

// compact drops the arrivals that have been taken. At least half of them have: there are twice as many as can wait.
func (p *pairing) compact() {
	kept := p.from
	for i := p.from; i < p.to; i++ {
		a := p.order[i%len(p.order)]
		if w, waits := p.waiters[a.id]; waits && w.expires == a.expires {
			p.order[kept%len(p.order)] = a
			kept++
		}
	}
	p.to = kept
}

// expired removes and returns a span that has waited until now; false if there is none.
func (p *pairing) expired(now int64) (role, side, bool) {
	for p.from < p.to {
		first := &p.order[p.from%len(p.order)]
		w, waits := p.waiters[first.id]
		waits = waits && w.expires == first.expires
		if waits && first.expires > now {
			return false, side{}, false
		}
		p.from++
		if waits {
			delete(p.waiters, first.id)
			return w.role, w.side, true
		}
	}
	return false, side{}, false
}
