// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployevent

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"

	"github.com/otelcol-sre/otelcol-sre/internal/change"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

func TestVerdictsOnFlags(t *testing.T) {
	e := newEmitter(componenttest.NewNopTelemetrySettings(), component.NewDefaultBuildInfo())
	of := func(id string, gate change.Gate) change.Change {
		return change.Change{Service: deployment.Service{Name: "checkout"}, ID: id, Kind: change.FeatureFlag, Name: "dark", Value: "on", Start: time.Unix(1, 0), Gate: gate}
	}
	at := func(all ...change.Change) (found []string) {
		md := e.metrics(nil, time.Unix(100, 0))
		e.changes(md, all, time.Unix(100, 0))
		e.verdicts(md, all, time.Unix(100, 0))
		for _, m := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
			for _, dp := range m.Gauge().DataPoints().All() {
				text := func(key string) string { v, _ := dp.Attributes().Get(key); return v.Str() }
				value := fmt.Sprint(dp.DoubleValue())
				if dp.Flags().NoRecordedValue() {
					value = "ended"
				}
				if m.Name() == semconv.ChangeTime.Name {
					require.Empty(t, text(semconv.ChangeVerdict), "the series of the change stays the same")
					continue
				}
				found = append(found, fmt.Sprint(text(semconv.ChangeID), " ", text(semconv.ChangeVerdict), " ", text(semconv.ChangeReason), " ", text(semconv.ChangeEvidence), " ", value))
			}
		}
		return found
	}
	require.Empty(t, at(of("1", change.Gate{})))
	require.Equal(t, []string{"2 pass few failed variants 50"}, at(of("1", change.Gate{}), of("2", change.Gate{Verdict: "pass", Reason: "few failed", Evidence: "variants", At: time.Unix(50, 0)})))
	require.ElementsMatch(t, []string{"2 pass few failed variants ended", "2 fail   60"}, at(of("2", change.Gate{Verdict: "fail", At: time.Unix(60, 0)})))
	require.Equal(t, []string{"2 fail   ended"}, at())
	require.Empty(t, at())
}
