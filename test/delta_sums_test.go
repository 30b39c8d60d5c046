// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An SDK with delta temporality sends what happened in each interval. All intervals count, the first one too, and Prometheus gets their sum.
func TestDeltaSumsCountFromTheFirstInterval(t *testing.T) {
	t.Parallel()
	dir := writeCatalog(t, map[string]string{"orders": service("orders",
		`{name: paid, objective: 99, sli: {metrics: {good: {name: orders.done, match: 'attributes["paid"] == true'}, total: {name: orders.done}}}}`)})
	c := newCollector(t, "standalone", dir)
	began := time.Now()
	for instance, start := range map[string]time.Time{
		"without-start-time":       {},
		"older-than-the-collector": began.Add(-time.Hour),
		"new":                      began,
	} {
		for interval := range 3 {
			end := began.Add(time.Duration(interval+1) * time.Millisecond)
			sendDeltas(t, c, instance, start, end)
			if !start.IsZero() {
				start = end
			}
		}
	}
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		families := c.scrape()
		for outcome, want := range map[string]float64{"good": 3 * 3 * 8, "bad": 3 * 3 * 2} {
			got, _ := sum(families, "slo_events_total", "slo_name", "paid", "slo_outcome", outcome)
			assert.Equal(t, want, got, outcome)
		}
		for paid, want := range map[string]float64{"true": 3 * 3 * 8, "false": 3 * 3 * 2} {
			got, _ := sum(families, "orders_done_total", "paid", paid)
			assert.Equal(t, want, got, "paid=%s", paid)
			samples := c.samples(fmt.Sprintf(`sum(orders_done_total{paid=%q})[1m:1s]`, paid))
			if assert.NotEmpty(t, samples) {
				assert.EqualValues(t, want, samples[len(samples)-1].Value, "stored, paid=%s", paid)
			}
		}
	}, patience, 200*time.Millisecond)
}

// sendDeltas sends one interval: 8 orders that were paid and 2 that were not.
func sendDeltas(t *testing.T, c *collector, instance string, start, end time.Time) {
	point := func(paid bool, n int) string {
		from := ""
		if !start.IsZero() {
			from = fmt.Sprintf(`"startTimeUnixNano":"%d",`, start.UnixNano())
		}
		return fmt.Sprintf(`{%s"timeUnixNano":"%d","asInt":"%d","attributes":[{"key":"paid","value":{"boolValue":%t}}]}`, from, end.UnixNano(), n, paid)
	}
	body := fmt.Sprintf(`{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"orders"}},
		{"key":"service.instance.id","value":{"stringValue":%q}}]},"scopeMetrics":[{"metrics":[{"name":"orders.done",
		"sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[%s,%s]}}]}]}]}`, instance, point(true, 8), point(false, 2))
	response, err := http.Post("http://"+c.otlpHTTP+"/v1/metrics", "application/json", bytes.NewBufferString(body))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
}
