// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package semconv has the semantic conventions of the project: the names, units and values of the attributes,
// metrics, events and SLO states that its components emit and that its generators, pages and commands read. Each name
// is defined here once. Where OpenTelemetry's semantic conventions (1.40) have a name, it is theirs.
package semconv

import otel "go.opentelemetry.io/otel/semconv/v1.40.0"

// Who sent the telemetry.
const (
	ServiceName       = string(otel.ServiceNameKey)
	ServiceNamespace  = string(otel.ServiceNamespaceKey)
	ServiceVersion    = string(otel.ServiceVersionKey)
	ServiceInstanceID = string(otel.ServiceInstanceIDKey)
	ClusterName       = string(otel.K8SClusterNameKey)
	CloudRegion       = string(otel.CloudRegionKey)
	CloudAccount      = string(otel.CloudAccountIDKey)
	Environment       = string(otel.DeploymentEnvironmentNameKey)
	// DeprecatedEnvironment is the name of Environment before semantic conventions 1.27.
	DeprecatedEnvironment = "deployment.environment"
)

// An SLO and its events. A data point has the service in its attributes; its resource is the collector.
const (
	SLOName = "slo.name"
	// SLOService is the service of the counters in a scope, as namespace/name: an attribute of the scope.
	SLOService = "slo.service"
	// SLOOutcome is Good or Bad.
	SLOOutcome = "slo.outcome"
	// SLOLateReason is Late or Future.
	SLOLateReason = "slo.late.reason"
	// SLOEventInterval is the time in which events ended, as ISO 8601 has intervals: 2026-11-26T10:42:00Z/PT1M.
	SLOEventInterval = "slo.event.interval"
	// SLOLedgerRows is an encoded table of the budget ledger, as bytes.
	SLOLedgerRows = "slo.ledger.rows"
	// SLOLedgerAttribute and SLOLedgerValue are the attribute, or two, that bad events have, and its value.
	SLOLedgerAttribute = "slo.ledger.attribute"
	SLOLedgerValue     = "slo.ledger.value"
	// SLOWindow is a window such as 5m or 30d.
	SLOWindow = "slo.window"
	// SLOState is a [State].
	SLOState = "slo.state"
)

// Values of SLOOutcome.
const (
	Good = "good"
	Bad  = "bad"
)

// Values of SLOLateReason: the event ended too long ago, or has yet to end.
const (
	Late   = "late"
	Future = "future"
)

// The correlation ID of a request, on spans, log records and exemplars.
const (
	CorrelationID = "correlation.id"
	// CorrelationConflict is a second ID that the telemetry also has.
	CorrelationConflict = "correlation.conflict"
	// CorrelationAliases are other IDs of the same request, which telemetry of it may have been sent with: an array.
	CorrelationAliases = "correlation.aliases"
	// CorrelationIDs are the IDs of all requests that a span works on, such as those in a batch of messages: an array.
	CorrelationIDs = "correlation.ids"
	// CorrelationShared is an ID that so many traces show that it is not the ID of one request.
	CorrelationShared = "correlation.shared"
	// CorrelationEvidence is how well the correlation ID is known, if that is less than where it is written says.
	CorrelationEvidence = "correlation.evidence"
)

// A deployment.
const (
	DeploymentID              = string(otel.DeploymentIDKey)
	DeploymentName            = string(otel.DeploymentNameKey)
	DeploymentStatus          = string(otel.DeploymentStatusKey)
	DeploymentPreviousVersion = "deployment.previous_version"
	DeploymentStartTime       = "deployment.start_time"  // RFC 3339
	DeploymentCommitTime      = "deployment.commit_time" // RFC 3339
	DeploymentCompareURL      = "deployment.compare.url"
	DeploymentConfiguration   = "deployment.configuration.revision"
	DeploymentTickets         = "deployment.tickets"
	DeploymentRollback        = "deployment.rollback" // it returns to an earlier version
	DeploymentAdoption        = "deployment.adoption" // percent of the traffic of a fleet of clients
	// What it did to the SLO whose budget it cost most, as package deployment has it.
	DeploymentVerdict     = "deployment.verdict"
	DeploymentEffectSLO   = "deployment.effect.slo"
	DeploymentEffectTimes = "deployment.effect.times" // as often as the others
	DeploymentEffectLow   = "deployment.effect.low"
	DeploymentEffectHigh  = "deployment.effect.high"
	DeploymentEffectTime  = "deployment.effect.time" // RFC 3339
	DeploymentEffectFinal = "deployment.effect.final"
	DeploymentBudgetSpent = "deployment.budget_spent" // seconds
	// DeploymentEffectBound says what a value of the effect is: EffectTimes, EffectLow or EffectHigh.
	DeploymentEffectBound = "deployment.effect.bound"
	// What a gate for releases said of it last, as package gate has it.
	DeploymentGateVerdict = "deployment.gate.verdict"
	DeploymentGateReason  = "deployment.gate.reason"
	DeploymentGateTime    = "deployment.gate.time" // RFC 3339
	// DeploymentRecent is true on telemetry of a version that was deployed a short time ago.
	DeploymentRecent = "deployment.recent"

	Revision    = string(otel.VCSRefHeadRevisionKey)
	Branch      = string(otel.VCSRefHeadNameKey)
	Repository  = string(otel.VCSRepositoryURLFullKey)
	Change      = string(otel.VCSChangeIDKey)
	Pipeline    = string(otel.CICDPipelineNameKey)
	PipelineRun = string(otel.CICDPipelineRunIDKey)
	PipelineURL = string(otel.CICDPipelineRunURLFullKey)
	UserName    = string(otel.UserNameKey)
)

// Values of DeploymentEffectBound.
const (
	EffectTimes = "estimate"
	EffectLow   = "low"
	EffectHigh  = "high"
)

// A change that is no deployment, such as of a feature flag.
const (
	ChangeID       = "change.id"
	ChangeKind     = "change.kind"
	ChangeName     = "change.name"
	ChangePrevious = "change.previous" // value before
	ChangeValue    = "change.value"
	ChangeStatus   = "change.status"
	ChangeURL      = "change.url"
	ChangeSummary  = "change.summary"
	ChangeEndTime  = "change.end_time" // RFC 3339
	// What the SLOs say of the change of a flag, as package gate has it.
	ChangeVerdict     = "change.verdict"
	ChangeReason      = "change.verdict_reason"
	ChangeEvidence    = "change.evidence"     // of which kind it is
	ChangeVerdictTime = "change.verdict_time" // RFC 3339
)

// EventChange begins the names of events about changes; the kind follows.
const EventChange = "change."

// An incident.
const (
	IncidentID          = "incident.id"
	IncidentState       = "incident.state"
	IncidentSeverity    = "incident.severity"   // page or ticket
	IncidentStart       = "incident.start_time" // RFC 3339: when the burn began
	IncidentEnd         = "incident.end_time"   // RFC 3339
	IncidentServices    = "incident.services"   // the likely origin first
	IncidentSLOs        = "incident.slos"
	IncidentChange      = "incident.change" // that likely caused it, in words
	IncidentProbability = "incident.change.probability"
	IncidentFailed      = "incident.failed_events" // of the SLO of which most failed
	IncidentURL         = "incident.url"
	IncidentPartOf      = "incident.part_of" // the ID of the incident that it was found to be a part of
)

// EventIncident begins the names of events about incidents; what has happened follows.
const EventIncident = "incident."

// A feature flag, in all versions of the semantic conventions.
const (
	FlagKey        = string(otel.FeatureFlagKeyKey)
	FlagVariant    = string(otel.FeatureFlagResultVariantKey)
	FlagOldVariant = "feature_flag.variant" // before 1.27
	FlagValue      = string(otel.FeatureFlagResultValueKey)
	EventFlag      = "feature_flag"            // before 1.27, of spans
	EventFlagEval  = "feature_flag.evaluation" // of logs, and of spans since
)

// A synthetic check, on its span. SyntheticType is also on its resource.
const (
	CheckName     = "check.name"
	CheckKind     = "check.kind"     // http, tcp, dns or grpc
	CheckLocation = "check.location" // of the collector that made it
	CheckStep     = "check.step"     // in which it failed
	CheckOutcome  = "check.outcome"  // CheckPassed or CheckFailed
	SyntheticType = string(otel.UserAgentSyntheticTypeKey)
	UserAgent     = string(otel.UserAgentOriginalKey)
)

const (
	// CheckPassed is the value of CheckOutcome for a check that passed.
	CheckPassed = "passed"
	// CheckFailed is the one for a check that did not.
	CheckFailed = "failed"
	// SyntheticTest is the value of SyntheticType for checks.
	SyntheticTest = "test"
	// CheckAgent begins the user agent of checks.
	CheckAgent = "otelcol-sre-check/"
)

// EventDeployment begins the names of deployment events; a deployment's status follows.
const EventDeployment = "deployment."
