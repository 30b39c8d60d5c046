// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspage

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/tracker"
)

// answers is a Prometheus that knows values by a part of the query.
type answers map[string]float64

func (a answers) Instant(_ context.Context, query string) (model.Vector, error) {
	if len(a) == 0 {
		return nil, errors.New("no answer")
	}
	for part, value := range a {
		if strings.Contains(query, part) {
			return model.Vector{{Metric: model.Metric{"slo_name": "availability", "service_version": "1.3"}, Value: model.SampleValue(value)}}, nil
		}
	}
	return nil, nil
}

func (answers) Alerts(context.Context) ([]v1.Alert, error) { return nil, nil }

// A version that fails four times as often: it is announced once while it is young, and once more with what it cost at the end. The catalog does not know the other service.
func TestDeploymentsAreJudged(t *testing.T) {
	clock := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	followed := tracker.New(tracker.Default(), func() time.Time { return clock })
	of := deployment.Service{Name: "checkout", Environment: "production"}
	for _, s := range []deployment.Service{of, {Name: "other"}} {
		require.NoError(t, followed.Report(deployment.Deployment{Service: s, Version: "1.3", Previous: "1.2", Status: deployment.Started, Start: clock}))
	}
	due := func() (effects []string) {
		clock = clock.Add(2 * time.Second)
		for _, d := range followed.Due() {
			effects = append(effects, d.Name+": "+d.Effect.String())
		}
		return effects
	}
	require.Equal(t, []string{"other: ", "checkout: "}, sortedLast(due()))
	prometheus := answers{}
	j := judge{followed, prometheus, names.New(otlptranslator.UnderscoreEscapingWithSuffixes), func() *catalog.Catalog {
		return &catalog.Catalog{Services: []*catalog.Service{{Name: "checkout", SLOs: []*catalog.SLO{{Name: "availability", Objective: 99.9}}}}}
	}, func() time.Time { return clock }, flagJudge{}}
	require.Error(t, j.all(t.Context()), "no Prometheus")
	require.Empty(t, due())
	prometheus["increase("] = 20_000
	require.NoError(t, j.all(t.Context()))
	require.Empty(t, due(), "no rules")
	maps.Copy(prometheus, answers{"young_version_total": 10_000, "young_version_bad": 400, "beside_version_total": 10_000, "beside_version_bad": 100})
	require.NoError(t, j.all(t.Context()))
	const worse = "checkout: availability failed 4 times as often (2.48 to 6.73), which cost 15h0m of the budget"
	require.Equal(t, []string{worse}, due())
	require.NoError(t, j.all(t.Context()))
	require.Empty(t, due(), "the same verdict")
	clock = clock.Add(judgedFor)
	require.NoError(t, j.all(t.Context()))
	require.Equal(t, []string{worse}, due(), "the last one")
	require.Len(t, followed.Unjudged(clock.Add(-judgeUntil)), 1)
	clock = clock.Add(judgeUntil)
	require.Empty(t, followed.Unjudged(clock.Add(-judgeUntil)), "nothing more is expected")
}

// sortedLast has checkout last.
func sortedLast(all []string) []string {
	if len(all) == 2 && strings.HasPrefix(all[0], "checkout") {
		all[0], all[1] = all[1], all[0]
	}
	return all
}

func TestTrackerOfVerdicts(t *testing.T) {
	missing := component.MustNewID("deployment_tracker")
	s := create(t, func(c *Config) { c.Tracker = &missing })
	require.ErrorContains(t, s.Start(t.Context(), catalogs(t, nil)), "deployment_tracker")
	require.NoError(t, s.Shutdown(t.Context()))
}
