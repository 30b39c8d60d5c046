// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Of an SLI of PromQL the answers are recorded first: what is believed of errors and of all events has to be of one time.
const queriedBefore = 1

func TestAlertsAreFewRulesBehindTheCounters(t *testing.T) {
	services := append(examples(t), one(t, "slos: [{name: a, objective: 99, sli: {prometheus: {"+shares+"}}}, {name: b, objective: 99, sli: {prometheus: {"+rates+"}}}]"))
	alerts := map[string]bool{}
	for _, s := range services {
		f, _ := Generate(s, DefaultOptions())
		links := linksOf(t, f)
		for _, slo := range s.SLOs {
			late := 0
			if slo.SLI.Prometheus != nil {
				late = queriedBefore
			}
			for _, g := range f.Groups {
				for _, r := range g.Rules {
					if r.Labels["slo_name"] != slo.Name && r.Labels["slo_name"] != "" {
						continue
					}
					if strings.HasPrefix(r.Record, "slo:sli_") && strings.HasSuffix(r.Record, ":increase5m") {
						assert.LessOrEqual(t, links(r.Expr), late, "%s of %s: bad and all events are of one time", r.Record, slo.Name)
					}
					if a := alertOf(f, r); a != nil {
						alerts[a.Name] = true
						assert.LessOrEqual(t, links(r.Expr), kindOf(*a).behind+late, "%s of %s", r.Alert, slo.Name)
					}
				}
			}
		}
	}
	for _, k := range kinds {
		assert.True(t, alerts[k.name] || k.name == alertDown || k.name == alertRefusing, k.name)
	}
}

func alertOf(f File, r rulefmt.Rule) *Alert {
	i := slices.IndexFunc(f.Alerts, func(a Alert) bool { return a.Name == r.Alert })
	if i < 0 {
		return nil
	}
	return &f.Alerts[i]
}

// linksOf counts the recording rules, one reading what the other records, that are behind an expression.
func linksOf(t *testing.T, f File) func(expr string) int {
	recorded := map[string][]rulefmt.Rule{}
	for _, g := range f.Groups {
		for _, r := range g.Rules {
			if r.Record != "" {
				recorded[r.Record] = append(recorded[r.Record], r)
			}
		}
	}
	var links func(expr string) int
	links = func(expr string) (most int) {
		parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
		require.NoError(t, err)
		parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
			selected, ok := node.(*parser.VectorSelector)
			if !ok {
				return nil
			}
			for _, r := range recorded[selected.Name] {
				if !selects(selected, r.Labels) {
					continue
				}
				if more := 1 + links(r.Expr); r.Expr != expr && more > most {
					most = more
				}
			}
			return nil
		})
		return most
	}
	return links
}

// selects reports whether a selector may be of a series with these labels, and others.
func selects(selected *parser.VectorSelector, labels map[string]string) bool {
	for _, m := range selected.LabelMatchers {
		if value, ok := labels[m.Name]; ok && !m.Matches(value) {
			return false
		}
	}
	return true
}
