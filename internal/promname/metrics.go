package promname

import "github.com/prometheus/otlptranslator"

// The collector's metrics that rules and runbooks ask for.
var (
	// Events are the good and bad events of an SLO.
	Events = otlptranslator.Metric{Name: "slo.events", Unit: "{event}", Type: otlptranslator.MetricTypeMonotonicCounter}
	// BudgetRemaining is the share of an error budget that is left.
	BudgetRemaining = otlptranslator.Metric{Name: "slo.error_budget.remaining", Unit: "1", Type: otlptranslator.MetricTypeGauge}
	// LastSeen is when a service last sent anything, in Unix time.
	LastSeen = otlptranslator.Metric{Name: "service.telemetry.last_seen", Unit: "s", Type: otlptranslator.MetricTypeGauge}
	// DeploymentStart is when a version was first seen, in Unix time.
	DeploymentStart = otlptranslator.Metric{Name: "deployment.start_time", Unit: "s", Type: otlptranslator.MetricTypeGauge}
	// DeploymentInstances is how many instances of a version run.
	DeploymentInstances = otlptranslator.Metric{Name: "deployment.instances", Unit: "{instance}", Type: otlptranslator.MetricTypeGauge}
)
