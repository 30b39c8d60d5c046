// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package promname says what OTLP metrics and attributes are called in a Prometheus. Rules, runbooks and dashboards
// ask it, and nothing else, so that they never call one series by two names.
package promname

import (
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
)

// Strategies are all there are, Prometheus' default first.
var Strategies = []otlptranslator.TranslationStrategyOption{
	otlptranslator.UnderscoreEscapingWithSuffixes, otlptranslator.UnderscoreEscapingWithoutSuffixes,
	otlptranslator.NoUTF8EscapingWithSuffixes, otlptranslator.NoTranslation,
}

// Names are those of one translation strategy.
type Names struct {
	metric otlptranslator.MetricNamer
	label  otlptranslator.LabelNamer
}

// New is for a Prometheus with the translation strategy.
func New(strategy otlptranslator.TranslationStrategyOption) Names {
	return Names{
		metric: otlptranslator.NewMetricNamer("", strategy),
		label:  otlptranslator.LabelNamer{UTF8Allowed: !strategy.ShouldEscape()},
	}
}

// Metric is the name of a metric.
func (n Names) Metric(m otlptranslator.Metric) string {
	if name, err := n.metric.Build(m); err == nil {
		return name
	}
	return Recorded(m.Name) // it has no letter or digit; no metric of ours is called so
}

// Attribute is the label of an attribute in what the collector sends.
func (n Names) Attribute(name string) string {
	if l, err := n.label.Build(name); err == nil {
		return l
	}
	return Recorded(name)
}

// Recorded is the label of an attribute in what rules record or queries aggregate: with underscores whatever the
// translation, so that readers need not know it.
func Recorded(attribute string) string { return strings.ReplaceAll(attribute, ".", "_") }

// Select is a PromQL selector of a metric's series that fit the matchers, of which there may be none. A name that PromQL does not take bare is written
// as a matcher; without a name, the matchers alone select.
func Select(metric string, matchers ...string) string {
	if metric != "" && !model.LegacyValidation.IsValidMetricName(metric) {
		metric, matchers = "", append([]string{strconv.Quote(metric)}, matchers...)
	}
	if len(matchers) == 0 {
		return metric
	}
	return metric + "{" + strings.Join(matchers, ", ") + "}"
}

// QuoteLabel is a label's name where a query names labels.
func QuoteLabel(name string) string {
	if model.LegacyValidation.IsValidLabelName(name) {
		return name
	}
	return strconv.Quote(name)
}
