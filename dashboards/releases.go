package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// releases is the dashboard of all deployments while it is made.
type releases struct {
	names *names
	board *board
	changes
}

func newReleases(n *names) releases {
	r := releases{names: n, board: newBoard()}
	r.changes = changes{n, r.of}
	return r
}

// of matches what is chosen.
func (releases) of(more ...matcher) []matcher {
	return append([]matcher{
		chosen(semconv.ServiceNamespace, variableNamespace), chosen(semconv.Environment, variableEnvironment), chosen(semconv.ServiceName, variableService),
	}, more...)
}

const noVersions = "No version known: do services send service.version, and does a deployevent connector run?"

// dashboard puts first how changes go, then what runs where and what was changed.
func (r releases) dashboard() []byte {
	r.board.add(
		strip{4, spread([]panel{r.frequency(), r.leadTime(), r.failureRate(), r.restoring(), r.rollout(), r.underWay()})},
		strip{12, []panel{r.matrix(), r.history()}},
		strip{8, []panel{r.daily(), r.byService()}},
	)
	r.board.row("events", "Deployment events", true, strip{9, []panel{r.events()}})

	d := newDashboard(DeploymentsUID, "Deployments", "Which version runs where, what was deployed and how it went, and what the DORA metrics say of the time that is chosen. "+
		"From telemetry and reports, by the deployevent connector; nobody has to send anything.")
	d.Panels = r.board.panels
	d.Templating.List = []dashboard.VariableModel{
		sourceVariable(variablePrometheus, "Prometheus"), sourceVariable(variableLoki, "Loki"),
		labelVariable(variableNamespace, "Namespace", r.names, r.names.series(metricInfo), semconv.ServiceNamespace),
		labelVariable(variableEnvironment, "Environment", r.names, r.names.series(metricInfo), semconv.Environment),
		r.services(),
	}
	d.Annotations.List = []dashboard.AnnotationQuery{{
		Name: "Deployments", Enable: true, IconColor: neutral, Datasource: fromPrometheus(),
		Target:      query("Anno", r.start().max(semconv.ServiceName, semconv.ServiceVersion, semconv.Environment, semconv.Revision).times(number(1000)), ""),
		TitleFormat: new("{{service_name}} {{service_version}}"), TextFormat: new("{{deployment_environment_name}} {{vcs_ref_head_revision}}"),
		TagKeys: new(label(semconv.ServiceName)), UseValueForTime: new(true),
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
	days := vector{promQL: "(" + chosenSeconds + " / 86400)"}
	return newStat(about{"frequency", "Deployments a day", "Deployments that began in the time that is chosen, by its days. Good is often and small: daily or more is elite by DORA.", 0},
		look{unit: "short", brief: "no version", none: noVersions, steps: from(neutral)}, now("A", r.orNone(r.all().count()).over(days), "a day"))
}

func (r releases) leadTime() panel {
	return newStat(about{"lead time", "Lead time", "From the commit to when it was deployed everywhere, on average, of the deployments whose report told when the commit was made. Good is less than a day; less than an hour is elite by DORA.", 0},
		look{unit: "s", decimals: new(0.0), steps: from(good, step(86400, notice), step(604800, warning)),
			brief: "not reported", none: "No report told when a commit was made: give srectl mark --commit-time, or deployment.commit_time"},
		now("A", r.led().where(r.all(), byDeployment...).mean(), "on average"))
}

func (r releases) failureRate() panel {
	failed := r.failed().count().orAllOf(number(0).times(r.all().count()))
	return newStat(about{"failure rate", "Change failure rate", "The share of deployments that were rolled back or failed, or after which an SLO of the service began to burn within the hour. Good is at most 5 %.", 0},
		look{unit: "percentunit", decimals: new(0.0), brief: "no deployment", none: "No deployment in the time that is chosen", steps: from(good, step(0.05, notice), step(0.15, warning), step(0.3, bad))},
		now("A", failed.over(r.all().count()), "failed"))
}

func (r releases) restoring() panel {
	return newStat(about{"restoring", "Time to restore", "How long SLOs burned at a time, on average, until they were well again: every incident counts, whether a deployment began it or not. Good is less than an hour. To within 5 minutes.", 0},
		look{unit: "s", decimals: new(0.0), brief: "no incident", none: "No SLO began to burn in the time that is chosen", steps: from(good, step(3600, warning), step(86400, bad))},
		now("A", r.broken().sum().over(r.incidents().sum()), "an incident"))
}

func (r releases) rollout() panel {
	return newStat(about{"rollout", "Time to roll out", "From the first telemetry of a version to when it had taken its predecessor's place: the slowest of the time that is chosen. Good is minutes.", 0},
		look{unit: "s", decimals: new(0.0), brief: "none complete", none: "No deployment was completed in the time that is chosen", steps: from(good, step(3600, notice), step(86400, warning))},
		now("A", r.rolledOut().where(r.all(), byDeployment...).max(), "slowest"))
}

func (r releases) underWay() panel {
	return newStat(about{"under way", "Under way", "Deployments that have started and are not over: two versions run. Good is 0, or the one that you wait for.", 0},
		look{unit: "short", decimals: new(0.0), brief: "no version", none: noVersions, steps: from(good, step(1, neutral))},
		now("A", r.info(anyOf(semconv.DeploymentStatus, openStatuses...)).max(byDeployment...).count().orAllOf(number(0).times(r.info().max())), "under way"))
}

// statusColours are those of the statuses of a deployment.
var statusColours = [][2]string{
	{"completed", good}, {"started", neutral}, {"canary", notice}, {"rolled_back", warning}, {"failed", bad},
}

const (
	attrPlace   = "place"
	attrRunning = "running"
	between     = " · "
)

// matrix has a line for each service and a column for each environment, and in it the newest version in the colour of its status.
func (r releases) matrix() panel {
	newest := r.start().max(append([]string{semconv.DeploymentStatus}, byDeployment...)...).newest(byPlace...)
	target := newest.joined(attrPlace, "/", semconv.ServiceNamespace, semconv.ServiceName).trimmed(attrPlace, "/?(.*)").joined(attrRunning, between, semconv.ServiceVersion, semconv.DeploymentStatus)
	p := newTable(about{"matrix", "What runs where", "The newest version of each service in each environment. Good is green. Blue rolls out, yellow is a canary, orange was rolled back, red failed: then an older version runs too.", 6},
		look{unit: "none", none: noVersions, steps: from("transparent"), mappings: inStatusColours()}, columns{}, "Service", rows("A", target))
	corner := label(attrPlace) + `\` + label(semconv.Environment)
	p.Transformations = []dashboard.DataTransformerConfig{
		{Id: "groupingToMatrix", Options: map[string]any{
			"rowField": label(attrPlace), "columnField": label(semconv.Environment), "valueField": label(attrRunning), "emptyValue": "empty",
		}},
		{Id: "organize", Options: map[string]any{"excludeByName": map[string]bool{}, "indexByName": map[string]int{}, "renameByName": map[string]string{corner: "Service"}}},
	}
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, dashboard.DashboardFieldConfigSourceOverrides{
		Matcher:    dashboard.MatcherConfig{Id: "byType", Options: "string"},
		Properties: []dashboard.DynamicConfigValue{{Id: "custom.cellOptions", Value: coloured()}},
	})
	return p
}

// inStatusColours shows the status behind a version as a colour, and in words if it is not complete.
func inStatusColours() []dashboard.ValueMapping {
	var all []dashboard.ValueMapping
	for i, p := range statusColours {
		text := "$1 " + p[0]
		if p[0] == "completed" {
			text = "$1"
		}
		all = append(all, pattern("/^(.*)"+between+p[0]+"$/", dashboard.ValueMappingResult{Text: &text, Color: new(p[1]), Index: new(int32(i))}))
	}
	return all
}

// history is every deployment of the time that is chosen, the newest first.
func (r releases) history() panel {
	return newTable(about{"history", "Deployed", "What was deployed in the time that is chosen, with the last status known. Good is completed, and no SLO that burned after it. The name of a service leads to its dashboard.", 18},
		look{unit: "none", steps: from("transparent"), none: "Nothing was deployed in the time that is chosen", overrides: []dashboard.DashboardFieldConfigSourceOverrides{
			field("Service", "links", toService),
			field("Began", "unit", "dateTimeAsIso", "custom.width", 160),
			field("Rolled out in", "unit", "s", "decimals", 0, "custom.width", 105),
			field("Lead time", "unit", "s", "decimals", 0, "custom.width", 85),
			field("Instances", "unit", "short", "decimals", 0, "custom.width", 85),
			field("Commit", "mappings", shortCommit(), "custom.width", 85),
			field("Status", "custom.width", 105, "custom.cellOptions", coloured(), "mappings", words(statusColours...)),
			field("SLO burned", "custom.width", 100, "custom.cellOptions", coloured(), "thresholds", absolute(from(bad)), "mappings", always("yes")),
		}},
		columns{{label(semconv.ServiceName), "Service"}, {label(semconv.Environment), "Environment"}, {label(semconv.ServiceVersion), "Version"}, {"Value #began", "Began"},
			{label(semconv.DeploymentStatus), "Status"}, {"Value #took", "Rolled out in"}, {"Value #led", "Lead time"}, {"Value #burned", "SLO burned"}, {"Value #instances", "Instances"},
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
	p := newAreas(about{"daily", "Deployments over time", "Deployments that began since the bar before, by service; the first version of a new service counts too. Good is a few every working day rather than many at once.", 9},
		look{unit: "short", decimals: new(0.0), min: new(0.0), none: "Nothing was deployed in the time that is chosen"}, graph("A", started.count(semconv.ServiceName), "{{service_name}}"))
	custom := p.FieldConfig.Defaults.Custom.(*timeseries.FieldConfig)
	custom.DrawStyle, custom.FillOpacity = new(common.GraphDrawStyleBars), new(80.0)
	p.Interval, p.MaxDataPoints = new("5m"), new(30.0)
	return p
}

// byService is what DORA measures, of each service.
func (r releases) byService() panel {
	by := []string{semconv.ServiceNamespace, semconv.ServiceName}
	all := r.all().count(by...)
	incidents := r.incidents().sum(by...)
	return newTable(about{"services", "How changes go, by service", "Deployments of the time that is chosen, how long commits waited, the share that failed, how often an SLO began to burn, and how long it took until it was well. Good is many deployments and few red cells.", 15},
		look{unit: "none", steps: from("transparent"), none: "Nothing was deployed and no SLO burned in the time that is chosen", overrides: []dashboard.DashboardFieldConfigSourceOverrides{
			field("Service", "links", toService),
			field("Deployments", "unit", "short", "decimals", 0), field("Incidents", "unit", "short", "decimals", 0),
			field("Lead time", "unit", "s", "decimals", 0),
			field("Failed", "unit", "percentunit", "decimals", 0, "custom.cellOptions", coloured(), "thresholds", absolute(from(good, step(0.05, notice), step(0.15, warning), step(0.3, bad)))),
			field("Time to restore", "unit", "s", "decimals", 0, "custom.cellOptions", coloured(), "thresholds", absolute(from(good, step(3600, warning), step(86400, bad)))),
		}},
		columns{{label(semconv.ServiceNamespace), "Namespace"}, {label(semconv.ServiceName), "Service"}, {"Value #all", "Deployments"}, {"Value #led", "Lead time"}, {"Value #failed", "Failed"},
			{"Value #incidents", "Incidents"}, {"Value #restored", "Time to restore"}},
		"-Failed",
		rows("all", all), rows("led", r.led().where(r.all(), byDeployment...).mean(by...)), rows("failed", r.failed().count(by...).or(number(0).times(all)).over(all)),
		rows("incidents", incidents), rows("restored", r.broken().sum(by...).over(incidents)))
}

// events are what the connector says, where its logs go to Loki.
func (r releases) events() panel {
	expr := "{" + label(semconv.ServiceName) + `=~"$` + variableService + `"} | ` + label(semconv.DeploymentStatus) + `=~".+"`
	p := newLogs(about{"events", "Events", "What the deployevent connector and pipelines said, newest first: who deployed, with which pipeline, what was rolled back. Good is succeeded.", gridWidth}, logLines(expr))
	p.FieldConfig.Defaults.NoValue = new("No deployment event: does the pipeline logs/deployments go to this Loki?")
	return p
}
