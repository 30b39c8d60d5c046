// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	otellog "go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// A Tally is what the shop made, counted at its source and without any of the collector's
// code: what a collector reports can be held against it, event by event.
type Tally struct {
	Requests Requests    `json:"requests"`
	Spans    []SpanCount `json:"spans"`
	SLOs     []SLOCount  `json:"slos"`
	// UnconfirmedSpans were exported without an answer that says they arrived.
	UnconfirmedSpans int64 `json:"unconfirmedSpans"`
}

// Requests are what the load generator sent, and how many of them did not get a 200.
type Requests struct {
	Sent   int64 `json:"sent"`
	Failed int64 `json:"failed"`
}

// Identity is whose telemetry it is: service.name, deployment.environment.name, service.version.
type Identity struct {
	Service     string `json:"service"`
	Environment string `json:"environment"`
	Version     string `json:"version"`
}

// A SpanCount is how many spans of a kind have ended, and how many of them with status ERROR.
type SpanCount struct {
	Identity
	Kind   string `json:"kind"`
	Ended  int64  `json:"ended"`
	Errors int64  `json:"errors"`
}

// An SLOCount is how many events were good and bad by an SLO of examples/catalog.
type SLOCount struct {
	Identity
	SLO  string `json:"slo"`
	Good int64  `json:"good"`
	Bad  int64  `json:"bad"`
}

// tally is a Tally being counted.
type tally struct {
	mu          sync.Mutex
	spans       map[tallyKey]*SpanCount
	slos        map[tallyKey]*SLOCount
	unconfirmed int64
}

// tallyKey is whose and which: the kind of a span, or the name of an SLO.
type tallyKey struct {
	Identity
	which string
}

func newTally() *tally {
	return &tally{spans: map[tallyKey]*SpanCount{}, slos: map[tallyKey]*SLOCount{}}
}

// snapshot is the tally so far, in a stable order.
func (t *tally) snapshot() Tally {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := Tally{UnconfirmedSpans: t.unconfirmed, Spans: []SpanCount{}, SLOs: []SLOCount{}}
	for _, c := range t.spans {
		out.Spans = append(out.Spans, *c)
	}
	for _, c := range t.slos {
		out.SLOs = append(out.SLOs, *c)
	}
	slices.SortFunc(out.Spans, func(a, b SpanCount) int {
		return cmp.Or(a.compare(b.Identity), cmp.Compare(a.Kind, b.Kind))
	})
	slices.SortFunc(out.SLOs, func(a, b SLOCount) int {
		return cmp.Or(a.compare(b.Identity), cmp.Compare(a.SLO, b.SLO))
	})
	return out
}

func (i Identity) compare(j Identity) int {
	return cmp.Or(cmp.Compare(i.Service, j.Service), cmp.Compare(i.Environment, j.Environment), cmp.Compare(i.Version, j.Version))
}

// counter counts for one instance of a service.
type counter struct {
	tally    *tally
	identity Identity
}

func (c *counter) span(kind string, failed bool) {
	c.tally.mu.Lock()
	defer c.tally.mu.Unlock()
	key := tallyKey{c.identity, kind}
	n := c.tally.spans[key]
	if n == nil {
		n = &SpanCount{Identity: c.identity, Kind: kind}
		c.tally.spans[key] = n
	}
	n.Ended++
	if failed {
		n.Errors++
	}
}

func (c *counter) slo(name string, good bool) {
	c.tally.mu.Lock()
	defer c.tally.mu.Unlock()
	key := tallyKey{c.identity, name}
	n := c.tally.slos[key]
	if n == nil {
		n = &SLOCount{Identity: c.identity, SLO: name}
		c.tally.slos[key] = n
	}
	if good {
		n.Good++
	} else {
		n.Bad++
	}
}

// What the SLOs of examples/catalog mean, said a second time in Go; a test holds the two together.
var spanSLOs = map[string]map[string]func(sdktrace.ReadOnlySpan) (counts, good bool){
	frontend: {
		"availability": served(succeeded),
		"latency":      served(faster(300 * time.Millisecond)),
	},
	checkout: {
		"availability": served(succeeded),
		"latency":      served(faster(300 * time.Millisecond)),
		"paid-orders": func(s sdktrace.ReadOnlySpan) (counts, good bool) {
			total, paid := false, false
			for _, a := range s.Attributes() {
				total = total || a.Key == orderTotal
				paid = paid || a == orderPaid.Bool(true)
			}
			return total, paid
		},
	},
	payment: {
		"availability": served(succeeded),
		"latency": served(func(s sdktrace.ReadOnlySpan) bool {
			return succeeded(s) && faster(250*time.Millisecond)(s)
		}),
	},
	mailer: {
		"availability": served(succeeded),
	},
	inventory: {
		"availability": served(succeeded),
		"latency": func(s sdktrace.ReadOnlySpan) (counts, good bool) {
			return isServed(s) && succeeded(s), faster(100 * time.Millisecond)(s)
		},
	},
}

const (
	sloOrdersSettled  = "orders-settled"  // logs of checkout
	sloOrdersAccepted = "orders-accepted" // a counter of checkout
	sloQueueFreshness = "queue-freshness" // a counter of inventory
	sloReceiptsSent   = "receipts-sent"   // lines of text of mailer
)

const (
	orderID    = attribute.Key("order.id")
	orderTotal = attribute.Key("order.total")
	orderPaid  = attribute.Key("order.paid")
)

func served(good func(sdktrace.ReadOnlySpan) bool) func(sdktrace.ReadOnlySpan) (bool, bool) {
	return func(s sdktrace.ReadOnlySpan) (bool, bool) { return isServed(s), good(s) }
}

func isServed(s sdktrace.ReadOnlySpan) bool {
	return s.SpanKind() == trace.SpanKindServer || s.SpanKind() == trace.SpanKindConsumer
}

func succeeded(s sdktrace.ReadOnlySpan) bool { return s.Status().Code != codes.Error }

func faster(threshold time.Duration) func(sdktrace.ReadOnlySpan) bool {
	return func(s sdktrace.ReadOnlySpan) bool { return s.EndTime().Sub(s.StartTime()) <= threshold }
}

// spanCounter is a span processor that counts.
type spanCounter struct{ *counter }

func (spanCounter) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (spanCounter) Shutdown(context.Context) error                  { return nil }
func (spanCounter) ForceFlush(context.Context) error                { return nil }

func (c spanCounter) OnEnd(s sdktrace.ReadOnlySpan) {
	c.span(s.SpanKind().String(), !succeeded(s))
	for name, judge := range spanSLOs[c.identity.Service] {
		if counts, good := judge(s); counts {
			c.slo(name, good)
		}
	}
}

// logCounter is a log processor that counts checkout's records about orders; what inventory
// says of an order that it could not ship settles nothing.
type logCounter struct{ *counter }

func (logCounter) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (logCounter) Shutdown(context.Context) error                         { return nil }
func (logCounter) ForceFlush(context.Context) error                       { return nil }

func (c logCounter) OnEmit(_ context.Context, r *sdklog.Record) error {
	if c.identity.Service != checkout {
		return nil
	}
	r.WalkAttributes(func(a otellog.KeyValue) bool {
		if a.Key != string(orderID) {
			return true
		}
		c.slo(sloOrdersSettled, r.Severity() < otellog.SeverityError)
		return false
	})
	return nil
}

// confirmingExporter counts the spans whose arrival nobody confirmed.
type confirmingExporter struct {
	sdktrace.SpanExporter
	tally *tally
}

func (e confirmingExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if err != nil {
		e.tally.mu.Lock()
		e.tally.unconfirmed += int64(len(spans))
		e.tally.mu.Unlock()
	}
	return err
}
