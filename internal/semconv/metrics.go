// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package semconv

import "github.com/prometheus/otlptranslator"

// A Metric is one that the project's components emit.
type Metric struct {
	otlptranslator.Metric
	Description string
	// Attributes are those of its data points.
	Attributes []string
}

func gauge(name, unit, description string, attributes ...string) Metric {
	return Metric{otlptranslator.Metric{Name: name, Unit: unit, Type: otlptranslator.MetricTypeGauge}, description, attributes}
}

func counter(name, unit, description string, attributes ...string) Metric {
	return Metric{otlptranslator.Metric{Name: name, Unit: unit, Type: otlptranslator.MetricTypeMonotonicCounter}, description, attributes}
}

func of(more ...string) []string {
	return append([]string{ServiceName, ServiceNamespace, Environment}, more...)
}

// Of the sli connector. The counters are cumulative.
var (
	SLOEvents     = counter("slo.events", "{event}", "Events that an SLO counts, by outcome.", of(ClusterName, CloudRegion, CloudAccount, ServiceVersion, SLOName, SLOOutcome)...)
	SLOEventsLate = counter("slo.events.late", "{event}", "Events of an SLO that came too late, or from the future, and are not in slo.events.",
		of(ClusterName, CloudRegion, CloudAccount, ServiceVersion, SLOName, SLOOutcome, SLOLateReason)...)
	SLOEventsPast = counter("slo.events.past", "{event}", "Late events of an SLO by the time in which they ended, for the slo processor, which does not pass them on.",
		of(ClusterName, CloudRegion, CloudAccount, ServiceVersion, SLOName, SLOOutcome, SLOEventInterval)...)
	SLOLedgerTable = gauge("slo.ledger.table", "{event}", "Bad events of an SLO in a minute, with a table of their attributes, for the slo processor, which does not pass it on.",
		of(SLOName, SLOLedgerRows)...)
	LastSeen = gauge("service.telemetry.last_seen", "s", "When the newest telemetry of a service arrived, in Unix seconds.", of()...)
)

// Of the slo processor.
var (
	SLOObjective  = gauge("slo.objective", "1", "The target share of good events.", of(SLOName)...)
	SLOErrorRatio = gauge("slo.error_ratio", "1", "The share of bad events in a window; 0 without events.", of(SLOName, SLOWindow)...)
	SLOBurnRate   = gauge("slo.burn_rate", "1", "How many times faster than the objective allows the error budget is spent.", of(SLOName, SLOWindow)...)
	SLORemaining  = gauge("slo.error_budget.remaining", "1", "The remaining share of the error budget; negative when overspent.", of(SLOName)...)
	SLOCoverage   = gauge("slo.period.coverage", "1", "The share of the SLO's period that was measured.", of(SLOName)...)
	SLOExhaustion = gauge("slo.error_budget.exhaustion", "s",
		"The time until the error budget is spent at the burn rate of the last hour, at most the SLO's window.", of(SLOName)...)
	SLOStates       = gauge("slo.state", "", "1 for the current state; 0 for one that was just left.", of(SLOName, SLOState)...)
	SLODigest       = gauge("slo.digest", "", "A number that identifies the catalog's entry of the service, for rules that were made from it.", of(SLOName)...)
	SLOLedgerEvents = gauge("slo.ledger.events", "{event}", "Bad events of the last five minutes with an attribute that explains them, while an SLO burns.",
		of(SLOName, SLOLedgerAttribute, SLOLedgerValue)...)
	SLOMaintenance = counter("slo.maintenance.events", "{event}", "Events in maintenance windows, which do not count against the error budget.", of(SLOName, SLOOutcome)...)
)

// Of the deployevent connector.
var (
	DeploymentInfo = gauge("deployment.info", "", "The deployed version and what is known of its deployment; always 1.",
		append(deployment, DeploymentPreviousVersion, DeploymentCompareURL, Repository, Change, PipelineURL, UserName, DeploymentTickets)...)
	DeploymentStart     = gauge("deployment.start_time", "s", "Time when the version was first seen, in Unix time.", deployment...)
	DeploymentInstances = gauge("deployment.instances", "{instance}", "Instances that run the version.", deployment...)
	DeploymentEffect    = gauge("deployment.effect", "1", "How many times as often events of the version were bad as those of the others, and between which that is.", append(deployment, SLOName, DeploymentEffectBound)...)
	DeploymentSpent     = gauge("deployment.budget_spent", "s", "Time in which the error budget allows as many bad events as the version had more than the others.", append(deployment, SLOName)...)
	DeploymentGated     = gauge("deployment.gate_time", "s", "When a gate for releases gave its last verdict on the version, in Unix time.", append(deployment, DeploymentGateVerdict, DeploymentGateReason)...)
	DeploymentCommitted = gauge("deployment.commit_time", "s", "Time of its commit, in Unix time.", deployment...)

	ChangeTime = gauge("change.time", "s", "When something changed that is no deployment, such as a feature flag or a configuration, in Unix time.",
		of(ClusterName, CloudRegion, CloudAccount, ChangeID, ChangeKind, ChangeName, ChangePrevious, ChangeValue, ChangeStatus, ChangeSummary, ChangeURL, UserName)...)

	ChangeJudged = gauge("change.time_of_verdict", "s", "When the verdict on the change of a feature flag was found, in Unix time: the newest one counts.",
		of(ClusterName, CloudRegion, CloudAccount, ChangeID, ChangeKind, ChangeName, ChangeVerdict, ChangeReason, ChangeEvidence)...)

	// What tells deployments apart.
	deployment = of(ClusterName, CloudRegion, CloudAccount, ServiceVersion, DeploymentID, DeploymentStatus, DeploymentRollback, Revision)
)

// CheckTime is the metric of the checks receiver.
var CheckTime = gauge("check.time", "s", "When a synthetic check ran, by its outcome, in Unix time: the newest one counts.", of(CheckName, CheckKind, CheckLocation, CheckOutcome, CheckStep)...)

// Metrics are all of them.
var Metrics = []Metric{
	SLOEvents, SLOEventsLate, SLOEventsPast, SLOLedgerTable, LastSeen,
	SLOObjective, SLOErrorRatio, SLOBurnRate, SLORemaining, SLOCoverage, SLOExhaustion, SLOStates, SLODigest, SLOLedgerEvents, SLOMaintenance,
	DeploymentInfo, DeploymentStart, DeploymentInstances, DeploymentCommitted, DeploymentEffect, DeploymentSpent, DeploymentGated, ChangeTime, ChangeJudged, CheckTime,
}
