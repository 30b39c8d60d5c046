// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// Overflow is the value of every label of the group that has the events of all groups beyond the limit.
const Overflow = "_overflow"

// DefaultMaxGroups is the limit of groups of an SLO that does not set one. Every group costs about 25 recorded series.
const (
	DefaultMaxGroups = 100
	mostGroups       = 10_000
)

// GroupLimit is how many groups are kept apart.
func (s *SLO) GroupLimit() int { return cmp.Or(s.MaxGroups, DefaultMaxGroups) }

var groupLabel = text("label name", maxName, ecma(labelPattern), matches(prometheusLabel, "is not a label name of Prometheus", "use letters, digits and _"), checkGroupLabel)

func checkGroupLabel(name string) (string, string) {
	if name == "severity" || slices.Contains(identityLabels, name) || slices.Contains(reservedLabels, name) {
		return quote(name) + " is a label that the rules set themselves", "rename it in the queries, with label_replace"
	}
	return "", ""
}

// identityLabels name the service and the SLO in what the rules record, besides reservedLabels.
var identityLabels = []string{"service_namespace", DefaultEnvironmentLabel}

// groupsOfQueries refuses groups of what the collector counts.
func groupsOfQueries(r *reader, at place, s *SLO) {
	if s.SLI.Prometheus != nil {
		return
	}
	for _, key := range []string{"groupBy", "maxGroups"} {
		if value, set := at.lookup(key); set {
			r.problem(value, "only SLIs of the kind prometheus have groups; the collector counts the events of all values together", "write an SLO for each value, with match")
		}
	}
}

// group sets GroupBy, if it is not set, to the labels that all queries keep. The environment's label is not
// one of them.
func (s *Service) group(r *reader, at place, slo *SLO) {
	p, environment := slo.SLI.Prometheus, s.EnvironmentOf(slo)
	if len(slo.GroupBy) > 0 {
		slo.GroupBy = without(slo.GroupBy, environment)
		return
	}
	var common, lost []string
	for i, query := range p.Queries() {
		kept, ok := labelsOf(query)
		if !ok { // every label of the series: their sum is meant
			return
		}
		if i == 0 {
			common = kept
			continue
		}
		for _, l := range slices.Concat(common, kept) {
			if (!slices.Contains(common, l) || !slices.Contains(kept, l)) && !slices.Contains(lost, l) {
				lost = append(lost, l)
			}
		}
		common = intersection(common, kept)
	}
	if len(s.Environments) > 1 && !slices.Contains(common, environment) {
		r.warning(at, "the results have no label "+environment+", so the events of "+strings.Join(s.Environments, " and ")+" are counted together", "write sum by ("+environment+") (…), or add environmentLabel")
	}
	slo.GroupBy = without(common, slices.Concat(identityLabels, reservedLabels, []string{environment, "severity"})...)
	slices.Sort(slo.GroupBy)
	lost = without(lost, environment, "le")
	if len(lost) > 0 {
		r.warning(at, "only one of the queries groups by "+strings.Join(lost, ", ")+", so all of its values are counted together", "group both queries by the same labels")
	}
	for _, l := range slo.GroupBy {
		if NamesEnvironment(l) {
			r.warning(at, "every "+l+" has its own budget and alerts, but alerts do not name it as their environment", "add environmentLabel: "+l+" if it is the environment")
		}
	}
}

// NamesEnvironment reports whether a label usually has the environment.
func NamesEnvironment(label string) bool {
	return slices.Contains([]string{"env", "environment", "deployment_environment"}, label)
}

// without is nil if nothing is left.
func without(labels []string, some ...string) []string {
	left := slices.DeleteFunc(slices.Clone(labels), func(l string) bool { return slices.Contains(some, l) })
	if len(left) == 0 {
		return nil
	}
	return left
}

func intersection(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(l string) bool { return !slices.Contains(b, l) })
}

// labelsOf are the labels of a query's results, as far as the query names them. It is not ok if the results have all
// labels of the series that the query reads.
func labelsOf(query string) (labels []string, ok bool) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(RenderQuery(query, minPairWindow))
	if err != nil {
		return nil, false
	}
	return resultLabels(expr)
}

func resultLabels(expr parser.Expr) ([]string, bool) {
	switch e := expr.(type) {
	case *parser.ParenExpr:
		return resultLabels(e.Expr)
	case *parser.UnaryExpr:
		return resultLabels(e.Expr)
	case *parser.SubqueryExpr:
		return resultLabels(e.Expr)
	case *parser.StepInvariantExpr:
		return resultLabels(e.Expr)
	case *parser.AggregateExpr:
		return aggregatedLabels(e)
	case *parser.BinaryExpr:
		return pairedLabels(e)
	case *parser.Call:
		return calledLabels(e)
	case *parser.NumberLiteral:
		return nil, true
	}
	return nil, false
}

func aggregatedLabels(e *parser.AggregateExpr) ([]string, bool) {
	switch e.Op {
	case parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO:
		return resultLabels(e.Expr)
	}
	if !e.Without {
		return slices.Clone(e.Grouping), true
	}
	inner, ok := resultLabels(e.Expr)
	return slices.DeleteFunc(inner, func(l string) bool { return slices.Contains(e.Grouping, l) }), ok
}

func pairedLabels(e *parser.BinaryExpr) ([]string, bool) {
	left, okLeft := resultLabels(e.LHS)
	right, okRight := resultLabels(e.RHS)
	switch {
	case e.LHS.Type() == parser.ValueTypeScalar:
		return right, okRight
	case e.RHS.Type() == parser.ValueTypeScalar, e.Op == parser.LAND, e.Op == parser.LUNLESS:
		return left, okLeft
	case e.Op == parser.LOR:
		return union(left, right), okLeft && okRight
	}
	m := e.VectorMatching
	switch m.Card {
	case parser.CardManyToOne:
		return union(left, m.Include), okLeft
	case parser.CardOneToMany:
		return union(right, m.Include), okRight
	}
	if m.On {
		return slices.Clone(m.MatchingLabels), true
	}
	kept := func(labels []string) []string {
		return slices.DeleteFunc(slices.Clone(labels), func(l string) bool { return slices.Contains(m.MatchingLabels, l) })
	}
	if okLeft {
		return kept(left), true
	}
	return kept(right), okRight
}

func calledLabels(e *parser.Call) ([]string, bool) {
	vector := slices.IndexFunc(e.Args, func(a parser.Expr) bool {
		t := a.Type()
		return t == parser.ValueTypeVector || t == parser.ValueTypeMatrix
	})
	if vector < 0 || e.Func.Name == "scalar" {
		return nil, true // vector(1), time()
	}
	labels, ok := resultLabels(e.Args[vector])
	switch e.Func.Name {
	case "histogram_quantile", "histogram_fraction":
		return slices.DeleteFunc(labels, func(l string) bool { return l == "le" }), ok
	case "label_replace", "label_join":
		if name, literal := e.Args[1].(*parser.StringLiteral); literal {
			return union(labels, []string{name.Val}), ok
		}
	case "absent", "absent_over_time":
		return nil, true
	}
	return labels, ok
}

func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, l := range b {
		if !slices.Contains(all, l) {
			all = append(all, l)
		}
	}
	return all
}
