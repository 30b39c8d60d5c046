// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package names

import (
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/assert"
)

func TestQueries(t *testing.T) {
	for strategy, want := range map[otlptranslator.TranslationStrategyOption][3]string{
		otlptranslator.UnderscoreEscapingWithSuffixes: {
			"slo_objective_ratio", `traces_span_metrics_calls_total{service_name="a\"b", service_namespace="c", status_code=~"x|y"}`, "max by (slo_name, slo_window) (ALERTS)",
		},
		otlptranslator.UnderscoreEscapingWithoutSuffixes: {
			"slo_objective", `traces_span_metrics_calls{service_name="a\"b", service_namespace="c", status_code=~"x|y"}`, "max by (slo_name, slo_window) (ALERTS)",
		},
		otlptranslator.NoUTF8EscapingWithSuffixes: {
			`{"slo.objective_ratio"}`, `{"traces.span.metrics.calls_total", "service.name"="a\"b", "service.namespace"="c", "status.code"=~"x|y"}`, `max by ("slo.name", "slo.window") (ALERTS)`,
		},
		otlptranslator.NoTranslation: {
			`{"slo.objective"}`, `{"traces.span.metrics.calls", "service.name"="a\"b", "service.namespace"="c", "status.code"=~"x|y"}`, `max by ("slo.name", "slo.window") (ALERTS)`,
		},
	} {
		n := New(strategy)
		got := [3]string{
			n.Objective.With(), n.Calls.With(n.OfService(`a"b`, "c", n.StatusCode.Matches("x|y"))...), By("max", List(n.SLO, n.Window), Alerts.With()),
		}
		assert.Equal(t, want, got, strategy)
	}
}

func TestMatchers(t *testing.T) {
	n := Recorded()
	assert.Equal(t, []string{`service_name="a"`}, n.OfService("a", ""))
	assert.Equal(t, `deployment_environment_name=~"a\\.b|"`, n.Environment.OrNone("a.b"))
	assert.Equal(t, `{x="y"}`, Metric("").With(`x="y"`), "any metric")
}

func TestValues(t *testing.T) {
	service := New(otlptranslator.NoTranslation).Service
	assert.Equal(t, "sent", service.In(model.Metric{"service.name": "sent"}))
	assert.Equal(t, "recorded", service.In(model.LabelSet{"service_name": "recorded"}))
	assert.Empty(t, service.In(nil))
}
