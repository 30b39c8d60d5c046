// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// A Source evaluates queries about what no rule records.
type Source interface {
	// Range is the result of a query at first and every step after it until last. Points have the times at which they
	// were asked; a time without a result has no point.
	Range(ctx context.Context, query string, first, last time.Time, step time.Duration) (promql.Matrix, error)
}

// A part is a part of an expression that is evaluated before it. The expression reads its result as a series of that name.
type part struct {
	name string
	// query is the largest part that reads nothing that rules record: the source evaluates it.
	query string
	// slide is a sum over a long window of what rules record.
	slide *slide
}

// A splitter takes the parts out of expressions.
type splitter struct {
	recorded map[string]bool
	// source: what rules do not record is elsewhere.
	source bool
	parts  int
}

// split replaces the parts of a rule's expression.
func (s *splitter) split(r *recording) (err error) {
	r.expr, err = s.replace(r, r.expr)
	return err
}

func (s *splitter) replace(r *recording, expr parser.Expr) (_ parser.Expr, err error) {
	here, there := s.reads(expr)
	if !here && there && s.source && expr.Type() == parser.ValueTypeVector {
		return s.part(r, part{query: expr.String()}), nil
	}
	if of := s.slideOf(r, expr); of != nil {
		return s.part(r, part{slide: of}), nil
	}
	each := func(expr *parser.Expr) {
		if err == nil {
			*expr, err = s.replace(r, *expr)
		}
	}
	switch e := expr.(type) {
	case *parser.ParenExpr:
		each(&e.Expr)
	case *parser.UnaryExpr:
		each(&e.Expr)
	case *parser.AggregateExpr:
		each(&e.Expr)
		if e.Param != nil {
			each(&e.Param)
		}
	case *parser.BinaryExpr:
		each(&e.LHS)
		each(&e.RHS)
	case *parser.Call:
		for i := range e.Args {
			each(&e.Args[i])
		}
	default:
		if !there || !s.source {
			return expr, nil
		}
		return nil, fmt.Errorf("%s: a range of what no rule records, beside what one does, cannot be replayed; record it", expr)
	}
	return expr, err
}

// part takes a part out of a rule, and returns what the rule reads instead.
func (s *splitter) part(r *recording, p part) parser.Expr {
	s.parts++
	p.name = "replay:part:" + strconv.Itoa(s.parts)
	r.parts = append(r.parts, p)
	return &parser.VectorSelector{Name: p.name, LabelMatchers: []*labels.Matcher{labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, p.name)}}
}

// reads reports whether an expression reads what is here, and what only the source has.
func (s *splitter) reads(expr parser.Expr) (here, there bool) {
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			if s.recorded[selectedName(selector)] {
				here = true
			} else {
				there = true
			}
		}
		return nil
	})
	return here, there
}

// parts evaluates the parts of a rule, and writes the results where the rule reads them.
func (r *Replay) parts(ctx context.Context, of *recording, first, last time.Time, step time.Duration) error {
	for _, p := range of.parts {
		if p.slide != nil {
			if err := r.slide(ctx, p, first, last, step); err != nil {
				return err
			}
			continue
		}
		result, err := r.options.Source.Range(ctx, p.query, first, last, step)
		if err != nil {
			return err
		}
		err = r.store(ctx, result, first, last, step, func(found labels.Labels) labels.Labels {
			return labels.NewBuilder(found).Set(model.MetricNameLabel, p.name).Labels()
		})
		if err != nil {
			return err
		}
	}
	return nil
}
