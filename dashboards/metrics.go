package dashboards

import "github.com/prometheus/otlptranslator"

// The attributes that make the series.
const (
	attrService     = "service.name"
	attrNamespace   = "service.namespace"
	attrEnvironment = "deployment.environment.name"
	attrVersion     = "service.version"
	attrSLO         = "slo.name"
	attrOutcome     = "slo.outcome"
	attrWindow      = "slo.window"
	attrState       = "slo.state"
	attrDeployment  = "deployment.id"
	attrStatus      = "deployment.status"
	attrRevision    = "vcs.ref.head.revision"
	attrSpanKind    = "span.kind"
	attrStatusCode  = "status.code"
	attrAlert       = "alertname"
	attrAlertState  = "alertstate"
	attrSeverity    = "severity"
)

// An origin is who writes a metric, which decides what its name and labels look like.
type origin int

const (
	byCollector  origin = iota // over OTLP: names and attributes are translated
	byPrometheus               // recording rules and Prometheus itself: names are as they stand here
)

// A metric is one that panels may ask for: there is no other way to a name in a query.
type metric struct {
	name, unit string
	kind       otlptranslator.MetricType
	origin     origin
	// attributes are all that its series have, besides those of every series.
	attributes []string
}

func attributes(more ...string) []string {
	return append([]string{attrService, attrNamespace, attrEnvironment}, more...)
}

// What processors and connectors of the collector emit.
var (
	metricEvents     = metric{"slo.events", "{event}", otlptranslator.MetricTypeMonotonicCounter, byCollector, attributes(attrVersion, attrSLO, attrOutcome)}
	metricObjective  = metric{"slo.objective", "1", otlptranslator.MetricTypeGauge, byCollector, attributes(attrSLO)}
	metricErrorRatio = metric{"slo.error_ratio", "1", otlptranslator.MetricTypeGauge, byCollector, attributes(attrSLO, attrWindow)}
	metricBurnRate   = metric{"slo.burn_rate", "1", otlptranslator.MetricTypeGauge, byCollector, attributes(attrSLO, attrWindow)}
	metricRemaining  = metric{"slo.error_budget.remaining", "1", otlptranslator.MetricTypeGauge, byCollector, attributes(attrSLO)}
	metricExhaustion = metric{"slo.error_budget.exhaustion", "s", otlptranslator.MetricTypeGauge, byCollector, attributes(attrSLO)}
	metricState      = metric{"slo.state", "", otlptranslator.MetricTypeGauge, byCollector, attributes(attrSLO, attrState)}
	metricLastSeen   = metric{"service.telemetry.last_seen", "s", otlptranslator.MetricTypeGauge, byCollector, attributes()}

	metricStart     = metric{"deployment.start_time", "s", otlptranslator.MetricTypeGauge, byCollector, deploymentAttributes}
	metricInstances = metric{"deployment.instances", "{instance}", otlptranslator.MetricTypeGauge, byCollector, deploymentAttributes}

	deploymentAttributes = attributes(attrVersion, attrDeployment, attrStatus, attrRevision)
)

// What the span_metrics connector emits, where a pipeline has one with the dimensions
// deployment.environment.name and service.version.
var (
	metricCalls    = metric{"traces.span.metrics.calls", "", otlptranslator.MetricTypeMonotonicCounter, byCollector, spanAttributes}
	metricDuration = metric{"traces.span.metrics.duration", "ms", otlptranslator.MetricTypeHistogram, byCollector, spanAttributes}

	spanAttributes = []string{attrService, attrEnvironment, attrVersion, attrSpanKind, attrStatusCode}
)

// What the recording rules of package alerts write, which know SLIs that the collector does not
// see, and Prometheus about alerts.
var (
	recordRatio     = metric{"slo:sli_error:ratio_rate", "", otlptranslator.MetricTypeGauge, byPrometheus, attributes(attrSLO)} // + window
	recordObjective = metric{"slo:objective:ratio", "", otlptranslator.MetricTypeGauge, byPrometheus, []string{attrService, attrNamespace, attrSLO}}
	recordPeriod    = metric{"slo:period_burn_rate:ratio", "", otlptranslator.MetricTypeGauge, byPrometheus, attributes(attrSLO)}
	recordRemaining = metric{"slo:period_error_budget_remaining:ratio", "", otlptranslator.MetricTypeGauge, byPrometheus, attributes(attrSLO)}

	metricAlerts = metric{"ALERTS", "", otlptranslator.MetricTypeGauge, byPrometheus,
		attributes(attrAlert, attrAlertState, attrSeverity, attrSLO)}
)
