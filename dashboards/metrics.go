// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"github.com/prometheus/otlptranslator"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// The attributes that make the series.
const (
	attrSpanKind   = "span.kind"
	attrStatusCode = "status.code"
	attrAlert      = "alertname"
	attrAlertState = "alertstate"
	attrSeverity   = "severity"

	attrJob               = "job" // of OTLP: service.namespace/service.name
	attrInstance          = "instance"
	attrBound             = "le"
	attrClient            = "client"
	attrServer            = "server"
	attrConnection        = "connection_type"
	attrClientNamespace   = "client_" + semconv.ServiceNamespace
	attrClientEnvironment = "client_" + semconv.Environment
	attrServerNamespace   = "server_" + semconv.ServiceNamespace
	attrServerEnvironment = "server_" + semconv.Environment

	attrJVMMemory      = "jvm.memory.type"
	attrPodNamespace   = "k8s.namespace.name"
	attrDeploymentName = "k8s.deployment.name"
	attrStatefulSet    = "k8s.statefulset.name"
	attrDaemonSet      = "k8s.daemonset.name"

	// Labels that a query adds.
	attrRuntime   = "runtime"
	attrNeighbor  = "neighbor"
	attrDirection = "direction"
	attrDeclared  = "declared"
)

// An origin is the writer of a metric. It decides how names and labels are translated.
type origin int

const (
	byCollector  origin = iota // over OTLP: names and attributes are translated
	byPrometheus               // recording rules and Prometheus itself: names are not translated
	byService                  // services and what watches them, over OTLP; a job each
)

// A metric is one that panels may query: queries get names only from here.
type metric struct {
	name, unit string
	kind       otlptranslator.MetricType
	origin     origin
	// attributes are all that its series have, besides those of every series.
	attributes []string
}

func attributes(more ...string) []string {
	return append([]string{semconv.ServiceName, semconv.ServiceNamespace, semconv.Environment}, more...)
}

// Metrics of the collector's processors and connectors.
var (
	metricEvents     = fromConventions(semconv.SLOEvents)
	metricObjective  = fromConventions(semconv.SLOObjective)
	metricErrorRatio = fromConventions(semconv.SLOErrorRatio)
	metricBurnRate   = fromConventions(semconv.SLOBurnRate)
	metricRemaining  = fromConventions(semconv.SLORemaining)
	metricExhaustion = fromConventions(semconv.SLOExhaustion)
	metricState      = fromConventions(semconv.SLOStates)
	metricInCommon   = fromConventions(semconv.SLOLedgerEvents)
	metricLastSeen   = fromConventions(semconv.LastSeen)
	metricInfo       = fromConventions(semconv.DeploymentInfo)
	metricStart      = fromConventions(semconv.DeploymentStart)
	metricInstances  = fromConventions(semconv.DeploymentInstances)
	metricCommitted  = fromConventions(semconv.DeploymentCommitted)
	metricEffect     = fromConventions(semconv.DeploymentEffect)
	metricSpent      = fromConventions(semconv.DeploymentSpent)
	metricChanged    = fromConventions(semconv.ChangeTime)
)

func fromConventions(m semconv.Metric) metric {
	return metric{m.Name, m.Unit, m.Type, byCollector, m.Attributes}
}

// Metrics of the red connector, or of span_metrics, if a pipeline has one with the dimensions
// deployment.environment.name and service.version.
var (
	metricCalls    = metric{"traces.span.metrics.calls", "", otlptranslator.MetricTypeMonotonicCounter, byCollector, spanAttributes}
	metricDuration = metric{"traces.span.metrics.duration", "ms", otlptranslator.MetricTypeHistogram, byCollector, spanAttributes}

	spanAttributes = attributes(semconv.ServiceVersion, attrSpanKind, attrStatusCode)
)

// Metrics of the red connector, or of service_graph, about calls between services, with the dimensions service.namespace and
// deployment.environment.name. Both ends measure the duration of a call: the client and the server.
var (
	metricEdgeRequests = metric{"traces_service_graph_request_total", "", otlptranslator.MetricTypeMonotonicCounter, byCollector, edgeAttributes}
	metricEdgeFailed   = metric{"traces_service_graph_request_failed_total", "", otlptranslator.MetricTypeMonotonicCounter, byCollector, edgeAttributes}
	metricEdgeServer   = metric{"traces_service_graph_request_server", "s", otlptranslator.MetricTypeHistogram, byCollector, edgeAttributes}
	metricEdgeClient   = metric{"traces_service_graph_request_client", "s", otlptranslator.MetricTypeHistogram, byCollector, edgeAttributes}

	edgeAttributes = []string{attrClient, attrServer, attrConnection,
		attrClientNamespace, attrClientEnvironment, attrServerNamespace, attrServerEnvironment}
)

// Metrics that services report about their own process by the semantic conventions of their language, and
// metrics of the kubelet_stats receiver about their pods.
var (
	metricActive     = metric{"http.server.active_requests", "{request}", otlptranslator.MetricTypeNonMonotonicCounter, byService, processAttributes}
	metricPending    = metric{"db.client.connection.pending_requests", "{request}", otlptranslator.MetricTypeNonMonotonicCounter, byService, processAttributes}
	metricCPUTime    = metric{"process.cpu.time", "s", otlptranslator.MetricTypeMonotonicCounter, byService, processAttributes}
	metricProcessCPU = metric{"process.cpu.utilization", "1", otlptranslator.MetricTypeGauge, byService, processAttributes}

	metricProcessMemory = metric{"process.memory.usage", "By", otlptranslator.MetricTypeNonMonotonicCounter, byService, processAttributes}

	metricGoProcessors  = metric{"go.processor.limit", "{thread}", otlptranslator.MetricTypeNonMonotonicCounter, byService, processAttributes}
	metricGoMemory      = metric{"go.memory.used", "By", otlptranslator.MetricTypeNonMonotonicCounter, byService, processAttributes}
	metricGoMemoryLimit = metric{"go.memory.limit", "By", otlptranslator.MetricTypeNonMonotonicCounter, byService, processAttributes}
	metricGoroutines    = metric{"go.goroutine.count", "{goroutine}", otlptranslator.MetricTypeNonMonotonicCounter, byService, processAttributes}
	metricGoSchedule    = metric{"go.schedule.duration", "s", otlptranslator.MetricTypeHistogram, byService, processAttributes}

	metricJVMCPU         = metric{"jvm.cpu.recent_utilization", "1", otlptranslator.MetricTypeGauge, byService, processAttributes}
	metricJVMMemory      = metric{"jvm.memory.used", "By", otlptranslator.MetricTypeNonMonotonicCounter, byService, processAttributes}
	metricJVMMemoryLimit = metric{"jvm.memory.limit", "By", otlptranslator.MetricTypeNonMonotonicCounter, byService, processAttributes}
	metricJVMPauses      = metric{"jvm.gc.duration", "s", otlptranslator.MetricTypeHistogram, byService, processAttributes}
	metricThreads        = metric{"jvm.thread.count", "{thread}", otlptranslator.MetricTypeNonMonotonicCounter, byService, processAttributes}

	metricNodeLoop        = metric{"nodejs.eventloop.utilization", "1", otlptranslator.MetricTypeGauge, byService, processAttributes}
	metricNodeDelay       = metric{"nodejs.eventloop.delay.p99", "s", otlptranslator.MetricTypeGauge, byService, processAttributes}
	metricNodeMemory      = metric{"v8js.memory.heap.used", "By", otlptranslator.MetricTypeNonMonotonicCounter, byService, processAttributes}
	metricNodeMemoryLimit = metric{"v8js.memory.heap.limit", "By", otlptranslator.MetricTypeNonMonotonicCounter, byService, processAttributes}

	metricPodCPU         = metric{"k8s.pod.cpu_limit_utilization", "1", otlptranslator.MetricTypeGauge, byService, podAttributes}
	metricPodMemory      = metric{"k8s.pod.memory.working_set", "By", otlptranslator.MetricTypeGauge, byService, podAttributes}
	metricPodMemoryShare = metric{"k8s.pod.memory_limit_utilization", "1", otlptranslator.MetricTypeGauge, byService, podAttributes}

	processAttributes = []string{attrJob, attrInstance, semconv.Environment, semconv.ServiceVersion, attrJVMMemory}
	podAttributes     = []string{attrPodNamespace, attrDeploymentName, attrStatefulSet, attrDaemonSet}
)

// Series of the recording rules of package alerts, which include SLIs that the collector does not
// see, and Prometheus' own series about alerts.
var (
	recordRatio     = metric{"slo:sli_error:ratio_rate", "", otlptranslator.MetricTypeGauge, byPrometheus, attributes(semconv.SLOName)} // + window
	recordObjective = metric{"slo:objective:ratio", "", otlptranslator.MetricTypeGauge, byPrometheus, []string{semconv.ServiceName, semconv.ServiceNamespace, semconv.SLOName}}
	recordPeriod    = metric{"slo:period_burn_rate:ratio", "", otlptranslator.MetricTypeGauge, byPrometheus, attributes(semconv.SLOName)}
	recordEvents    = metric{"slo:period_total:events", "", otlptranslator.MetricTypeGauge, byPrometheus, attributes(semconv.SLOName)}
	recordRemaining = metric{"slo:period_error_budget_remaining:ratio", "", otlptranslator.MetricTypeGauge, byPrometheus, attributes(semconv.SLOName)}

	metricAlerts = metric{"ALERTS", "", otlptranslator.MetricTypeGauge, byPrometheus,
		attributes(attrAlert, attrAlertState, attrSeverity, semconv.SLOName)}
)
