// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/processors/slo/internal/metadata"
)

// An emitter writes readings as metrics. Their resource is this collector: two that compute the same
// SLO never write the same series.
type emitter struct {
	resource pcommon.Resource
	version  string
}

func newEmitter(set processor.Settings) emitter {
	e := emitter{resource: pcommon.NewResource(), version: set.BuildInfo.Version}
	for _, name := range []string{semconv.ServiceName, semconv.ServiceInstanceID} {
		if v, ok := set.Resource.Attributes().Get(name); ok {
			v.CopyTo(e.resource.Attributes().PutEmpty(name))
		}
	}
	return e
}

func (e emitter) metrics(readings []reading, now time.Time) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	e.resource.CopyTo(rm.Resource())
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName(metadata.ScopeName)
	sm.Scope().SetVersion(e.version)
	w := writer{to: sm.Metrics(), readings: readings, now: pcommon.NewTimestampFromTime(now)}

	w.gauge(semconv.SLOObjective, func(p points, r *reading) {
		p.add(r, objectivePart, r.objective.ratio)
	})
	w.gauge(semconv.SLODigest, func(p points, r *reading) {
		if r.objective.digest != 0 { // proposals have no rules
			p.add(r, objectivePart, r.objective.digest)
		}
	})
	w.gauge(semconv.SLOErrorRatio, func(p points, r *reading) {
		p.windows(r, 1)
	})
	w.gauge(semconv.SLOBurnRate, func(p points, r *reading) {
		p.windows(r, r.objective.budget)
	})
	w.gauge(semconv.SLORemaining, func(p points, r *reading) {
		p.add(r, remainingPart, r.remaining)
	})
	w.gauge(semconv.SLOCoverage, func(p points, r *reading) {
		p.add(r, coveragePart, r.coverage)
	})
	w.gauge(semconv.SLOExhaustion, func(p points, r *reading) {
		p.add(r, exhaustionPart, r.exhaustion.Seconds())
	})
	w.gauge(semconv.SLOStates, func(p points, r *reading) {
		for s := range states {
			if !r.states.has(s) {
				continue
			}
			var holds int64
			if s == r.state {
				holds = 1
			}
			dp := p.append(r)
			dp.Attributes().PutStr(semconv.SLOState, s.String())
			dp.SetIntValue(holds)
		}
	})
	w.maintenance()
	w.to.RemoveIf(func(m pmetric.Metric) bool { return dataPoints(m).Len() == 0 })
	return md
}

// apart gives every data point a metric of its own. Of several points without a value in one metric,
// contrib's Prometheus exporter (v0.152) takes the first and drops whatever follows.
func apart(md pmetric.Metrics) pmetric.Metrics {
	out := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
	whole := pmetric.NewMetricSlice()
	out.MoveAndAppendTo(whole)
	for _, m := range whole.All() {
		one := pmetric.NewMetric()
		m.CopyTo(one)
		dataPoints(one).RemoveIf(func(pmetric.NumberDataPoint) bool { return true })
		for _, dp := range dataPoints(m).All() {
			to := out.AppendEmpty()
			one.CopyTo(to)
			dp.MoveTo(dataPoints(to).AppendEmpty())
		}
	}
	return md
}

func dataPoints(m pmetric.Metric) pmetric.NumberDataPointSlice {
	if m.Type() == pmetric.MetricTypeSum {
		return m.Sum().DataPoints()
	}
	return m.Gauge().DataPoints()
}

type writer struct {
	to       pmetric.MetricSlice
	readings []reading
	now      pcommon.Timestamp
}

func (w writer) metric(of semconv.Metric) pmetric.Metric {
	m := w.to.AppendEmpty()
	m.SetName(of.Name)
	m.SetUnit(of.Unit)
	m.SetDescription(of.Description)
	return m
}

func (w writer) gauge(of semconv.Metric, add func(points, *reading)) {
	p := points{w.metric(of).SetEmptyGauge().DataPoints(), w.now}
	for i := range w.readings {
		add(p, &w.readings[i])
	}
}

// maintenance writes the events inside of maintenance windows, of services that have any.
func (w writer) maintenance() {
	var p points
	for i := range w.readings {
		r := &w.readings[i]
		if r.parts&maintenancePart == 0 || r.objective.timetable == nil && r.maintenance == (sum{}) {
			continue
		}
		if p == (points{}) {
			s := w.metric(semconv.SLOMaintenance).SetEmptySum()
			s.SetIsMonotonic(true)
			s.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
			p = points{s.DataPoints(), w.now}
		}
		for o := range outcomes {
			dp := p.append(r)
			dp.Attributes().PutStr(semconv.SLOOutcome, o.String())
			dp.SetStartTimestamp(pcommon.Timestamp(r.created))
			dp.SetDoubleValue(r.maintenance[o].events())
		}
	}
}

// points are the data points of a metric.
type points struct {
	pmetric.NumberDataPointSlice
	now pcommon.Timestamp
}

// append adds a point without a value that says which SLO it is about. The point of an SLO that has
// ended stays without one, by the flag that the data model has for it: readers drop the series at once.
func (p points) append(r *reading) pmetric.NumberDataPoint {
	dp := p.AppendEmpty()
	dp.SetTimestamp(p.now)
	dp.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(r.ended))
	attributes := dp.Attributes()
	attributes.EnsureCapacity(5)
	attributes.PutStr(semconv.ServiceName, r.service)
	if r.namespace != "" {
		attributes.PutStr(semconv.ServiceNamespace, r.namespace)
	}
	label(attributes, r.environment, r.group)
	attributes.PutStr(semconv.SLOName, r.slo)
	return dp
}

func (p points) add(r *reading, part parts, value float64) {
	if r.parts&part != 0 {
		p.append(r).SetDoubleValue(value)
	}
}

// windows adds a point for each window: its error ratio as a multiple of unit.
func (p points) windows(r *reading, unit float64) {
	if r.parts&allWindows == 0 {
		return
	}
	for w := range r.objective.steps {
		if r.parts&windowPart(w) == 0 {
			continue
		}
		dp := p.append(r)
		dp.Attributes().PutStr(semconv.SLOWindow, r.objective.windowName(w))
		dp.SetDoubleValue(r.errorRatio[w] / unit)
	}
}
