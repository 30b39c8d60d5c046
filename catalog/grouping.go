// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	promlabels "github.com/prometheus/prometheus/model/labels"
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

// mostAttributes is the most attributes by which events are grouped: each makes the others' groups many more.
const mostAttributes = 5

var groupLabel = text("attribute or label name", maxName, ecma(groupPattern), matches(groupRegexp, "is not a name that groups can have in Prometheus", "use letters, digits, _ and single dots; rename the attribute before the collector counts"), checkGroupLabel)

var groupRegexp = regexp.MustCompile(groupPattern)

func checkGroupLabel(name string) (string, string) {
	if l := labelOf(name); l == "severity" || slices.Contains(identityLabels, l) || slices.Contains(reservedLabels, l) {
		return quote(name) + " is a label that the rules set themselves", "rename it: in queries with label_replace, in telemetry with the transform processor"
	}
	return "", ""
}

// labelOf is the label of an attribute in what the rules record.
func labelOf(attribute string) string { return strings.ReplaceAll(attribute, ".", "_") }

// GroupLabels are the labels of the groups in what rules record: for SLIs that the collector counts, those of the attributes in GroupBy.
func (s *SLO) GroupLabels() []string {
	labels := make([]string, len(s.GroupBy))
	for i, name := range s.GroupBy {
		labels[i] = labelOf(name)
	}
	return labels
}

// identityLabels name the service and the SLO in what the rules record, besides reservedLabels.
var identityLabels = []string{"service_namespace", DefaultEnvironmentLabel}

// countedLabels are those that the collector's counters and gauges, and alerts, have for another purpose.
var countedLabels = []string{
	"service_version", "service_instance_id", "deployment_environment", "environment", "owner", "tier", "job", "instance", "le", "quantile",
}

// groupsOfKind refuses groups that the kind of the SLI cannot have: PromQL has labels, and events have attributes.
func groupsOfKind(r *reader, at place, s *SLO) {
	groups := at.key("groupBy")
	if s.SLI.Prometheus != nil {
		for i, name := range s.GroupBy {
			if !prometheusLabel.MatchString(name) {
				r.problem(groups.item(i), quote(name)+" is not a label name of Prometheus", "use letters, digits and _, as in the results of the queries")
			}
		}
		return
	}
	if limit, set := at.lookup("maxGroups"); set && len(s.GroupBy) == 0 {
		r.problem(limit, "is set without groupBy", "add groupBy, or delete it")
	}
	if len(s.GroupBy) > mostAttributes {
		r.problem(groups, fmt.Sprintf("has %d attributes, more than %d", len(s.GroupBy), mostAttributes), "keep those that a person on call acts on")
	}
	first := map[string]string{}
	for i, name := range s.GroupBy {
		l := labelOf(name)
		switch other, twice := first[l]; {
		case twice && other != name: // the same name twice is refused already
			r.problem(groups.item(i), quote(name)+" and "+quote(other)+" are one label in Prometheus: "+l, "delete one, or rename the attribute before the collector counts")
		case name == "service.version":
			r.problem(groups.item(i), "events are split by service.version anyway", "delete it; dashboards and DeploymentRegression compare versions")
		case slices.Contains(countedLabels, l), strings.HasPrefix(l, "slo_"), strings.HasPrefix(l, "sloth_"), strings.HasPrefix(l, "__"), strings.HasPrefix(l, "otel_scope_"):
			r.problem(groups.item(i), quote(name)+" has another meaning in counters and alerts of SLOs", "rename the attribute before the collector counts, with the transform processor")
		default:
			first[l] = name
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
			if excludes(query) {
				r.warning(at, "without (…) keeps labels that the query does not name, so all of their values are counted together", "write by (…) with the labels of which each value has its own budget, or sum(…)")
			}
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
	own := slices.Concat(identityLabels, reservedLabels, []string{"severity"})
	slo.GroupBy = without(common, append(own, environment)...)
	slices.Sort(slo.GroupBy)
	for _, l := range slo.GroupBy {
		if !prometheusLabel.MatchString(l) {
			r.problem(at, "rules cannot keep the groups of the label "+quote(l), "give it a name of letters, digits and _, with label_replace in each query")
		}
	}
	if mixed := without(intersection(common, own), append(p.onlyOne(), environment, "le")...); len(mixed) > 0 {
		r.warning(at, "rules set "+strings.Join(mixed, ", ")+" themselves, so all of its values are counted together", "select one value in the queries, or give the label another name with label_replace")
	}
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

// excludes reports a query whose results are aggregated without labels.
func excludes(query string) bool {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(RenderQuery(query, minPairWindow))
	for err == nil {
		switch e := expr.(type) {
		case *parser.ParenExpr:
			expr = e.Expr
		case *parser.BinaryExpr:
			expr = e.LHS
		case *parser.AggregateExpr:
			return e.Without
		default:
			return false
		}
	}
	return false
}

// onlyOne are the labels of which every query selects one value.
func (p *Prometheus) onlyOne() (labels []string) {
	for i, query := range p.Queries() {
		var selected []string
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(RenderQuery(query, minPairWindow))
		if err != nil {
			return nil
		}
		for _, matchers := range parser.ExtractSelectors(expr) {
			for _, m := range matchers {
				if m.Type == promlabels.MatchEqual && m.Value != "" {
					selected = append(selected, m.Name)
				}
			}
		}
		if i == 0 {
			labels = selected
		}
		labels = intersection(labels, selected)
	}
	return labels
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
