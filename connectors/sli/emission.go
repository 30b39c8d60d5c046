// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/connectors/sli/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/internal/judge"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// An emission is what one flush hands on.
type emission struct {
	metrics                      pmetric.Metrics
	scopes                       pmetric.ScopeMetricsSlice
	events, late, past, lastSeen pmetric.NumberDataPointSlice // of the present service
	time                         pcommon.Timestamp
	pause                        pause
	correlation                  string
	// series counts them; fresh are those that the next consumer has not had yet.
	series int
	fresh  []*series
	// freshLate are those of late counts.
	freshLate []*bool
	// now is the time, burning are the services that have books.
	now     time.Time
	burning []*service
}

func newEmission(c *core) *emission {
	e := &emission{metrics: pmetric.NewMetrics(), time: c.lastFlush, pause: c.pause, correlation: c.config.CorrelationAttribute, now: c.now()}
	resource := e.metrics.ResourceMetrics().AppendEmpty()
	c.resource.CopyTo(resource.Resource())
	e.scopes = resource.ScopeMetrics()
	return e
}

// begin makes a scope for the service. Its attribute is what an agent balances counters over gateways by: the
// resource is the collector, and exporters that balance look at the resource first.
func (e *emission) begin(s *service) {
	scope := e.scopes.AppendEmpty()
	scope.Scope().SetName(metadata.ScopeName)
	scope.Scope().Attributes().PutStr(semconv.SLOService, s.namespace+"/"+s.name)

	e.events = counter(scope, semconv.SLOEvents)
	e.late = counter(scope, semconv.SLOEventsLate)
	e.past = counter(scope, semconv.SLOEventsPast)

	lastSeen := scope.Metrics().AppendEmpty()
	lastSeen.SetName(semconv.LastSeen.Name)
	lastSeen.SetDescription("When the newest telemetry of a service arrived, in Unix seconds.")
	lastSeen.SetUnit("s")
	e.lastSeen = lastSeen.SetEmptyGauge().DataPoints()
}

func counter(scope pmetric.ScopeMetrics, of semconv.Metric) pmetric.NumberDataPointSlice {
	m := scope.Metrics().AppendEmpty()
	m.SetName(of.Name)
	m.SetDescription(of.Description)
	m.SetUnit(of.Unit)
	sum := m.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	return sum.DataPoints()
}

// dropEmpty leaves out metrics without points, which Prometheus calls invalid.
func (e *emission) dropEmpty() {
	e.scopes.RemoveIf(func(scope pmetric.ScopeMetrics) bool {
		scope.Metrics().RemoveIf(func(m pmetric.Metric) bool {
			if m.Type() == pmetric.MetricTypeGauge {
				return m.Gauge().DataPoints().Len() == 0
			}
			return m.Sum().DataPoints().Len() == 0
		})
		return scope.Metrics().Len() == 0
	})
}

// service adds the service's counters. Its mu must be held.
func (e *emission) service(s *service) {
	e.begin(s)
	for _, env := range s.environments {
		if !env.lastSeen.IsZero() {
			p := e.lastSeen.AppendEmpty()
			p.SetTimestamp(e.time)
			p.SetDoubleValue(float64(env.lastSeen.UnixNano()) / 1e9)
			s.label(p.Attributes(), env.name)
		}
		for _, v := range env.versions {
			for i, pair := range v.series {
				if pair == nil {
					continue
				}
				e.series += 2
				if pair.late != nil {
					e.latePair(s, v, i, pair)
					e.pastPair(s, v, i, pair)
				}
				if pair.good == 0 && pair.bad == 0 && s.superseded(env, v, i) {
					pair.emitted, pair.zeroAt = false, e.time
					continue
				}
				e.pair(s, v, i, pair)
			}
		}
	}
}

// superseded reports whether the pair, at 0, only held the place of one that is there now: of a
// version, a cluster, or an environment.
func (s *service) superseded(env *environment, v *version, slo int) bool {
	if v.id != "" {
		return false
	}
	if o := s.slos[slo]; o.grouped(env.name) || s.succeeded(o) {
		return true
	}
	for _, other := range env.versions {
		if other != v && other.has(slo) {
			return true
		}
	}
	if env.name != "" {
		return false
	}
	for _, other := range s.environments {
		if other == env {
			continue
		}
		for _, v := range other.versions {
			if v.has(slo) {
				return true
			}
		}
	}
	return false
}

// succeeded reports whether an SLO of the same name, but other groups, leaves with this flush, so that the next one begins the counters of this one.
func (s *service) succeeded(o *slo) bool {
	if !o.wanted || o.group {
		return false
	}
	return slices.ContainsFunc(s.slos, func(other *slo) bool {
		return other != nil && other != o && !other.wanted && !other.group && other.name == o.name
	})
}

func (v *version) has(slo int) bool { return slo < len(v.series) && v.series[slo] != nil }

func (e *emission) pair(s *service, v *version, slo int, pair *series) {
	if !pair.emitted {
		e.fresh = append(e.fresh, pair)
	}
	e.outcome(s, v, slo, pair, semconv.Good, pair.good)
	pair.exemplars.moveTo(e.outcome(s, v, slo, pair, semconv.Bad, pair.bad).Exemplars(), e.correlation)
}

// outcome adds the point of one outcome. A first point that is not 0 comes after one that is, at
// the time when it was: readers that append points to a series see the rise.
func (e *emission) outcome(s *service, v *version, slo int, pair *series, outcome string, value float64) pmetric.NumberDataPoint {
	if e.paused(s.slos[slo], pair) {
		if e.pause.start > pair.start {
			last := e.point(e.events, s, v, slo, pair, outcome)
			last.SetTimestamp(e.pause.start)
			last.SetDoubleValue(value)
		}
		gap := e.point(e.events, s, v, slo, pair, outcome)
		gap.SetTimestamp(e.pause.end)
		gap.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
	}
	if value > 0 && !pair.emitted {
		zero := e.point(e.events, s, v, slo, pair, outcome)
		zero.SetTimestamp(pair.zeroAt)
	}
	p := e.point(e.events, s, v, slo, pair, outcome)
	p.SetDoubleValue(value)
	return p
}

// paused reports whether the pair goes on after a time in which it did not count. Then a point says what it was at the beginning of that time, and one
// without a value that it does not say what happened up to the end. The slo processor does not pass them on. The counters of a metrics SLI's senders went on.
func (e *emission) paused(o *slo, pair *series) bool {
	if o.of != nil {
		o = o.of
	}
	return e.pause.end > pair.start && pair.emitted && o.tracker == nil
}

// latePair adds the points of the events that do not count now. They, too, begin with 0.
func (e *emission) latePair(s *service, v *version, slo int, pair *series) {
	add := func(when int, outcome string, value float64) {
		p := e.point(e.late, s, v, slo, pair, outcome)
		p.Attributes().PutStr(semconv.SLOLateReason, lateReason[when])
		if !pair.late.emitted[when] && value > 0 {
			zero := p
			p = e.late.AppendEmpty()
			zero.CopyTo(p)
			p.SetTimestamp(zero.Timestamp() + tick)
		}
		p.SetDoubleValue(value)
	}
	for when := int(late); when < whens; when++ {
		n := pair.late.outcomes[when]
		if n == (outcomes{}) {
			continue
		}
		add(when, semconv.Good, n.good)
		add(when, semconv.Bad, n.bad)
		if !pair.late.emitted[when] {
			e.freshLate = append(e.freshLate, &pair.late.emitted[when])
		}
	}
}

// pastPair adds the late events of a pair once more, by the time in which they ended.
func (e *emission) pastPair(s *service, v *version, slo int, pair *series) {
	pair.late.forget(e.time)
	for i := range pair.late.past {
		c := &pair.late.past[i]
		for _, o := range []struct {
			name  string
			value float64
		}{{semconv.Good, c.good}, {semconv.Bad, c.bad}} {
			if o.value == 0 {
				continue
			}
			p := e.point(e.past, s, v, slo, pair, o.name)
			p.SetStartTimestamp(c.start)
			p.SetTimestamp(max(e.time, c.start+tick))
			p.SetDoubleValue(o.value)
			p.Attributes().PutStr(semconv.SLOEventInterval, c.String())
		}
	}
}

func (e *emission) point(to pmetric.NumberDataPointSlice, s *service, v *version, slo int, pair *series, outcome string) pmetric.NumberDataPoint {
	p := to.AppendEmpty()
	p.SetStartTimestamp(pair.start)
	p.SetTimestamp(max(e.time, pair.zeroAt+tick))
	p.SetDoubleValue(0)
	s.label(p.Attributes(), v.environment)
	if v.name != "" {
		p.Attributes().PutStr(semconv.ServiceVersion, v.name)
	}
	for i, value := range v.at {
		if value != "" {
			p.Attributes().PutStr(judge.Places[i], value)
		}
	}
	p.Attributes().PutStr(semconv.SLOName, s.slos[slo].name)
	s.slos[slo].label(p.Attributes())
	p.Attributes().PutStr(semconv.SLOOutcome, outcome)
	return p
}

// label names the service and the environment.
func (s *service) label(attributes pcommon.Map, environment string) {
	attributes.EnsureCapacity(8)
	attributes.PutStr(semconv.ServiceName, s.name)
	if s.namespace != "" {
		attributes.PutStr(semconv.ServiceNamespace, s.namespace)
	}
	if environment != "" {
		attributes.PutStr(semconv.Environment, environment)
	}
}
