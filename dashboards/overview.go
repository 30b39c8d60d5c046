// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// overview has a row for each SLO, that with the lowest remaining budget first.
func (s service) overview() panel {
	by := []string{semconv.SLOName, semconv.Environment}
	objective := s.names.series(metricObjective, s.of()...).max(by...)
	remaining := s.names.series(metricRemaining, s.of()...).min(by...)
	share := oneMinus(oneMinus(remaining).times(oneMinus(objective)))
	burn := s.names.series(metricBurnRate, s.of(equal(semconv.SLOWindow, "1h"))...).max(by...)
	if s.queried() {
		promised := s.names.series(recordObjective, s.anywhere()...).max(semconv.SLOName)
		recorded := s.names.series(recordRemaining, s.recorded()...).min(by...)
		spent := s.names.series(recordPeriod, s.recorded()...).max(by...)
		share = share.or(oneMinus(spent.timesOn(oneMinus(promised), semconv.SLOName)))
		burn = burn.or(s.names.suffixed(recordRatio, "1h", s.recorded()...).max(by...).overOn(oneMinus(promised), semconv.SLOName))
		remaining = remaining.or(recorded)
	}
	targets := []variants.Dataquery{
		rows("left", remaining), rows("sli", share), rows("burn", burn),
		rows("exhaustion", s.names.series(metricExhaustion, s.of()...).min(by...)),
		rows("state", s.names.series(metricState, s.of()...).is(1).max(append([]string{semconv.SLOState}, by...)...)),
	}
	environment := "Environment"
	if len(s.Environments) == 1 {
		environment = "" // which the control above says
	}
	return newTable(about{"overview", "SLOs", "All SLOs of the service. Good is green: budget is left at the end of the period, " +
		"and the burn rate is at most 1. Red needs action now.", 10},
		look{unit: "none", steps: from("transparent"), none: "No SLO data: is the service's telemetry sent to a collector with this catalog?",
			overrides: append(budgetColumns(), field("SLI", "unit", "percentunit", "decimals", 2, "custom.width", 72),
				field("Budget left", "custom.width", 100), field("Burn rate 1h", "custom.width", 95), field("Spent in", "custom.width", 75), field("State", "custom.width", 95))},
		columns{{label(semconv.SLOName), "SLO"}, {label(semconv.Environment), environment}, {"Value #sli", "SLI"}, {"Value #left", "Budget left"},
			{"Value #burn", "Burn rate 1h"}, {"Value #exhaustion", "Spent in"}, {label(semconv.SLOState), "State"}, {"Value #state", ""}},
		"Budget left", targets...)
}

// queried reports whether Prometheus evaluates an SLI. Then only the rules have its values.
func (s service) queried() bool {
	for _, slo := range s.SLOs {
		if slo.SLI.Prometheus != nil {
			return true
		}
	}
	return false
}

// budgetColumns are how columns about budgets look in every table.
func budgetColumns() []dashboard.DashboardFieldConfigSourceOverrides {
	const day = 24 * 3600
	return []dashboard.DashboardFieldConfigSourceOverrides{
		field("Budget left", "unit", "percentunit", "custom.cellOptions", colored(), "thresholds", absolute(budgetSteps)),
		field("Burn rate 1h", "unit", "suffix:x", "decimals", 1, "custom.cellOptions", colored(),
			"thresholds", absolute(burnSteps)),
		field("Spent in", "unit", "s", "decimals", 0, "mappings", orBlank(spent()), "custom.cellOptions", colored(),
			"thresholds", absolute(from(bad, step(2*day, warning), step(5*day, notice), step(10*day, good)))),
		field("State", "custom.cellOptions", colored(), "mappings", words(stateColors...)),
	}
}
