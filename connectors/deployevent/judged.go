// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployevent

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/internal/change"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// judged is a series of the verdict on a change.
type judged struct {
	deployment.Service
	id, kind, name, verdict, reason, evidence string
}

// verdicts adds the verdicts on changes that are recent. Series that were there before and are not any more get a last point without a value.
func (e *emitter) verdicts(md pmetric.Metrics, all []change.Change, now time.Time) {
	present := map[judged]bool{}
	at, gauge := pcommon.NewTimestampFromTime(now), gauge{Metric: semconv.ChangeJudged}
	var points pmetric.NumberDataPointSlice
	for i := range all {
		c := &all[i]
		if c.Gate.Verdict == "" {
			continue
		}
		one := judged{c.Service, c.ID, string(c.Kind), c.Name, c.Gate.Verdict, c.Gate.Reason, c.Gate.Evidence}
		if len(present) == 0 {
			points = gauge.in(md.ResourceMetrics().At(0).ScopeMetrics().At(0))
		}
		if !present[one] {
			present[one] = true
			one.point(points, at).SetDoubleValue(seconds(c.Gate.At))
		}
	}
	for one := range e.judged {
		if !present[one] {
			one.point(gauge.in(md.ResourceMetrics().At(0).ScopeMetrics().At(0)), at).SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
		}
	}
	e.judged = present
}

func (s judged) point(to pmetric.NumberDataPointSlice, at pcommon.Timestamp) pmetric.NumberDataPoint {
	c := change.Change{Service: s.Service, ID: s.id, Kind: change.Kind(s.kind), Name: s.name, Gate: change.Gate{Verdict: s.verdict, Reason: s.reason, Evidence: s.evidence}}
	dp := to.AppendEmpty()
	dp.SetTimestamp(at)
	c.Attributes(dp.Attributes())
	return dp
}
