// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// releases builds the dashboard of all deployments.
type releases struct {
	names   *names
	options Options
	board   *board
	changes
}

func newReleases(n *names, o Options) releases {
	r := releases{names: n, options: o, board: newBoard(o)}
	r.changes = changes{n, r.of}
	return r
}

// of matches the chosen variables.
func (releases) of(more ...matcher) []matcher {
	return append([]matcher{
		chosen(semconv.ServiceNamespace, variableNamespace), chosen(semconv.Environment, variableEnvironment), chosen(semconv.ServiceName, variableService),
	}, more...)
}

const noVersions = "No version known: do services send service.version, and does a deployevent connector run?"

// dashboard begins with the DORA metrics, then shows running versions and deployments.
func (r releases) dashboard() []byte {
	r.board.add(
		strip{4, spread([]panel{r.frequency(), r.leadTime(), r.failureRate(), r.restoring(), r.rollout(), r.underWay()})},
		strip{12, []panel{r.matrix(), r.history()}},
		strip{8, []panel{r.daily(), r.byService()}},
	)
	r.board.row("events", "Deployment events", true, strip{9, []panel{r.events()}})

	d := newDashboard(DeploymentsUID, "Deployments", "Running versions, deployments with their status, and the DORA metrics of the chosen time range. "+
		"The deployevent connector detects deployments in telemetry and adds reports of pipelines. No report is required.")
	d.Panels = r.board.panels
	d.Templating.List = append(r.options.sources(Loki),
		labelVariable(variableNamespace, "Namespace", r.names, r.names.series(metricInfo), semconv.ServiceNamespace),
		labelVariable(variableEnvironment, "Environment", r.names, r.names.series(metricInfo), semconv.Environment),
		r.services(),
	)
	d.Annotations.List = []dashboard.AnnotationQuery{{
		Name: "Deployments", Enable: true, IconColor: neutral, Datasource: fromPrometheus(),
		Target:      query("Anno", r.start().max(semconv.ServiceName, semconv.ServiceVersion, semconv.Environment, semconv.Revision).times(number(1000)), ""),
		TitleFormat: new("{{service_name}} {{service_version}}"), TextFormat: new("{{deployment_environment_name}} {{vcs_ref_head_revision}}"),
		TagKeys: new(label(semconv.ServiceName)), UseValueForTime: new(true),
	}, {
		Name: "Other changes", Enable: true, IconColor: notice, Datasource: fromPrometheus(),
		Target: query("Anno", r.names.series(metricChanged, chosenOrNone(semconv.ServiceNamespace, variableNamespace), chosenOrNone(semconv.Environment, variableEnvironment),
			chosenOrNone(semconv.ServiceName, variableService)).max(changeLabels...).times(number(1000)), ""),
		TitleFormat: new(changeTitle), TextFormat: new(changeText), TagKeys: new(label(semconv.ChangeKind)), UseValueForTime: new(true),
	}}
	d.Links = navigation(DeploymentsUID)
	d.Time = &dashboard.DashboardDashboardTime{From: "now-7d", To: "now"}
	d.Refresh = new("5m")
	return encode(d)
}

func (r releases) services() dashboard.VariableModel {
	v := labelVariable(variableService, "Service", r.names, r.names.series(metricInfo, chosen(semconv.ServiceNamespace, variableNamespace)), semconv.ServiceName)
	v.Multi = new(true)
	v.Current = allOf()
	return v
}

// orNone is 0 where v has nothing and something is deployed.
func (r releases) orNone(v vector) vector {
	return v.orAllOf(number(0).times(r.info().latest().max()))
}

func (r releases) frequency() panel {
	return newStat(about{"frequency", "Deployments per day", "Deployments that began in the chosen time range, per day for which deployments are known. Rollbacks are failures, not deployments. Good is frequent and small: DORA calls daily or more elite.", 0},
		look{unit: "short", brief: "after 7 days", none: "A rate needs a week of data: choose at least 7 days, and wait until there are", steps: from(neutral)}, now("A", r.orNone(r.all().count()).over(r.days()), "a day"))
}

func (r releases) leadTime() panel {
	return newStat(about{"lead time", "Lead time", "Average time from the commit until it was deployed everywhere, for deployments whose report has the time of the commit. Good is less than a day. DORA calls less than an hour elite.", 0},
		look{unit: "s", decimals: new(0.0), steps: from(good, step(86400, notice), step(604800, warning)),
			brief: "not reported", none: "No report has the time of a commit: use srectl mark --commit-time, or deployment.commit_time"},
		now("A", r.led().where(r.all(), byDeployment...).mean(), "on average"))
}

func (r releases) failureRate() panel {
	failed := r.failed().count().orAllOf(number(0).times(r.all().count()))
	return newStat(about{"failure rate", "Change failure rate", "The share of deployments that were rolled back or failed, or after which an SLO of the service began to burn within the hour. Good is at most 5 %.", 0},
		look{unit: "percentunit", decimals: new(0.0), brief: "no deployment", none: "No deployment in the chosen time range", steps: from(good, step(0.05, notice), step(0.15, warning), step(0.3, bad))},
		now("A", failed.over(r.all().count()), "failed"))
}

func (r releases) restoring() panel {
	return newStat(about{"restoring", "Time to restore", "Average time that SLOs burned until they recovered. Every incident that is over counts, whether a deployment caused it or not. Good is less than an hour. The resolution is 5 minutes.", 0},
		look{unit: "s", decimals: new(0.0), brief: "no incident", none: "No SLO recovered in the chosen time range", steps: from(good, step(3600, warning), step(86400, bad))},
		now("A", r.broken().sum().over(r.incidents().sum()), "an incident"))
}

func (r releases) rollout() panel {
	return newStat(about{"rollout", "Time to roll out", "Time from the first telemetry of a version until it had replaced its predecessor: the slowest rollout of the chosen time range. Good is minutes.", 0},
		look{unit: "s", decimals: new(0.0), brief: "none complete", none: "No deployment was completed in the chosen time range", steps: from(good, step(3600, notice), step(86400, warning))},
		now("A", r.rolledOut().where(r.all(), byDeployment...).max(), "slowest"))
}

func (r releases) underWay() panel {
	return newStat(about{"under way", "Under way", "Deployments in progress: two versions run. Good is 0, or the deployment that you expect.", 0},
		look{unit: "short", decimals: new(0.0), brief: "no version", none: noVersions, steps: from(good, step(1, neutral))},
		now("A", r.info(anyOf(semconv.DeploymentStatus, openStatuses...)).max(byDeployment...).count().orAllOf(number(0).times(r.info().max())), "under way"))
}

// statusColors are those of the statuses of a deployment.
var statusColors = [][2]string{
	{"completed", good}, {"started", neutral}, {"canary", notice}, {"rolled_back", warning}, {"failed", bad},
}

const (
	attrPlace   = "place"
	attrRunning = "running"
	between     = " · "
)

// matrix has a row for each service and a column for each environment. A cell has the newest version in the color of its status.
func (r releases) matrix() panel {
	newest := r.start().max(append([]string{semconv.DeploymentStatus}, byDeployment...)...).newest(byPlace...)
	target := newest.joined(attrPlace, "/", semconv.ServiceNamespace, semconv.ServiceName).trimmed(attrPlace, "/?(.*)").joined(attrRunning, between, semconv.ServiceVersion, semconv.DeploymentStatus)
	p := newTable(about{"matrix", "Running versions", "The newest version of each service in each environment. Good is green. Blue is a rollout, yellow a canary, orange was rolled back, red failed. After a rollback or failure an older version runs.", 6},
		look{unit: "none", none: noVersions, steps: from("transparent"), mappings: inStatusColors()}, columns{}, "Service", rows("A", target))
	corner := label(attrPlace) + `\` + label(semconv.Environment)
	p.Transformations = []dashboard.DataTransformerConfig{
		{Id: "groupingToMatrix", Options: map[string]any{
			"rowField": label(attrPlace), "columnField": label(semconv.Environment), "valueField": label(attrRunning), "emptyValue": "empty",
		}},
		{Id: "organize", Options: map[string]any{"excludeByName": map[string]bool{}, "indexByName": map[string]int{}, "renameByName": map[string]string{corner: "Service"}}},
	}
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, dashboard.DashboardFieldConfigSourceOverrides{
		Matcher:    dashboard.MatcherConfig{Id: "byType", Options: "string"},
		Properties: []dashboard.DynamicConfigValue{{Id: "custom.cellOptions", Value: colored()}},
	})
	return p
}

// inStatusColors shows the status behind a version as a color, and in words if it is not complete.
func inStatusColors() []dashboard.ValueMapping {
	var all []dashboard.ValueMapping
	for i, p := range statusColors {
		text := "$1 " + p[0]
		if p[0] == "completed" {
			text = "$1"
		}
		all = append(all, pattern("/^(.*)"+between+p[0]+"$/", dashboard.ValueMappingResult{Text: &text, Color: new(p[1]), Index: new(int32(i))}))
	}
	return all
}

// history lists all deployments of the chosen time range, newest first.
func (r releases) history() panel {
	return newTable(about{"history", "Deployed", "Deployments of the chosen time range with their last known status. Good is completed, without a burning SLO afterwards. The name of a service links to its dashboard.", 18},
		look{unit: "none", steps: from("transparent"), none: "No deployment in the chosen time range", overrides: []dashboard.DashboardFieldConfigSourceOverrides{
			field("Service", "links", toService),
			field("Began", "unit", "dateTimeAsIso", "custom.width", 160),
			field("Rollout time", "unit", "s", "decimals", 0, "custom.width", 105),
			field("Lead time", "unit", "s", "decimals", 0, "custom.width", 85),
			field("Instances", "unit", "short", "decimals", 0, "custom.width", 85),
			field("Commit", "mappings", shortCommit(), "custom.width", 85),
			field("Status", "custom.width", 105, "custom.cellOptions", colored(), "mappings", words(statusColors...)),
			field("SLO burned", "custom.width", 100, "custom.cellOptions", colored(), "thresholds", absolute(from(bad)), "mappings", always("yes")),
		}},
		columns{{label(semconv.ServiceName), "Service"}, {label(semconv.Environment), "Environment"}, {label(semconv.ServiceVersion), "Version"}, {"Value #began", "Began"},
			{label(semconv.DeploymentStatus), "Status"}, {"Value #took", "Rollout time"}, {"Value #led", "Lead time"}, {"Value #burned", "SLO burned"}, {"Value #instances", "Instances"},
			{label(semconv.Revision), "Commit"}, {label(semconv.ServiceNamespace), ""}, {label(semconv.DeploymentID), ""}},
		"-Began",
		rows("began", r.settled().where(r.all(), byDeployment...).times(number(1000))),
		rows("took", r.rolledOut().where(r.all(), byDeployment...)),
		rows("led", r.led().where(r.all(), byDeployment...)),
		rows("burned", r.burned().where(r.all(), byDeployment...)),
		rows("instances", r.names.series(metricInstances, r.of()...).max(byDeployment...).where(r.all(), byDeployment...)))
}

// always shows a word for any number.
func always(word string) []dashboard.ValueMapping {
	return orBlank([]dashboard.ValueMapping{{RangeMap: &dashboard.RangeMap{
		Type:    dashboard.MappingTypeRangeToText,
		Options: dashboard.DashboardRangeMapOptions{Result: dashboard.ValueMappingResult{Text: &word}},
	}}})
}

// daily has a bar for each day or, of few days, for a part of one.
func (r releases) daily() panel {
	before := vector{promQL: "(time() - $__interval_ms / 1000)"}
	started := vector{"last_over_time(" + r.start().promQL + "[$__interval])", r.names}.max(byDeployment...).above(before)
	p := newAreas(about{"daily", "Deployments over time", "Deployments since the previous bar, by service, including the first version of a new service. Good is a few every working day instead of many at once.", 9},
		look{unit: "short", decimals: new(0.0), min: new(0.0), none: "No deployment in the chosen time range"}, graph("A", started.count(semconv.ServiceName), "{{service_name}}"))
	custom := p.FieldConfig.Defaults.Custom.(*timeseries.FieldConfig)
	custom.DrawStyle, custom.FillOpacity = new(common.GraphDrawStyleBars), new(80.0)
	p.Interval, p.MaxDataPoints = new("5m"), new(30.0)
	return p
}

// byService has the DORA metrics of each service.
func (r releases) byService() panel {
	by := []string{semconv.ServiceNamespace, semconv.ServiceName}
	all := r.all().count(by...)
	incidents := r.incidents().sum(by...)
	return newTable(about{"services", "DORA metrics by service", "Per service, over the chosen time range: deployments, time from commit to deployment, share of failed deployments, number of SLO incidents, and time to restore. Good is many deployments and few red cells.", 15},
		look{unit: "none", steps: from("transparent"), none: "No deployment and no burning SLO in the chosen time range", overrides: []dashboard.DashboardFieldConfigSourceOverrides{
			field("Service", "links", toService),
			field("Deployments", "unit", "short", "decimals", 0), field("Incidents", "unit", "short", "decimals", 0),
			field("Lead time", "unit", "s", "decimals", 0),
			field("Failed", "unit", "percentunit", "decimals", 0, "custom.cellOptions", colored(), "thresholds", absolute(from(good, step(0.05, notice), step(0.15, warning), step(0.3, bad)))),
			field("Time to restore", "unit", "s", "decimals", 0, "custom.cellOptions", colored(), "thresholds", absolute(from(good, step(3600, warning), step(86400, bad)))),
		}},
		columns{{label(semconv.ServiceNamespace), "Namespace"}, {label(semconv.ServiceName), "Service"}, {"Value #all", "Deployments"}, {"Value #led", "Lead time"}, {"Value #failed", "Failed"},
			{"Value #incidents", "Incidents"}, {"Value #restored", "Time to restore"}},
		"-Failed",
		rows("all", all), rows("led", r.led().where(r.all(), byDeployment...).mean(by...)), rows("failed", r.failed().count(by...).or(number(0).times(all)).over(all)),
		rows("incidents", incidents), rows("restored", r.broken().sum(by...).over(incidents)))
}

// events are the connector's log records, if they go to Loki.
func (r releases) events() panel {
	expr := "{" + label(semconv.ServiceName) + `=~"$` + variableService + `"} | ` + label(semconv.DeploymentStatus) + `=~".+"`
	p := newLogs(about{"events", "Events", "Deployment events of the deployevent connector and of pipelines, newest first: author, pipeline, rollbacks. Good is succeeded.", gridWidth}, logLines(expr))
	p.FieldConfig.Defaults.NoValue = new("No deployment event: does the pipeline logs/deployments go to this Loki?")
	return p
}
