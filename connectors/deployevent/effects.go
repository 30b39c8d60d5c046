// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployevent

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// effected is a series of what a version that runs did to an SLO; bound is empty for the budget that it cost.
type effected struct {
	series
	slo, bound string
}

// effects adds what the versions that run did to SLOs. Series that were there before and are not any more get a last point without a value.
func (e *emitter) effects(md pmetric.Metrics, all []running, now time.Time) {
	if len(e.effected) == 0 && !anyEffect(all) {
		return
	}
	sm := md.ResourceMetrics().At(0).ScopeMetrics().At(0)
	at := pcommon.NewTimestampFromTime(now)
	of := func(m semconv.Metric) *gauge { return &gauge{Metric: m} }
	times, spent := of(semconv.DeploymentEffect), of(semconv.DeploymentSpent)
	present := map[effected]bool{}
	var ratios, costs pmetric.NumberDataPointSlice
	if anyEffect(all) {
		ratios, costs = times.in(sm), spent.in(sm)
	}
	for i := range all {
		effect := &all[i].Effect
		if effect.SLO == "" {
			continue
		}
		one := seriesOf(&all[i])
		for _, value := range [...]struct {
			bound string
			value float64
		}{{semconv.EffectTimes, effect.Times}, {semconv.EffectLow, effect.Low}, {semconv.EffectHigh, effect.High}} {
			if value.bound == semconv.EffectHigh && value.value == 0 {
				continue // there is no bound
			}
			s := effected{one, effect.SLO, value.bound}
			present[s] = true
			s.point(ratios, at).SetDoubleValue(value.value)
		}
		cost := effected{one, effect.SLO, ""}
		present[cost] = true
		cost.point(costs, at).SetDoubleValue(costOf(effect))
	}
	for s := range e.effected {
		if present[s] {
			continue
		}
		g := spent
		if s.bound != "" {
			g = times
		}
		s.point(g.in(sm), at).SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
	}
	e.effected = present
}

// costOf is what surely was the deployment's.
func costOf(effect *deployment.Effect) float64 {
	if effect.Verdict() != deployment.Worse {
		return 0
	}
	return effect.Spent
}

func anyEffect(all []running) bool {
	for i := range all {
		if all[i].Effect.SLO != "" {
			return true
		}
	}
	return false
}

func (s effected) point(to pmetric.NumberDataPointSlice, at pcommon.Timestamp) pmetric.NumberDataPoint {
	dp := s.series.point(to, at)
	dp.Attributes().PutStr(semconv.SLOName, s.slo)
	if s.bound != "" {
		dp.Attributes().PutStr(semconv.DeploymentEffectBound, s.bound)
	}
	return dp
}
