// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/connectors/sli/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// An emission is what one flush hands on.
type emission struct {
	metrics          pmetric.Metrics
	events, lastSeen pmetric.NumberDataPointSlice
	time             pcommon.Timestamp
	correlation      string
	// series counts them; fresh are those that the next consumer has not had yet.
	series int
	fresh  []*series
}

func newEmission(c *core) *emission {
	e := &emission{metrics: pmetric.NewMetrics(), time: c.lastFlush, correlation: c.config.CorrelationAttribute}
	resource := e.metrics.ResourceMetrics().AppendEmpty()
	c.resource.CopyTo(resource.Resource())
	scope := resource.ScopeMetrics().AppendEmpty()
	scope.Scope().SetName(metadata.ScopeName)

	events := scope.Metrics().AppendEmpty()
	events.SetName(semconv.SLOEvents.Name)
	events.SetDescription("Events that an SLO counts, by outcome.")
	events.SetUnit("{event}")
	sum := events.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	e.events = sum.DataPoints()

	lastSeen := scope.Metrics().AppendEmpty()
	lastSeen.SetName(semconv.LastSeen.Name)
	lastSeen.SetDescription("When the newest telemetry of a service arrived, in Unix seconds.")
	lastSeen.SetUnit("s")
	e.lastSeen = lastSeen.SetEmptyGauge().DataPoints()
	return e
}

// dropEmpty leaves out a metric without points, which Prometheus calls invalid.
func (e *emission) dropEmpty() {
	e.metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().RemoveIf(func(m pmetric.Metric) bool {
		return m.Name() == semconv.SLOEvents.Name && e.events.Len() == 0 || m.Name() == semconv.LastSeen.Name && e.lastSeen.Len() == 0
	})
}

// service adds the service's counters. Its mu must be held.
func (e *emission) service(s *service) {
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
// version, or of an environment.
func (s *service) superseded(env *environment, v *version, slo int) bool {
	if v.name != "" {
		return false
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
	if value > 0 && !pair.emitted {
		zero := e.point(s, v, slo, pair, outcome)
		zero.SetTimestamp(pair.zeroAt)
	}
	p := e.point(s, v, slo, pair, outcome)
	p.SetDoubleValue(value)
	return p
}

func (e *emission) point(s *service, v *version, slo int, pair *series, outcome string) pmetric.NumberDataPoint {
	p := e.events.AppendEmpty()
	p.SetStartTimestamp(pair.start)
	p.SetTimestamp(max(e.time, pair.zeroAt+tick))
	p.SetDoubleValue(0)
	s.label(p.Attributes(), v.environment)
	if v.name != "" {
		p.Attributes().PutStr(semconv.ServiceVersion, v.name)
	}
	p.Attributes().PutStr(semconv.SLOName, s.slos[slo].name)
	p.Attributes().PutStr(semconv.SLOOutcome, outcome)
	return p
}

// label names the service and the environment.
func (s *service) label(attributes pcommon.Map, environment string) {
	attributes.EnsureCapacity(6)
	attributes.PutStr(semconv.ServiceName, s.name)
	if s.namespace != "" {
		attributes.PutStr(semconv.ServiceNamespace, s.namespace)
	}
	if environment != "" {
		attributes.PutStr(semconv.Environment, environment)
	}
}
