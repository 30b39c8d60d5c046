// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"math"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// A direction is that of the calls between this service and others.
type direction struct {
	name string
	// self and other name the two ends; namespace and environment are those of this service's.
	self, other, namespace, environment string
	// took is the duration of a call for this service: to answer it, or to wait for it.
	took metric
}

var (
	incoming = direction{"called by", attrServer, attrClient, attrServerNamespace, attrServerEnvironment, metricEdgeServer}
	outgoing = direction{"calls", attrClient, attrServer, attrClientNamespace, attrClientEnvironment, metricEdgeClient}
)

// dependencies are a table, not a graph: failing calls are on top, and the name links to the dashboard. Both directions are
// in one, because most services at an edge of the system have but one.
func (s service) dependencies() {
	now := s.neighbors(func(v vector) vector { return v.rateOver(lately) })
	overTime := s.neighbors(vector.rate)
	overrides := []dashboard.DashboardFieldConfigSourceOverrides{
		field("Service", "links", toService),
		field("Over", "mappings", append(texts([2]string{"messaging_system", "a queue"}, [2]string{"database", "a database"}, [2]string{"virtual_node", "not traced"}),
			matching(dashboard.SpecialValueMatchEmpty, dashboard.ValueMappingResult{Text: new("direct")}))),
		field("In catalog", "custom.cellOptions", colored(), "mappings", words([2]string{"no", notice})),
		field("This service", "custom.width", 95), field("Calls", "unit", "reqps", "decimals", 1),
		field("Errors", "unit", "percentunit", "decimals", 2, "custom.cellOptions", colored(), "thresholds", absolute(s.errorSteps())),
		field("95 %", "unit", "s", "custom.cellOptions", colored(), "thresholds", absolute(s.durationSteps())),
	}
	table := newTable(about{"dependencies", "Callers and dependencies", "Calls of the last 5 minutes. Good has no errors. If the calls of one caller fail, the caller is the likely cause. If all callers see errors, this service is, " +
		"unless a dependency is red too: then check that one. A name links to its dashboard, if the service is in the catalog.", 14},
		look{unit: "none", steps: from("transparent"), none: noCalls, overrides: overrides},
		columns{{label(attrDirection), "This service"}, {label(attrNeighbor), "Service"}, {label(attrConnection), "Over"}, {label(attrDeclared), "In catalog"},
			{"Value #calls", "Calls"}, {"Value #errors", "Errors"}, {"Value #took", "95 %"}},
		"-Errors", rows("calls", now.calls), rows("errors", now.errors), rows("took", now.took))
	graphed := newGraph(about{"dependencies errors", "Errors of calls", "The share of failed calls, by caller and by dependency. Good is near 0. The line that rose first is nearest to the cause.", 10},
		look{unit: "percentunit", min: new(0.0), none: noCalls}, graph("A", overTime.errors, "{{direction}} {{neighbor}}"))
	s.board.row("dependencies", "Dependencies", false, strip{8, []panel{table, graphed}})
}

const noCalls = "No calls in the last minutes, or no service_graph connector with the dimensions service.namespace and deployment.environment.name"

// edges are the calls per second, the share that fails, and the 95th percentile of their duration.
type edges struct{ calls, errors, took vector }

func (s service) neighbors(rate func(vector) vector) edges {
	var callers, called []string
	for _, other := range s.inCatalog.Dependents(s.Service) {
		callers = append(callers, other.Name)
	}
	for _, d := range s.inCatalog.Dependencies(s.Service) {
		called = append(called, d.Name())
	}
	in, out := s.edges(incoming, callers, rate), s.edges(outgoing, called, rate)
	return edges{in.calls.or(out.calls), in.errors.or(out.errors), in.took.or(out.took)}
}

func (s service) edges(d direction, declared []string, rate func(vector) vector) edges {
	matchers := []matcher{equal(d.self, s.Name), chosenOrNone(d.environment, variableEnvironment)}
	if s.Namespace != "" {
		matchers = append(matchers, equalOrNone(d.namespace, s.Namespace))
	}
	by := []string{attrNeighbor, attrConnection}
	sum := func(v vector, more ...string) vector {
		return rate(v).copied(d.other, attrNeighbor).sum(append(more, by...)...)
	}
	calls := sum(s.names.series(metricEdgeRequests, matchers...))
	failed := sum(s.names.series(metricEdgeFailed, matchers...))
	took := sum(s.names.suffixed(d.took, "_bucket", matchers...), attrBound).quantile(0.95).some()
	return edges{
		calls:  calls.labeled(attrDeclared, "no").labelledWhere(attrDeclared, "yes", attrNeighbor, declared).labeled(attrDirection, d.name),
		errors: failed.or(number(0).times(calls)).over(calls.some()).labeled(attrDirection, d.name),
		took:   took.labeled(attrDirection, d.name),
	}
}

// lately is the range of current values.
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

// durationSteps are thresholds of durations from the service's own latency objectives.
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
