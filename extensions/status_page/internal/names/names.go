// Package names says what the metrics and labels that pages ask for are called in the Prometheus that is asked.
package names

import (
	"github.com/prometheus/otlptranslator"

	"github.com/otelcol-sre/otelcol-sre/internal/promname"
)

// Names are those of one translation strategy.
type Names struct {
	// An SLO, and how it stands.
	Namespace, Service, Environment, SLO, Window, State Label
	// A deployment.
	Version, Deployment, Status, Revision Label
	// A request.
	SpanKind, StatusCode Label

	// Of the slo processor; States are 1 for the one that holds.
	Objective, Remaining, Exhaustion, BurnRate, States Metric
	// Of the deployevent connector.
	Info, Start, Commit, Instances Metric
	// Of the span_metrics connector.
	Calls, Durations Metric
}

// Series that rules record. No translation changes their names.
const (
	RecordedRemaining Metric = "slo:period_error_budget_remaining:ratio"
	RecordedRatio     Metric = "slo:sli_error:ratio_rate" // + window
	Alerts            Metric = "ALERTS"
)

// New is for a Prometheus with the translation strategy.
func New(strategy otlptranslator.TranslationStrategyOption) Names {
	n := promname.New(strategy)
	label := func(attribute string) Label { return Label{n.Attribute(attribute), promname.Recorded(attribute)} }
	metric := func(m otlptranslator.Metric) Metric { return Metric(n.Metric(m)) }
	gauge := func(name, unit string) Metric {
		return metric(otlptranslator.Metric{Name: name, Unit: unit, Type: otlptranslator.MetricTypeGauge})
	}
	return Names{
		Namespace: label("service.namespace"), Service: label("service.name"), Environment: label("deployment.environment.name"),
		SLO: label("slo.name"), Window: label("slo.window"), State: label("slo.state"),
		Version: label("service.version"), Deployment: label("deployment.id"),
		Status: label("deployment.status"), Revision: label("vcs.ref.head.revision"),
		SpanKind: label("span.kind"), StatusCode: label("status.code"),

		Objective: gauge("slo.objective", "1"), Remaining: metric(promname.BudgetRemaining),
		Exhaustion: gauge("slo.error_budget.exhaustion", "s"), BurnRate: gauge("slo.burn_rate", "1"), States: gauge("slo.state", ""),
		Info: gauge("deployment.info", ""), Start: metric(promname.DeploymentStart),
		Commit: gauge("deployment.commit_time", "s"), Instances: metric(promname.DeploymentInstances),
		Calls:     metric(otlptranslator.Metric{Name: "traces.span.metrics.calls", Type: otlptranslator.MetricTypeMonotonicCounter}),
		Durations: metric(otlptranslator.Metric{Name: "traces.span.metrics.duration", Unit: "ms", Type: otlptranslator.MetricTypeHistogram}),
	}
}

// Recorded are the names in what rules record: with underscores, whatever the translation.
func Recorded() Names { return New(otlptranslator.UnderscoreEscapingWithSuffixes) }

// OfService are matchers of a service's series, and more; an empty namespace is any.
func (n Names) OfService(service, namespace string, more ...string) []string {
	matchers := []string{n.Service.Equal(service)}
	if namespace != "" {
		matchers = append(matchers, n.Namespace.Equal(namespace))
	}
	return append(matchers, more...)
}
