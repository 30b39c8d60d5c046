package dashboards

import (
	"math"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A direction is that of the calls between this service and others.
type direction struct {
	key, title, description, heading string
	// self and other name the two ends; namespace and environment are those of this service's.
	self, other, namespace, environment string
	// took is how long a call takes this service: to answer it, or to wait for it.
	took metric
}

var (
	incoming = direction{"callers", "Who calls it", "Calls of the last 5 minutes, by who makes them. Good has no errors. One caller with errors has a problem of its own; " +
		"all of them share this service's.", "Caller",
		attrServer, attrClient, attrServerNamespace, attrServerEnvironment, metricEdgeServer}
	outgoing = direction{"callees", "What it calls", "What the service waited for in the last 5 minutes. Good has no errors, and takes a fraction of what this service " +
		"promises: what is red here is the cause.", "Called",
		attrClient, attrServer, attrClientNamespace, attrClientEnvironment, metricEdgeClient}
)

// dependencies are two tables and no drawing of a graph: an edge that fails is on top, and its name leads on.
func (s service) dependencies() {
	s.board.row("dependencies", "Dependencies", false, strip{8, []panel{
		s.edges(incoming, s.dependents), s.edges(outgoing, s.DependsOn),
	}})
}

func (s service) edges(d direction, declared []string) panel {
	matchers := []matcher{equal(d.self, s.Name), chosenOrNone(d.environment, variableEnvironment)}
	if s.Namespace != "" {
		matchers = append(matchers, equalOrNone(d.namespace, s.Namespace))
	}
	by := []string{d.other, attrConnection}
	calls := s.names.series(metricEdgeRequests, matchers...).rateOver(lately).sum(by...)
	failed := s.names.series(metricEdgeFailed, matchers...).rateOver(lately).sum(by...)
	took := s.names.suffixed(d.took, "_bucket", matchers...).rateOver(lately).sum(append([]string{attrBound}, by...)...).quantile(0.95).some()

	overrides := []dashboard.DashboardFieldConfigSourceOverrides{
		field(d.heading, "links", toService),
		field("Over", "mappings", texts([2]string{"messaging_system", "a queue"}, [2]string{"database", "a database"}, [2]string{"virtual_node", "not instrumented"})),
		field("In catalog", "custom.cellOptions", coloured(), "mappings", words([2]string{"no", notice})),
		field("Calls", "unit", "reqps", "decimals", 1),
		field("Errors", "unit", "percentunit", "decimals", 2, "custom.cellOptions", coloured(), "thresholds", absolute(s.errorSteps())),
		field("95 %", "unit", "s", "decimals", 0, "custom.cellOptions", coloured(), "thresholds", absolute(s.durationSteps())),
	}
	return newTable(about{d.key, d.title, d.description + " A name leads to its dashboard, if it is in the catalog.", 12},
		look{unit: "none", steps: from("transparent"), overrides: overrides,
			none: "No calls in the last 5 minutes, or no service_graph connector with the dimensions service.namespace and deployment.environment.name"},
		columns{{label(d.other), d.heading}, {label(attrConnection), "Over"}, {label(attrDeclared), "In catalog"},
			{"Value #calls", "Calls"}, {"Value #errors", "Errors"}, {"Value #took", "95 %"}},
		"-Errors", rows("calls", calls.labelled(attrDeclared, "no").labelledWhere(attrDeclared, "yes", d.other, declared)),
		rows("errors", failed.or(number(0).times(calls)).over(calls.some())), rows("took", took))
}

// lately is the range of what is shown as one number now.
const lately = "5m"

// errorSteps are a share of errors that is within the objective, one that opens a ticket, and one that pages.
func (s service) errorSteps() []dashboard.Threshold {
	for _, slo := range s.SLOs {
		if slo.SLI.Availability == nil {
			continue
		}
		steps := from(good, step(rounded(slo.ErrorBudget()), warning))
		for _, p := range slo.BurnPairs() {
			if p.Page {
				return ascending(append(steps, step(rounded(p.Factor*slo.ErrorBudget()), bad)))
			}
		}
		return steps
	}
	return from(good, step(0.01, warning), step(0.05, bad))
}

// durationSteps are how long something takes, against what the service itself promises.
func (s service) durationSteps() []dashboard.Threshold {
	for _, slo := range s.SLOs {
		if slo.SLI.Latency != nil {
			promise := slo.SLI.Latency.Threshold.Seconds()
			return from(good, step(promise/2, notice), step(promise, bad))
		}
	}
	return from("transparent")
}

func rounded(share float64) float64 { return math.Round(share*1e9) / 1e9 }

// dependents are the names of the services that say they need one, by its name.
func dependents(services []*catalog.Service) map[string][]string {
	of := map[string][]string{}
	for _, s := range services {
		for _, name := range s.DependsOn {
			of[name] = append(of[name], s.Name)
		}
	}
	return of
}
