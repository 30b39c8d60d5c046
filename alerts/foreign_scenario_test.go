// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

// SLOs of other projects, and what their rules make of the series that they read.

// format is a specification of catalog/testdata/formats.
func format(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../catalog/testdata/formats", name+".yaml"))
	require.NoError(t, err)
	return string(text)
}

// specified are the services of specifications.
func specified(t testing.TB, specifications ...string) []*catalog.Service {
	t.Helper()
	folder := t.TempDir()
	for i, text := range specifications {
		require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d.yaml", i)), []byte(text), 0o600))
	}
	c, problems := catalog.Load(folder)
	require.NoError(t, problems.Err())
	return c.Services
}

// follow lives through series with the rules of services, from the first sample on.
func follow(t *testing.T, services []*catalog.Service, length time.Duration, series ...scenario.Other) *scenario.Playback {
	t.Helper()
	s := &scenario.Scenario{Name: t.Name(), Start: monday, Length: length, Others: series}
	var file rulefmt.RuleGroups
	for _, service := range services {
		f, _ := alerts.Generate(service, alerts.DefaultOptions())
		file.Groups = append(file.Groups, f.Groups...)
	}
	p, err := scenario.Run(t.Context(), s, file, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// counter is a series that grows by so many per minute, from a time to a time.
func counter(t testing.TB, selector string, perMinute float64, from, to time.Duration) scenario.Other {
	t.Helper()
	matchers, err := parser.NewParser(parser.Options{}).ParseMetricSelector(selector)
	require.NoError(t, err)
	b := labels.NewBuilder(labels.EmptyLabels())
	for _, m := range matchers {
		b.Set(m.Name, m.Value)
	}
	return scenario.Other{Labels: b.Labels(), At: func(at time.Duration) (float64, bool) {
		return perMinute * max(min(at, to)-from, 0).Minutes(), true
	}}
}

// begins is a series of which nothing is seen before a time.
func begins(o scenario.Other, from time.Duration) scenario.Other {
	at := o.At
	o.At = func(t time.Duration) (float64, bool) {
		v, ok := at(t)
		return v, ok && t >= from
	}
	return o
}

func value(t *testing.T, p *scenario.Playback, at time.Duration, expr string) float64 {
	t.Helper()
	v, ok, err := p.Query(t.Context(), at, expr)
	require.NoError(t, err)
	require.True(t, ok, expr)
	return v
}

const always = 1000 * hour

// Half of the requests fail. Good and total are selectors of several series, of which the failed ones have no partner.
func TestGoodAndTotal(t *testing.T) {
	for _, name := range []string{"openslo-v1-clean", "openslo-promql-key", "openslo-calendar-month", "openslo-1d-calendar", "openslo-week-start", "openslo-alertpolicy-by-name"} {
		t.Run(name, func(t *testing.T) {
			p := follow(t, specified(t, format(t, name)), 2*hour,
				counter(t, `wallet_requests_total{code="200",pod="a"}`, 600, 0, always), counter(t, `wallet_requests_total{code="500",pod="a"}`, 600, 0, always))
			assert.InDelta(t, 0.5, value(t, p, 2*hour, "slo:sli_error:ratio_rate1h"), 0.01)
			assert.InDelta(t, 6000, value(t, p, 2*hour, "slo:sli_total:increase5m"), 60)
			assert.Contains(t, p.Alerts(), "ErrorBudgetBurnCritical")
		})
	}
}

// A canary that fails from its first request has no good events at all.
func TestGoodIsAbsentInOneEnvironment(t *testing.T) {
	p := follow(t, specified(t, format(t, "openslo-v1-clean")), 2*hour,
		counter(t, `wallet_requests_total{code="200",deployment_environment_name="production"}`, 600, 0, always),
		counter(t, `wallet_requests_total{code="500",deployment_environment_name="canary"}`, 600, 0, always))
	assert.InDelta(t, 1, value(t, p, 2*hour, `slo:sli_error:ratio_rate1h{deployment_environment_name="canary"}`), 1e-6)
	assert.InDelta(t, 0, value(t, p, 2*hour, `slo:sli_error:ratio_rate1h{deployment_environment_name="production"}`), 1e-6)
	for _, e := range p.Fired("ErrorBudgetBurnCritical") {
		assert.Equal(t, "canary", e.Labels.Get("environment"))
	}
}

// In a sum, a difference or a share of queries, a side without a result counts as 0.
func TestOneSideHasNoResult(t *testing.T) {
	const slo = "apiVersion: catalog.otelcol-sre.dev/v1\nkind: Service\nmetadata: {name: wallet}\nspec:\n  slos:\n    - {name: a, objective: 99, sli: {prometheus: {%s}}}\n"
	for sli, want := range map[string]float64{
		`errors: 'sum(rate(w_total[{{.window}}])) - sum(rate(w_total{code="204"}[{{.window}}]))', total: 'sum(rate(w_total[{{.window}}]))'`:                                      1,
		`errors: 'sum(rate(w_total{code="500"}[{{.window}}])) + sum(rate(w_total{code="599"}[{{.window}}]))', total: 'sum(rate(w_total[{{.window}}]))'`:                          0.25,
		`errors: 'sum(rate(w_total{code="599"}[{{.window}}])) + sum(rate(w_total{code="500"}[{{.window}}]))', total: 'sum(rate(w_total[{{.window}}]))'`:                          0.25,
		`errors: 'rate(w_total[{{.window}}]) - rate(w_total{code="200"}[{{.window}}])', total: 'rate(w_total[{{.window}}])'`:                                                     0.25,
		`good: 'sum(rate(w_total{code="204"}[{{.window}}]))', total: 'sum(rate(w_total[{{.window}}]))'`:                                                                          1,
		`errorRatio: '1 - (sum(rate(w_total{code="204"}[{{.window}}])) / sum(rate(w_total[{{.window}}])))'`:                                                                      1,
		`errorRatio: 'sum(rate(w_total{code="599"}[{{.window}}])) / sum(rate(w_total[{{.window}}]))'`:                                                                            0,
		`errorRatio: 'sum by (pod) (rate(w_total{code="500"}[{{.window}}])) / sum by (pod) (rate(w_total[{{.window}}]))'`:                                                        0.25,
		`errors: 'sum(rate(w_total{code="500"}[{{.window}}])) or vector(0)', total: 'sum(rate(w_total{code="200"}[{{.window}}])) + sum(rate(w_total{code="500"}[{{.window}}]))'`: 0.25,
	} {
		t.Run(sli, func(t *testing.T) {
			p := follow(t, specified(t, fmt.Sprintf(slo, sli)), hour,
				counter(t, `w_total{code="200",pod="a"}`, 300, 0, always), counter(t, `w_total{code="500",pod="a"}`, 100, 0, always))
			assert.InDelta(t, want, value(t, p, hour, "slo:sli_error:ratio_rate30m"), 0.001)
		})
	}
}

// One bad host beside a large good one: it pages for that host, with the labels that Sloth would write.
func TestOneBadHost(t *testing.T) {
	services := specified(t, format(t, "sloth-grouped-by"))
	p := follow(t, services, 9*hour,
		counter(t, `edge_requests_total{host="a",code="200"}`, 60_000, 0, always),
		counter(t, `edge_requests_total{host="b",code="200"}`, 60, 0, 4*hour),
		begins(counter(t, `edge_requests_total{host="b",code="500"}`, 60, 4*hour, always), 4*hour))
	assert.InDelta(t, 1, value(t, p, 6*hour, `slo:sli_error:ratio_rate1h{host="b"}`), 0.01)
	assert.InDelta(t, 0, value(t, p, 6*hour, `slo:sli_error:ratio_rate1h{host="a"}`), 1e-9)
	require.NotEmpty(t, p.Fired("EdgeErrors"))
	for _, e := range p.Fired("EdgeErrors") {
		assert.Equal(t, "b", e.Labels.Get("host"))
		for name, want := range map[string]string{
			"severity": "critical", "channel": "oncall", "team": "net", "owner": "netteam", "category": "edge",
			"sloth_id": "edge-availability", "sloth_service": "edge", "sloth_slo": "availability", "sloth_severity": "page",
		} {
			assert.Equal(t, want, e.Labels.Get(name), name)
		}
		assert.Contains(t, e.Annotations.Get("summary"), "host b")
		assert.Equal(t, "https://wiki.example.com/edge", e.Annotations.Get("runbook_url"))
	}
	remaining := value(t, p, 9*hour, `slo:period_error_budget_remaining:ratio{host="b"}`)
	assert.Less(t, remaining, 0.0, "the budget of the host is spent")
	assert.InDelta(t, 1, value(t, p, 9*hour, `slo:period_error_budget_remaining:ratio{host="a"}`), 1e-9)
}

// A threshold of OpenSLO whose query groups is one for each group: one slow host of ten has spent its budget, and the others none.
func TestOneSlowHost(t *testing.T) {
	gauge := func(host int, value float64) scenario.Other {
		o := counter(t, fmt.Sprintf(`latency_seconds{host="h%d"}`, host), 0, 0, always)
		o.At = func(time.Duration) (float64, bool) { return value, true }
		return o
	}
	series := []scenario.Other{gauge(0, 0.9)}
	for host := 1; host < 10; host++ {
		series = append(series, gauge(host, 0.1))
	}
	p := follow(t, specified(t, format(t, "openslo-grouped-threshold")), 2*hour, series...)
	assert.InDelta(t, 1, value(t, p, 2*hour, `slo:sli_error:ratio_rate1h{host="h0"}`), 0.01)
	assert.InDelta(t, 0, value(t, p, 2*hour, `max(slo:sli_error:ratio_rate1h{host!="h0"})`), 1e-9)
	assert.InDelta(t, 10, value(t, p, 2*hour, `count(slo:sli_error:ratio_rate1h)`), 0)
	for _, e := range p.Fired("ErrorBudgetBurnCritical") {
		assert.Equal(t, "h0", e.Labels.Get("host"))
	}
	assert.NotEmpty(t, p.Fired("ErrorBudgetBurnCritical"))
}

// What is not counted must not look healthy: a query whose period has no events has no budget and has burned none of it. It has both with the first event.
func TestNoBudgetBeforeTheFirstEvent(t *testing.T) {
	const text = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: edge}
spec:
  slos:
    - {name: events, objective: 99, sli: {prometheus: {errors: 'sum(rate(n_total{code="500"}[{{.window}}])) or vector(0)', total: 'sum(rate(n_total[{{.window}}]))'}}}
    - {name: good, objective: 99, sli: {prometheus: {good: 'sum(rate(n_total{code="200"}[{{.window}}]))', total: 'sum(rate(n_total[{{.window}}]))'}}}
    - {name: share, objective: 99, sli: {prometheus: {errorRatio: 'sum(rate(n_total{code="500"}[{{.window}}])) / sum(rate(n_total[{{.window}}]))'}}}
    - {name: hosts, objective: 99, groupBy: [host], sli: {prometheus: {errors: 'rate(n_total{code="500"}[{{.window}}])', total: 'rate(n_total[{{.window}}])'}}}
`
	p := follow(t, specified(t, text), 4*hour, counter(t, `n_total{code="200",host="a"}`, 60, 2*hour, always), counter(t, `n_total{code="200",host="b"}`, 0, 0, always),
		counter(t, `n_total{code="500",host="a"}`, 0, 0, always))
	for _, record := range []string{"slo:period_error_budget_remaining:ratio", "slo:period_burn_rate:ratio"} {
		for at := 10 * minute; at <= 2*hour; at += 10 * minute {
			_, found, err := p.Query(t.Context(), at, record)
			require.NoError(t, err)
			assert.False(t, found, "%s at %s", record, at)
		}
		assert.InDelta(t, 4, value(t, p, 4*hour, "count("+record+")"), 0, "one of each SLO, of the host that has events")
		_, idle, err := p.Query(t.Context(), 4*hour, record+`{host="b"}`)
		require.NoError(t, err)
		assert.False(t, idle, "the other host has none")
	}
	assert.InDelta(t, 1, value(t, p, 4*hour, `slo:period_error_budget_remaining:ratio{slo_name="events"}`), 1e-9)
	assert.InDelta(t, 0, value(t, p, hour, `slo:period_total:events{slo_name="events"}`), 1e-9, "that there are none is recorded")
}

// A query sees nothing of the first sample of a series, as any rate() does: 500 failures before it are lost, and none after it. docs/catalog.md says so.
func TestFirstErrors(t *testing.T) {
	services := specified(t, `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: edge}
spec:
  slos: [{name: a, objective: 99, sli: {prometheus: {errors: 'rate(f_total{code="500"}[{{.window}}])', total: 'rate(f_total[{{.window}}])'}}}]
`)
	failures := begins(counter(t, `f_total{code="500"}`, 100, 55*minute, always), hour) // 500 before its first sample
	p := follow(t, services, 2*hour, counter(t, `f_total{code="200"}`, 6000, 0, always), failures)
	bad := value(t, p, 2*hour, `sum(sum_over_time(slo:sli_bad:increase5m{slo_name="a"}[2h:5m]))`)
	assert.InDelta(t, 6000, bad, 200, "one hundred a minute for an hour")
}

// Whatever the number of values, the rules keep the limit, lose no event, and say which group has the rest.
func TestGroupsAreBounded(t *testing.T) {
	hosts, limit := 10_000, 50
	if testing.Short() {
		hosts = 500
	}
	services := specified(t, fmt.Sprintf(`apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: edge}
spec:
  slos:
    - {name: a, objective: 99, groupBy: [host], maxGroups: %d, sli: {prometheus: {errors: 'rate(r_total{code="500"}[{{.window}}])', total: 'rate(r_total[{{.window}}])'}}}
`, limit))
	var series []scenario.Other
	for i := range hosts {
		series = append(series, counter(t, fmt.Sprintf(`r_total{host="h%d",code="200"}`, i), float64(10+i%7), 0, always))
	}
	series = append(series, counter(t, `r_total{host="bad",code="500"}`, 1000, 0, always))
	p := follow(t, services, 20*minute, series...)
	assert.InDelta(t, limit+1, value(t, p, 20*minute, "count(slo:sli_total:increase5m)"), 0)
	assert.LessOrEqual(t, value(t, p, 20*minute, `count(slo:sli_error:ratio_rate1h)`), float64(limit+1))
	assert.InDelta(t, 1, value(t, p, 20*minute, `sum(slo:sli_total:increase5m) / sum(increase(r_total[5m]))`), 0.01)
	assert.InDelta(t, 5000, value(t, p, 20*minute, `slo:sli_bad:increase5m{host="bad"}`), 50)
	assert.InDelta(t, 1, value(t, p, 20*minute, `count(slo:sli_total:increase5m{host="_overflow"})`), 0)
	for at := 10 * minute; at <= 20*minute; at += minute { // nobody loses its place to a larger group
		assert.InDelta(t, limit, value(t, p, at, "count(slo:sli_group:admitted)"), 0, at)
	}
	assert.InDelta(t, limit, value(t, p, 20*minute, "count(count_over_time(slo:sli_group:admitted[15m]))"), 0)
}

// What is about staging does not name production.
func TestEnvironmentOfLabel(t *testing.T) {
	series := []scenario.Other{
		counter(t, `k_total{env="production"}`, 600, 0, always), counter(t, `k_total{env="staging"}`, 600, 0, always), counter(t, `k_total{env="dev"}`, 600, 0, always),
		counter(t, `k_bad_total{env="production"}`, 0, 0, always), counter(t, `k_bad_total{env="staging"}`, 300, 0, always), counter(t, `k_bad_total{env="dev"}`, 300, 0, always),
	}
	text := func(environments, more string) string {
		return `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: kiosk}
spec:
  environments: ` + environments + more + `
  slos:
    - {name: by-env, objective: 99, sli: {prometheus: {errors: 'sum by (env) (rate(k_bad_total[{{.window}}]))', total: 'sum by (env) (rate(k_total[{{.window}}]))'}}}
`
	}
	t.Run("as groups", func(t *testing.T) {
		p := follow(t, specified(t, text("[production]", "")), hour, series...)
		require.NotEmpty(t, p.Fired("ErrorBudgetBurnCritical"))
		for _, e := range p.Fired("ErrorBudgetBurnCritical") {
			assert.NotEqual(t, "production", e.Labels.Get("environment"))
			assert.NotEqual(t, "production", e.Labels.Get("env"))
		}
	})
	t.Run("as environments", func(t *testing.T) {
		p := follow(t, specified(t, text("[production, staging]", "\n  environmentLabel: env")), hour, series...)
		require.Len(t, p.Fired("ErrorBudgetBurnCritical"), 1, "%v", p.Episodes)
		assert.Equal(t, "staging", p.Fired("ErrorBudgetBurnCritical")[0].Labels.Get("environment"))
		assert.InDelta(t, 2, value(t, p, hour, "count(slo:sli_total:increase5m)"), 0, "dev is not listed")
	})
}

// Ten minutes in which half of little traffic fails are ten bad minutes of 720, however many events there were.
func TestTimeSlices(t *testing.T) {
	const slo = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: ledger}
spec:
  slos:
    - {name: minutes, objective: 99, window: 28d, budgeting: {method: %s}, sli: {prometheus: {errors: 'sum(rate(ledger_bad_total[{{.window}}]))', total: 'sum(rate(ledger_total[{{.window}}]))'}}}
`
	flat := func(from, to time.Duration, within, otherwise float64) func(at time.Duration) float64 {
		return func(at time.Duration) float64 {
			inside := max(min(at, to)-from, 0)
			return within*inside.Minutes() + otherwise*(at-inside).Minutes()
		}
	}
	series := func(within float64) []scenario.Other {
		all, failed := flat(500*minute, 510*minute, within, 200), flat(500*minute, 510*minute, within/2, 0)
		return []scenario.Other{
			{Labels: labels.FromStrings("__name__", "ledger_total"), At: func(at time.Duration) (float64, bool) { return all(at), true }},
			{Labels: labels.FromStrings("__name__", "ledger_bad_total"), At: func(at time.Duration) (float64, bool) { return failed(at), true }},
		}
	}
	for method, want := range map[string]float64{
		"timeslices, slice: 1m, target: 95":  10,
		"timeslices, slice: 10m, target: 75": 1,
		"ratioTimeslices, slice: 1m":         5,
	} {
		t.Run(method, func(t *testing.T) {
			traffic, slices := 4.0, 720.0
			if want == 1 { // the edges of a slice are as exact as the evaluations
				traffic, slices = 200, 72
			}
			p := follow(t, specified(t, fmt.Sprintf(slo, method)), 12*hour, series(traffic)...)
			assert.InDelta(t, want, value(t, p, 12*hour, "slo:period_bad:events"), 0.15*want)
			assert.InDelta(t, slices, value(t, p, 12*hour, "slo:period_total:events"), 0.02*slices)
		})
	}
	t.Run("OpenSLO", func(t *testing.T) {
		p := follow(t, specified(t, format(t, "openslo-timeslices")), 2*hour,
			counter(t, `wallet_requests_total{code="200"}`, 600, 0, always), counter(t, `wallet_requests_total{code="500"}`, 100, hour, hour+20*minute))
		assert.InDelta(t, 20, value(t, p, 2*hour, "slo:period_bad:events"), 2)
	})
}

// An SLI that selects nothing is not healthy: after an hour, a ticket names the service and the SLO.
func TestNothingWasEverCounted(t *testing.T) {
	flat := func(selector string) scenario.Other { return counter(t, selector, 0, 0, always) }
	services := specified(t, `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: leters}
spec:
  slos:
    - {name: counted, objective: 99, sli: {availability: {}}}
    - {name: queried, objective: 99, sli: {prometheus: {errors: 'sum(rate(bad_total[{{.window}}]))', total: 'sum(rate(all_total[{{.window}}]))'}}}
    - {name: fine, objective: 99, sli: {prometheus: {errors: 'sum(rate(bad_total[{{.window}}]))', total: 'sum(rate(some_total[{{.window}}]))'}}}
`)
	p := follow(t, services, 2*hour,
		flat(`slo_events_total{service_name="leters",slo_name="counted",slo_outcome="good"}`), flat(`slo_events_total{service_name="leters",slo_name="counted",slo_outcome="bad"}`),
		flat(`all_total{job="a"}`), flat(`bad_total{job="a"}`),
		counter(t, `some_total{job="a"}`, 1, 0, 5*minute), // idle since
	)
	found := map[string]time.Duration{}
	for _, e := range p.Fired("SLIMissing") {
		assert.Equal(t, "leters", e.Labels.Get("service_name"))
		found[e.Labels.Get("slo_name")] = e.Firing
	}
	require.Len(t, found, 2, "%v", p.Episodes)
	for _, slo := range []string{"counted", "queried"} {
		assert.Greater(t, found[slo], hour, slo)
		assert.Less(t, found[slo], hour+20*minute, slo)
	}
}
