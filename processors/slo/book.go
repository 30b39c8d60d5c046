// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/internal/datapoints"
	"github.com/otelcol-sre/otelcol-sre/internal/flush"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/processors/slo/internal/tables"
)

// The budget ledger: senders count bad events by attribute, in a table for each minute of an SLO; see package attribution. They are merged and kept here.

// unknownTable is the result of a table of an SLO that is not followed, besides the verdicts.
const unknownTable = int(tables.Verdicts)

const tableResults = unknownTable + 1

func tableResult(n int) string {
	if n == unknownTable {
		return unknownSLO.String()
	}
	return tables.Verdict(n).String()
}

// book takes the tables of a metric. The identity must be that of the sender.
func (t *taker) book(m pmetric.Metric) {
	stats := &t.of.stats.tables
	if m.Type() != pmetric.MetricTypeGauge {
		stats[tables.Invalid].Add(int64(datapoints.Count(m)))
		t.of.malformed()
		return
	}
	for _, dp := range m.Gauge().DataPoints().All() {
		result := t.table(dp)
		stats[result].Add(1)
		if result == int(tables.Invalid) {
			t.of.malformed()
		}
	}
}

// malformed logs the first table that cannot be read.
func (p *sloProcessor) malformed() {
	if p.malformedOnce.CompareAndSwap(false, true) {
		p.logger.Warn("A table of the budget ledger cannot be read and is left out; further ones are only counted. Let senders run this release, and let only the sli connector send "+
			semconv.SLOLedgerTable.Name, zap.String("metric", "otelcol_processor_slo_ledger_tables"))
	}
}

// table takes a table.
func (t *taker) table(dp pmetric.NumberDataPoint) (result int) {
	var of key
	var environment string
	var rows []byte
	for name, v := range dp.Attributes().All() {
		switch name {
		case semconv.ServiceName:
			of.service = v.Str()
		case semconv.ServiceNamespace:
			of.namespace = v.Str()
		case semconv.SLOName:
			of.slo = v.Str()
		case semconv.Environment:
			environment = v.Str()
		case semconv.SLOLedgerRows:
			if v.Type() == pcommon.ValueTypeBytes {
				rows = v.Bytes().AsRaw()
			}
		}
	}
	tracked := t.slos[of]
	if tracked == nil {
		tracked = t.slos[key{"", of.service, of.slo}]
	}
	if tracked == nil {
		tracked = (*t.of.byDefault.Load())[of] // its counters make it known
	}
	if tracked == nil {
		return unknownTable
	}
	at, ok := tracked.placeOf(environment, dp.Attributes())
	if !ok {
		return unknownTable
	}
	return int(t.of.tables.Take(at, tables.Sent{
		Sender: hash(t.identity[:t.sender])[0], Start: dp.StartTimestamp().AsTime(), End: dp.Timestamp().AsTime(), Rows: rows,
	}, time.Unix(0, t.now)))
}

// placeOf is where a table belongs: as its events are counted, in the overflow if its group is not kept apart.
func (t *tracked) placeOf(environment string, attributes pcommon.Map) (at tables.Place, ok bool) {
	t.shard.mu.Lock()
	defer t.shard.mu.Unlock()
	o := t.objective
	if o == nil || !o.wants(environment) || len(environment) > maxEnvironmentName {
		return at, false
	}
	var group []byte
	for _, name := range o.slo.GroupBy {
		value, _ := attributes.Get(name)
		group = appendGroup(group, name, value.AsString())
	}
	place := environment + string(group)
	if len(place) > maxPlace || !o.fits(string(group)) { // a value has the mark
		return at, false
	}
	if group != nil && t.instance(place) == nil && string(group) != o.none && t.groups() >= o.slo.GroupLimit() {
		group = []byte(o.rest)
	}
	return tables.Place{Namespace: t.namespace, Service: t.service, SLO: t.slo, Environment: environment, Group: string(group)}, true
}

// sloAt is the SLO of the place.
func sloAt(at tables.Place) key { return key{at.Namespace, at.Service, at.SLO} }

// keeps reports whether the tables of a place are kept, and for how long.
func (p *sloProcessor) keeps(at tables.Place) (period time.Duration, ok bool) {
	t := (*p.slos.Load())[sloAt(at)]
	if t == nil {
		t = (*p.byDefault.Load())[sloAt(at)]
	}
	if t == nil {
		return 0, false
	}
	t.shard.mu.Lock()
	defer t.shard.mu.Unlock()
	if t.objective == nil || !t.objective.wants(at.Environment) || !t.objective.fits(at.Group) {
		return 0, false
	}
	return time.Duration(t.objective.horizon), true
}

// turnPages merges the tables that do not change any more, and emits what those of the last minutes say.
func (p *sloProcessor) turnPages(ctx context.Context, now time.Time) {
	p.tables.Advance(now)
	p.emitLines(ctx, now)
}

func (p *sloProcessor) restoreTables(ctx context.Context) error {
	return p.tables.Restore(func(key string) ([]byte, error) { return p.store.Load(ctx, key) }, func(err error) {
		p.stats.damaged.Add(1)
		p.health.Failed(p.now(), flush.Restore, "A part of the budget ledger could not be restored; budgets are not affected", err)
	})
}

// saveTables saves the tables that have changed, if it is time or all is to be saved.
func (p *sloProcessor) saveTables(ctx context.Context, now time.Time, all bool) {
	if p.config.Storage == nil {
		return
	}
	since := now.UnixNano() - p.bookSaved
	if !all && since >= 0 && since < int64(p.config.CheckpointInterval) {
		return
	}
	p.bookSaved = now.UnixNano()
	records := p.tables.Records()
	for len(records) > 0 {
		n, size := 0, 0
		for n < len(records) && (n == 0 || size+len(records[n].Payload) <= maxSave) {
			size += len(records[n].Payload)
			n++
		}
		if err := p.store.Save(ctx, records[:n]...); err != nil {
			p.tables.Saved(false)
			p.bookSaved = 0 // the next flush tries again
			p.stats.saveFailures.Add(1)
			p.health.Failed(now, flush.Save, "The budget ledger was not saved", err)
			return
		}
		records = records[n:]
	}
	p.tables.Saved(true)
}
