// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"github.com/prometheus/otlptranslator"

	"github.com/otelcol-sre/otelcol-sre/internal/promname"
)

// names are those of this Prometheus.
type names struct{ promname.Names }

func newNames(strategy otlptranslator.TranslationStrategyOption) *names {
	return &names{promname.New(strategy)}
}

// label is the name of an attribute in what is aggregated or recorded: legends and columns rely on it.
func label(attribute string) string { return promname.Recorded(attribute) }

// of names a metric.
func (n *names) of(m metric) string {
	if m.origin == byPrometheus {
		return m.name
	}
	return n.Metric(otlptranslator.Metric{Name: m.name, Unit: m.unit, Type: m.kind})
}

// quoteLabel is a label's name where a query names labels.
func quoteLabel(name string) string { return promname.QuoteLabel(name) }
