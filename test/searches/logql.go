// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package searches

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
)

// LogQL tells which records each of the queries finds, whatever their time.
func LogQL(ctx context.Context, records []Record, queries []string) (map[string]Answer, error) {
	return answer(ctx, "logql", records, queries, compileLogQL)
}

type ofRecord = func(Record) (bool, error)

func compileLogQL(n *node) (query[Record], error) {
	switch n.name + ": " + n.shape() {
	case "LogQL: Expr", "Expr: LogExpr", "Expr: MetricExpr", "MetricExpr: VectorAggregationExpr":
		return compileLogQL(n.children[0])
	case "LogExpr: Selector", "LogExpr: Selector PipelineExpr":
		finds, err := lines(n.children)
		return query[Record]{finds: finds}, err
	case "VectorAggregationExpr: VectorOp Grouping '(' MetricExpr ')'":
		return counted(n)
	}
	return query[Record]{}, n.unknown()
}

// counted is the number of lines by a label: the only metric that is known.
func counted(n *node) (query[Record], error) {
	operator, grouping, metric := n.children[0], n.children[1], n.children[2]
	if operator.shape() != "Sum" {
		return query[Record]{}, operator.unknown()
	}
	if grouping.shape() != "By '(' Labels ')'" || grouping.children[1].shape() != "Identifier" {
		return query[Record]{}, grouping.unknown()
	}
	if metric.shape() != "RangeAggregationExpr" {
		return query[Record]{}, metric.unknown()
	}
	aggregation := metric.children[0]
	if aggregation.shape() != "RangeOp '(' LogRangeExpr ')'" || aggregation.children[0].shape() != "CountOverTime" {
		return query[Record]{}, aggregation.unknown()
	}
	of := aggregation.children[1]
	if shape := of.shape(); shape != "Selector Range" && shape != "Selector PipelineExpr Range" {
		return query[Record]{}, of.unknown()
	}
	finds, err := lines(of.children[:len(of.children)-1])
	return query[Record]{finds, grouping.children[1].text()}, err
}

// lines are those that a selector and the stages behind it let through.
func lines(parts []*node) (ofRecord, error) {
	finds, err := selector(parts[0])
	if err != nil || len(parts) == 1 {
		return finds, err
	}
	behind, err := stages(parts[1])
	if err != nil {
		return nil, err
	}
	return both(finds, behind), nil
}

func selector(n *node) (ofRecord, error) {
	if n.shape() != "'{' Matchers '}'" {
		return nil, n.unknown()
	}
	matchers, err := matchersOf(n.children[0])
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches("") }) {
		return nil, n.refuse("Loki wants a matcher here that the empty text does not match")
	}
	return func(r Record) (bool, error) {
		return !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(r.Stream[m.Name]) }), nil
	}, nil
}

func matchersOf(n *node) ([]*labels.Matcher, error) {
	switch n.shape() {
	case "Matcher":
		m, err := labelMatcher(n.children[0])
		return []*labels.Matcher{m}, err
	case "Matchers ',' Matcher":
		all, err := matchersOf(n.children[0])
		if err != nil {
			return nil, err
		}
		m, err := labelMatcher(n.children[1])
		return append(all, m), err
	}
	return nil, n.unknown()
}

var matches = map[string]labels.MatchType{
	"Identifier Eq String": labels.MatchEqual, "Identifier Neq String": labels.MatchNotEqual,
	"Identifier Re String": labels.MatchRegexp, "Identifier Nre String": labels.MatchNotRegexp,
}

func labelMatcher(n *node) (*labels.Matcher, error) {
	kind, known := matches[n.shape()]
	if !known {
		return nil, n.unknown()
	}
	return matcher(kind, n.children[0].text(), n.children[2])
}

func stages(n *node) (ofRecord, error) {
	switch n.name + ": " + n.shape() {
	case "PipelineExpr: PipelineStage", "PipelineStage: LineFilters", "LineFilters: LineFilter":
		return stages(n.children[0])
	case "PipelineExpr: PipelineExpr PipelineStage", "LineFilters: LineFilters LineFilter":
		before, err := stages(n.children[0])
		if err != nil {
			return nil, err
		}
		behind, err := stages(n.children[1])
		if err != nil {
			return nil, err
		}
		return both(before, behind), nil
	case "PipelineStage: Pipe LabelFilter":
		return labelFilter(n.children[1])
	case "LineFilter: Filter String":
		return lineFilter(n)
	}
	return nil, n.unknown()
}

// lineFilter looks for text or a regular expression anywhere in the line.
func lineFilter(n *node) (ofRecord, error) {
	text, err := literal(n.children[1])
	if err != nil {
		return nil, err
	}
	switch filter := n.children[0]; filter.shape() {
	case "PipeExact":
		return func(r Record) (bool, error) { return strings.Contains(r.Line, text), nil }, nil
	case "PipeMatch":
		expression, err := regexp.Compile(text)
		if err != nil {
			return nil, n.refuse("%w", err)
		}
		return func(r Record) (bool, error) { return expression.MatchString(r.Line), nil }, nil
	default:
		return nil, filter.unknown()
	}
}

const (
	bothLabels   = "LabelFilter And LabelFilter"
	eitherLabels = "LabelFilter Or LabelFilter"
)

func labelFilter(n *node) (ofRecord, error) {
	operands := func(mixed string, join func(a, b ofRecord) ofRecord) (ofRecord, error) {
		if err := unparenthesized(n, mixed); err != nil {
			return nil, err
		}
		a, err := labelFilter(n.children[0])
		if err != nil {
			return nil, err
		}
		b, err := labelFilter(n.children[2])
		if err != nil {
			return nil, err
		}
		return join(a, b), nil
	}
	switch n.shape() {
	case "'(' LabelFilter ')'":
		return labelFilter(n.children[0])
	case bothLabels:
		return operands(eitherLabels, both[Record])
	case eitherLabels:
		return operands(bothLabels, either[Record])
	case "Matcher":
		m, err := labelMatcher(n.children[0])
		if err != nil {
			return nil, err
		}
		return func(r Record) (bool, error) { return m.Matches(r.label(m.Name)), nil }, nil
	case "NumberFilter":
		return numberFilter(n.children[0])
	}
	return nil, n.unknown()
}

// numberFilter compares a label as a number. A line without the label is not found.
func numberFilter(n *node) (ofRecord, error) {
	if len(n.children) != 3 || n.children[2].shape() != "Number" {
		return nil, n.unknown()
	}
	label, holds := n.children[0].text(), orders[n.children[1].text()]
	if holds == nil {
		return nil, n.unknown()
	}
	want, err := strconv.ParseFloat(n.children[2].text(), 64)
	if err != nil {
		return nil, n.refuse("%w", err)
	}
	return func(r Record) (bool, error) {
		value := r.label(label)
		if value == "" {
			return false, nil
		}
		is, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return false, n.refuse("a line has %s=%q, which is no number: Loki shows the line with an error", label, value)
		}
		return holds(is, want), nil
	}, nil
}
