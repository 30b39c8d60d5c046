// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"context"
	"maps"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-sre/otelcol-sre/connectors/sli/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// stageLedger is the operation that hands the tables on.
const stageLedger = "ledger"

// Why a bad event is in no table.
const (
	// reasonSLOs: ledger::max_slos have one already.
	reasonSLOs = "too_many_slos"
	// reasonGivenUp: its table was refused for too long.
	reasonGivenUp = "given_up"
)

// mostSent bounds the bytes of tables in one request: with many of them a request would be larger than receivers take.
const mostSent = 512 << 10

// A shipment is a request with tables. A data point has the bad events that a table has booked; its start time, which no other table of the SLO has, is when
// the table began, and its time how far it goes. The receiver replaces one table by the next one of the same start.
type shipment struct {
	metrics pmetric.Metrics
	scopes  pmetric.ScopeMetricsSlice
	bytes   int
	sent    []sent
}

// sent is a table as it was.
type sent struct {
	of     *service
	book   *book
	start  pcommon.Timestamp
	booked uint64
}

// emitLedger hands on the tables that have changed. What is refused is in the next flush again.
func (c *core) emitLedger(ctx context.Context, now time.Time, burning []*service) {
	defer c.tellLost(ctx)
	s := c.newShipment()
	for _, svc := range burning {
		var points pmetric.NumberDataPointSlice
		begun := false
		for _, o := range svc.books.list() {
			for _, f := range svc.books.tables(o, now) {
				if s.bytes >= mostSent {
					if !c.ship(ctx, now, s) {
						return
					}
					s, begun = c.newShipment(), false
				}
				if !begun {
					points, begun = s.begin(svc), true
				}
				s.add(points, svc, o, f)
			}
		}
	}
	if len(s.sent) > 0 && !c.ship(ctx, now, s) {
		return
	}
	c.health.Succeeded(stageLedger)
}

// tellLost counts the events that are in no table.
func (c *core) tellLost(ctx context.Context) {
	if c.ledger == nil {
		return
	}
	if n := c.ledger.unbooked.Swap(0); n > 0 {
		c.telemetry.builder.ConnectorSliLedgerEventsLost.Add(ctx, n, metric.WithAttributes(attribute.String("reason", reasonSLOs)))
	}
	if n := c.ledger.givenUp.Swap(0); n > 0 {
		c.telemetry.builder.ConnectorSliLedgerEventsLost.Add(ctx, n, metric.WithAttributes(attribute.String("reason", reasonGivenUp)))
	}
}

// list are the books at this time.
func (b *books) list() []*book {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Collect(maps.Values(b.all))
}

// tables are those of the book that the next consumer does not have yet: of earlier minutes, and of this one.
func (b *books) tables(o *book, now time.Time) []finished {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle()
	all := slices.Clone(o.finished)
	if o.table != nil && o.booked != o.taken {
		all = append(all, finished{start: o.start, end: max(pcommon.NewTimestampFromTime(now), o.start), bad: o.table.Booked(), booked: o.booked, rows: o.table.AppendTo(nil)})
	}
	return all
}

func (c *core) newShipment() *shipment {
	s := &shipment{metrics: pmetric.NewMetrics()}
	resource := s.metrics.ResourceMetrics().AppendEmpty()
	c.resource.CopyTo(resource.Resource())
	s.scopes = resource.ScopeMetrics()
	return s
}

// begin makes a scope for the service, as that of its counters.
func (s *shipment) begin(of *service) pmetric.NumberDataPointSlice {
	scope := s.scopes.AppendEmpty()
	scope.Scope().SetName(metadata.ScopeName)
	scope.Scope().Attributes().PutStr(semconv.SLOService, of.namespace+"/"+of.name)
	m := scope.Metrics().AppendEmpty()
	m.SetName(semconv.SLOLedgerTable.Name)
	m.SetDescription(semconv.SLOLedgerTable.Description)
	m.SetUnit(semconv.SLOLedgerTable.Unit)
	return m.SetEmptyGauge().DataPoints()
}

func (s *shipment) add(points pmetric.NumberDataPointSlice, of *service, o *book, f finished) {
	p := points.AppendEmpty()
	p.SetStartTimestamp(f.start)
	p.SetTimestamp(f.end)
	p.SetDoubleValue(f.bad)
	of.label(p.Attributes(), o.environment)
	p.Attributes().PutStr(semconv.SLOName, o.slo.name)
	o.slo.label(p.Attributes())
	p.Attributes().PutEmptyBytes(semconv.SLOLedgerRows).FromRaw(f.rows)
	s.bytes += len(f.rows) + 500
	s.sent = append(s.sent, sent{of, o, f.start, f.booked})
}

// ship hands the tables on.
func (c *core) ship(ctx context.Context, now time.Time, s *shipment) (taken bool) {
	if err := c.next.ConsumeMetrics(ctx, s.metrics); err != nil {
		c.failed(ctx, now, stageLedger, "The tables of the budget ledger were refused; the next flush carries them again", err)
		return false
	}
	for i := range s.sent {
		s.sent[i].accept()
	}
	return true
}

// accept notes that the consumer has the table.
func (s *sent) accept() {
	s.of.books.mu.Lock()
	defer s.of.books.mu.Unlock()
	o := s.book
	if o.table != nil && o.start == s.start {
		o.taken = s.booked
		return
	}
	for i := range o.finished {
		if o.finished[i].start == s.start {
			if o.finished[i].booked == s.booked {
				o.finished = append(o.finished[:i:i], o.finished[i+1:]...)
			}
			return
		}
	}
}
