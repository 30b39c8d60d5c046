// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package names has the names of metrics and labels in the queried Prometheus.
package names

import (
	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	otel "go.opentelemetry.io/otel/semconv/v1.40.0"

	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// Names are those of one translation strategy.
type Names struct {
	// An SLO and its state.
	Namespace, Service, Environment, SLO, Window, State, Outcome Label
	// A deployment.
	Version, Deployment, Status, Revision Label
	// What else is known of it.
	Previous, Compare, Repository, Change, Run, Actor, Tickets, GateVerdict, GateReason, Check, CheckLocation, CheckOutcome, CheckStep, Cluster, Region, Account, Rollback Label
	// A change that is no deployment.
	ChangeID, ChangeKind, ChangeName, ChangePrevious, ChangeValue, ChangeStatus, ChangeSummary, ChangeURL Label
	ChangeVerdict, ChangeReason, ChangeEvidence                                                           Label
	// A request.
	SpanKind, StatusCode Label
	// A request in a service's own metrics.
	Job, Method, Route, HTTPStatus Label
	// A call between services.
	Client, ClientNamespace, Server, ServerNamespace, ClientEnvironment, ServerEnvironment, Connection Label

	// Of the slo processor; States are 1 for the one that holds.
	Objective, Remaining, Coverage, Exhaustion, BurnRate, States Metric
	// Of the sli connector.
	Events Metric
	// Of the deployevent connector.
	CheckTime, Info, Start, Commit, Instances, Gated Metric
	Changed, Judged                                  Metric
	// Of the red connector, or of span_metrics.
	Calls, Durations Metric
	// Of the services' HTTP servers.
	Requests Metric
	// Of the red connector, or of service_graph.
	Edges, EdgeFailed, EdgeClient, EdgeServer Metric
}

// Series that rules record. No translation changes their names.
const (
	RecordedRemaining Metric = "slo:period_error_budget_remaining:ratio"
	RecordedRatio     Metric = "slo:sli_error:ratio_rate" // + window
	Alerts            Metric = "ALERTS"
	// RecordedEvidence is the e-value of a young version for an SLO.
	RecordedEvidence Metric = "slo:version_worse:evalue"
	// What a young version, and the others beside it, had in steps of 5 minutes.
	RecordedYoungTotal  Metric = "slo:young_version_total:increase5m"
	RecordedYoungBad    Metric = "slo:young_version_bad:increase5m"
	RecordedBesideTotal Metric = "slo:beside_version_total:increase5m"
	RecordedBesideBad   Metric = "slo:beside_version_bad:increase5m"
)

// New is for a Prometheus with the translation strategy.
func New(strategy otlptranslator.TranslationStrategyOption) Names {
	n := promname.New(strategy)
	label := func(attribute string) Label { return Label{n.Attribute(attribute), promname.Recorded(attribute)} }
	metric := func(m otlptranslator.Metric) Metric { return Metric(n.Metric(m)) }
	return Names{
		Namespace: label(semconv.ServiceNamespace), Service: label(semconv.ServiceName), Environment: label(semconv.Environment),
		SLO: label(semconv.SLOName), Window: label(semconv.SLOWindow), State: label(semconv.SLOState), Outcome: label(semconv.SLOOutcome),
		Version: label(semconv.ServiceVersion), Deployment: label(semconv.DeploymentID),
		Status: label(semconv.DeploymentStatus), Revision: label(semconv.Revision),
		Previous: label(semconv.DeploymentPreviousVersion), Compare: label(semconv.DeploymentCompareURL), Repository: label(semconv.Repository),
		Change: label(semconv.Change), Run: label(semconv.PipelineURL), Actor: label(semconv.UserName), Tickets: label(semconv.DeploymentTickets),
		GateVerdict: label(semconv.DeploymentGateVerdict), GateReason: label(semconv.DeploymentGateReason),
		Check: label(semconv.CheckName), CheckLocation: label(semconv.CheckLocation), CheckOutcome: label(semconv.CheckOutcome), CheckStep: label(semconv.CheckStep),
		Cluster: label(semconv.ClusterName), Region: label(semconv.CloudRegion), Account: label(semconv.CloudAccount), Rollback: label(semconv.DeploymentRollback),
		ChangeID: label(semconv.ChangeID), ChangeKind: label(semconv.ChangeKind), ChangeName: label(semconv.ChangeName),
		ChangePrevious: label(semconv.ChangePrevious), ChangeValue: label(semconv.ChangeValue), ChangeStatus: label(semconv.ChangeStatus),
		ChangeSummary: label(semconv.ChangeSummary), ChangeURL: label(semconv.ChangeURL),
		ChangeVerdict: label(semconv.ChangeVerdict), ChangeReason: label(semconv.ChangeReason), ChangeEvidence: label(semconv.ChangeEvidence),
		SpanKind: label("span.kind"), StatusCode: label("status.code"),
		Job: label(model.JobLabel), Method: label(string(otel.HTTPRequestMethodKey)), Route: label(string(otel.HTTPRouteKey)), HTTPStatus: label(string(otel.HTTPResponseStatusCodeKey)),
		Client: label("client"), ClientNamespace: label("client_" + semconv.ServiceNamespace),
		Server: label("server"), ServerNamespace: label("server_" + semconv.ServiceNamespace), ClientEnvironment: label("client_" + semconv.Environment), ServerEnvironment: label("server_" + semconv.Environment), Connection: label("connection_type"),

		Objective: metric(semconv.SLOObjective.Metric), Remaining: metric(semconv.SLORemaining.Metric), Coverage: metric(semconv.SLOCoverage.Metric),
		Exhaustion: metric(semconv.SLOExhaustion.Metric), BurnRate: metric(semconv.SLOBurnRate.Metric), States: metric(semconv.SLOStates.Metric), Events: metric(semconv.SLOEvents.Metric),
		Info: metric(semconv.DeploymentInfo.Metric), Start: metric(semconv.DeploymentStart.Metric),
		Commit: metric(semconv.DeploymentCommitted.Metric), Gated: metric(semconv.DeploymentGated.Metric), CheckTime: metric(semconv.CheckTime.Metric), Instances: metric(semconv.DeploymentInstances.Metric),
		Changed:    metric(semconv.ChangeTime.Metric),
		Judged:     metric(semconv.ChangeJudged.Metric),
		Calls:      metric(otlptranslator.Metric{Name: "traces.span.metrics.calls", Type: otlptranslator.MetricTypeMonotonicCounter}),
		Durations:  metric(otlptranslator.Metric{Name: "traces.span.metrics.duration", Unit: "ms", Type: otlptranslator.MetricTypeHistogram}),
		Requests:   metric(otlptranslator.Metric{Name: "http.server.request.duration", Unit: "s", Type: otlptranslator.MetricTypeHistogram}),
		Edges:      metric(otlptranslator.Metric{Name: "traces_service_graph_request_total", Type: otlptranslator.MetricTypeMonotonicCounter}),
		EdgeFailed: metric(otlptranslator.Metric{Name: "traces_service_graph_request_failed_total", Type: otlptranslator.MetricTypeMonotonicCounter}),
		EdgeClient: metric(otlptranslator.Metric{Name: "traces_service_graph_request_client", Unit: "s", Type: otlptranslator.MetricTypeHistogram}),
		EdgeServer: metric(otlptranslator.Metric{Name: "traces_service_graph_request_server", Unit: "s", Type: otlptranslator.MetricTypeHistogram}),
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
