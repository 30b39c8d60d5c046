// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package promname

import (
	"testing"

	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/require"
)

func TestNames(t *testing.T) {
	events := otlptranslator.Metric{Name: "slo.events", Unit: "{event}", Type: otlptranslator.MetricTypeMonotonicCounter}
	for strategy, want := range map[otlptranslator.TranslationStrategyOption][3]string{
		otlptranslator.UnderscoreEscapingWithSuffixes:    {"slo_events_total", "slo_name", "slo_name"},
		otlptranslator.UnderscoreEscapingWithoutSuffixes: {"slo_events", "slo_name", "slo_name"},
		otlptranslator.NoUTF8EscapingWithSuffixes:        {"slo.events_total", "slo.name", `"slo.name"`},
		otlptranslator.NoTranslation:                     {"slo.events", "slo.name", `"slo.name"`},
	} {
		n := New(strategy)
		got := [3]string{n.Metric(events), n.Attribute("slo.name"), QuoteLabel(n.Attribute("slo.name"))}
		require.Equal(t, want, got, strategy)
	}
	require.Equal(t, "deployment_environment_name", Recorded("deployment.environment.name"))
	require.Equal(t, "a_b", New(otlptranslator.UnderscoreEscapingWithSuffixes).Metric(otlptranslator.Metric{Name: "a.b"}))
}
