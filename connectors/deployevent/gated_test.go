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

func gatesIn(md pmetric.Metrics) (all []string) {
	for _, m := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		if m.Name() != semconv.DeploymentGated.Name {
			continue
		}
		for _, dp := range m.Gauge().DataPoints().All() {
			text := func(key string) string { v, _ := dp.Attributes().Get(key); return v.Str() }
			value := fmt.Sprint(dp.DoubleValue())
			if dp.Flags().NoRecordedValue() {
				value = "ended"
			}
			all = append(all, fmt.Sprint(text(semconv.ServiceVersion), " ", text(semconv.DeploymentGateVerdict), " ", text(semconv.DeploymentGateReason), " ", value))
		}
	}
	slices.Sort(all)
	return all
}

func TestVerdictsOfGates(t *testing.T) {
	e := newEmitter(componenttest.NewNopTelemetrySettings(), component.NewDefaultBuildInfo())
	of := func(version string, gate deployment.Gate) running {
		return running{deployment.Deployment{Service: deployment.Service{Name: "checkout"}, Version: version, ID: version, Status: deployment.Completed, Start: time.Unix(1, 0), Gate: gate}, 1}
	}
	at := func(all ...running) []string { return gatesIn(e.metrics(all, time.Unix(100, 0))) }
	require.Empty(t, at(of("1", deployment.Gate{})))
	require.Equal(t, []string{"2 inconclusive few events 50"}, at(of("1", deployment.Gate{}), of("2", deployment.Gate{Verdict: "inconclusive", Reason: "few events", At: time.Unix(50, 0)})))
	require.Equal(t, []string{"2 inconclusive few events ended", "2 pass  60"}, at(of("2", deployment.Gate{Verdict: "pass", At: time.Unix(60, 0)})))
	require.Equal(t, []string{"2 pass  ended"}, at())
	require.Empty(t, at())
}
