// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// Sloth is the recipe of Sloth v0.16.0 for the same SLO, for comparison: ratios of rates for each burn
// window, the mean of the 5m ratios for the period, and a page and a ticket of two pairs each.
func Sloth(s *Scenario) rulefmt.RuleGroups {
	id := map[string]string{"sloth_id": s.Service.Name + "-" + s.SLO.Name, "sloth_service": s.Service.Name, "sloth_slo": s.SLO.Name}
	filter := fmt.Sprintf(`{sloth_id="%[1]s-%[2]s", sloth_service="%[1]s", sloth_slo="%[2]s"}`, s.Service.Name, s.SLO.Name)
	label := func(more ...string) map[string]string {
		all := map[string]string{}
		maps.Copy(all, id)
		for i := 0; i < len(more); i += 2 {
			all[more[i]] = more[i+1]
		}
		return all
	}
	errors, total := slothQueries(s)
	var sli []rulefmt.Rule
	for _, w := range catalog.BurnWindows {
		name := catalog.FormatDuration(w)
		sli = append(sli, rulefmt.Rule{
			Record: "slo:sli_error:ratio_rate" + name, Labels: label("sloth_window", name),
			Expr: fmt.Sprintf("(%s)\n/\n(%s)\n", strings.ReplaceAll(errors, "{{.window}}", name), strings.ReplaceAll(total, "{{.window}}", name)),
		})
	}
	period := catalog.FormatDuration(s.SLO.Window.Rolling)
	sli = append(sli, rulefmt.Rule{
		Record: "slo:sli_error:ratio_rate" + period, Labels: label("sloth_window", period),
		Expr: fmt.Sprintf("sum_over_time(slo:sli_error:ratio_rate5m%[1]s[%[2]s])\n/ ignoring (sloth_window)\ncount_over_time(slo:sli_error:ratio_rate5m%[1]s[%[2]s])\n", filter, period),
	})
	objective := strconv.FormatFloat(s.SLO.ObjectiveRatio(), 'f', -1, 64)
	days := strconv.FormatFloat(s.SLO.Window.Rolling.Hours()/24, 'f', -1, 64)
	current := "slo:sli_error:ratio_rate5m" + filter + " / on(sloth_id, sloth_slo, sloth_service) group_left slo:error_budget:ratio" + filter
	meta := []rulefmt.Rule{
		{Record: "slo:objective:ratio", Labels: id, Expr: "vector(" + objective + ")"},
		{Record: "slo:error_budget:ratio", Labels: id, Expr: "vector(1-" + objective + ")"},
		{Record: "slo:time_period:days", Labels: id, Expr: "vector(" + days + ")"},
		{Record: "slo:current_burn_rate:ratio", Labels: id, Expr: current},
		{Record: "slo:period_burn_rate:ratio", Labels: id, Expr: strings.ReplaceAll(current, "rate5m", "rate"+period)},
		{Record: "slo:period_error_budget_remaining:ratio", Labels: id, Expr: "1 - slo:period_burn_rate:ratio" + filter},
		{Record: "sloth_slo_info", Labels: label("sloth_version", "v0.16.0", "sloth_mode", "cli-gen-prom", "sloth_spec", "prometheus/v1", "sloth_objective", strconv.FormatFloat(s.SLO.Objective, 'f', -1, 64)), Expr: "vector(1)"},
	}
	return rulefmt.RuleGroups{Groups: []rulefmt.RuleGroup{
		{Name: "sloth-slo-sli-recordings-" + id["sloth_id"], Rules: sli},
		{Name: "sloth-slo-meta-recordings-" + id["sloth_id"], Rules: meta},
		{Name: "sloth-slo-alerts-" + id["sloth_id"], Rules: slothAlerts(s, filter, id)},
	}}
}

// slothQueries are what a user of Sloth writes for these counters.
func slothQueries(s *Scenario) (errors, total string) {
	if p := s.SLO.SLI.Prometheus; p != nil {
		return p.Errors, p.Total
	}
	of := fmt.Sprintf(`service_name=%q,slo_name=%q`, s.Service.Name, s.SLO.Name)
	return fmt.Sprintf(`sum(rate(slo_events_total{%s,slo_outcome="bad"}[{{.window}}]))`, of),
		fmt.Sprintf(`sum(rate(slo_events_total{%s}[{{.window}}]))`, of)
}

func slothAlerts(s *Scenario, filter string, id map[string]string) []rulefmt.Rule {
	var alerts []rulefmt.Rule
	for _, severity := range []string{"page", "ticket"} {
		var either []string
		for _, p := range s.SLO.BurnPairs() {
			if p.Page == (severity == "page") {
				over := func(w time.Duration) string {
					return fmt.Sprintf("max(slo:sli_error:ratio_rate%s%s > (%s * %s)) without (sloth_window)", catalog.FormatDuration(w), filter,
						strconv.FormatFloat(p.Factor, 'f', -1, 64), strconv.FormatFloat(1-s.SLO.ObjectiveRatio(), 'f', -1, 64))
				}
				either = append(either, "(\n"+over(p.Short)+"\nand\n"+over(p.Long)+"\n)")
			}
		}
		labels := map[string]string{"sloth_severity": severity}
		maps.Copy(labels, id)
		alerts = append(alerts, rulefmt.Rule{Alert: "SlothErrorBudgetBurn", Expr: strings.Join(either, "\nor\n"), Labels: labels})
	}
	return alerts
}
