// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// fleet builds the dashboard of all services.
type fleet struct {
	names *names
	board *board
}

func newFleet(n *names, o Options) fleet { return fleet{n, newBoard(o)} }

const variableNamespace = "namespace"

// of matches the chosen variables.
func (f fleet) of(more ...matcher) []matcher {
	return append([]matcher{chosen(semconv.ServiceNamespace, variableNamespace), chosen(semconv.Environment, variableEnvironment)}, more...)
}

// recorded matches recorded series of the chosen variables, which may have no environment.
func (fleet) recorded() []matcher {
	return []matcher{chosen(semconv.ServiceNamespace, variableNamespace), chosenOrNone(semconv.Environment, variableEnvironment)}
}

// promised are the labels of an SLO in all environments.
var promised = []string{semconv.ServiceNamespace, semconv.ServiceName, semconv.SLOName}

// bySLO are the labels of an SLO in an environment.
var bySLO = []string{semconv.ServiceNamespace, semconv.ServiceName, semconv.SLOName, semconv.Environment}

// remaining is the remaining share of all budgets, including those that only the rules compute.
func (f fleet) remaining() vector {
	recorded := f.names.series(recordRemaining, f.recorded()...)
	return f.names.series(metricRemaining, f.of()...).min(bySLO...).or(recorded.min(bySLO...))
}

func (f fleet) burn() vector {
	recorded := f.names.suffixed(recordRatio, "1h", f.recorded()...).max(bySLO...)
	return f.names.series(metricBurnRate, f.of(equal(semconv.SLOWindow, "1h"))...).max(bySLO...).
		or(recorded.overOn(oneMinus(f.names.series(recordObjective, chosen(semconv.ServiceNamespace, variableNamespace)).max(promised...)), promised...))
}

// objective is the objective of each SLO. The rules record it without an environment, so the query takes the environment of the events, which are
// recorded even if there are none.
func (f fleet) objective() vector {
	nowhere := f.names.series(recordObjective, chosen(semconv.ServiceNamespace, variableNamespace)).max(promised...)
	recorded := number(0).times(f.names.series(recordEvents, f.recorded()...).min(bySLO...))
	return f.names.series(metricObjective, f.of()...).max(bySLO...).or(recorded.plusOn(nowhere, promised...))
}

// dashboard begins with the number of SLOs per state, then shows the worst SLOs.
func (f fleet) dashboard() []byte {
	f.board.add(
		strip{7, []panel{f.states(), f.burners(), f.alerts()}},
		strip{9, []panel{f.table()}},
		strip{8, []panel{f.versions(), f.dependencies()}},
		strip{8, []panel{f.inCommon()}},
		strip{12, []panel{f.heat(), f.left()}},
	)
	d := newDashboard(FleetUID, "SLOs of all services", "Every SLO of the catalog, sorted by remaining error budget, lowest first.")
	d.Panels = f.board.panels
	d.Templating.List = []dashboard.VariableModel{
		sourceVariable(variablePrometheus, "Prometheus"),
		labelVariable(variableNamespace, "Namespace", f.names, f.names.series(metricRemaining), semconv.ServiceNamespace),
		labelVariable(variableEnvironment, "Environment", f.names, f.names.series(metricRemaining), semconv.Environment),
	}
	d.Links = navigation(FleetUID)
	return encode(d)
}

func (f fleet) states() panel {
	return newNamedStat(about{"states", "SLOs by state", "The number of SLOs in each state. Good is all of them ok, or idle.", 6},
		look{unit: "short", decimals: new(0.0), steps: from(neutral), brief: "No SLO data", none: "Does a collector with this catalog run?", overrides: colors(stateColors)},
		now("A", f.names.series(metricState, f.of()...).is(1).count(semconv.SLOState), "{{"+label(semconv.SLOState)+"}}"))
}

func (f fleet) burners() panel {
	return newBars(about{"burners", "Top burners", "The SLOs that spend their budgets fastest, over the last hour. Good is at most 1. " +
		"The panels below show the versions and calls that cause it.", 9},
		look{unit: "suffix:x", decimals: new(1.0), min: new(0.0), none: "Nothing burns, or no SLO data", steps: burnSteps},
		now("A", f.burn().max(semconv.ServiceName, semconv.SLOName).largest(8), "{{service_name}} {{slo_name}}"))
}

// versions splits the burn rate of an SLO by version: the parts add up to the burn rate.
func (f fleet) versions() panel {
	bad := f.names.series(metricEvents, f.of(equal(semconv.SLOOutcome, "bad"))...).rateOver("1h").sum(append([]string{semconv.ServiceVersion}, bySLO...)...).some()
	all := f.names.series(metricEvents, f.of()...).rateOver("1h").sum(bySLO...).some()
	budget := oneMinus(f.names.series(metricObjective, f.of()...).max(bySLO...))
	return newBars(about{"versions", "Burn rate by version", "The burn rate of the last hour, split by the versions with bad events. Good is a sum of at most 1. " +
		"If one version is far above the others, its deployment is the likely cause. If all are equal, look for a shared cause.", 12},
		look{unit: "suffix:x", decimals: new(1.0), min: new(0.0), none: "No bad event in the last hour", steps: burnSteps},
		now("A", bad.overOn(all, bySLO...).overOn(budget, bySLO...).largest(8), "{{service_name}} {{slo_name}}: {{service_version}}"))
}

// inCommon are the lines of the budget ledger that explain the bad events of SLOs that burn.
func (f fleet) inCommon() panel {
	return newBars(about{"common", "What bad events have in common", "Bad events of the last five minutes by what they have in common and others do not, most first, while an SLO burns. Good is no bar. " +
		"The name is the attribute, or a pair of them, and its value. `srectl explain` has all of it.", gridWidth},
		look{unit: "short", decimals: new(0.0), min: new(0.0), none: "Nothing burns, or nothing is over-represented among the bad events", steps: from(warning)},
		now("A", f.names.series(metricInCommon, f.of()...).max(semconv.ServiceName, semconv.SLOName, semconv.SLOLedgerAttribute, semconv.SLOLedgerValue).some().largest(8),
			"{{service_name}} {{slo_name}}: {{"+label(semconv.SLOLedgerAttribute)+"}} = {{"+label(semconv.SLOLedgerValue)+"}}"))
}

// dependencies are the calls with the most failures, by caller and called service.
func (f fleet) dependencies() panel {
	failed := f.names.series(metricEdgeFailed,
		chosenOrNone(attrClientNamespace, variableNamespace), chosenOrNone(attrClientEnvironment, variableEnvironment))
	return newBars(about{"dependencies", "Failed calls between services", "Failed calls per second between services over the last hour, most first. Good is no bar. Check the last name first: " +
		"its callers only pass the error on.", 12},
		look{unit: "reqps", decimals: new(2.0), min: new(0.0), none: "No call failed in the last hour, or no service_graph connector", steps: from(warning)},
		now("A", failed.rateOver("1h").sum(attrClient, attrServer).some().largest(8), "{{client}} to {{server}}"))
}

// alerts have the uid of a dashboard for a service's name, since that of the collector is no service's.
func (f fleet) alerts() panel {
	const attrDashboard = "dashboard"
	firing := f.names.series(metricAlerts, equal(attrAlertState, "firing"), matcher{semconv.ServiceName, "!=", `""`}).count(semconv.ServiceName, attrAlert, attrSeverity).
		labeled(attrDashboard, uidPrefix).joined(attrDashboard, "", attrDashboard, semconv.ServiceName).
		labelledWhere(attrDashboard, CollectorUID, semconv.ServiceName, []string{collectorName})
	return newTable(about{"alerts", "Firing", "Firing alerts, by service. Good is an empty table.", 9},
		look{unit: "short", steps: from("transparent"), none: "Nothing fires, or no Prometheus evaluates the rules in alerts/",
			overrides: []dashboard.DashboardFieldConfigSourceOverrides{
				field("Service", "links", linked("Dashboard", "/d/${__value.raw}?${__url_time_range}"), "custom.width", 85, "mappings", append(texts([2]string{CollectorUID, collectorName}),
					pattern("/^"+uidPrefix+"(.*)$/", dashboard.ValueMappingResult{Text: new("$1")}))), field("Series", "custom.width", 60),
				field("Severity", "custom.width", 85, "custom.cellOptions", colored(), "mappings", words([2]string{"page", bad}, [2]string{"ticket", warning})),
			}},
		columns{{attrDashboard, "Service"}, {label(attrAlert), "Alert"}, {label(attrSeverity), "Severity"}, {"Value", "Series"}, {label(semconv.ServiceName), ""}},
		"Severity", rows("A", firing))
}

func (f fleet) table() panel {
	return newTable(about{"slos", "All SLOs, least budget first", "Remaining error budgets and burn rates. Good is green from left to right. " +
		"The name of a service links to its dashboard.", gridWidth},
		look{unit: "none", steps: from("transparent"), none: "No SLO data: does a collector with this catalog run?",
			overrides: append(budgetColumns(), field("Service", "links", toService), field("Objective", "unit", "percentunit", "decimals", 2))},
		columns{{label(semconv.ServiceNamespace), "Namespace"}, {label(semconv.ServiceName), "Service"}, {label(semconv.SLOName), "SLO"}, {label(semconv.Environment), "Environment"},
			{"Value #objective", "Objective"}, {"Value #left", "Budget left"}, {"Value #burn", "Burn rate 1h"},
			{"Value #exhaustion", "Spent in"}, {label(semconv.SLOState), "State"}, {"Value #state", ""}},
		"Budget left",
		rows("left", f.remaining()), rows("objective", f.objective()), rows("burn", f.burn()),
		rows("exhaustion", f.names.series(metricExhaustion, f.of()...).min(bySLO...)),
		rows("state", f.names.series(metricState, f.of()...).is(1).max(append([]string{semconv.SLOState}, bySLO...)...)))
}

// heat is a cell for each service and day: the worst of its SLOs.
func (f fleet) heat() panel {
	day := f.names.series(metricBurnRate, f.of(equal(semconv.SLOWindow, "1d"))...).max(semconv.ServiceNamespace, semconv.ServiceName)
	p := newHeat(about{"heat by day", "Burn by service and day", "Burn rate of each service's worst SLO per day over four weeks: each cell covers the day before its time. Good is green. A red row is a service that needs work. A red column is an incident of several services.", 12},
		look{unit: "suffix:x", decimals: new(1.0), none: "No SLO data: does a collector with this catalog run?", steps: burnSteps},
		graph("A", day, "{{service_name}}"))
	p.TimeFrom, p.MaxDataPoints = new("28d"), new(28*4.0)
	return p
}

// left is a band for each service: the least budget of its SLOs over the week.
func (f fleet) left() panel {
	p := newTimeline(about{"heat", "Budget left by service", "The lowest remaining budget among each service's SLOs over the week. Good stays green. A band turns red when the budget is spent.", 12},
		look{unit: "percentunit", decimals: new(0.0), none: "No SLO data: does a collector with this catalog run?", steps: budgetSteps},
		graph("A", f.remaining().min(semconv.ServiceNamespace, semconv.ServiceName), "{{service_name}}"))
	p.TimeFrom = new("7d")
	return p
}
