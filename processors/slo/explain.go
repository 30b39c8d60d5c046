// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/attribution/explain"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/processors/slo/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/processors/slo/internal/tables"
)

var _ attribution.Keeper = (*sloProcessor)(nil)

// answering are the limits of tables that are merged to answer a question.
var answering = attribution.Limits{Dimensions: 32, Values: 96, Lines: 1024, Text: 32 << 10, BadRows: 512, GoodRows: 1024}

// Explain is attribution.Keeper's. Without a time, it is about the last five minutes.
func (p *sloProcessor) Explain(q attribution.Question) (attribution.Answer, bool) {
	return p.explain(q, func(at tables.Place) bool { return q.Environment == "" || at.Environment == q.Environment })
}

func (p *sloProcessor) explain(q attribution.Question, where func(tables.Place) bool) (a attribution.Answer, ok bool) {
	now := p.now()
	if q.To.IsZero() || q.To.After(now) {
		q.To = now
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-lately)
	}
	t := p.followed(ledger.SLO{Namespace: q.Namespace, Service: q.Service, Name: q.SLO})
	if t == nil {
		return a, false
	}
	q.From = maxTime(q.From, now.Add(-time.Duration(t.objective.horizon)))
	t.shard.mu.Unlock()
	if !q.From.Before(q.To) {
		return a, false
	}
	in := explain.Input{From: q.From.Truncate(time.Minute), To: q.To, Table: attribution.New(answering)}
	for _, kept := range p.tables.Find(func(at tables.Place) bool {
		return at.Namespace == q.Namespace && at.Service == q.Service && at.SLO == q.SLO && where(at)
	}, q.From, q.To) {
		if kept.From.Before(in.From) {
			in.From = kept.From
		}
		in.To = maxTime(in.To, kept.To)
		minute := kept.To.Sub(kept.From) == time.Minute
		for _, rows := range kept.Rows {
			table, err := attribution.Read(rows)
			if err != nil { // it was read before
				continue
			}
			in.Table.Merge(table)
			if minute {
				in.Minutes = append(in.Minutes, explain.Minute{Start: kept.From, Table: table})
			}
		}
	}
	if in.To.After(now) {
		in.To = now
	}
	if in.Good, in.Bad, ok = p.eventsIn(q, where, in.From, in.To); !ok || in.Good+in.Bad+in.Table.Booked() == 0 {
		return a, false
	}
	return explain.Explain(in), true
}

func maxTime(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// eventsIn are the events that the SLO counted in a time.
func (p *sloProcessor) eventsIn(q attribution.Question, where func(tables.Place) bool, from, to time.Time) (goods, bads float64, ok bool) {
	t := p.followed(ledger.SLO{Namespace: q.Namespace, Service: q.Service, Name: q.SLO})
	if t == nil {
		return 0, 0, false
	}
	defer t.shard.mu.Unlock()
	now := p.now().UnixNano()
	for _, i := range t.instances {
		if i.history == nil || !where(tables.Place{Namespace: t.namespace, Service: t.service, SLO: t.slo, Environment: i.environment, Group: i.group}) {
			continue
		}
		h := i.history
		h.advance(now, t.objective)
		first := h.minutes.totalAt(from.UnixNano(), h.now, h.total, &edge{})
		last := h.minutes.totalAt(to.UnixNano(), h.now, h.total, &edge{})
		goods += (last[good] - first[good]).events()
		bads += (last[bad] - first[bad]).events()
	}
	return goods, bads, true
}

// lately is the time that slo.ledger.events is about.
const lately = 5 * time.Minute

const (
	// maxLines is how many lines of an SLO are emitted, maxLinesInAll of all of them, and maxLineValue how long a value may be in bytes.
	maxLines, maxLinesInAll, maxLineValue = 5, 500, 128
)

// linesEvery is how often they are emitted: an answer takes some milliseconds.
const linesEvery = 15 * time.Second

// lines are the series of slo.ledger.events that were emitted, and when that was.
type lines struct {
	shown map[ledgerLine]bool
	at    time.Time
}

// A ledgerLine is a series.
type ledgerLine struct {
	tables.Place
	attribute, value string
}

// burning reports whether an SLO that this collector speaks for burns at the place.
func (p *sloProcessor) burning(at tables.Place) bool {
	t := p.followed(ledger.SLO{Namespace: at.Namespace, Service: at.Service, Name: at.SLO})
	if t == nil {
		return false
	}
	defer t.shard.mu.Unlock()
	i := t.instance(at.Environment + at.Group)
	return i != nil && i.shown.objective != nil && (i.shown.state == burningFast || i.shown.state == burningSlow)
}

// emitLines emits what explains the bad events of the SLOs that burn.
func (p *sloProcessor) emitLines(ctx context.Context, now time.Time) {
	if since := now.Sub(p.lines.at); since >= 0 && since < linesEvery {
		return
	}
	p.lines.at = now
	found := map[ledgerLine]float64{}
	for _, at := range p.tables.Places() {
		if len(found) > maxLinesInAll-maxLines || ctx.Err() != nil {
			break
		}
		if !p.burning(at) {
			continue
		}
		q := attribution.Question{Namespace: at.Namespace, Service: at.Service, SLO: at.SLO, From: now.Add(-lately), To: now}
		answer, _ := p.explain(q, func(other tables.Place) bool { return other == at })
		for _, cause := range answer.Causes[:min(len(answer.Causes), maxLines)] {
			line := ledgerLine{Place: at}
			for n, a := range cause.Attributes {
				if n > 0 {
					line.attribute, line.value = line.attribute+" + ", line.value+" + "
				}
				line.attribute, line.value = line.attribute+a.Name, line.value+a.Value
			}
			line.value = short(line.value)
			found[line] = cause.Bad
		}
	}
	p.showLines(ctx, found, now)
}

// short cuts a value between characters.
func short(value string) string {
	if len(value) <= maxLineValue {
		return value
	}
	return strings.ToValidUTF8(value[:maxLineValue-3], "") + "..."
}

// showLines emits the lines, and the end of those that were there before.
func (p *sloProcessor) showLines(ctx context.Context, found map[ledgerLine]float64, now time.Time) {
	all := make([]ledgerLine, 0, len(found)+len(p.lines.shown))
	for line := range found {
		all = append(all, line)
	}
	for line := range p.lines.shown {
		if _, still := found[line]; !still {
			all = append(all, line)
		}
	}
	if len(all) == 0 {
		return
	}
	slices.SortFunc(all, func(a, b ledgerLine) int {
		return cmp.Or(cmp.Compare(a.ID(), b.ID()), cmp.Compare(a.attribute, b.attribute), cmp.Compare(a.value, b.value))
	})
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	p.emitter.resource.CopyTo(rm.Resource())
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName(metadata.ScopeName)
	sm.Scope().SetVersion(p.emitter.version)
	w := writer{to: sm.Metrics(), now: pcommon.NewTimestampFromTime(now)}
	to := points{w.metric(semconv.SLOLedgerEvents).SetEmptyGauge().DataPoints(), w.now}
	for _, line := range all {
		bads, still := found[line]
		dp := to.append(&reading{
			key: key{line.Namespace, line.Service, line.SLO}, environment: line.Environment, group: line.Group, ended: !still,
		})
		dp.Attributes().PutStr(semconv.SLOLedgerAttribute, line.attribute)
		dp.Attributes().PutStr(semconv.SLOLedgerValue, line.value)
		if still {
			dp.SetDoubleValue(bads)
		}
	}
	if p.pass(ctx, apart(md)) != nil {
		return // those that have ended end with the next one
	}
	p.lines.shown = make(map[ledgerLine]bool, len(found))
	for line := range found {
		p.lines.shown[line] = true
	}
}
