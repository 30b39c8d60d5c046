// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"math"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A measure says how many events per step each 1 of a query's value is.
type measure struct {
	// perStep is 0 if that is unknown, and anything if the value is always 0.
	perStep float64
	// obstacle is the part of the query that is not a number of events.
	obstacle string
}

// anything is the measure of 0, which is no event in any unit.
const anything = math.MaxFloat64

func (m measure) known() bool { return m.perStep != 0 }

// measured finds out whether a query counts events, per second or in its range. The guard against
// low traffic depends on it.
func measured(query string) measure {
	expr, err := parse(query)
	if err != nil { // the loader does not let it through
		return measure{obstacle: query}
	}
	return measureOf(expr)
}

func parse(query string) (parser.Expr, error) {
	return parser.NewParser(parser.Options{}).ParseExpr(catalog.RenderQuery(query, step))
}

func measureOf(expr parser.Expr) measure {
	switch e := expr.(type) {
	case *parser.ParenExpr:
		return measureOf(e.Expr)
	case *parser.AggregateExpr:
		switch e.Op {
		case parser.SUM, parser.MAX, parser.MIN:
			return measureOf(e.Expr)
		}
	case *parser.Call:
		return measureOfCall(e)
	case *parser.BinaryExpr:
		return measureOfBinary(e)
	case *parser.NumberLiteral:
		if e.Val == 0 {
			return measure{perStep: anything}
		}
	}
	return measure{obstacle: expr.String()}
}

func measureOfCall(call *parser.Call) measure {
	switch call.Func.Name {
	case "rate", "irate":
		return measure{perStep: step.Seconds()}
	case "increase", "delta", "count_over_time", "sum_over_time", "resets", "changes":
		if series, ok := call.Args[0].(*parser.MatrixSelector); ok {
			return measure{perStep: float64(step) / float64(series.Range)}
		}
	case "vector", "abs", "clamp_min", "histogram_count", "label_replace", "label_join", "sort", "sort_desc":
		return measureOf(call.Args[0])
	}
	return measure{obstacle: call.String()}
}

func measureOfBinary(e *parser.BinaryExpr) measure {
	left := measureOf(e.LHS)
	switch {
	case e.ReturnBool:
	case e.Op.IsComparisonOperator() && e.LHS.Type() == parser.ValueTypeScalar:
		return measureOf(e.RHS)
	case e.Op.IsComparisonOperator(), e.Op == parser.LAND, e.Op == parser.LUNLESS:
		return left
	case e.Op == parser.ADD, e.Op == parser.SUB, e.Op == parser.LOR:
		right := measureOf(e.RHS)
		switch {
		case !left.known() || right.perStep == anything:
			return left
		case !right.known() || left.perStep == anything || left.perStep == right.perStep:
			return right
		}
	case e.Op == parser.MUL && isInfo(e.RHS): // a join, for labels
		return left
	}
	return measure{obstacle: e.String()}
}

// isInfo reports series that are always 1.
func isInfo(expr parser.Expr) bool {
	series, ok := expr.(*parser.VectorSelector)
	return ok && strings.HasSuffix(series.Name, "_info")
}

// sumsUp reports whether a query gives one value without labels. Then only the catalog knows its
// environment.
func sumsUp(expr parser.Expr) bool {
	switch e := expr.(type) {
	case *parser.ParenExpr:
		return sumsUp(e.Expr)
	case *parser.AggregateExpr:
		return !e.Without && len(e.Grouping) == 0 && e.Op != parser.TOPK && e.Op != parser.BOTTOMK
	case *parser.BinaryExpr:
		return sumsUp(e.LHS) && sumsUp(e.RHS)
	case *parser.Call:
		return e.Func.Name == "vector" || len(e.Args) > 0 && sumsUp(e.Args[0])
	}
	return expr.Type() == parser.ValueTypeScalar
}
