package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// fleet is the dashboard of all services while it is made.
type fleet struct {
	names *names
	board *board
}

func newFleet(n *names) fleet { return fleet{n, newBoard()} }

const variableNamespace = "namespace"

// of matches what is chosen.
func (f fleet) of(more ...matcher) []matcher {
	return append([]matcher{chosen(semconv.ServiceNamespace, variableNamespace), chosen(semconv.Environment, variableEnvironment)}, more...)
}

// recorded matches what the rules record of what is chosen, which may have no environment.
func (fleet) recorded() []matcher {
	return []matcher{chosen(semconv.ServiceNamespace, variableNamespace), chosenOrNone(semconv.Environment, variableEnvironment)}
}

// promised are the labels of an SLO in all environments.
var promised = []string{semconv.ServiceNamespace, semconv.ServiceName, semconv.SLOName}

// bySLO are the labels of an SLO in an environment.
var bySLO = []string{semconv.ServiceNamespace, semconv.ServiceName, semconv.SLOName, semconv.Environment}

// remaining is what is left of all budgets, of those that only the rules know too.
func (f fleet) remaining() vector {
	recorded := f.names.series(recordRemaining, f.recorded()...)
	return f.names.series(metricRemaining, f.of()...).min(bySLO...).or(recorded.min(bySLO...))
}

func (f fleet) burn() vector {
	recorded := f.names.suffixed(recordRatio, "1h", f.recorded()...).max(bySLO...)
	return f.names.series(metricBurnRate, f.of(equal(semconv.SLOWindow, "1h"))...).max(bySLO...).
		or(recorded.overOn(oneMinus(f.names.series(recordObjective, chosen(semconv.ServiceNamespace, variableNamespace)).max(promised...)), promised...))
}

// objective is what is promised. The rules know it without an environment, so that of what is left is taken.
func (f fleet) objective() vector {
	nowhere := f.names.series(recordObjective, chosen(semconv.ServiceNamespace, variableNamespace)).max(promised...)
	recorded := number(0).times(f.names.series(recordRemaining, f.recorded()...).min(bySLO...))
	return f.names.series(metricObjective, f.of()...).max(bySLO...).or(recorded.plusOn(nowhere, promised...))
}

// dashboard says where to look first: how many SLOs are in which state, then the worst of them.
func (f fleet) dashboard() []byte {
	f.board.add(
		strip{7, []panel{f.states(), f.burners(), f.alerts()}},
		strip{9, []panel{f.table()}},
		strip{8, []panel{f.versions(), f.dependencies()}},
		strip{12, []panel{f.heat(), f.left()}},
	)
	d := newDashboard(FleetUID, "SLOs of all services", "Every SLO of the catalog, that with the least error budget first.")
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
	return newNamedStat(about{"states", "SLOs by state", "How many SLOs are in each state. Good is all of them ok, or idle.", 6},
		look{unit: "short", decimals: new(0.0), steps: from(neutral), brief: "No SLO data", none: "Does a collector with this catalog run?", overrides: colours(stateColours)},
		now("A", f.names.series(metricState, f.of()...).is(1).count(semconv.SLOState), "{{"+label(semconv.SLOState)+"}}"))
}

func (f fleet) burners() panel {
	return newBars(about{"burners", "Top burners", "The SLOs that spend their budgets fastest, over the last hour. Good is at most 1. " +
		"What they burn on is below: which version, and which calls.", 9},
		look{unit: "suffix:x", decimals: new(1.0), min: new(0.0), none: "Nothing burns, or no SLO data", steps: burnSteps},
		now("A", f.burn().max(semconv.ServiceName, semconv.SLOName).largest(8), "{{service_name}} {{slo_name}}"))
}

// versions parts the burn rate of an SLO among the versions that made it: their parts add up to it.
func (f fleet) versions() panel {
	bad := f.names.series(metricEvents, f.of(equal(semconv.SLOOutcome, "bad"))...).rateOver("1h").sum(append([]string{semconv.ServiceVersion}, bySLO...)...).some()
	all := f.names.series(metricEvents, f.of()...).rateOver("1h").sum(bySLO...).some()
	budget := oneMinus(f.names.series(metricObjective, f.of()...).max(bySLO...))
	return newBars(about{"versions", "What they burn on: versions", "The burn rate of the last hour, parted among the versions whose events were bad. Good is at most 1 altogether. " +
		"One version far above its neighbour is a bad deployment; all alike is something that they share.", 12},
		look{unit: "suffix:x", decimals: new(1.0), min: new(0.0), none: "No bad event in the last hour", steps: burnSteps},
		now("A", bad.overOn(all, bySLO...).overOn(budget, bySLO...).largest(8), "{{service_name}} {{slo_name}}: {{service_version}}"))
}

// dependencies are the calls that fail most, by who makes them and who is called.
func (f fleet) dependencies() panel {
	failed := f.names.series(metricEdgeFailed,
		chosenOrNone(attrClientNamespace, variableNamespace), chosenOrNone(attrClientEnvironment, variableEnvironment))
	return newBars(about{"dependencies", "What they burn on: calls", "Calls a second between services that failed over the last hour, the most first. Good is nothing. The last name is the one to look at: " +
		"who calls it only passes the error on.", 12},
		look{unit: "reqps", decimals: new(2.0), min: new(0.0), none: "No call failed in the last hour, or no service_graph connector", steps: from(warning)},
		now("A", failed.rateOver("1h").sum(attrClient, attrServer).some().largest(8), "{{client}} to {{server}}"))
}

// alerts have the uid of a dashboard for a service's name, since that of the collector is no service's.
func (f fleet) alerts() panel {
	const attrDashboard = "dashboard"
	firing := f.names.series(metricAlerts, equal(attrAlertState, "firing"), matcher{semconv.ServiceName, "!=", `""`}).count(semconv.ServiceName, attrAlert, attrSeverity).
		labelled(attrDashboard, uidPrefix).joined(attrDashboard, "", attrDashboard, semconv.ServiceName).
		labelledWhere(attrDashboard, CollectorUID, semconv.ServiceName, []string{collectorName})
	return newTable(about{"alerts", "Firing", "What fires now, by service. Good is an empty table.", 9},
		look{unit: "short", steps: from("transparent"), none: "Nothing fires, or no Prometheus evaluates the rules in alerts/",
			overrides: []dashboard.DashboardFieldConfigSourceOverrides{
				field("Service", "links", linked("Dashboard", "/d/${__value.raw}?${__url_time_range}"), "custom.width", 85, "mappings", append(texts([2]string{CollectorUID, collectorName}),
					pattern("/^"+uidPrefix+"(.*)$/", dashboard.ValueMappingResult{Text: new("$1")}))), field("Series", "custom.width", 60),
				field("Severity", "custom.width", 85, "custom.cellOptions", coloured(), "mappings", words([2]string{"page", bad}, [2]string{"ticket", warning})),
			}},
		columns{{attrDashboard, "Service"}, {label(attrAlert), "Alert"}, {label(attrSeverity), "Severity"}, {"Value", "Series"}, {label(semconv.ServiceName), ""}},
		"Severity", rows("A", firing))
}

func (f fleet) table() panel {
	return newTable(about{"slos", "All SLOs, least budget first", "What is left of each error budget and how fast it goes. Good is green from left to right. " +
		"The name of a service leads to its dashboard.", gridWidth},
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
	p := newHeat(about{"heat by day", "Burn by service and day", "How fast the budget of each service's worst SLO went in four weeks: each cell is the day before it. Good is green. A row with red is a service that needs work; a column is an incident they shared.", 12},
		look{unit: "suffix:x", decimals: new(1.0), none: "No SLO data: does a collector with this catalog run?", steps: burnSteps},
		graph("A", day, "{{service_name}}"))
	p.TimeFrom, p.MaxDataPoints = new("28d"), new(28*4.0)
	return p
}

// left is a band for each service: the least budget of its SLOs over the week.
func (f fleet) left() panel {
	p := newTimeline(about{"heat", "Budget left by service", "The least budget of each service's SLOs, over the week. Good stays green; a band that turns red tells when it was spent.", 12},
		look{unit: "percentunit", decimals: new(0.0), none: "No SLO data: does a collector with this catalog run?", steps: budgetSteps},
		graph("A", f.remaining().min(semconv.ServiceNamespace, semconv.ServiceName), "{{service_name}}"))
	p.TimeFrom = new("7d")
	return p
}
