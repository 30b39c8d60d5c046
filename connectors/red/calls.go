// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package red

import (
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/adjusted"
	"github.com/otelcol-sre/otelcol-sre/internal/admission"
)

const (
	kinds    = int(ptrace.SpanKindConsumer) + 1
	statuses = int(ptrace.StatusCodeError) + 1
)

// calls are the spans of every identity, by kind and status.
type calls struct {
	registry *admission.Registry
	bounds   []float64 // in milliseconds
	max      int

	mu    sync.RWMutex
	nodes map[admission.Identity]*node
	// series are those of services that the catalog does not name.
	series     atomic.Int64
	overflowed atomic.Int64
}

// A node is an identity whose spans are counted.
type node struct {
	admission.Identity
	// known: the catalog names the service.
	known bool
	seen  atomic.Int64 // Unix nanoseconds

	mu     sync.Mutex
	series [kinds][statuses]*call
}

// A call is the spans of one identity, kind and status.
type call struct {
	start     pcommon.Timestamp
	count     float64
	durations histogram
	exemplar  exemplar
}

func newCalls(registry *admission.Registry, config *Config) *calls {
	c := &calls{registry: registry, max: config.MaxSeries, nodes: make(map[admission.Identity]*node)}
	for _, b := range config.Buckets {
		c.bounds = append(c.bounds, b.Seconds()*1000)
	}
	return c
}

// node is that of the identity, as the registry admits it.
func (c *calls) node(id admission.Identity, now pcommon.Timestamp) *node {
	return c.of(c.registry.Admit(id), now)
}

func (c *calls) of(id admission.Identity, now pcommon.Timestamp) *node {
	c.mu.RLock()
	n := c.nodes[id]
	c.mu.RUnlock()
	if n == nil {
		c.mu.Lock()
		if n = c.nodes[id]; n == nil {
			n = &node{Identity: id, known: c.registry.Knows(id)}
			c.nodes[id] = n
		}
		c.mu.Unlock()
	}
	n.seen.Store(int64(now))
	return n
}

// overflow is the node of what is beyond max.
func (c *calls) overflow(now pcommon.Timestamp) *node {
	return c.of(admission.Identity{Service: admission.Overflow}, now)
}

// add counts the spans of one resource.
func (c *calls) add(n *node, rs ptrace.ResourceSpans, now pcommon.Timestamp) {
	n.mu.Lock()
	var beyond []ptrace.Span
	var weight float64
	tracestate := "-"
	for _, ss := range rs.ScopeSpans().All() {
		spans := ss.Spans()
		for i := range spans.Len() {
			span := spans.At(i)
			if s := span.TraceState().AsRaw(); s != tracestate {
				tracestate = s
				weight, _ = adjusted.Count(s)
			}
			kind, status := indexOf(span)
			series := n.series[kind][status]
			if series == nil {
				if !c.room(n) {
					beyond = append(beyond, span)
					continue
				}
				series = &call{start: now}
				n.series[kind][status] = series
			}
			series.add(span, weight, c.bounds, now)
		}
	}
	n.mu.Unlock()
	if len(beyond) > 0 {
		c.addBeyond(beyond, now)
	}
}

// room reports whether the node may have another series. That of what is beyond always may, and those of the catalog.
func (c *calls) room(n *node) bool {
	if n.known || n.Service == admission.Overflow {
		return true
	}
	if c.series.Add(1) <= int64(c.max) {
		return true
	}
	c.series.Add(-1)
	return false
}

func (c *calls) addBeyond(spans []ptrace.Span, now pcommon.Timestamp) {
	c.overflowed.Add(int64(len(spans)))
	n := c.overflow(now)
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, span := range spans {
		kind, status := indexOf(span)
		if n.series[kind][status] == nil {
			n.series[kind][status] = &call{start: now}
		}
		weight, _ := adjusted.Count(span.TraceState().AsRaw())
		n.series[kind][status].add(span, weight, c.bounds, now)
	}
}

// indexOf is the place of the span's series. Numbers that have no name are as unspecified and unset.
func indexOf(span ptrace.Span) (kind, status int) {
	kind, status = int(span.Kind()), int(span.Status().Code())
	if kind < 0 || kind >= kinds {
		kind = 0
	}
	if status < 0 || status >= statuses {
		status = 0
	}
	return kind, status
}

func (s *call) add(span ptrace.Span, weight float64, bounds []float64, now pcommon.Timestamp) {
	ms := duration(span) * 1000
	s.count += weight
	s.durations.observe(bounds, ms, weight)
	s.exemplar = exemplar{span.TraceID(), span.SpanID(), now, ms}
	s.durations.exemplar = s.exemplar
}

// duration is in seconds; 0 if the span ends before it starts.
func duration(span ptrace.Span) float64 {
	if span.EndTimestamp() <= span.StartTimestamp() {
		return 0
	}
	return float64(span.EndTimestamp()-span.StartTimestamp()) / 1e9
}

// expire ends the series of nodes that were not seen since.
func (c *calls) expire(since int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, n := range c.nodes {
		if n.seen.Load() >= since {
			continue
		}
		delete(c.nodes, id)
		n.mu.Lock()
		if !n.known && n.Service != admission.Overflow {
			c.series.Add(-int64(n.count()))
		}
		n.mu.Unlock()
	}
}

// count is the number of series. n.mu must be held.
func (n *node) count() (count int) {
	for kind := range n.series {
		for _, series := range n.series[kind] {
			if series != nil {
				count++
			}
		}
	}
	return count
}
