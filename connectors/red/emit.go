// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package red

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/connectors/red/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// The metrics. Their names and attributes are those of the span_metrics and service_graph connectors.
const (
	metricCalls        = "traces.span.metrics.calls"
	metricDuration     = "traces.span.metrics.duration"
	metricRequests     = "traces_service_graph_request_total"
	metricFailed       = "traces_service_graph_request_failed_total"
	metricServer       = "traces_service_graph_request_server"
	metricClient       = "traces_service_graph_request_client"
	attributeKind      = "span.kind"
	attributeStatus    = "status.code"
	attributeClient    = "client"
	attributeServer    = "server"
	attributeType      = "connection_type"
	attributeFailed    = "failed"
	prefixClient       = "client_"
	prefixServer       = "server_"
	milliseconds       = "ms"
	seconds            = "s"
	kindPrefix         = "SPAN_KIND_"
	statusPrefix       = "STATUS_CODE_"
	attributesOfAnEdge = 8
)

var kindNames = [kinds]string{
	ptrace.SpanKindUnspecified: kindPrefix + "UNSPECIFIED", ptrace.SpanKindInternal: kindPrefix + "INTERNAL", ptrace.SpanKindServer: kindPrefix + "SERVER",
	ptrace.SpanKindClient: kindPrefix + "CLIENT", ptrace.SpanKindProducer: kindPrefix + "PRODUCER", ptrace.SpanKindConsumer: kindPrefix + "CONSUMER",
}

var statusNames = [statuses]string{
	ptrace.StatusCodeUnset: statusPrefix + "UNSET", ptrace.StatusCodeOk: statusPrefix + "OK", ptrace.StatusCodeError: statusPrefix + "ERROR",
}

// An emission is what one flush hands on.
type emission struct {
	metrics pmetric.Metrics
	to      pmetric.MetricSlice
	now     pcommon.Timestamp
	series  int
}

func newEmission(resource pcommon.Resource, now pcommon.Timestamp) *emission {
	e := &emission{metrics: pmetric.NewMetrics(), now: now}
	rm := e.metrics.ResourceMetrics().AppendEmpty()
	resource.CopyTo(rm.Resource())
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName(metadata.ScopeName)
	e.to = sm.Metrics()
	return e
}

func (e *emission) counter(name string) pmetric.NumberDataPointSlice {
	m := e.to.AppendEmpty()
	m.SetName(name)
	sum := m.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	return sum.DataPoints()
}

func (e *emission) histogram(name, unit string) pmetric.HistogramDataPointSlice {
	m := e.to.AppendEmpty()
	m.SetName(name)
	m.SetUnit(unit)
	h := m.SetEmptyHistogram()
	h.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	return h.DataPoints()
}

// calls writes the series of all nodes, and begins new exemplars.
func (e *emission) calls(c *calls) {
	c.mu.RLock()
	nodes := make([]*node, 0, len(c.nodes))
	for _, n := range c.nodes {
		nodes = append(nodes, n)
	}
	c.mu.RUnlock()
	if len(nodes) == 0 {
		return
	}
	counts, durations := e.counter(metricCalls), e.histogram(metricDuration, milliseconds)
	for _, n := range nodes {
		n.mu.Lock()
		for kind := range n.series {
			for status, s := range n.series[kind] {
				if s != nil {
					e.call(counts.AppendEmpty(), durations.AppendEmpty(), n, kind, status, s, c.bounds)
				}
			}
		}
		n.mu.Unlock()
	}
}

func (e *emission) call(count pmetric.NumberDataPoint, durations pmetric.HistogramDataPoint, n *node, kind, status int, s *call, bounds []float64) {
	e.series++
	count.SetStartTimestamp(s.start)
	count.SetTimestamp(e.now)
	count.SetDoubleValue(s.count)
	s.exemplar.moveTo(count.Exemplars())
	a := count.Attributes()
	a.EnsureCapacity(6)
	a.PutStr(semconv.ServiceName, n.Service)
	a.PutStr(attributeKind, kindNames[kind])
	a.PutStr(attributeStatus, statusNames[status])
	// With an empty default, series with different attributes stay separate.
	a.PutStr(semconv.ServiceNamespace, n.Namespace)
	a.PutStr(semconv.Environment, n.Environment)
	a.PutStr(semconv.ServiceVersion, n.Version)
	durations.SetStartTimestamp(s.start)
	durations.SetTimestamp(e.now)
	a.CopyTo(durations.Attributes())
	s.durations.writeTo(durations, bounds)
}

// graph writes the edges. g.mu must be held.
func (e *emission) graph(g *graph) {
	if len(g.edges) == 0 {
		return
	}
	requests, failures := e.counter(metricRequests), e.counter(metricFailed)
	servers, clients := e.histogram(metricServer, seconds), e.histogram(metricClient, seconds)
	for key, edge := range g.edges {
		e.series++
		request := requests.AppendEmpty()
		key.describe(request.Attributes())
		request.SetStartTimestamp(edge.start)
		request.SetTimestamp(e.now)
		request.SetIntValue(int64(edge.count))
		if key.failed {
			request.CopyTo(failures.AppendEmpty())
		}
		for _, side := range []struct {
			points pmetric.HistogramDataPointSlice
			of     *histogram
		}{{servers, &edge.server}, {clients, &edge.client}} {
			p := side.points.AppendEmpty()
			request.Attributes().CopyTo(p.Attributes())
			p.SetStartTimestamp(edge.start)
			p.SetTimestamp(e.now)
			side.of.writeTo(p, callBounds)
		}
	}
	e.to.RemoveIf(func(m pmetric.Metric) bool { return m.Name() == metricFailed && failures.Len() == 0 })
}

func (k edgeKey) describe(a pcommon.Map) {
	a.EnsureCapacity(attributesOfAnEdge)
	a.PutStr(attributeClient, k.client.service)
	a.PutStr(attributeServer, k.server.service)
	a.PutStr(attributeType, k.connection)
	a.PutBool(attributeFailed, k.failed)
	for _, side := range []struct {
		prefix string
		endpoint
	}{{prefixClient, k.client}, {prefixServer, k.server}} {
		if side.namespace != "" {
			a.PutStr(side.prefix+semconv.ServiceNamespace, side.namespace)
		}
		if side.environment != "" {
			a.PutStr(side.prefix+semconv.Environment, side.environment)
		}
	}
}
