// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package searches answers queries of TraceQL and LogQL over spans and log records, for tests of the queries that runbooks and
// dashboards show. Grafana's grammars of the two languages read a query; what it means is decided here, by the languages'
// documentation, and only for the constructs that pages and dashboards use. All others are refused: a guess would let a
// wrong query pass.
package searches

import (
	"context"
	"fmt"
	"strconv"

	"github.com/prometheus/prometheus/model/labels"
)

// An Answer is what a query finds: the records by their place in what it was asked of, or why the query is none.
type Answer struct {
	Err   error
	Found []int
	// By is the label by which a query of metrics counts what was found; "" for others.
	By string
}

// A query finds records of one kind.
type query[R any] struct {
	finds func(R) (bool, error)
	by    string
}

// answer asks the queries of the records. An error is about all of them.
func answer[R any](ctx context.Context, language string, records []R, queries []string, compile func(*node) (query[R], error)) (map[string]Answer, error) {
	trees, err := parse(ctx, language, queries)
	if err != nil {
		return nil, err
	}
	answers := map[string]Answer{}
	for i, text := range queries {
		answers[text] = ask(trees[i], records, compile)
	}
	return answers, nil
}

func ask[R any](tree *node, records []R, compile func(*node) (query[R], error)) Answer {
	if err := tree.check(); err != nil {
		return Answer{Err: err}
	}
	q, err := compile(tree)
	if err != nil {
		return Answer{Err: err}
	}
	found := []int{}
	for i, r := range records {
		is, err := q.finds(r)
		if err != nil {
			return Answer{Err: err}
		}
		if is {
			found = append(found, i)
		}
	}
	return Answer{Found: found, By: q.by}
}

// both and either are the operators of conditions in both languages.
func both[R any](a, b func(R) (bool, error)) func(R) (bool, error) {
	return func(r R) (bool, error) {
		if is, err := a(r); !is || err != nil {
			return false, err
		}
		return b(r)
	}
}

func either[R any](a, b func(R) (bool, error)) func(R) (bool, error) {
	return func(r R) (bool, error) {
		if is, err := a(r); is || err != nil {
			return is, err
		}
		return b(r)
	}
}

// orders are the comparisons of numbers.
var orders = map[string]func(a, b float64) bool{
	"=":  func(a, b float64) bool { return a == b },
	">":  func(a, b float64) bool { return a > b },
	">=": func(a, b float64) bool { return a >= b },
	"<":  func(a, b float64) bool { return a < b },
	"<=": func(a, b float64) bool { return a <= b },
}

// literal is the text of a string. Both languages read Go's.
func literal(n *node) (string, error) {
	text, err := strconv.Unquote(n.text())
	if err != nil {
		return "", n.refuse("this is no string of Go's")
	}
	return text, nil
}

// matcher compares text as Prometheus' selectors do; a regular expression has to match the whole text.
func matcher(kind labels.MatchType, label string, value *node) (*labels.Matcher, error) {
	text, err := literal(value)
	if err != nil {
		return nil, err
	}
	m, err := labels.NewMatcher(kind, label, text)
	if err != nil {
		return nil, value.refuse("%w", err)
	}
	return m, nil
}

// unparenthesized refuses a mixture of two operators: readers do not know which of them comes first.
func unparenthesized(n *node, shape string) error {
	for _, child := range n.children {
		if child.shape() == shape {
			return fmt.Errorf("%w: put parentheses around it", child.refuse("it stands beside another operator"))
		}
	}
	return nil
}
