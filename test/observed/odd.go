// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// oddCatalog has an SLO over two counters that do not fit.
const oddCatalog = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: odd, namespace: odd}
spec:
  owner: nobody
  environments: [production]
  slos:
    - {name: parts, objective: 99, sli: {metrics: {good: {name: odd.parts}, total: {name: odd.wholes}}}}
`

// oddPoints are counters of SLI events from the future, from long ago and without an outcome, and of an SLO's
// metrics more good ones than all, and one below zero.
func oddPoints(began time.Time) pmetric.Metrics {
	md := pmetric.NewMetrics()
	from := func(instance string) pmetric.MetricSlice {
		rm := md.ResourceMetrics().AppendEmpty()
		about(rm.Resource(), "odd", "odd")
		rm.Resource().Attributes().PutStr("service.instance.id", instance)
		return rm.ScopeMetrics().AppendEmpty().Metrics()
	}
	metrics, negative := from("first"), from("second")
	now := time.Now()
	counter := func(metrics pmetric.MetricSlice, name string, at time.Time, value float64, attributes map[string]string) {
		m := metrics.AppendEmpty()
		m.SetName(name)
		sum := m.SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		dp := sum.DataPoints().AppendEmpty()
		dp.SetDoubleValue(value)
		stamp(dp, began.Add(-24*time.Hour), at, attributes)
	}
	rising := 10 * now.Sub(began).Seconds()
	event := map[string]string{"service.name": "odd", "service.namespace": "odd", "deployment.environment.name": "production", "slo.name": "parts"}
	counter(metrics, "slo.events", now, rising, event)
	event["slo.outcome"] = "good"
	counter(metrics, "slo.events", now.Add(24*time.Hour), rising, event)
	counter(metrics, "odd.wholes", now, rising, nil)
	counter(metrics, "odd.parts", now, 2*rising, nil)
	counter(negative, "odd.wholes", now, -1, nil)
	return md
}
