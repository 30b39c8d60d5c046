// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// An instrument is a metric of the semantic conventions.
type instrument struct {
	name, unit string
	kind       pmetric.MetricType
	monotonic  bool
	attributes map[string]string
}

// ofRuntimes are what services in Java and Node.js report of themselves; the shop's are in Go.
var ofRuntimes = []instrument{
	{name: "process.cpu.utilization", unit: "1", kind: pmetric.MetricTypeGauge},
	{name: "process.memory.usage", unit: "By", kind: pmetric.MetricTypeSum},
	{name: "db.client.connection.pending_requests", unit: "{request}", kind: pmetric.MetricTypeSum},
	{name: "jvm.cpu.recent_utilization", unit: "1", kind: pmetric.MetricTypeGauge},
	{name: "jvm.memory.used", unit: "By", kind: pmetric.MetricTypeSum, attributes: map[string]string{"jvm.memory.type": "heap", "jvm.memory.pool.name": "G1 Old Gen"}},
	{name: "jvm.memory.limit", unit: "By", kind: pmetric.MetricTypeSum, attributes: map[string]string{"jvm.memory.type": "heap", "jvm.memory.pool.name": "G1 Old Gen"}},
	{name: "jvm.gc.duration", unit: "s", kind: pmetric.MetricTypeHistogram, attributes: map[string]string{"jvm.gc.name": "G1 Young Generation", "jvm.gc.action": "end of minor GC"}},
	{name: "jvm.thread.count", unit: "{thread}", kind: pmetric.MetricTypeSum, attributes: map[string]string{"jvm.thread.state": "runnable"}},
	{name: "nodejs.eventloop.utilization", unit: "1", kind: pmetric.MetricTypeGauge},
	{name: "nodejs.eventloop.delay.p99", unit: "s", kind: pmetric.MetricTypeGauge},
	{name: "v8js.memory.heap.used", unit: "By", kind: pmetric.MetricTypeSum, attributes: map[string]string{"v8js.heap.space.name": "old_space"}},
	{name: "v8js.memory.heap.limit", unit: "By", kind: pmetric.MetricTypeSum, attributes: map[string]string{"v8js.heap.space.name": "old_space"}},
}

// ofPods are what the kubelet_stats receiver reports of a service's pods. Their workload is an attribute of the resource, which
// Prometheus promotes to a label where it is told to; here it is one of the data point.
var ofPods = []instrument{
	{name: "k8s.pod.cpu_limit_utilization", unit: "1", kind: pmetric.MetricTypeGauge},
	{name: "k8s.pod.memory.working_set", unit: "By", kind: pmetric.MetricTypeGauge},
	{name: "k8s.pod.memory_limit_utilization", unit: "1", kind: pmetric.MetricTypeGauge},
}

// runtimes are the values of all of them, for each service of the shop.
func runtimes(began time.Time) pmetric.Metrics {
	md := pmetric.NewMetrics()
	for _, service := range []string{"frontend", "checkout", "payment", "inventory", "mailer"} {
		rm := md.ResourceMetrics().AppendEmpty()
		about(rm.Resource(), "shop", service)
		metrics := rm.ScopeMetrics().AppendEmpty().Metrics()
		for _, i := range ofRuntimes {
			i.write(metrics.AppendEmpty(), began, i.attributes)
		}
		for _, i := range ofPods {
			i.write(metrics.AppendEmpty(), began, map[string]string{
				"k8s.namespace.name": "shop", "k8s.deployment.name": service, "k8s.pod.name": service + "-0",
			})
		}
	}
	return md
}

// write writes a value of some use: a half, or a count that rises with every second.
func (i instrument) write(m pmetric.Metric, began time.Time, attributes map[string]string) {
	m.SetName(i.name)
	m.SetUnit(i.unit)
	now := time.Now()
	rising := uint64(now.Sub(began) / time.Second)
	if i.kind == pmetric.MetricTypeHistogram {
		h := m.SetEmptyHistogram()
		h.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		dp := h.DataPoints().AppendEmpty()
		dp.ExplicitBounds().FromRaw([]float64{0.01, 0.1, 1, 10})
		dp.BucketCounts().FromRaw([]uint64{rising, rising, 0, 0, 0})
		dp.SetCount(2 * rising)
		dp.SetSum(0.05 * float64(rising))
		stamp(dp, began, now, attributes)
		return
	}
	var dp pmetric.NumberDataPoint
	if i.kind == pmetric.MetricTypeSum {
		sum := m.SetEmptySum()
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		sum.SetIsMonotonic(i.monotonic)
		dp = sum.DataPoints().AppendEmpty()
	} else {
		dp = m.SetEmptyGauge().DataPoints().AppendEmpty()
	}
	dp.SetDoubleValue(0.5)
	if i.monotonic {
		dp.SetDoubleValue(float64(rising))
	}
	stamp(dp, began, now, attributes)
}

type dataPoint interface {
	SetStartTimestamp(pcommon.Timestamp)
	SetTimestamp(pcommon.Timestamp)
	Attributes() pcommon.Map
}

func stamp(dp dataPoint, began, now time.Time, attributes map[string]string) {
	dp.SetStartTimestamp(pcommon.NewTimestampFromTime(began))
	dp.SetTimestamp(pcommon.NewTimestampFromTime(now))
	for k, v := range attributes {
		dp.Attributes().PutStr(k, v)
	}
}
