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
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
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
	require.Error(t, j.all(t.Context(), judgeUntil), "no Prometheus")
	require.Empty(t, due())
	prometheus["increase("] = 20_000
	require.NoError(t, j.all(t.Context(), judgeUntil))
	require.Empty(t, due(), "no rules")
	maps.Copy(prometheus, answers{"young_version_total": 10_000, "young_version_bad": 400, "beside_version_total": 10_000, "beside_version_bad": 100})
	require.NoError(t, j.all(t.Context(), judgeUntil))
	const worse = "checkout: availability failed 4 times as often (2.48 to 6.73), which cost 15h0m of the budget"
	require.Equal(t, []string{worse}, due())
	require.NoError(t, j.all(t.Context(), judgeUntil))
	require.Empty(t, due(), "the same verdict")
	clock = clock.Add(judgedFor)
	require.NoError(t, j.all(t.Context(), judgeUntil))
	require.Equal(t, []string{worse}, due(), "the last one")
	require.Len(t, followed.Unjudged(clock.Add(-judgeUntil)), 1)
	clock = clock.Add(judgeUntil)
	require.Empty(t, followed.Unjudged(clock.Add(-judgeUntil)), "nothing more is expected")
}

// halfBad is a Prometheus with the events of two versions, of which the new one fails half of the time since it was deployed.
type halfBad struct{ deployed time.Time }

func (c halfBad) Range(_ context.Context, query string, first, last time.Time, step time.Duration) (found model.Matrix, err error) {
	if !strings.Contains(query, "slo_events_total") {
		return nil, nil
	}
	for version, outcomes := range map[string]map[string]float64{"1.2": {"good": 10, "bad": 0}, "1.3": {"good": 5, "bad": 5}} {
		for outcome, perStep := range outcomes {
			s := &model.SampleStream{Metric: model.Metric{"service_name": "checkout", "deployment_environment_name": "production", "slo_name": "availability", "service_version": model.LabelValue(version), "slo_outcome": model.LabelValue(outcome)}}
			total := 0.0
			for at := first; !at.After(last); at = at.Add(step) {
				if version == "1.3" && !at.After(c.deployed) {
					continue
				}
				total += perStep
				s.Values = append(s.Values, model.SamplePair{Timestamp: model.TimeFromUnixNano(at.UnixNano()), Value: model.SampleValue(total)})
			}
			if len(s.Values) > 0 {
				found = append(found, s)
			}
		}
	}
	return found, nil
}

// A bad version is announced as soon as the counters are certain, minutes before the rules have a step of five; what may be chance is not.
func TestDeploymentsAreJudgedByCounters(t *testing.T) {
	clock := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	followed := tracker.New(tracker.Default(), func() time.Time { return clock })
	require.NoError(t, followed.Report(deployment.Deployment{Service: deployment.Service{Name: "checkout", Environment: "production"}, Version: "1.3", Previous: "1.2", Status: deployment.Started, Start: clock}))
	prometheus := answers{"increase(": 20_000}
	j := judge{followed, prometheus, names.New(otlptranslator.UnderscoreEscapingWithSuffixes), func() *catalog.Catalog {
		return &catalog.Catalog{Services: []*catalog.Service{{Name: "checkout", SLOs: []*catalog.SLO{{Name: "availability", Objective: 99.9}}}}}
	}, func() time.Time { return clock }, flagJudge{source: halfBad{clock}, names: promname.New(otlptranslator.UnderscoreEscapingWithSuffixes)}}
	said := func() (all []string) {
		for _, d := range followed.Due() {
			all = append(all, string(d.Effect.Verdict()))
		}
		return all
	}
	start := clock
	clock = clock.Add(2 * time.Second)
	require.Equal(t, []string{""}, said())
	var found time.Duration
	for found == 0 && clock.Sub(start) < judgedFor {
		clock = clock.Add(lookEvery)
		require.NoError(t, j.all(t.Context(), fresh))
		clock = clock.Add(2 * time.Second)
		if now := said(); len(now) > 0 {
			require.Equal(t, []string{"worse"}, now)
			found = clock.Sub(start)
		}
	}
	require.NotZero(t, found)
	require.LessOrEqual(t, found, 2*time.Minute)
	// The rules have a step now, which may be chance by itself: what is certain stays.
	maps.Copy(prometheus, answers{"young_version_total": 10, "young_version_bad": 2, "beside_version_total": 10, "beside_version_bad": 1})
	require.NoError(t, j.all(t.Context(), judgeUntil))
	clock = clock.Add(2 * time.Second)
	require.Empty(t, said())
}

// notAbout has no answer about one service.
type notAbout struct {
	halfBad
	service string
}

func (c notAbout) Range(ctx context.Context, query string, first, last time.Time, step time.Duration) (model.Matrix, error) {
	if strings.Contains(query, c.service) {
		return nil, errors.New("too many series")
	}
	return c.halfBad.Range(ctx, query, first, last, step)
}

// A service whose counters cannot be read leaves the others their verdicts.
func TestOneServiceWithoutAnAnswer(t *testing.T) {
	clock := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	followed := tracker.New(tracker.Default(), func() time.Time { return clock })
	c := &catalog.Catalog{}
	for _, name := range []string{"billing", "checkout"} {
		c.Services = append(c.Services, &catalog.Service{Name: name, SLOs: []*catalog.SLO{{Name: "availability", Objective: 99.9}}})
	}
	for _, name := range []string{"billing", "checkout"} {
		require.NoError(t, followed.Report(deployment.Deployment{Service: deployment.Service{Name: name, Environment: "production"}, Version: "1.3", Previous: "1.2", Status: deployment.Started, Start: clock}))
	}
	j := judge{followed, answers{"increase(": 20_000}, names.New(otlptranslator.UnderscoreEscapingWithSuffixes), func() *catalog.Catalog { return c }, func() time.Time { return clock },
		flagJudge{source: notAbout{halfBad{clock}, "billing"}, names: promname.New(otlptranslator.UnderscoreEscapingWithSuffixes)}}
	clock = clock.Add(2 * time.Second)
	require.Len(t, followed.Due(), 2, "both have begun")
	clock = clock.Add(2 * time.Minute)
	require.ErrorContains(t, j.all(t.Context(), fresh), "too many series")
	clock = clock.Add(2 * time.Second)
	due := followed.Due()
	require.Len(t, due, 1)
	require.Equal(t, "checkout", due[0].Name)
	require.Equal(t, "worse", string(due[0].Effect.Verdict()))
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
