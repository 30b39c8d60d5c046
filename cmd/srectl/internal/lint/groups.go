// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"path"
	"path/filepath"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/generated"
)

// A lintGroup has the parts of a rule group that matter to Prometheus.
type lintGroup struct {
	file, name string
	line       int
	rules      []lintedRule
}

// A lintedRule is a recording or alerting rule. reach is how far back it reads.
type lintedRule struct {
	name, query string
	// held and kept are in seconds: for and keep_firing_for of an alert.
	held, kept float64
	labels     map[string]string
	line       int
	reach      time.Duration
	reads      []readSeries
}

type readSeries struct{ metric, selector string }

// ruleGroups reads the groups of all rule files. It skips unreadable files: lintRules reports them.
func (l *linter) ruleGroups() (groups []lintGroup) {
	found, _ := filepath.Glob(filepath.Join(escapeGlob(l.dir), generated.AlertsFolder, "*.rules.yaml")) // the pattern is right
	for _, name := range found {
		file := path.Join(generated.AlertsFolder, filepath.Base(name))
		text, ok := l.read(file)
		if !ok {
			continue
		}
		var document struct {
			Groups []struct {
				Name  yaml.Node
				Rules []struct {
					Record, Alert, Expr yaml.Node
					For                 model.Duration
					KeepFiringFor       model.Duration `yaml:"keep_firing_for"`
					Labels              map[string]string
				}
			}
		}
		if yaml.Unmarshal(text, &document) != nil {
			continue
		}
		for _, g := range document.Groups {
			group := lintGroup{file: file, name: g.Name.Value, line: g.Name.Line}
			for _, r := range g.Rules {
				expr, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr.Value)
				if err != nil {
					continue
				}
				rule := lintedRule{name: r.Record.Value + r.Alert.Value, query: expr.String(), line: max(r.Record.Line, r.Alert.Line),
					held: time.Duration(r.For).Seconds(), kept: time.Duration(r.KeepFiringFor).Seconds(), labels: r.Labels}
				rule.read(expr)
				group.rules = append(group.rules, rule)
			}
			if len(group.rules) > 0 {
				groups = append(groups, group)
			}
		}
	}
	return groups
}

// read notes the metrics of an expression, and how far back it reads.
func (r *lintedRule) read(expr parser.Expr) {
	parser.Inspect(expr, func(node parser.Node, above []parser.Node) error {
		series, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		reach := series.OriginalOffset
		for _, parent := range above {
			switch parent := parent.(type) {
			case *parser.MatrixSelector:
				reach += parent.Range
			case *parser.SubqueryExpr:
				reach += parent.Range + parent.OriginalOffset
			}
		}
		r.reach = max(r.reach, reach)
		plain := parser.VectorSelector{Name: series.Name, LabelMatchers: series.LabelMatchers}
		r.reads = append(r.reads, readSeries{metricOf(series), plain.String()})
		return nil
	})
}

// metricOf is the metric's name of a selector, in either notation.
func metricOf(series *parser.VectorSelector) string {
	for _, m := range series.LabelMatchers {
		if m.Name == "__name__" {
			return m.Value
		}
	}
	return series.Name
}

// is reports whether a loaded rule is this one. Rulers may add labels, and need not say how long an alert waits.
func (r lintedRule) is(loaded loadedRule) bool {
	for name, value := range r.labels {
		if loaded.Labels[name] != value {
			return false
		}
	}
	same := func(seconds *float64, want float64) bool { return seconds == nil || *seconds == want }
	return loaded.Name == r.name && loaded.Query == r.query && same(loaded.Duration, r.held) && same(loaded.KeepFiringFor, r.kept)
}

// is reports whether a loaded group has these rules.
func (g lintGroup) is(loaded loadedGroup) bool {
	if len(loaded.Rules) != len(g.rules) {
		return false
	}
	for i, r := range loaded.Rules {
		if !g.rules[i].is(r) {
			return false
		}
	}
	return true
}
