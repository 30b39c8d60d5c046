// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package names

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/internal/promname"
)

// A Metric is the name of one.
type Metric string

// With selects its series that fit the matchers, of which there may be none.
func (m Metric) With(matchers ...string) string { return promname.Select(string(m), matchers...) }

// A Label is that of an attribute: by its name in what the collector sends, or in what rules record.
type Label struct{ sent, recorded string }

// In is the label's value in an answer or an alert, whichever name it has there.
func (l Label) In(labels map[model.LabelName]model.LabelValue) string {
	if value, ok := labels[model.LabelName(l.sent)]; ok {
		return string(value)
	}
	return string(labels[model.LabelName(l.recorded)])
}

// String is the label in a query.
func (l Label) String() string { return promname.QuoteLabel(l.sent) }

// Equal matches the value.
func (l Label) Equal(value string) string { return l.String() + "=" + strconv.Quote(value) }

// Matches matches a regular expression.
func (l Label) Matches(pattern string) string { return l.String() + "=~" + strconv.Quote(pattern) }

// OrNone matches series that have the value, or have no such label.
func (l Label) OrNone(value string) string { return l.Matches(regexp.QuoteMeta(value) + "|") }

// Containing matches the series of which one of the labels contains a text, among those that an expression with more matchers selects.
func Containing(text string, labels []string, of func(more ...string) string) string {
	if text == "" {
		return of()
	}
	pattern := strconv.Quote("(?i).*" + regexp.QuoteMeta(text) + ".*")
	series := make([]string, len(labels))
	for i, label := range labels {
		series[i] = of(label + "=~" + pattern)
	}
	return strings.Join(series, " or ")
}

// List is labels where a query lists them.
func List(labels ...Label) string {
	list := make([]string, len(labels))
	for i, l := range labels {
		list[i] = l.String()
	}
	return strings.Join(list, ", ")
}

// By aggregates by a list of labels.
func By(function, labels, of string) string { return function + " by (" + labels + ") (" + of + ")" }
