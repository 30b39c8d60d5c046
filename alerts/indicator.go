// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// An indicator are the queries of a Prometheus SLI over a window: errors and total, good and total, or ratio.
type indicator struct{ errors, good, total, ratio *part }

// A part is a query, or a part of one.
type part struct {
	text string
	expr parser.Expr
}

// indicator are the SLO's queries over a window. A ratio that is a division of numbers of events is errors and total: its
// two sides say how many events there were, and one without a result is 0.
func (o objective) indicator(window time.Duration) indicator {
	p := o.SLI.Prometheus
	query := func(text string) *part {
		if text == "" {
			return nil
		}
		text = catalog.RenderQuery(text, window)
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
		if err != nil { // the loader does not let it through
			expr = &parser.NumberLiteral{}
		}
		return &part{text, expr}
	}
	ratio := query(p.ErrorRatio)
	if ratio == nil {
		return indicator{errors: query(p.Errors), good: query(p.Good), total: query(p.Total)}
	}
	if bad, all, ok := ratio.division(); ok {
		return indicator{errors: &bad, total: &all}
	}
	if one, rest, op := ratio.anyOperands(); op == parser.SUB {
		if n, number := one.expr.(*parser.NumberLiteral); number && n.Val == 1 {
			if good, all, ok := rest.division(); ok {
				return indicator{good: &good, total: &all}
			}
		}
	}
	return indicator{ratio: ratio}
}

// errorMeasure is the measure of the bad events.
func (i indicator) errorMeasure() measure {
	if i.errors != nil {
		return measureOf(i.errors.expr)
	}
	return measureOf(i.total.expr)
}

// inside is the part without parentheses around it.
func (p part) inside() part {
	paren, ok := p.expr.(*parser.ParenExpr)
	if !ok {
		return p
	}
	return partOf(paren.Expr).inside()
}

func partOf(expr parser.Expr) part { return part{expr.String(), expr} }

// anyOperands are the sides of a binary operation; op is 0 if it is none.
func (p part) anyOperands() (left, right part, op parser.ItemType) {
	binary, ok := p.inside().expr.(*parser.BinaryExpr)
	if !ok || binary.ReturnBool {
		return part{}, part{}, 0
	}
	return partOf(binary.LHS), partOf(binary.RHS), binary.Op
}

// operands are the sides of an operation on two vectors whose series match by all of their labels.
func (p part) operands() (left, right part, op parser.ItemType) {
	binary, ok := p.inside().expr.(*parser.BinaryExpr)
	if !ok || binary.VectorMatching == nil || binary.VectorMatching.On || len(binary.VectorMatching.MatchingLabels) > 0 ||
		binary.LHS.Type() != parser.ValueTypeVector || binary.RHS.Type() != parser.ValueTypeVector {
		return part{}, part{}, 0
	}
	return p.anyOperands()
}

// division are the sides of a division of numbers of events.
func (p part) division() (events, all part, ok bool) {
	events, all, op := p.operands()
	if op != parser.DIV || !measureOf(events.expr).known() || measureOf(events.expr).perStep != measureOf(all.expr).perStep {
		return part{}, part{}, false
	}
	return events, all, true
}
