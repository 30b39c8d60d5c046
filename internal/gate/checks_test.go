// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A checked store has results of checks as well.
type checked struct {
	store
	results []result
	failing error
}

// A result is when a check passed, or failed in a step, before now.
type result struct {
	check, location, step string
	ago                   time.Duration
}

func (s *checked) Range(ctx context.Context, query string, first, last time.Time, step time.Duration) (model.Matrix, error) {
	if !strings.Contains(query, "check_time_seconds{") {
		return s.store.Range(ctx, query, first, last, step)
	}
	var m model.Matrix
	for _, r := range s.results {
		outcome := "passed"
		if r.step != "" {
			outcome = "failed"
		}
		at := now.Add(-r.ago)
		series := &model.SampleStream{Metric: model.Metric{
			"check_name": model.LabelValue(r.check), "check_location": model.LabelValue(r.location), "check_outcome": model.LabelValue(outcome), "check_step": model.LabelValue(r.step),
			"deployment_environment_name": "production",
		}}
		for _, value := range []time.Time{at.Add(-time.Hour), at} {
			series.Values = append(series.Values, model.SamplePair{Timestamp: model.TimeFromUnixNano(last.UnixNano()), Value: model.SampleValue(value.Unix())})
		}
		m = append(m, series)
	}
	return m, s.failing
}

// A release passes only if its checks are green since it began.
func TestGreenAfterShift(t *testing.T) {
	good := []flow{of("1", hours, 0, 10, 0.01), of("2", ten, 0, 10, 0.01)}
	bad := []flow{of("1", hours, 0, 10, 0.01), of("2", ten, 0, 5, 5)}
	for name, c := range map[string]struct {
		flows   []flow
		results []result
		want    Verdict
		reason  string
		states  string
	}{
		"green":                {good, []result{{"home", "eu", "", time.Minute}, {"pay", "eu", "", time.Minute}}, Pass, "surely fails less", "passed passed"},
		"green again":          {good, []result{{"home", "eu", "connect", 5 * time.Minute}, {"home", "eu", "", time.Minute}, {"pay", "eu", "", time.Minute}}, Pass, "", "passed passed"},
		"red":                  {good, []result{{"home", "eu", "", 5 * time.Minute}, {"home", "eu", "connect", time.Minute}, {"pay", "eu", "", time.Minute}}, Inconclusive, "The check home from eu fails in step connect. Of", "failed passed"},
		"red somewhere":        {good, []result{{"home", "eu", "", time.Minute}, {"home", "us", "body", time.Minute}, {"pay", "eu", "", time.Minute}}, Inconclusive, "The check home from us fails in step body.", "passed failed passed"},
		"green before":         {good, []result{{"home", "eu", "", time.Hour}, {"pay", "eu", "", time.Minute}}, Inconclusive, "The check home has no result since the release began.", "missing passed"},
		"never":                {good, nil, Inconclusive, "The check home has no result", "missing missing"},
		"fails whatever it is": {bad, []result{{"home", "eu", "", time.Minute}, {"pay", "eu", "", time.Minute}}, Fail, "failed", "passed passed"},
		"others do not matter": {good, []result{{"home", "eu", "", time.Minute}, {"pay", "eu", "", time.Minute}, {"old", "eu", "body", time.Minute}}, Pass, "", "passed passed"},
	} {
		q := question(t, "2")
		service := *q.Service
		service.Checks = []catalog.Check{{Name: "home"}, {Name: "pay"}, {Name: "stage", Environment: "staging"}}
		q.Service, q.Environment = &service, "production"
		r, err := Ask(t.Context(), &checked{store: store{flows: c.flows}, results: c.results}, q)
		require.NoError(t, err)
		assert.Equal(t, c.want, r.Verdict, "%s: %s", name, r.Reason)
		assert.Contains(t, r.Reason, c.reason, name)
		var states []string
		for _, check := range r.Checks {
			states = append(states, check.State)
		}
		assert.Equal(t, c.states, strings.Join(states, " "), name)
	}
	q := question(t, "2")
	service := *q.Service
	service.Checks = []catalog.Check{{Name: "home"}}
	q.Service = &service
	down := errors.New("down")
	_, err := Ask(t.Context(), &checked{store: store{flows: good}, failing: down}, q)
	require.ErrorIs(t, err, down)
}

func TestManyLocations(t *testing.T) {
	var all []Check
	for range 2 {
		for i := range 2 * maxLocations {
			all = newest(all, Check{Name: "home", Location: strings.Repeat("x", i)})
		}
	}
	assert.Len(t, all, maxLocations)
}
