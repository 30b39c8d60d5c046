// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"slices"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// deployments shows the running versions, their start and their commit.
func (s service) deployments() {
	by := []string{semconv.Environment, semconv.ServiceVersion, semconv.DeploymentStatus, semconv.Revision}
	var commit []fieldLink
	if repository, ok := webAddress(s.Repository); ok {
		commit = linked("Commit", strings.TrimSuffix(repository, "/")+"/commit/${__value.raw}")
	}
	calls := s.calls()
	share := newAreas(about{"version share", "Share of requests by version", "The share of requests that each version handles. Good is one version or, during a rollout or canary, the planned share.", 10},
		look{unit: "percentunit", decimals: new(0.0), min: new(0.0), max: new(1.0), none: "No requests", overrides: ofVersions},
		graph("A", calls.overOn(calls.some().sum()), byVersion))
	instances := newAreas(about{"instances", "Instances by version", "The number of instances per version. Good is one version, or two during a rollout.", 10},
		look{unit: "short", decimals: new(0.0), min: new(0.0), none: "No version known: set service.version", overrides: ofVersions},
		graph("A", s.names.series(metricInstances, s.of(chosen(semconv.ServiceVersion, variableVersion))...).sum(semconv.ServiceVersion), byVersion))
	facts := []string{semconv.DeploymentPreviousVersion, semconv.DeploymentCompareURL, semconv.PipelineURL, semconv.UserName}
	described := s.names.series(metricInfo, s.of()...).max(append(slices.Clone(by), facts...)...)
	since := described.timesOn(s.names.series(metricStart, s.of()...).max(by...), by...).times(number(1000))
	address := func(title string) []any {
		return []any{"links", linked(title, "${__value.raw}"), "mappings", orBlank([]dashboard.ValueMapping{pattern("/^https?:.*$/", dashboard.ValueMappingResult{Text: &title})}), "custom.width", 80}
	}
	history := newTable(about{"deployments", "Deployed", "Running versions, when each was first seen, who deployed it, and what has changed since the previous one. Good is completed, with the expected commit. The commit links to the repository.", gridWidth},
		look{unit: "none", steps: from("transparent"), none: "No version known: set service.version", overrides: []dashboard.DashboardFieldConfigSourceOverrides{
			field("Since", "unit", "dateTimeFromNow", "custom.width", 150), field("Instances", "unit", "short", "decimals", 0, "custom.width", 100),
			field("Commit", "links", commit, "mappings", shortCommit(), "custom.width", 100),
			field("Changes", address("compare")...), field("Run", address("run")...),
			field("Status", "custom.width", 120, "custom.cellOptions", colored(), "mappings", words(statusColors...)),
		}},
		columns{{label(semconv.ServiceVersion), "Version"}, {label(semconv.Environment), "Environment"}, {"Value #since", "Since"},
			{"Value #instances", "Instances"}, {label(semconv.DeploymentStatus), "Status"}, {label(semconv.Revision), "Commit"},
			{label(semconv.DeploymentPreviousVersion), "Before"}, {label(semconv.DeploymentCompareURL), "Changes"}, {label(semconv.PipelineURL), "Run"}, {label(semconv.UserName), "By"}},
		"", rows("since", since), rows("instances", s.names.series(metricInstances, s.of()...).sum(by...)))
	silence := newStat(about{"silence", "Newest telemetry", "Time since the collector last received telemetry of the service. Good is less than a minute. Otherwise the service is silent or disconnected.", 4},
		look{unit: "s", decimals: new(0.0), none: "Never seen", steps: from(good, step(60, notice), step(300, bad))},
		now("A", s.names.series(metricLastSeen, s.of()...).max(semconv.Environment).age(), inEnvironment))
	s.board.row("deployments", "Deployments", false, strip{7, []panel{share, instances, silence}}, strip{6, []panel{history}}, strip{6, []panel{s.effects(), s.clusters()}})
}

// effects is what deployments did to SLOs.
func (s service) effects() panel {
	by := []string{semconv.Environment, semconv.ServiceVersion, semconv.SLOName}
	bound := func(b string) vector {
		return s.names.series(metricEffect, s.of(equal(semconv.DeploymentEffectBound, b))...).max(by...)
	}
	times := func(name string, steps []dashboard.Threshold) dashboard.DashboardFieldConfigSourceOverrides {
		return field(name, "unit", "suffix:x", "decimals", 1, "custom.cellOptions", colored(), "thresholds", absolute(steps))
	}
	return newTable(about{"effects", "Effect of the deployment", "How many times as often the newest versions failed as the versions that they replaced, of the SLO whose budget that cost most. The true number is between the two bounds. " +
		"If the lower bound is above 1, the version is worse. Good is a number around 1, or no row: then there were no failures to compare, or the version has run for a long time.", 12},
		look{unit: "none", steps: from("transparent"), none: "No deployment with failures to compare", overrides: []dashboard.DashboardFieldConfigSourceOverrides{
			times("Fails as often", from("transparent")), times("At least", from("transparent", step(1.000001, bad))), times("At most", from("transparent")),
			field("Budget spent", "unit", "s", "decimals", 0),
		}},
		columns{{label(semconv.ServiceVersion), "Version"}, {label(semconv.Environment), "Environment"}, {label(semconv.SLOName), "SLO"},
			{"Value #times", "Fails as often"}, {"Value #low", "At least"}, {"Value #high", "At most"}, {"Value #spent", "Budget spent"}},
		"", rows("times", bound(semconv.EffectTimes)), rows("low", bound(semconv.EffectLow)), rows("high", bound(semconv.EffectHigh)),
		rows("spent", s.names.series(metricSpent, s.of()...).max(by...)))
}

// clusters compares the places where the service runs.
func (s service) clusters() panel {
	by := []string{semconv.ClusterName, semconv.SLOName}
	failed := s.names.series(metricEvents, s.of(equal(semconv.SLOOutcome, "bad"))...).rate().sum(by...)
	all := s.names.series(metricEvents, s.of()...).rate().sum(by...)
	return newGraph(about{"clusters", "Bad events by cluster", "The share of the events of each SLO that were bad, by k8s.cluster.name. Good is one level in all clusters. If one is worse, the cause is there.", 12},
		look{unit: "percentunit", min: new(0.0), none: "No events counted yet"}, graph("A", failed.over(all.some()), "{{"+label(semconv.ClusterName)+"}} {{"+label(semconv.SLOName)+"}}"))
}

// annotations mark deployments in every panel: from Prometheus, which is always available without a token, and
// from Grafana's own annotations, which include rollbacks and durations, if an exporter writes them. Pages are marked while they fire.
func (s service) annotations() []dashboard.AnnotationQuery {
	starts := query("Anno", s.names.series(metricStart, s.of()...).max(semconv.ServiceVersion, semconv.Environment, semconv.Revision).times(number(1000)), "")
	changes := query("Anno", s.names.series(metricChanged, equalOrNone(semconv.ServiceName, s.Name), equalOrNone(semconv.ServiceNamespace, s.Namespace),
		chosenOrNone(semconv.Environment, variableEnvironment)).max(changeLabels...).times(number(1000)), "")
	pages := query("Anno", s.names.series(metricAlerts, s.anywhere(equal(attrSeverity, "page"), equal(attrAlertState, "firing"))...).max(attrAlert, semconv.SLOName, semconv.Environment), "")
	return []dashboard.AnnotationQuery{
		{
			Name: "Deployments", Enable: true, IconColor: neutral, Datasource: fromPrometheus(), Target: starts,
			TitleFormat: new("Version {{service_version}}"), TextFormat: new("{{deployment_environment_name}} {{vcs_ref_head_revision}}"),
			TagKeys: new(label(semconv.ServiceVersion)), UseValueForTime: new(true),
		},
		{
			Name: "Other changes", Enable: true, IconColor: notice, Datasource: fromPrometheus(), Target: changes,
			TitleFormat: new(changeTitle), TextFormat: new(changeText), TagKeys: new(label(semconv.ChangeKind)), UseValueForTime: new(true),
		},
		{
			Name: "Pages", Enable: true, IconColor: bad, Datasource: fromPrometheus(), Target: pages,
			TitleFormat: new("{{alertname}}"), TextFormat: new("{{slo_name}} {{deployment_environment_name}}"), TagKeys: new(label(attrAlert)),
		},
		{
			Name: "Deployments in detail", Enable: false, IconColor: "purple", Datasource: &common.DataSourceRef{Type: new("grafana"), Uid: new("-- Grafana --")},
			Target: taggedAnnotations{Type: "tags", Tags: []string{"deploy", "service:" + tag(s.Name)}, Limit: 100, RefID: "Anno"},
		},
		{
			Name: "Incidents in detail", Enable: false, IconColor: bad, Datasource: &common.DataSourceRef{Type: new("grafana"), Uid: new("-- Grafana --")},
			Target: taggedAnnotations{Type: "tags", Tags: []string{"incident", "service:" + tag(s.Name)}, Limit: 100, RefID: "Anno"},
		},
	}
}

// What is shown of changes that are no deployments: flags, configurations, infrastructure, incidents.
var (
	changeLabels = []string{semconv.ChangeKind, semconv.ChangeName, semconv.ChangePrevious, semconv.ChangeValue, semconv.ServiceName, semconv.UserName}
	changeTitle  = "{{" + label(semconv.ChangeKind) + "}} {{" + label(semconv.ChangeName) + "}}"
	changeText   = "{{" + label(semconv.ChangePrevious) + "}} → {{" + label(semconv.ChangeValue) + "}} {{" + label(semconv.ServiceName) + "}} {{" + label(semconv.UserName) + "}}"
)

// tag is a name as the exporter of annotations writes it: in Grafana a colon ends a value.
func tag(name string) string { return plain(strings.ReplaceAll(name, ":", "_")) }

// variables are the dashboard's variables.
func (s service) variables() []dashboard.VariableModel {
	all := append(s.options.sources(Backends...), s.environments(), s.versions())
	if len(s.options.having(Backends...)) == 0 {
		return all
	}
	return append(all, dashboard.VariableModel{
		Type: dashboard.VariableTypeTextbox, Name: variableCorrelation, Label: new("Correlation ID"),
		Description: new("The ID of a request, an order or a trace, or its beginning. If empty, any."),
		Query:       &dashboard.StringOrMap{String: new("")},
		Current:     option("", ""),
	})
}

func (s service) environments() dashboard.VariableModel {
	v := labelVariable(variableEnvironment, "Environment", s.names, s.names.series(metricRemaining, s.anywhere()...), semconv.Environment)
	if s.mostEvents() == nil {
		v = labelVariable(variableEnvironment, "Environment", s.names, s.names.series(recordEvents, s.anywhere()...), semconv.Environment)
	}
	if len(s.Environments) > 0 {
		v.Current = option(s.Environments[0], s.Environments[0])
	}
	return v
}

func (s service) versions() dashboard.VariableModel {
	v := labelVariable(variableVersion, "Version", s.names, s.names.series(metricInfo, s.of()...), semconv.ServiceVersion)
	v.Multi = new(true)
	v.Current = &dashboard.VariableOption{
		Text: dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}}, Value: dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}},
	}
	return v
}

// sourceVariable is in the menu of controls: it is rarely changed, and the menu saves space.
func sourceVariable(name, title string) dashboard.VariableModel {
	return dashboard.VariableModel{
		Type: dashboard.VariableTypeDatasource, Name: name, Label: &title, Query: &dashboard.StringOrMap{String: new(strings.ToLower(title))},
		Refresh: new(dashboard.VariableRefreshOnDashboardLoad), Hide: new(dashboard.VariableHideInControlsMenu),
	}
}

// labelVariable offers the values of a label, and all of them.
func labelVariable(name, title string, n *names, v vector, attribute string) dashboard.VariableModel {
	from := label(attribute)
	if v.names != nil {
		from = n.Attribute(attribute)
	}
	ask := "label_values(" + v.promQL + ", " + from + ")"
	return dashboard.VariableModel{
		Type: dashboard.VariableTypeQuery, Name: name, Label: &title, Datasource: fromPrometheus(), Definition: &ask,
		Query:   &dashboard.StringOrMap{String: &ask},
		Refresh: new(dashboard.VariableRefreshOnTimeRangeChanged), Sort: new(dashboard.VariableSortNaturalAsc),
		IncludeAll: new(true), AllValue: new(".*"), Current: option("All", "$__all"),
	}
}

func option(text, value string) *dashboard.VariableOption {
	return &dashboard.VariableOption{Text: dashboard.StringOrArrayOfString{String: &text}, Value: dashboard.StringOrArrayOfString{String: &value}}
}
