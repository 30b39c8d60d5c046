// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/otelcol-sre/otelcol-sre/internal/promname"
)

// names are those of this Prometheus, and the selectors made of them.
type names struct{ promname.Names }

func newNames(strategy otlptranslator.TranslationStrategyOption) names {
	return names{promname.New(strategy)}
}

// label is the name of an attribute in what the rules record.
func label(attribute string) string { return promname.Recorded(attribute) }

// selector selects series of a metric of the collector.
func (n names) selector(metric otlptranslator.Metric, matchers ...matcher) string {
	for i := range matchers {
		matchers[i].name = n.Attribute(matchers[i].name)
	}
	return selector(n.Metric(metric), matchers...)
}

// by aggregates a vector of the collector's series by attributes, under the names of the rules.
func (n names) by(function, expr string, attributes ...string) string {
	var to []string
	for _, a := range attributes {
		to = append(to, label(a))
		if from := n.Attribute(a); from != label(a) {
			expr = "label_replace(" + expr + `, "` + label(a) + `", "$1", "` + from + `", "(.*)")`
		}
	}
	return function + " by (" + strings.Join(to, ", ") + ") (" + expr + ")"
}

// A matcher is a condition on a label. The name is an attribute's where the selector is of the
// collector's metric.
type matcher struct {
	kind        labels.MatchType
	name, value string
}

func equal(name, value string) matcher { return matcher{labels.MatchEqual, name, value} }

// selector is a PromQL selector, quoted where necessary.
func selector(metric string, matchers ...matcher) string {
	var inside []string
	if !model.LegacyValidation.IsValidMetricName(metric) {
		inside, metric = append(inside, strconv.Quote(metric)), ""
	}
	for _, m := range matchers {
		inside = append(inside, quoteLabel(m.name)+m.kind.String()+quote(m.value))
	}
	return metric + "{" + strings.Join(inside, ",") + "}"
}

// quoteLabel is a label's name where a query names labels.
func quoteLabel(name string) string { return promname.QuoteLabel(name) }

// quote writes a string of PromQL, which takes Go's escapes but not the replacement character.
func quote(s string) string {
	return strings.ReplaceAll(strconv.Quote(clean(s)), "\uFFFD", `\ufffd`)
}
