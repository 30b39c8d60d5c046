// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/verdict"
)

// everyone has the flows of a store, and how many events each service has.
type everyone struct {
	store
	events map[string]float64
}

func (e *everyone) Range(ctx context.Context, query string, first, last time.Time, step time.Duration) (m model.Matrix, err error) {
	if !strings.HasPrefix(query, "sum by (service_namespace, service_name) (increase(slo_events_total") {
		return e.store.Range(ctx, query, first, last, step)
	}
	for name, n := range e.events {
		m = append(m, &model.SampleStream{Metric: model.Metric{"service_namespace": "shop", "service_name": model.LabelValue(name)}, Values: []model.SamplePair{{Timestamp: model.TimeFromUnixNano(first.UnixNano()), Value: model.SampleValue(n)}}})
	}
	return m, nil
}

// changedFlow is a flow that fails differently since ten minutes.
func changedFlow(service string, good, bad, badSince float64) []flow {
	return []flow{{service, "availability", "1", hours, 0, good, bad}, {service, "availability", "1 since", ten, 0, 0.001, badSince}}
}

func TestAChangeOfAllServices(t *testing.T) {
	all := func(*catalog.Service) bool { return true }
	for name, test := range map[string]struct {
		flows    [][]flow
		events   map[string]float64
		fits     func(*catalog.Service) bool
		verdict  Verdict
		reason   string
		services string
	}{
		"one is worse": {[][]flow{changedFlow("checkout", 100, 0.01, 20), changedFlow("payment", 100, 0.01, 0)}, map[string]float64{"checkout": 1, "payment": 2}, all,
			Fail, `^Of 2 services with events, shop/checkout fails\. availability \(production\): 16\.\d %`, "shop/checkout shop/payment"},
		"none is":       {[][]flow{changedFlow("checkout", 100, 0.01, 0), changedFlow("payment", 100, 0.01, 0)}, map[string]float64{"checkout": 1, "payment": 2}, all, Pass, `^Of 2 services with events, none is shown to be harmed`, ""},
		"one is quiet":  {[][]flow{changedFlow("checkout", 100, 0.01, 0), changedFlow("payment", 0.01, 0, 0)}, map[string]float64{"checkout": 1, "payment": 2}, all, Inconclusive, `^Of 2 services with events, 1 pass\. shop/payment: availability \(production\) has too little evidence`, ""},
		"only one fits": {[][]flow{changedFlow("checkout", 100, 0.01, 20), changedFlow("payment", 100, 0.01, 0)}, map[string]float64{"checkout": 1, "payment": 2}, func(s *catalog.Service) bool { return s.Name == "payment" }, Pass, `^Of 1 service with events, none`, "shop/payment"},
		"no events":     {nil, map[string]float64{"other": 3}, all, Inconclusive, `^No service that it concerns has events\.$`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			source := &everyone{events: test.events}
			for _, f := range test.flows {
				source.flows = append(source.flows, f...)
			}
			q := question(t, "")
			q.Service, q.Flag, q.Since = nil, "dark", now.Add(-ten)
			got, err := AskAll(t.Context(), source, q, test.fits)
			require.NoError(t, err)
			assert.Equal(t, test.verdict, got.Verdict, got.Reason)
			assert.Regexp(t, test.reason, got.Reason)
			assert.Equal(t, ByTime, got.Evidence)
			if test.services != "" {
				assert.Equal(t, test.services, strings.Join(got.Services, " "))
			}
		})
	}
}

// The busiest services are asked, and no more than the bound.
func TestManyServicesAreBounded(t *testing.T) {
	q := question(t, "")
	q.Flag, q.Since, q.Catalog = "dark", now.Add(-ten), &catalog.Catalog{}
	source := &everyone{events: map[string]float64{}}
	for i := range 50 {
		name := fmt.Sprint("s", i)
		q.Catalog.Services = append(q.Catalog.Services, &catalog.Service{Name: name, Namespace: "shop", SLOs: []*catalog.SLO{{Name: "availability", Objective: 99}}})
		source.events[name] = float64(i)
		source.flows = append(source.flows, changedFlow(name, 100, 0.01, 0)...)
	}
	got, err := AskAll(t.Context(), source, q, func(*catalog.Service) bool { return true })
	require.NoError(t, err)
	assert.Equal(t, MostServices, got.Asked)
	assert.Len(t, got.Services, MostServices)
	assert.Contains(t, got.Services, "shop/s49")
	assert.NotContains(t, got.Services, "shop/s29")
	assert.Contains(t, got.Reason, "29 services with fewer events are not asked.", "one has none")
}

// Of changes that make nothing worse, at most one of 100 is failed however many services are asked and however often: the mean of their evidence decides.
func TestFalseAlarmsOfAllServices(t *testing.T) {
	const changes, services, steps = 400, 20, 60
	failed, alone := 0, 0
	for seed := range uint64(changes) {
		r := rand.New(rand.NewPCG(seed, 7))
		tallies := make([]*tally, services)
		for i := range tallies {
			tallies[i] = &tally{allowed: 0.01}
		}
		ever, one := false, false
		for range steps {
			var c Common
			var results []Result
			for _, tl := range tallies {
				step := verdict.Step{Bad: poisson(r, 0.6), OtherBad: poisson(r, 0.6)}
				step.Events, step.OtherEvents = step.Bad+poisson(r, 29.4), step.OtherBad+poisson(r, 29.4)
				tl.add(step, Before, false)
				slos := []SLO{{minimum: 5}}
				v, _, odds := decide([]*tally{tl}, slos)
				results = append(results, Result{Verdict: v, odds: odds})
				one = one || v == Fail
			}
			c.decide(results, 0)
			ever = ever || c.Verdict == Fail
		}
		if ever {
			failed++
		}
		if one {
			alone++
		}
	}
	t.Logf("of %d changes: %d failed; %d if any service may fail it", changes, failed, alone)
	assert.LessOrEqual(t, float64(failed)/changes, 0.01)
}
