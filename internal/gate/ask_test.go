// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
)

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// A flow is the events of a version of a service: per second, from one time before now to another.
type flow struct {
	service, slo, version string
	from, to              time.Duration
	good, bad             float64
}

// store is a Prometheus with the counters of flows, by service.
type store struct {
	flows   []flow
	err     error
	queries []string
}

func (s *store) Range(_ context.Context, query string, first, last time.Time, step time.Duration) (m model.Matrix, err error) {
	s.queries = append(s.queries, query)
	if s.err != nil {
		return nil, s.err
	}
	for _, f := range s.flows {
		if !strings.Contains(query, `service_name="`+f.service+`"`) {
			continue
		}
		for outcome, perSecond := range map[string]float64{"good": f.good, "bad": f.bad} {
			series := &model.SampleStream{Metric: model.Metric{
				"service_name": model.LabelValue(f.service), "slo_name": model.LabelValue(f.slo), "deployment_environment_name": "production",
				"service_version": model.LabelValue(f.version), "slo_outcome": model.LabelValue(outcome),
			}}
			for at := first; !at.After(last); at = at.Add(step) {
				ran := min(at.Sub(now.Add(-f.from)), f.from-f.to)
				if ran < 0 {
					continue
				}
				series.Values = append(series.Values, model.SamplePair{Timestamp: model.TimeFromUnixNano(at.UnixNano()), Value: model.SampleValue(ran.Seconds() * perSecond)})
			}
			if len(series.Values) > 0 {
				m = append(m, series)
			}
		}
	}
	return m, nil
}

func shop(t *testing.T) *catalog.Catalog {
	t.Helper()
	c, problems := catalog.Parse("shop.yaml", []byte(`apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec:
  dependsOn: [payment]
  slos:
    - {name: availability, objective: 99, sli: {availability: {}}}
    - {name: legacy, objective: 99, sli: {prometheus: {errors: 'sum(rate(a[{{.window}}]))', total: 'sum(rate(b[{{.window}}]))'}}}
---
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: payment, namespace: shop}
spec: {slos: [{name: availability, objective: 99, sli: {availability: {}}}]}
`))
	require.NoError(t, problems.Err())
	return c
}

func question(t *testing.T, version string) Question {
	c := shop(t)
	return Question{Catalog: c, Service: c.Lookup("checkout"), Version: version, Now: now, Names: promname.New(otlptranslator.UnderscoreEscapingWithSuffixes)}
}

const (
	hours = 5 * time.Hour
	ten   = 10 * time.Minute
)

func of(version string, from, to time.Duration, good, bad float64) flow {
	return flow{"checkout", "availability", version, from, to, good, bad}
}

func TestVerdicts(t *testing.T) {
	payment := func(from, to time.Duration, good, bad float64) flow {
		return flow{"payment", "availability", "9", from, to, good, bad}
	}
	for name, test := range map[string]struct {
		flows  []flow
		want   Verdict
		reason string
	}{
		"a bad canary":                           {[]flow{of("1", hours, 0, 10, 0.01), of("2", ten, 0, 0.9, 0.1)}, Fail, `availability \(production\): 10 % of 600 events failed; the objective allows 1 %\. Of the versions beside it, 0\.0999 % of \d+ events failed: 100 times as often, at least \d`},
		"a good canary":                          {[]flow{of("1", hours, 0, 10, 0.01), of("2", ten, 0, 1, 0.001)}, Pass, `^Of 1 SLO, the version surely fails less than 2 times`},
		"a quiet one":                            {[]flow{of("1", hours, 0, 10, 0.01), of("2", ten, 0, 0.1, 0)}, Inconclusive, `too little evidence: 0 of 60 events failed; about \d+ events more, if`},
		"not there yet":                          {[]flow{of("1", hours, 0, 10, 0.01)}, Inconclusive, `Version 2 has no events of the SLO availability \(production\) yet\.`},
		"nothing there":                          {nil, Inconclusive, `No SLO has events of version 2\.`},
		"a bad one that has replaced the other":  {[]flow{of("1", hours, ten, 10, 0.01), of("2", ten, 0, 9, 1)}, Fail, `Of the versions before it, 0\.0999 % of \d+ events failed`},
		"a good one that has replaced the other": {[]flow{of("1", hours, ten, 10, 0.01), of("2", ten, 0, 10, 0.01)}, Pass, ``},
		"fails as often as the other":            {[]flow{of("1", hours, ten, 9, 1), of("2", ten, 0, 9, 1)}, Pass, ``},
		"worse, and within the objective":        {[]flow{of("1", hours, 0, 100, 0.001), of("2", ten, 0, 100, 0.3)}, Pass, ``},
		"no event has a version":                 {[]flow{of("", hours, 0, 9, 1)}, Inconclusive, `No SLO has events of version 2\.`},
		"the first version":                      {[]flow{of("", hours, 0, 0, 0), of("2", ten, 0, 9, 1)}, Fail, `at least .* %; the objective allows 1 %, and there is no other version`},
		"a dependency fails": {[]flow{of("1", hours, ten, 10, 0.01), of("2", ten, 0, 9, 1), payment(hours, ten, 10, 0), payment(ten, 0, 8, 2)}, Inconclusive,
			`^10 % of the events of availability \(production\) failed, but a dependency failed at the time of \d+ of the 6000 events\. What the version did while what it depends on failed does not count against it, unless other versions ran beside it: shop/payment for 10m0s\.$`},
		"a dependency fails as it did before":        {[]flow{of("1", hours, ten, 10, 0.01), of("2", ten, 0, 9, 1), payment(hours, 0, 8, 2)}, Fail, ``},
		"a bad canary while a dependency fails":      {[]flow{of("1", hours, ten, 10, 0.01), of("1", ten, 0, 9, 1), of("2", ten, 0, 1, 9), payment(hours, ten, 10, 0), payment(ten, 0, 8, 2)}, Fail, `beside it.*shop/payment for`},
		"a good canary while a dependency fails":     {[]flow{of("1", hours, ten, 10, 0.01), of("1", ten, 0, 9, 1), of("2", ten, 0, 9, 1), payment(hours, ten, 10, 0), payment(ten, 0, 8, 2)}, Pass, `shop/payment for`},
		"a dependency failed for a part of the time": {[]flow{of("1", hours, ten, 10, 0.01), of("2", ten, 5*time.Minute, 9, 1), of("2", 5*time.Minute, 0, 10, 0.01), payment(hours, ten, 10, 0), payment(ten, 5*time.Minute, 8, 2), payment(5*time.Minute, 0, 10, 0)}, Pass, `shop/payment for`},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Ask(t.Context(), &store{flows: test.flows}, question(t, "2"))
			require.NoError(t, err)
			assert.Equal(t, test.want, r.Verdict, r.Reason)
			assert.Regexp(t, test.reason, r.Reason)
			assert.Equal(t, []string{"legacy"}, r.NotCounted)
		})
	}
}

func TestNumbersOfAResult(t *testing.T) {
	r, err := Ask(t.Context(), &store{flows: []flow{of("1", hours, 0, 10, 0.1), of("2", ten, 0, 0.9, 0.1)}}, question(t, "2"))
	require.NoError(t, err)
	assert.Equal(t, now, r.Until)
	assert.WithinDuration(t, now.Add(-ten), r.Since, 30*time.Second)
	require.Len(t, r.SLOs, 1)
	s := r.SLOs[0]
	assert.InDelta(t, 600, float64(s.Events), 1e-6)
	assert.InDelta(t, 60, float64(s.Bad), 1e-6)
	assert.InDelta(t, 0.1, float64(s.Share), 1e-6)
	assert.True(t, s.Low < 0.1 && s.High > 0.1 && s.Low > 0.05 && s.High < 0.2)
	assert.InDelta(t, 6060, float64(s.OtherEvents), 1e-6)
	assert.InDelta(t, 10.1, float64(s.Times), 0.01)
	assert.True(t, s.TimesLow > 2 && s.TimesLow < 10.1 && s.TimesHigh > 10.1)
	excess := 60 - 600*60./6060
	assert.InDelta(t, excess/(0.01*11.1), float64(s.Spent), 1)
	assert.InDelta(t, float64(s.Spent)/(30*24*3600), float64(s.SpentShare), 1e-9)
	assert.InDelta(t, 0.5, float64(s.OfBad), 0.02, "both had as many failures since")
	assert.Equal(t, Beside, s.Compared)
	assert.Equal(t, Fail, s.Verdict)
	assert.InDelta(t, 1, float64(s.Rate), 0.03, "a second")
	assert.InDelta(t, 10.1, float64(s.OtherRate), 1e-6)
	assert.InDelta(t, 10.1, float64(s.BeforeRate), 1e-6)
}

// A pipeline may write versions differently from the service. What has events under the name that is asked for is meant in any case.
func TestVersionsByMeaning(t *testing.T) {
	flows := []flow{of("1.4.1", hours, 0, 10, 0.01), of("1.4.2", ten, 0, 5, 5)}
	ask := func(version, baseline string) (Result, error) {
		q := question(t, version)
		q.Baseline = baseline
		return Ask(t.Context(), &store{flows: flows}, q)
	}
	r, err := ask("v1.4.2", "v1.4.1")
	require.NoError(t, err)
	assert.Equal(t, []string{"1.4.2", "1.4.1", string(Fail)}, []string{r.Version, r.Baseline, string(r.Verdict)})
	_, err = ask("v1.4.2", "1.4.2")
	require.ErrorIs(t, err, ErrQuestion)
	r, err = ask("1.4.3", "")
	require.NoError(t, err)
	assert.Equal(t, Inconclusive, r.Verdict)
	assert.Equal(t, "Version 1.4.3 has no events of the SLO availability (production) yet. Those with events are 1.4.2, 1.4.1.", r.Reason)

	flows = append(flows, of("v1.4.2", ten, 0, 10, 0))
	r, err = ask("v1.4.2", "1.4.1")
	require.NoError(t, err)
	assert.Equal(t, "v1.4.2", r.Version, "it is there")
	flows = append(flows, of("1.4.2+a", ten, 0, 10, 0), of("1.4.2+b", ten, 0, 10, 0))
	r, err = ask("release-1.4.2", "")
	require.NoError(t, err)
	assert.Equal(t, "release-1.4.2", r.Version, "any of them may be meant")
}

func TestQuestions(t *testing.T) {
	flows := []flow{of("1", hours, 0, 10, 0.01), of("0", hours, 0, 5, 5), of("2", ten, 0, 0.9, 0.1)}
	ask := func(change func(*Question)) (Result, error) {
		q := question(t, "2")
		change(&q)
		return Ask(t.Context(), &store{flows: flows}, q)
	}
	r, err := ask(func(q *Question) { q.Version = "" })
	require.NoError(t, err)
	assert.Equal(t, "2", r.Version, "the newest")
	r, err = ask(func(q *Question) { q.Baseline = "1" })
	require.NoError(t, err)
	assert.Equal(t, Fail, r.Verdict)
	assert.InDelta(t, 6, float64(r.SLOs[0].OtherBad), 1e-6, "only that version")
	r, err = ask(func(q *Question) { q.Baseline = "0" })
	require.NoError(t, err)
	assert.NotEqual(t, Fail, r.Verdict)
	r, err = ask(func(q *Question) { q.Version, q.Since = "1", now.Add(-3*time.Hour) })
	require.NoError(t, err)
	assert.Equal(t, now.Add(-3*time.Hour), r.Since)

	flows = []flow{of("1", hours, 0, 10, 0.01)}
	r, err = ask(func(q *Question) { q.Version = "" })
	require.NoError(t, err)
	assert.Equal(t, Inconclusive, r.Verdict)
	assert.Equal(t, "No version is new within the hour: name one. Those with events are 1.", r.Reason)

	for name, change := range map[string]func(*Question){
		"is the same": func(q *Question) { q.Baseline = "2" },
		"no SLO":      func(q *Question) { q.SLOs = []string{"moon"} },
		"is counted":  func(q *Question) { q.SLOs = []string{"legacy"} },
		"two things":  func(q *Question) { q.Flag = "dark" },
		"its flag":    func(q *Question) { q.Version, q.Variant = "", "on" },
		"another":     func(q *Question) { q.Version, q.Flag, q.Variant, q.Baseline = "", "dark", "on", "on" },
		"the future":  func(q *Question) { q.Since = now.Add(time.Hour) },
		"later time":  func(q *Question) { q.Since = now.Add(-25 * time.Hour) },
	} {
		_, err := ask(change)
		require.ErrorIs(t, err, ErrQuestion, name)
	}
	_, err = Ask(t.Context(), &store{err: errors.New("down")}, question(t, "2"))
	require.EqualError(t, err, "down")
}

func TestQueriesQuoteAndTranslate(t *testing.T) {
	q := question(t, "2")
	q.Names, q.Environment = promname.New(otlptranslator.NoTranslation), `a"b`
	s := &store{}
	_, err := Ask(t.Context(), s, q)
	require.NoError(t, err)
	assert.Equal(t, `{"slo.events", "service.name"="checkout", "service.namespace"="shop", "deployment.environment.name"="a\"b"}`, s.queries[0])
	require.Len(t, s.queries, 5, "and of payment, and of CPU and memory")
	assert.Contains(t, s.queries[1], `"service.name"="payment"`)
	assert.Equal(t, `max by (job, instance, "k8s.pod.name", "service.version", "deployment.environment.name") (last_over_time(target_info{job=~"shop/checkout|checkout"}[180s]))`, s.queries[2])
	assert.Contains(t, s.queries[3], `|jvm\\.memory\\.used|`)
	assert.Contains(t, s.queries[4], `(irate({"process.cpu.time", job=~"shop/checkout|checkout"}[180s]))`)
}

// counters are a source whose counters begin, and begin again, at random.
type counters struct {
	matrix model.Matrix
}

func (c counters) Range(context.Context, string, time.Time, time.Time, time.Duration) (model.Matrix, error) {
	return c.matrix, nil
}

// What is counted is what happened, whatever the counters do.
func TestCountsAreExact(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		q := question(t, "2")
		q.Since = now.Add(-ten)
		g, err := q.grid()
		require.NoError(t, err)
		var c counters
		truth := map[string]map[string]float64{}
		for instance := range 3 {
			for _, version := range []string{"1", "2"} {
				for _, outcome := range []string{"good", "bad"} {
					series := &model.SampleStream{Metric: model.Metric{
						"instance": model.LabelValue(rune('a' + instance)), "slo_name": "availability", "service_version": model.LabelValue(version), "slo_outcome": model.LabelValue(outcome),
					}}
					begins, value, sampled := 0, 0.0, false
					if instance > 0 {
						begins = 1 + r.IntN(g.steps)
					} else {
						value = float64(r.IntN(1000)) // it counted before
					}
					if truth[version] == nil {
						truth[version] = map[string]float64{}
					}
					for i := begins; i <= g.steps; i++ {
						if i > 0 {
							more := float64(r.IntN(5))
							if r.IntN(30) == 0 && sampled && more < value {
								value = 0
							}
							value += more
							truth[version][outcome] += more
						}
						// What is counted between the last sample and a reset is lost, and a reset that no sample shows cannot be seen.
						if sampled = r.IntN(10) > 0 || i == begins || i == g.steps || value < 10; sampled {
							series.Values = append(series.Values, model.SamplePair{Timestamp: model.TimeFromUnixNano(g.at(i).UnixNano()), Value: model.SampleValue(value)})
						}
					}
					c.matrix = append(c.matrix, series)
				}
			}
		}
		all, err := q.count(t.Context(), c, g, "", "checkout")
		require.NoError(t, err)
		for version, steps := range all[place{"", "availability"}] {
			var sum pair
			for _, p := range steps {
				sum.good, sum.bad = sum.good+p.good, sum.bad+p.bad
			}
			assert.InDelta(t, truth[version]["good"], sum.good, 1e-9)
			assert.InDelta(t, truth[version]["bad"], sum.bad, 1e-9)
		}
	}
}
