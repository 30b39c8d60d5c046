// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// A Check asks questions of what was observed up to a time.
type Check struct {
	From Source
	At   time.Time
	// Hidden is the name of a metric that is treated as if nobody wrote it: it was renamed.
	Hidden string
}

// A Source is what was observed: a [Prometheus] of this package, or a [Server].
type Source interface {
	// Now is the end of what is observed so far.
	Now() time.Time
	// answer are the numbers of an answer, and remarks on it: warnings and informations.
	answer(ctx context.Context, c Check, query string, over Range) (values []number, remarks, err error)
	// has reports whether there are samples of a selector's series.
	has(ctx context.Context, c Check, s selection) (bool, error)
	// traced reports whether there are exemplars, with a trace, of a query's series.
	traced(ctx context.Context, c Check, expr parser.Expr) (bool, error)
}

// ErrNone is in the chain of a problem that may pass: there is nothing at that time.
var ErrNone = errors.New("no answer")

// What problems of a whole query begin with.
const (
	now       = "now"
	overRange = "over its range"
)

// Problems are what is wrong with the answer to a question: nothing, when it is not empty, all numbers are finite, Prometheus
// has no remark on it, and no part of it is empty behind another that is not.
func (c Check) Problems(ctx context.Context, q Question) (problems []error) {
	say := func(about string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", about, err))
		}
	}
	expr, err := promQL.ParseExpr(q.Query)
	if err != nil {
		return []error{err}
	}
	numbers := func(part string) string {
		e, err := promQL.ParseExpr(part)
		if err != nil || !q.Condition {
			return part
		}
		return numbersOf(e).String()
	}
	whole := numbers(q.Query)
	if q.Over.Length != 0 && c.Hidden == "" {
		say(overRange, c.ask(ctx, whole, q.Over))
	}
	say(now, c.ask(ctx, whole, Range{}))
	if q.Condition {
		_, remarks, err := c.From.answer(ctx, c, q.Query, Range{})
		say("as a condition", errors.Join(err, remarks))
	}
	if !q.Recording {
		for _, part := range alternatives(expr) {
			say("of it, "+part.String(), c.ask(ctx, numbers(part.String()), Range{}))
		}
	}
	for _, s := range selections(expr) {
		say("series", c.has(ctx, s))
	}
	if q.Exemplars {
		say("exemplars", c.exemplars(ctx, expr))
	}
	return problems
}

// Holds reports whether a query has an answer, whatever it is.
func (c Check) Holds(ctx context.Context, query string) (bool, error) {
	values, _, err := c.From.answer(ctx, c, query, Range{})
	return len(values) > 0, err
}

// ask is about a query's answer: that there is one, and what it is like.
func (c Check) ask(ctx context.Context, query string, over Range) error {
	values, remarks, err := c.From.answer(ctx, c, query, over)
	if err = errors.Join(err, remarks); err != nil {
		return err
	}
	found := false
	for _, v := range values {
		found = true
		if math.IsNaN(v.f) || math.IsInf(v.f, 0) {
			return fmt.Errorf("%s is %v", v.series, v.f)
		}
	}
	if !found {
		return ErrNone
	}
	return nil
}

type number struct {
	series fmt.Stringer
	f      float64
}

func (c Check) has(ctx context.Context, s selection) error {
	found, err := c.From.has(ctx, c, s)
	if err == nil && !found {
		err = fmt.Errorf("%w: there is none of %s", ErrNone, s.VectorSelector)
	}
	return err
}

func (c Check) exemplars(ctx context.Context, expr parser.Expr) error {
	found, err := c.From.traced(ctx, c, expr)
	if err == nil && !found {
		err = fmt.Errorf("%w: there is none with a trace_id", ErrNone)
	}
	return err
}
