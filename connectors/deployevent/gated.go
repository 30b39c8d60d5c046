// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployevent

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// gated is a series of what a gate for releases said of a version.
type gated struct {
	series
	verdict, reason string
}

// gates adds what gates said of the versions that run. Series that were there before and are not any more get a last point without a value.
func (e *emitter) gates(md pmetric.Metrics, all []running, now time.Time) {
	at, gauge := pcommon.NewTimestampFromTime(now), gauge{Metric: semconv.DeploymentGated}
	sm := md.ResourceMetrics().At(0).ScopeMetrics().At(0)
	present := map[gated]bool{}
	var points pmetric.NumberDataPointSlice
	for i := range all {
		gate := &all[i].Gate
		if gate.Verdict == "" {
			continue
		}
		one := gated{seriesOf(&all[i]), gate.Verdict, gate.Reason}
		if len(present) == 0 {
			points = gauge.in(sm)
		}
		present[one] = true
		one.point(points, at).SetDoubleValue(seconds(gate.At))
	}
	for one := range e.gated {
		if !present[one] {
			one.point(gauge.in(sm), at).SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
		}
	}
	e.gated = present
}

func (s gated) point(to pmetric.NumberDataPointSlice, at pcommon.Timestamp) pmetric.NumberDataPoint {
	dp := s.series.point(to, at)
	dp.Attributes().PutStr(semconv.DeploymentGateVerdict, s.verdict)
	if s.reason != "" {
		dp.Attributes().PutStr(semconv.DeploymentGateReason, s.reason)
	}
	return dp
}
