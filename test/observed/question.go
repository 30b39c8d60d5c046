// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

var promQL = parser.NewParser(parser.Options{})

// A Question is a query of a generated file.
type Question struct {
	// Where says in which file and where in it: panel and target, rule, or heading.
	Where string
	// Query is PromQL, with Grafana's variables filled in.
	Query string
	// Over is asked over the range that the panel shows; without it, at one time.
	Over Range
	// Condition is an alert's: it has an answer while something is wrong. Its numbers must exist at all times.
	Condition bool
	// Alert is the name of the alert whose condition it is, and Firing selects it; only of rules themselves.
	Alert, Firing string
	// Recording is a recording rule's expression, which may provide for what does not happen in every run.
	Recording bool
	// Exemplars are asked for, too.
	Exemplars bool
}

// FromRules reads the expressions of all rules, and that what recording rules record can be read.
func FromRules(files []string) (all []Question, err error) {
	for _, file := range files {
		groups, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, promQL, slog.New(slog.DiscardHandler))
		if len(errs) > 0 {
			return nil, fmt.Errorf("%s: %w", file, errs[0])
		}
		for _, group := range groups.Groups {
			for _, rule := range group.Rules {
				q := Question{Query: rule.Expr, Condition: rule.Alert != "", Recording: rule.Record != ""}
				q.Where = fmt.Sprintf("%s: %s: %s", filepath.Base(file), group.Name, rule.Record+rule.Alert)
				if q.Condition {
					q.Alert, q.Firing = rule.Alert, firing(rule)
				}
				all = append(all, q)
				if rule.Record != "" {
					recorded := labels.NewBuilder(labels.FromMap(rule.Labels)).Set(model.MetricNameLabel, rule.Record).Labels()
					all = append(all, Question{Where: q.Where + ": what it records", Query: recorded.String()})
				}
			}
		}
	}
	return all, nil
}

// firing selects a rule's alert by its labels, but those that are templates.
func firing(rule rulefmt.Rule) string {
	b := labels.NewBuilder(labels.FromMap(rule.Labels))
	for name, value := range rule.Labels {
		if strings.Contains(value, "{{") {
			b.Del(name)
		}
	}
	b.Set(model.MetricNameLabel, "ALERTS").Set("alertname", rule.Alert).Set("alertstate", "firing")
	return b.Labels().String()
}

var (
	heading      = regexp.MustCompile(`(?m)^#+ (.*)$`)
	promQLBlock  = regexp.MustCompile("(?s)```promql\n(.*?)```")
	prometheusUI = regexp.MustCompile(`\((https?://[^)\s]*[?;]?g0\.expr=[^)\s]*)\)`)
)

// FromRunbooks reads the PromQL of all pages below a folder: in blocks, and in links to Prometheus' page.
// Those that are an alert's expression are conditions.
func FromRunbooks(folder string, conditions []Question) (all []Question, err error) {
	pages, err := filepath.Glob(filepath.Join(folder, "*", "*.md"))
	if err != nil {
		return nil, err
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			return nil, err
		}
		for _, found := range queriesOfPage(string(text)) {
			title := ""
			for _, h := range heading.FindAllStringSubmatch(string(text[:found.at]), -1) {
				title = h[1]
			}
			all = append(all, Question{
				Where: fmt.Sprintf("%s/%s: %s", filepath.Base(filepath.Dir(page)), filepath.Base(page), title),
				Query: found.query,
				Condition: slices.ContainsFunc(conditions, func(c Question) bool {
					return c.Condition && strings.TrimSpace(c.Query) == strings.TrimSpace(found.query)
				}),
			})
		}
	}
	return all, nil
}

type foundQuery struct {
	at    int
	query string
}

func queriesOfPage(text string) (all []foundQuery) {
	for _, m := range promQLBlock.FindAllStringSubmatchIndex(text, -1) {
		all = append(all, foundQuery{m[0], text[m[2]:m[3]]})
	}
	for _, m := range prometheusUI.FindAllStringSubmatchIndex(text, -1) {
		link, err := url.Parse(strings.ReplaceAll(text[m[2]:m[3]], "&amp;", "&"))
		query := "" // which parses as little as the link
		if err == nil {
			query = link.Query().Get("g0.expr")
		}
		all = append(all, foundQuery{m[0], query})
	}
	return all
}

// Names are of the metrics that a question's query names.
func (q Question) Names() (names []string) {
	expr, err := promQL.ParseExpr(q.Query)
	if err != nil {
		return nil
	}
	for _, s := range selections(expr) {
		for _, m := range s.LabelMatchers {
			if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
				names = append(names, m.Value)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Distinct leaves out questions that were asked before, which panels and pages often are.
func Distinct(all []Question) (distinct []Question) {
	type key struct {
		query     string
		over      Range
		condition bool
		exemplars bool
	}
	asked := map[key]bool{}
	for _, q := range all {
		if q.Firing != "" { // each rule is a question of its own
			distinct = append(distinct, q)
			continue
		}
		k := key{strings.TrimSpace(q.Query), q.Over, q.Condition, q.Exemplars}
		if !asked[k] {
			asked[k] = true
			distinct = append(distinct, q)
		}
	}
	return distinct
}
