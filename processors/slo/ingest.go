// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/internal/cumulative"
	"github.com/otelcol-sre/otelcol-sre/internal/datapoints"
	"github.com/otelcol-sre/otelcol-sre/internal/judge"
	"github.com/otelcol-sre/otelcol-sre/internal/past"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// consume counts the slo.events of the input and passes the input on as it is.
func (p *sloProcessor) consume(_ context.Context, md pmetric.Metrics) (pmetric.Metrics, error) {
	t := taker{
		maxStreams: p.config.MaxStreamsPerSLO, maxEnvironments: p.config.MaxEnvironments,
		now: p.now().UnixNano(), slos: *p.slos.Load(), of: p, identity: make([]byte, 0, 512),
		shared: p.config.Ownership == Shared, release: release(p.config.FlushInterval),
		stored: p.config.Storage != nil, silence: silence(p.config.FlushInterval), gap: gap(p.config.FlushInterval),
	}
	resources := md.ResourceMetrics()
	for i := range resources.Len() {
		t.resource(resources.At(i))
	}
	for v, n := range t.verdicts {
		if n != 0 {
			p.stats.points[v].Add(n)
		}
	}
	if t.moved && p.peers != nil {
		p.peers.wakeUp()
	}
	if t.news {
		p.wakeUp()
	}
	if t.own {
		return withoutOwn(md), nil
	}
	return md, nil
}

// withoutOwn is the input without what is for this processor only: the tables of the budget ledger, the late events by the time in which they ended, which as
// series would be too many, and the points that say that a counter did not count for some time, which readers take for its end.
func withoutOwn(md pmetric.Metrics) pmetric.Metrics {
	out := pmetric.NewMetrics()
	md.CopyTo(out)
	out.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
		rm.ScopeMetrics().RemoveIf(func(sm pmetric.ScopeMetrics) bool {
			sm.Metrics().RemoveIf(func(m pmetric.Metric) bool {
				if m.Name() == semconv.SLOEvents.Name && m.Type() == pmetric.MetricTypeSum {
					dropPauses(m.Sum().DataPoints())
				}
				return m.Name() == semconv.SLOEventsPast.Name || m.Name() == semconv.SLOLedgerTable.Name
			})
			return sm.Metrics().Len() == 0
		})
		return rm.ScopeMetrics().Len() == 0
	})
	return out
}

// pauses reports whether point n belongs to those that say that a counter did not count for some time: one with what it was before, one without a value,
// and then the value that it goes on with.
func pauses(points pmetric.NumberDataPointSlice, n int) bool {
	if n+1 >= points.Len() {
		return false
	}
	switch none, next := points.At(n).Flags().NoRecordedValue(), points.At(n+1).Flags().NoRecordedValue(); {
	case none == next:
		return false
	case next && !pauses(points, n+1):
		return false
	}
	return points.At(n).Attributes().Equal(points.At(n + 1).Attributes())
}

func dropPauses(points pmetric.NumberDataPointSlice) {
	drop := make([]bool, points.Len())
	for n := range drop {
		drop[n] = pauses(points, n)
	}
	n := -1
	points.RemoveIf(func(pmetric.NumberDataPoint) bool {
		n++
		return drop[n]
	})
}

// A taker takes the points of one input.
type taker struct {
	maxStreams, maxEnvironments int

	now      int64
	slos     map[key]*tracked
	of       *sloProcessor
	verdicts [verdicts]int64
	// own: there is something that is for this processor only.
	own bool
	// identity is the sender, up to sender, and then the attributes of the present point: up to version, all but the outcome.
	identity        []byte
	sender, version int
	// counter is how much of it is of the counter of the present, if the point is of a time in the past.
	counter int
	// place is that of the present point, if its SLO has groups, and restPlace that of the overflow.
	place, restPlace []byte
	// shared: the counters may move to another collector. moved: some have come here.
	shared, moved    bool
	stored           bool // what is counted is saved
	release, silence time.Duration
	// news: there is something to look at, which for one SLO happens once in a gap.
	news bool
	gap  int64
}

func (t *taker) resource(rm pmetric.ResourceMetrics) {
	t.sender = 0
	scopes := rm.ScopeMetrics()
	for i := range scopes.Len() {
		metrics := scopes.At(i).Metrics()
		for j := range metrics.Len() {
			m := metrics.At(j)
			switch m.Name() {
			case semconv.SLOEvents.Name:
			case semconv.SLOEventsPast.Name, semconv.SLOLedgerTable.Name:
				t.own = true
			default:
				continue
			}
			if t.sender == 0 {
				attributes := rm.Resource().Attributes()
				t.identity = appendField(t.identity[:0], text(attributes, semconv.ServiceName))
				t.identity = appendField(t.identity, text(attributes, semconv.ServiceInstanceID))
				t.sender = len(t.identity)
			}
			if m.Name() == semconv.SLOLedgerTable.Name {
				t.book(m)
				continue
			}
			t.metric(rm, scopes.At(i), m)
		}
	}
}

func text(attributes pcommon.Map, name string) string {
	if v, ok := attributes.Get(name); ok && v.Type() == pcommon.ValueTypeStr {
		return v.Str()
	}
	return ""
}

func (t *taker) metric(rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric) {
	if m.Type() != pmetric.MetricTypeSum {
		t.verdicts[invalid] += int64(datapoints.Count(m))
		return
	}
	sum := m.Sum()
	points := sum.DataPoints()
	for i := range points.Len() {
		v := invalid
		if sum.IsMonotonic() {
			v = t.point(rm, sm, m, points.At(i))
			t.own = t.own || pauses(points, i)
		}
		t.verdicts[v]++
	}
}

func (t *taker) point(rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric, dp pmetric.NumberDataPoint) verdict {
	var slo key
	var environment, version, out, minute string
	var at judge.Where
	dp.Attributes().Range(func(name string, v pcommon.Value) bool {
		if v.Type() != pcommon.ValueTypeStr {
			return true
		}
		switch name {
		case semconv.ServiceName:
			slo.service = v.Str()
		case semconv.ServiceNamespace:
			slo.namespace = v.Str()
		case semconv.SLOName:
			slo.slo = v.Str()
		case semconv.Environment:
			environment = v.Str()
		case semconv.ServiceVersion:
			version = v.Str()
		case semconv.SLOOutcome:
			out = v.Str()
		case semconv.SLOEventInterval:
			minute = v.Str()
		case semconv.ClusterName:
			at[0] = v.Str()
		case semconv.CloudRegion:
			at[1] = v.Str()
		case semconv.CloudAccount:
			at[2] = v.Str()
		}
		return true
	})
	var o outcome
	switch out {
	case good.String():
		o = good
	case bad.String():
		o = bad
	default:
		return invalid
	}
	var when past.Interval
	if m.Name() == semconv.SLOEventsPast.Name {
		var ok bool
		if when, ok = past.Parse(minute); !ok {
			return invalid
		}
	}
	none := dp.Flags().NoRecordedValue()
	value, ok := cumulative.Number(dp, m.Sum().AggregationTemporality())
	if !ok && !none {
		return invalid
	}
	tracked, ok := t.slos[slo]
	if !ok { // a service without a namespace in the catalog matches any
		if tracked, ok = t.slos[key{"", slo.service, slo.slo}]; !ok {
			if none {
				return ended
			}
			if tracked = t.of.hear(slo, environment, version); tracked == nil {
				return unknownSLO
			}
		}
	}
	t.identity = t.identity[:t.sender]
	for _, field := range [...]string{slo.namespace, slo.service, slo.slo, environment, version} {
		t.identity = appendField(t.identity, field)
	}
	shard := tracked.shard
	shard.mu.Lock()
	defer shard.mu.Unlock()
	t.place = t.place[:0]
	if tracked.objective != nil && tracked.objective.none != "" && !t.grouped(tracked.objective.slo.GroupBy, environment, dp) {
		return invalid
	}
	t.locate(at, tracked.objective)
	t.version = len(t.identity)
	t.identity = appendField(t.identity, out)
	t.counter = len(t.identity)
	if when.Length != 0 {
		t.identity = appendField(t.identity, minute)
	}
	if none {
		if when.Length == 0 {
			t.pause(tracked, environment, int64(dp.Timestamp()))
		}
		return ended
	}
	i, v := t.count(tracked, environment, value, o, when)
	if t.shared && i != nil && when.Length == 0 {
		t.hear(i, rm, sm, m, dp)
	}
	return v
}

// locate goes on with the identity of a counter that says where its events were: the SLO's events are those of all places together. Attributes by which the SLO is
// grouped are in the identity already.
func (t *taker) locate(at judge.Where, of *objective) {
	for i, value := range at {
		if value != "" && (of == nil || !slices.Contains(of.slo.GroupBy, judge.Places[i])) {
			t.identity = appendField(appendField(t.identity, judge.Places[i]), value)
		}
	}
}

// pause takes the present point, which has no value: its counter says nothing of the time up to it. The shard's lock must be held.
func (t *taker) pause(of *tracked, environment string, until int64) {
	if of.objective == nil {
		return
	}
	id := hash(t.identity)
	for _, place := range []string{environment + of.objective.rest, environment + string(t.place[min(len(environment), len(t.place)):])} {
		if i := of.instance(place); i != nil && i.pause(id, until, t.now) {
			of.shard.changed, of.shard.due = true, t.now // it is said once
			return
		}
	}
}

// count counts the present point in the instance of the environment; nil if there is none. The shard's lock
// must be held.
func (t *taker) count(slo *tracked, environment string, p cumulative.Point, o outcome, when past.Interval) (*instance, verdict) {
	var i *instance
	var v verdict
	if len(t.place) > 0 {
		t.restPlace = append(append(t.restPlace[:0], environment...), slo.objective.rest...)
		i, v = slo.admitGroup(environment, t.place, t.restPlace, hash(t.identity[:t.counter]), t.now, t.maxEnvironments)
	} else {
		i, v = slo.admit(environment, t.now, t.maxEnvironments)
	}
	if i == nil {
		return nil, v
	}
	inMaintenance, received, before := i.maintenance, i.received, i.total()
	v = i.take(hash(t.identity), p, o, when, t.now, slo.objective, t.maxStreams)
	first := i.heard(received, t.now, t.release)
	t.moved = first || t.moved
	slo.shard.changed = true
	if i.maintenance != inMaintenance {
		slo.shard.due, slo.shard.unsaved = t.now, t.stored // what is emitted of it must not fall back after a crash
	}
	spoke := i.received != received && (received == 0 || t.now-received > int64(t.silence))
	increased := i.total() != before
	if increased && slo.objective.byDefault {
		t.of.heard.Saw(slo.namespace, slo.service)
	}
	i.arrived(slo.shard, first || spoke || increased, t.now, t.gap)
	t.news = t.news || i.moved
	return i, v
}

// total are all events of the instance.
func (i *instance) total() sum {
	if i.history == nil {
		return sum{}
	}
	return i.history.total
}

// hear remembers where the present point came from, so that its counter can be ended.
func (t *taker) hear(i *instance, rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric, dp pmetric.NumberDataPoint) {
	at, known := i.streams.find(hash(t.identity))
	if !known || i.streams[at].origin != nil {
		return
	}
	pair := hash(t.identity[:t.version])
	for _, s := range i.streams {
		if s.origin != nil && s.origin.pair == pair {
			i.streams[at].origin = s.origin
			return
		}
	}
	i.streams[at].origin = newOrigin(pair, rm, sm, m, dp)
}
