// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/otelcol-sre/otelcol-sre/internal/promname"
)

// names are those of this Prometheus, and the selectors made of them.
type names struct{ promname.Names }

func newNames(strategy otlptranslator.TranslationStrategyOption) names {
	return names{promname.New(strategy)}
}

// A matcher of a label; name is the OpenTelemetry attribute's.
type matcher struct {
	name  string
	kind  labels.MatchType
	value string
}

// collected selects series of a metric that the collector sends.
func (n names) collected(metric otlptranslator.Metric, matchers []matcher) string {
	return selector(n.Metric(metric), n.Attribute, matchers)
}

// recorded selects series that a rule records.
func recorded(rule string, matchers []matcher) string { return selector(rule, underscores, matchers) }

func underscores(attribute string) string { return promname.Recorded(attribute) }

func selector(metric string, label func(string) string, matchers []matcher) string {
	s := parser.VectorSelector{Name: metric}
	if !model.LegacyValidation.IsValidMetricName(metric) { // written as a matcher, where it is quoted
		s.Name, matchers = "", append([]matcher{{model.MetricNameLabel, labels.MatchEqual, metric}}, matchers...)
	}
	for _, m := range matchers {
		name := m.name
		if name != model.MetricNameLabel {
			name = label(name)
		}
		one, err := labels.NewMatcher(m.kind, name, m.value)
		if err != nil { // only a pattern can be wrong, and ours are quoted
			one = labels.MustNewMatcher(labels.MatchEqual, name, m.value)
		}
		s.LabelMatchers = append(s.LabelMatchers, one)
	}
	return s.String()
}
