// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// Pyrra is the recipe of Pyrra's burn rate alerts for the same SLO, for comparison: https://github.com/pyrra-dev/pyrra, slo/rules.go. Its windows
// are shares of the period, its factors are fixed, and each pair is an alert of its own with the labels of its windows.
func Pyrra(s *Scenario) rulefmt.RuleGroups {
	labels := map[string]string{"slo": s.SLO.Name, "service": s.Service.Name}
	filter := fmt.Sprintf("{slo=%q,service=%q}", s.SLO.Name, s.Service.Name)
	errors, total := slothQueries(s)
	group := rulefmt.RuleGroup{Name: "pyrra-" + s.SLO.Name, Interval: model.Duration(30 * time.Second)}
	const record = "slo_events:burnrate"
	known := map[time.Duration]bool{}
	pairs := pyrraPairs(s.SLO.Window.Nominal())
	for _, p := range pairs {
		for _, w := range []time.Duration{p.Short, p.Long} {
			if known[w] {
				continue
			}
			known[w] = true
			name := catalog.FormatDuration(w)
			group.Rules = append(group.Rules, rulefmt.Rule{Record: record + name, Labels: labels, Expr: "(" + catalog.RenderQuery(errors, w) + ") / (" + catalog.RenderQuery(total, w) + ")"})
		}
	}
	for _, p := range pairs {
		over := func(w time.Duration) string {
			return fmt.Sprintf("%s%s%s > (%.f * (1-%s))", record, catalog.FormatDuration(w), filter, p.Factor, strconv.FormatFloat(s.SLO.ObjectiveRatio(), 'f', -1, 64))
		}
		own := map[string]string{"short": catalog.FormatDuration(p.Short), "long": catalog.FormatDuration(p.Long), "severity": "warning"}
		if p.Page {
			own["severity"] = "critical"
		}
		maps.Copy(own, labels)
		group.Rules = append(group.Rules, rulefmt.Rule{
			Alert: "ErrorBudgetBurn", Expr: over(p.Short) + " and " + over(p.Long), For: model.Duration(p.For), Labels: own,
		})
	}
	return rulefmt.RuleGroups{Groups: []rulefmt.RuleGroup{group}}
}

// pyrraPairs scales the windows of 28 days to the period, as Pyrra does.
func pyrraPairs(period time.Duration) []catalog.BurnPair {
	of := func(share time.Duration) time.Duration { return (period / share).Round(time.Minute) }
	const days = 28
	return []catalog.BurnPair{
		{Factor: 14, Long: of(days * 24), Short: of(days * 24 * 12), For: of(days * 24 * 30), Page: true},
		{Factor: 7, Long: of(days * 4), Short: of(days * 24 * 2), For: of(days * 24 * 4), Page: true},
		{Factor: 2, Long: of(days), Short: of(days * 12), For: of(days * 24)},
		{Factor: 1, Long: of(days / 4), Short: of(days * 4), For: of(days * 8)},
	}
}
