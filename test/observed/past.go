// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// past are counters of a collector that has ended: a month in which all receipts were sent. What goes wrong now burns the mailer's
// budgets and does not spend them, and no odd failure before that does either.
func past(now time.Time) pmetric.Metrics {
	const month, receipts = 30 * 24 * time.Hour, 50_000
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	about(rm.Resource(), "shop", "otelcol-sre")
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("slo.events")
	m.SetUnit("{event}")
	sum := m.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	for _, slo := range []string{"availability", "receipts-sent"} {
		dp := sum.DataPoints().AppendEmpty()
		dp.SetDoubleValue(receipts)
		stamp(dp, now.Add(-month), now, map[string]string{
			"service.name": "mailer", "service.namespace": "shop", "deployment.environment.name": "production", "slo.name": slo, "slo.outcome": "good",
		})
	}
	return md
}
