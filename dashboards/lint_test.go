// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/golden"
)

// unitsInUse are those that the panels have, of Grafana's.
var unitsInUse = []string{"bytes", "cps", "ms", "none", "percentunit", "reqps", "s", "short"}

// lintFindings are what the rules of dashboard-linter find, by rule and by the panel's title; a dashboard as a whole has none. The linter
// itself is not used: its newer versions need a module under the AGPL, and its older ones cannot be had.
func lintFindings(t *testing.T, d map[string]any) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	find := func(holds bool, rule, panel string) {
		if !holds && !slices.Contains(found[rule], panel) {
			found[rule] = append(found[rule], panel)
		}
	}
	find(d["editable"] == false, "uneditable-dashboard", "")
	variables := map[string]map[string]any{}
	sources := map[string]bool{}
	for _, one := range d["templating"].(map[string]any)["list"].([]any) {
		v := one.(map[string]any)
		variables[v["name"].(string)] = v
		switch v["type"] {
		case "datasource":
			sources["${"+v["name"].(string)+"}"] = true
			find(v["name"] == v["query"].(string)+"_datasource" && strings.EqualFold(v["label"].(string), v["query"].(string)+" data source"), "template-datasource-rule", "")
		case "query":
			m := labelValues.FindStringSubmatch(v["query"].(string))
			find(m != nil && parses(m[1]), "template-label-promql-rule", "")
			find(v["refresh"] == 2.0, "template-on-time-change-reload-rule", "")
		}
	}
	find(len(sources) > 0, "template-datasource-rule", "")
	find(variables["job"] != nil, "template-job-rule", "")
	find(variables["instance"] != nil, "template-instance-rule", "")

	for _, p := range panelsOf(t, d) {
		kind, title := p["type"].(string), p["title"].(string)
		if kind == "row" {
			continue
		}
		description, _ := p["description"].(string)
		find(title != "" && description != "", "panel-title-description-rule", title)
		source, _ := p["datasource"].(map[string]any)
		uid, _ := source["uid"].(string)
		find(sources[uid] || kind == "text", "panel-datasource-rule", title)
		targets, _ := p["targets"].([]any)
		find(len(targets) > 0 || kind == "text", "panel-no-targets-rule", title)
		if slices.Contains([]string{"stat", "gauge", "table", "timeseries"}, kind) {
			config, _ := p["fieldConfig"].(map[string]any)
			defaults, _ := config["defaults"].(map[string]any)
			unit, _ := defaults["unit"].(string)
			find(slices.Contains(unitsInUse, unit), "panel-units-rule", title)
		}
		for _, target := range targets {
			if dataSource(target) == "prometheus" {
				lintTarget(target.(map[string]any)["expr"].(string), func(holds bool, rule string) { find(holds, rule, title) })
			}
		}
	}
	return found
}

func lintTarget(query string, find func(holds bool, rule string)) {
	const interval = 7777 * time.Second // nobody writes it
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(filledByGrafana.Replace(strings.ReplaceAll(query, "$__rate_interval", model.Duration(interval).String())))
	find(err == nil, "target-promql-rule")
	if err != nil {
		return
	}
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		ranged, call := parent[*parser.MatrixSelector](path, 1), parent[*parser.Call](path, 2)
		switch n := node.(type) {
		case *parser.MatrixSelector:
			if call := parent[*parser.Call](path, 1); call != nil && (call.Func.Name == "rate" || call.Func.Name == "irate") {
				find(n.Range == interval, "target-rate-interval-rule")
			}
		case *parser.VectorSelector:
			for _, label := range []string{"job", "instance"} {
				has := false
				for _, m := range n.LabelMatchers {
					has = has || m.Name == label && m.Value == "$"+label
				}
				find(has, "target-"+label+"-rule")
			}
			if strings.HasSuffix(n.Name, "_total") {
				find(ranged != nil && call != nil && slices.Contains([]string{"rate", "irate", "increase"}, call.Func.Name), "target-counter-agg-rule")
			}
		}
		return nil
	})
}

// parent is the one that is so many steps above a node, if it is of the type.
func parent[T parser.Node](path []parser.Node, above int) (of T) {
	if len(path) >= above {
		of, _ = path[len(path)-above].(T)
	}
	return of
}

func parses(query string) bool {
	_, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	return err == nil
}

// What the rules of dashboard-linter find is what the file beside the dashboards excludes: no more, and no less.
func TestDashboardLinterFindsWhatIsExcluded(t *testing.T) {
	excluded, panels := exclusions(), map[string]bool{}
	needed := map[string]map[string]bool{}
	for _, f := range generate(t, examples(t)...) {
		for rule, titles := range lintFindings(t, decode(t, f.JSON)) {
			x, ok := excluded[rule]
			if !assert.True(t, ok, "%s: %s: %v", f.Path, rule, titles) {
				continue
			}
			if needed[rule] == nil {
				needed[rule] = map[string]bool{}
			}
			for _, title := range titles {
				needed[rule][title] = true
				assert.True(t, x.Entries == nil || slices.Contains(x.Entries, lintEntry{title}), "%s: %s: panel %q", f.Path, rule, title)
			}
		}
	}
	for rule, x := range excluded {
		assert.NotEmpty(t, x.Reason, rule)
		assert.NotEmpty(t, needed[rule], "%s is excluded, and nothing breaks it", rule)
		for _, e := range x.Entries {
			panels[e.Panel] = true
			assert.True(t, needed[rule][e.Panel], "%s is excluded for panel %q, which does not break it", rule, e.Panel)
		}
	}
	assert.NotEmpty(t, panels)
}

// Each rule finds what is wrong.
func TestLintFindings(t *testing.T) {
	d := decode(t, []byte(`{"editable": true, "templating": {"list": [{"name": "a", "type": "query", "query": "label_values(up{, job)", "refresh": 1}]}, "panels": [
		{"type": "stat", "title": "A", "datasource": {"uid": "b"}, "fieldConfig": {"defaults": {"unit": "furlongs"}}, "targets": [
			{"datasource": {"type": "prometheus"}, "expr": "rate(a_total[1m]) + b_total"}, {"datasource": {"type": "prometheus"}, "expr": "("}]},
		{"type": "timeseries", "title": "B", "description": "b", "fieldConfig": {"defaults": {"unit": "s"}}}]}`))
	found := lintFindings(t, d)
	for _, rule := range []string{
		"uneditable-dashboard", "template-datasource-rule", "template-label-promql-rule", "template-on-time-change-reload-rule", "template-job-rule",
		"template-instance-rule", "panel-title-description-rule", "panel-datasource-rule", "panel-no-targets-rule", "panel-units-rule", "target-promql-rule",
		"target-rate-interval-rule", "target-job-rule", "target-instance-rule", "target-counter-agg-rule",
	} {
		assert.Contains(t, found, rule)
	}
	assert.Equal(t, []string{"A"}, found["panel-units-rule"])
	assert.Equal(t, []string{"B"}, found["panel-no-targets-rule"])
}

func TestLintFileIsUpToDate(t *testing.T) {
	var text bytes.Buffer
	require.NoError(t, WriteLint(&text))
	golden.Equal(t, filepath.Join("examples", LintFile), text.Bytes())
}
