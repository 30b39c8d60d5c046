// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// numbersOf makes of a condition what it compares: `a > b` becomes `a - b`, with the same matching of
// labels, `a unless b` becomes a, and `absent(a)` becomes a. So the numbers behind an alert can be looked
// at while all is well.
func numbersOf(expr parser.Expr) parser.Expr {
	switch e := expr.(type) {
	case *parser.BinaryExpr:
		if e.Op == parser.LUNLESS {
			return numbersOf(e.LHS)
		}
		e.LHS, e.RHS = numbersOf(e.LHS), numbersOf(e.RHS)
		if e.Op.IsComparisonOperator() && !e.ReturnBool {
			e.Op = parser.SUB
			e.LHS, e.RHS = &parser.ParenExpr{Expr: e.LHS}, &parser.ParenExpr{Expr: e.RHS}
		}
	case *parser.ParenExpr:
		e.Expr = numbersOf(e.Expr)
	case *parser.AggregateExpr:
		e.Expr = numbersOf(e.Expr)
	case *parser.Call:
		switch e.Func.Name {
		case "absent":
			return e.Args[0]
		case "absent_over_time":
			e.Func = parser.Functions["last_over_time"]
		}
		for i := range e.Args {
			e.Args[i] = numbersOf(e.Args[i])
		}
	}
	return expr
}

// alternatives are the two sides of each `or` and the right side of each `unless`: the whole can have an answer although
// one of them never has.
func alternatives(expr parser.Expr) (all []parser.Expr) {
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if e, ok := node.(*parser.BinaryExpr); ok {
			switch e.Op {
			case parser.LOR:
				all = append(all, e.LHS, e.RHS)
			case parser.LUNLESS:
				all = append(all, e.RHS)
			}
		}
		return nil
	})
	return all
}

// A selection is a selector of series, and the time before now in which it needs samples.
type selection struct {
	*parser.VectorSelector
	from, to time.Duration
}

// lookback is how old the newest sample may be at one time.
const lookback = 5 * time.Minute

func selections(expr parser.Expr) (all []selection) {
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		v, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		s := selection{v, lookback + v.OriginalOffset, v.OriginalOffset}
		for _, parent := range path {
			switch p := parent.(type) {
			case *parser.MatrixSelector:
				s.from += p.Range
			case *parser.SubqueryExpr:
				s.from += p.Range + p.OriginalOffset
				s.to += p.OriginalOffset
			}
		}
		all = append(all, s)
		return nil
	})
	return all
}

// Offsets are how far back the questions look by offset.
func Offsets(all []Question) (offsets map[time.Duration]bool) {
	offsets = map[time.Duration]bool{}
	for _, q := range all {
		expr, err := promQL.ParseExpr(q.Query)
		if err != nil {
			continue // which the check reports
		}
		for _, s := range selections(expr) {
			if s.to != 0 {
				offsets[s.to] = true
			}
		}
	}
	return offsets
}
