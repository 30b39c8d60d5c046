// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package red

import (
	"sync"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/admission"
)

// How two services are connected. A direct call has no name.
const (
	messaging = "messaging_system"
	database  = "database"
	virtual   = "virtual_node"
)

const (
	// user is the client of a request whose trace begins with the server.
	user = "user"
	// unknownPeer is the server of a call that does not name its server.
	unknownPeer = "unknown"
)

// The attributes that name a peer without spans of its own, in order of rank.
const (
	peerService = "peer.service"
	dbName      = "db.name"
	dbSystem    = "db.system"
)

// callBounds are the buckets of the durations of calls, in seconds: those of the service_graph connector.
var callBounds = []float64{0.002, 0.004, 0.006, 0.008, 0.01, 0.05, 0.1, 0.2, 0.4, 0.8, 1, 1.4, 2, 5, 10, 15}

// A graph has an edge for each pair of services of which one calls the other.
type graph struct {
	ttl int64
	max int

	mu    sync.Mutex
	edges map[edgeKey]*edge
	// limited are the edges that do not connect two services of the catalog.
	limited int
	waiting pairing
	// dropped are spans for which there was no room to wait, expired those that waited in vain, and beyond calls on edges beyond max.
	dropped, expired, beyond int64
}

// An edgeKey says what an edge connects. Environments and namespaces are those of the services.
type edgeKey struct {
	client, server endpoint
	connection     string
	failed         bool
}

// An endpoint is one side of an edge.
type endpoint struct{ service, namespace, environment string }

type edge struct {
	start          pcommon.Timestamp
	used           int64
	limited        bool
	count          uint64
	client, server histogram
}

func newGraph(config *Config) *graph {
	return &graph{
		ttl: int64(config.Pairing.TTL), max: config.MaxEdges, edges: make(map[edgeKey]*edge),
		waiting: newPairing(config.Pairing.MaxSpans),
	}
}

// add takes the spans of one resource that are a side of a call.
func (g *graph) add(n *node, rs ptrace.ResourceSpans, now pcommon.Timestamp) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.expire(int64(now))
	for _, ss := range rs.ScopeSpans().All() {
		spans := ss.Spans()
		for i := range spans.Len() {
			switch span := spans.At(i); span.Kind() {
			case ptrace.SpanKindClient, ptrace.SpanKindProducer:
				g.client(n, span, now)
			case ptrace.SpanKindServer, ptrace.SpanKindConsumer:
				g.server(n, span, now)
			}
		}
	}
}

func connectionOf(span ptrace.Span) string {
	if kind := span.Kind(); kind == ptrace.SpanKindProducer || kind == ptrace.SpanKindConsumer {
		return messaging
	}
	return ""
}

func failed(span ptrace.Span) bool { return span.Status().Code() == ptrace.StatusCodeError }

func (g *graph) client(n *node, span ptrace.Span, now pcommon.Timestamp) {
	id := spanID{span.TraceID(), span.SpanID()}
	if server, ok := g.waiting.take(id, asServer); ok {
		g.call(side{node: n, seconds: duration(span), failed: failed(span)}, server, server.connection, now)
		return
	}
	client := side{node: n, seconds: duration(span), failed: failed(span), connection: connectionOf(span)}
	if name, ok := text(span, dbName); ok { // a database has no spans of its own
		g.call(client, side{name: name, seconds: client.seconds}, database, now)
		return
	}
	client.name, _ = text(span, peerService)
	if client.name == "" {
		client.name, _ = text(span, dbSystem)
	}
	g.wait(id, asClient, client, now)
}

func (g *graph) server(n *node, span ptrace.Span, now pcommon.Timestamp) {
	id := spanID{span.TraceID(), span.ParentSpanID()}
	server := side{node: n, seconds: duration(span), failed: failed(span), connection: connectionOf(span)}
	if client, ok := g.waiting.take(id, asClient); ok {
		g.call(client, server, server.connection, now)
		return
	}
	if span.ParentSpanID().IsEmpty() { // nobody can come
		g.call(side{name: user}, server, virtual, now)
		return
	}
	g.wait(id, asServer, server, now)
}

func (g *graph) wait(id spanID, as role, s side, now pcommon.Timestamp) {
	s.name = clip(s.name)
	if !g.waiting.put(id, as, s, int64(now)+g.ttl) {
		g.dropped++
	}
}

// expire ends the waiting of spans whose other side did not come. A call of a client is one of a peer that sends no spans.
func (g *graph) expire(now int64) {
	for {
		as, s, ok := g.waiting.expired(now)
		if !ok {
			return
		}
		g.expired++
		if as != asClient {
			continue // its client exists, but sends no spans here
		}
		server := side{name: s.name}
		if server.name == "" {
			server.name = unknownPeer
		}
		g.call(s, server, virtual, pcommon.Timestamp(now))
	}
}

// call counts a call whose both sides are known.
func (g *graph) call(client, server side, connection string, now pcommon.Timestamp) {
	key := edgeKey{client.endpoint(), server.endpoint(), connection, client.failed || server.failed}
	e := g.edges[key]
	if e == nil {
		limited := !client.known() || !server.known()
		if limited && g.limited >= g.max {
			g.beyond++
			key = key.overflow(client, server)
			e, limited = g.edges[key], false
		}
		if e == nil {
			e = &edge{start: now, limited: limited}
			if limited {
				g.limited++
			}
			g.edges[key.clone()] = e
		}
	}
	e.used = int64(now)
	e.count++
	e.server.observe(callBounds, server.seconds, 1)
	e.client.observe(callBounds, client.seconds, 1)
}

// overflow is the key of what is beyond the limit: only services of the catalog keep their names.
func (k edgeKey) overflow(client, server side) edgeKey {
	if !client.known() {
		k.client = endpoint{service: admission.Overflow}
	}
	if !server.known() {
		k.server = endpoint{service: admission.Overflow}
	}
	return k
}

// forget ends the edges that were not used since.
func (g *graph) forget(since int64) {
	for key, e := range g.edges {
		if e.used < since {
			delete(g.edges, key)
			if e.limited {
				g.limited--
			}
		}
	}
}

// text is the span's attribute, if it is there.
func text(span ptrace.Span, name string) (string, bool) {
	v, ok := span.Attributes().Get(name)
	if !ok {
		return "", false
	}
	return v.AsString(), true
}
