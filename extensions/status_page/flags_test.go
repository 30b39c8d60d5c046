// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspage

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/change"
	changetracker "github.com/otelcol-sre/otelcol-sre/internal/change/tracker"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
)

// counters are those of checkout: 10 events a second, of which a tenth fails since the flag was changed. Those of an SLO by variant say which.
type counters struct {
	changed time.Time
	variant bool
	fails   error
}

func (c *counters) Range(_ context.Context, query string, first, last time.Time, step time.Duration) (m model.Matrix, err error) {
	if strings.HasPrefix(query, "sum by (service_namespace, service_name) (increase(slo_events_total") && c.fails == nil {
		return model.Matrix{
			{Metric: model.Metric{"service_name": "checkout"}, Values: []model.SamplePair{{Timestamp: model.TimeFromUnixNano(first.UnixNano()), Value: 6000}}},
			{Metric: model.Metric{"service_name": "unknown"}, Values: []model.SamplePair{{Timestamp: model.TimeFromUnixNano(first.UnixNano()), Value: 7000}}},
		}, nil
	}
	if c.fails != nil || !strings.Contains(query, `service_name="checkout"`) {
		return nil, c.fails
	}
	add := func(variant, outcome string, begin time.Time, before, after float64) {
		s := &model.SampleStream{Metric: model.Metric{"slo_name": "availability", "slo_outcome": model.LabelValue(outcome), "deployment_environment_name": "production"}}
		if c.variant {
			s.Metric["feature_flag_dark"] = model.LabelValue(variant)
		}
		for at := first; !at.After(last); at = at.Add(step) {
			if !at.Before(begin) {
				value := min(at.Sub(begin), c.changed.Sub(begin)).Seconds()*before + max(0, at.Sub(c.changed).Seconds())*after
				s.Values = append(s.Values, model.SamplePair{Timestamp: model.TimeFromUnixNano(at.UnixNano()), Value: model.SampleValue(value)})
			}
		}
		m = append(m, s)
	}
	if c.variant {
		add("off", "good", first.Add(-time.Hour), 10, 10)
		add("off", "bad", first.Add(-time.Hour), 0.01, 0.01)
		add("on", "good", c.changed, 0, 9)
		add("on", "bad", c.changed, 0, 1)
		return m, nil
	}
	add("", "good", first.Add(-time.Hour), 10, 9)
	add("", "bad", first.Add(-time.Hour), 0.01, 1)
	return m, nil
}

func TestFlagsAreJudged(t *testing.T) {
	for evidence, byVariant := range map[string]bool{"variants": true, "before_and_after": false} {
		clock := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
		followed := changetracker.New(changetracker.Default(), func() time.Time { return clock })
		for _, c := range []change.Change{
			{Service: deployment.Service{Name: "checkout", Environment: "production"}, Kind: change.FeatureFlag, Name: "dark", Value: "on"},
			{Service: deployment.Service{Name: "checkout", Environment: "production"}, Kind: change.Configuration, Name: "settings"},
			{Service: deployment.Service{Name: "unknown"}, Kind: change.FeatureFlag, Name: "dark"},
			{Kind: change.FeatureFlag, Name: "of-all"},
		} {
			c.Start = clock
			followed.Take(changetracker.Report{Change: c})
		}
		due := func() (news []string) {
			all := followed.Due()
			for _, c := range all {
				news = append(news, c.Service.Name+" "+c.Name+" "+c.Gate.Verdict+" "+c.Gate.Evidence)
			}
			followed.Announced(all)
			return news
		}
		require.Len(t, due(), 4)
		source := &counters{changed: clock, variant: byVariant}
		j := flagJudge{followed, source, promname.New(otlptranslator.UnderscoreEscapingWithSuffixes)}
		services := &catalog.Catalog{Services: []*catalog.Service{{Name: "checkout", SLOs: []*catalog.SLO{{Name: "availability", Objective: 99}}}}}
		require.NoError(t, j.all(t.Context(), services, clock))
		require.Empty(t, due(), "nothing has happened since")
		clock = clock.Add(10 * time.Minute)
		require.NoError(t, j.all(t.Context(), services, clock))
		require.ElementsMatch(t, []string{" of-all fail before_and_after", "checkout dark fail " + evidence}, due())
		require.NoError(t, j.all(t.Context(), services, clock))
		require.Empty(t, due(), "the same verdict")
		for _, c := range followed.Recent() {
			if c.Name == "of-all" {
				assert.Regexp(t, `^Of 1 service with events, checkout fails\. availability \(production\): \S+ % of \d+ events failed`, c.Gate.Reason)
				continue
			}
			assert.Equal(t, c.Service.Name == "checkout" && c.Name == "dark", strings.Contains(c.Gate.Reason, "10 % of 6000 events failed"), "%+v", c)
		}
		source.fails = errors.New("down")
		require.ErrorContains(t, j.all(t.Context(), services, clock), "down")
		require.NoError(t, j.all(t.Context(), &catalog.Catalog{Services: []*catalog.Service{{Name: "checkout"}}}, clock), "no SLO is counted")
	}
}
