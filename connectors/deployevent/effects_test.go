// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployevent

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// effectsIn are the points of effects as "metric bound SLO version value"; the value of a series that ends is "ended".
func effectsIn(md pmetric.Metrics) (all []string) {
	for _, m := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		if m.Name() != semconv.DeploymentEffect.Name && m.Name() != semconv.DeploymentSpent.Name {
			continue
		}
		for _, dp := range m.Gauge().DataPoints().All() {
			text := func(key string) string { v, _ := dp.Attributes().Get(key); return v.Str() }
			value := fmt.Sprint(dp.DoubleValue())
			if dp.Flags().NoRecordedValue() {
				value = "ended"
			}
			all = append(all, fmt.Sprintf("%s %s %s %s %s", m.Name(), text(semconv.DeploymentEffectBound), text(semconv.SLOName), text(semconv.ServiceVersion), value))
		}
	}
	slices.Sort(all)
	return all
}

func TestEffectsOfWhatRuns(t *testing.T) {
	e := newEmitter(componenttest.NewNopTelemetrySettings(), component.NewDefaultBuildInfo())
	of := func(version string, effect deployment.Effect) running {
		return running{deployment.Deployment{Service: deployment.Service{Name: "checkout"}, Version: version, ID: version, Status: deployment.Completed, Start: time.Unix(1, 0), Effect: effect}, 1}
	}
	now := time.Unix(100, 0)
	require.Empty(t, effectsIn(e.metrics([]running{of("1", deployment.Effect{})}, now)), "nothing is known")
	worse := deployment.Effect{SLO: "availability", Times: 4, Low: 2.5, High: 6.5, Spent: 3600}
	require.Equal(t, []string{
		"deployment.budget_spent  availability 2 3600",
		"deployment.effect estimate availability 2 4", "deployment.effect high availability 2 6.5", "deployment.effect low availability 2 2.5",
	}, effectsIn(e.metrics([]running{of("1", deployment.Effect{}), of("2", worse)}, now)))
	require.Equal(t, []string{
		"deployment.budget_spent  availability 2 0", // what may be chance costs nothing
		"deployment.effect estimate availability 2 4", "deployment.effect high availability 2 ended", "deployment.effect low availability 2 0.5",
	}, effectsIn(e.metrics([]running{of("2", deployment.Effect{SLO: "availability", Times: 4, Low: 0.5, Spent: 3600})}, now)))
	require.Equal(t, []string{
		"deployment.budget_spent  availability 2 ended", "deployment.effect estimate availability 2 ended", "deployment.effect low availability 2 ended",
	}, effectsIn(e.metrics([]running{of("1", deployment.Effect{})}, now)))
	require.Empty(t, effectsIn(e.metrics([]running{of("1", deployment.Effect{})}, now)))
}
