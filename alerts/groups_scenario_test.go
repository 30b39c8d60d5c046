// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

const groupedCounters = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: edge}
spec:
  environments: [production]
  slos:
    - {name: hosts, objective: 99.9, groupBy: [host.name], maxGroups: %d, sli: {availability: {}}}
`

// eventsOf are the counters of a group; without a host, of events without one.
func eventsOf(host, outcome string) string {
	label := fmt.Sprintf(`host_name=%q,`, host)
	if host == "" {
		label = ""
	}
	return `slo_events_total{deployment_environment_name="production",service_name="edge",slo_name="hosts",` + label + `slo_outcome="` + outcome + `"}`
}

// Of what the collector counts, too, one bad host pages beside a large good one, and only it does: it fails 5 of 10 requests per minute, of 6010 of all.
func TestOneBadHostThatIsCounted(t *testing.T) {
	p := follow(t, specified(t, fmt.Sprintf(groupedCounters, 10)), 9*hour,
		counter(t, eventsOf("a", "good"), 6000, 0, always), counter(t, eventsOf("a", "bad"), 0, 0, always),
		counter(t, eventsOf("b", "good"), 5, 0, always), counter(t, eventsOf("b", "bad"), 5, 5*hour, always),
		begins(counter(t, eventsOf("c", "good"), 5, 5*hour, always), 5*hour), begins(counter(t, eventsOf("c", "bad"), 5, 5*hour, always), 5*hour),
		counter(t, eventsOf("", "good"), 0, 0, always), counter(t, eventsOf("", "bad"), 0, 0, always),
	)
	assert.InDelta(t, 0.5, value(t, p, 6*hour+30*minute, `slo:sli_error:ratio_rate1h{host_name="b"}`), 0.01)
	assert.InDelta(t, 0, value(t, p, 6*hour+30*minute, `slo:sli_error:ratio_rate1h{host_name="a"}`), 1e-9)
	assert.InDelta(t, 0.5, value(t, p, 6*hour+30*minute, `slo:sli_error:ratio_rate1h{host_name="c"}`), 0.01, "a host that began then")
	paged := map[string]bool{}
	for _, e := range p.Fired("ErrorBudgetBurnCritical") {
		host := e.Labels.Get("host_name")
		paged[host] = true
		assert.Contains(t, e.Annotations.Get("summary"), "in production, host_name "+host)
		assert.Equal(t, "production", e.Labels.Get("environment"))
	}
	require.Equal(t, map[string]bool{"b": true, "c": true}, paged, "%v", p.Episodes)
	assert.Less(t, value(t, p, 9*hour, `slo:period_error_budget_remaining:ratio{host_name="b"}`), 1.0)
	assert.InDelta(t, 1, value(t, p, 9*hour, `slo:period_error_budget_remaining:ratio{host_name="a"}`), 1e-9)
	assert.InDelta(t, 1, value(t, p, 9*hour, `sum(slo:sli_total:increase5m) / sum(increase(slo_events_total[5m]))`), 0.01)
}

// Several collectors may keep other groups apart, so the rules have the limit, too. What collectors have in their overflow stays there.
func TestCountedGroupsAreBounded(t *testing.T) {
	hosts, limit := 2_000, 50
	if testing.Short() {
		hosts = 300
	}
	var series []scenario.Other
	for i := range hosts {
		series = append(series, counter(t, eventsOf(fmt.Sprint("h", i), "good"), float64(10+i%7), 0, always), counter(t, eventsOf(fmt.Sprint("h", i), "bad"), 0, 0, always))
	}
	series = append(series, counter(t, eventsOf("large", "bad"), 1000, 0, always), counter(t, eventsOf("large", "good"), 0, 0, always),
		counter(t, eventsOf("_overflow", "bad"), 2000, 0, always), counter(t, eventsOf("_overflow", "good"), 0, 0, always))
	p := follow(t, specified(t, fmt.Sprintf(groupedCounters, limit)), 20*minute, series...)
	at := 20 * minute
	assert.InDelta(t, limit+2, value(t, p, at, "count(slo:sli_total:increase5m)"), 0, "the limit, events without a host, the overflow")
	assert.InDelta(t, 1, value(t, p, at, `sum(slo:sli_total:increase5m) / sum(increase(slo_events_total[5m]))`), 0.01)
	assert.InDelta(t, 1, value(t, p, at, `sum(slo:sli_bad:increase5m) / sum(increase(slo_events_total{slo_outcome="bad"}[5m]))`), 0.01)
	assert.InDelta(t, 5000, value(t, p, at, `slo:sli_bad:increase5m{host_name="large"}`), 50)
	assert.InDelta(t, 10000, value(t, p, at, `slo:sli_bad:increase5m{host_name="_overflow"}`), 100)
	assert.InDelta(t, limit+1, value(t, p, at, "count(slo:sli_group:admitted)"), 0)
}
