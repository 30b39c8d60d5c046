// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/process"
)

// hordes are requests with spans and metrics of many resources, no two of which have a name, a namespace, an environment, a version or an
// instance in common. Each fifth is the catalog's service, which changes only its version and environment, and sends no metrics.
func hordes(t *testing.T, from, to int) (spans, metrics []byte) {
	t.Helper()
	type object map[string]any
	now := time.Now()
	at := func(when time.Time) string { return strconv.FormatInt(when.UnixNano(), 10) }
	var resourceSpans, resourceMetrics []object
	for n := from; n < to; n++ {
		name := fmt.Sprint("job-", n)
		if n%5 == 0 {
			name = "checkout"
		}
		var attributes []object
		for key, value := range map[string]string{
			"service.name": name, "service.namespace": fmt.Sprint("namespace-", n), "service.instance.id": fmt.Sprint("instance-", n),
			"deployment.environment.name": fmt.Sprint("environment-", n), "service.version": fmt.Sprint("version-", n),
		} {
			attributes = append(attributes, object{"key": key, "value": object{"stringValue": value}})
		}
		resource := object{"attributes": attributes}
		trace, span := uuid.New(), uuid.New()
		resourceSpans = append(resourceSpans, object{"resource": resource, "scopeSpans": []object{{"spans": []object{{
			"traceId": hex.EncodeToString(trace[:]), "spanId": hex.EncodeToString(span[:8]), "name": "GET", "kind": 2,
			"startTimeUnixNano": at(now.Add(-time.Millisecond)), "endTimeUnixNano": at(now),
		}}}}})
		if name == "checkout" {
			continue
		}
		resourceMetrics = append(resourceMetrics, object{"resource": resource, "scopeMetrics": []object{{"metrics": []object{{
			"name": "queue.depth", "gauge": object{"dataPoints": []object{{"asInt": "7", "timeUnixNano": at(now)}}},
		}}}}})
	}
	spans, err := json.Marshal(object{"resourceSpans": resourceSpans})
	require.NoError(t, err)
	metrics, err = json.Marshal(object{"resourceMetrics": resourceMetrics})
	require.NoError(t, err)
	return spans, metrics
}

// exposition is what the Prometheus exporter's endpoint answers.
func (c *collector) exposition() []byte {
	c.t.Helper()
	response, err := http.Get("http://" + c.prometheus + "/metrics")
	require.NoError(c.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(c.t, err)
	return body
}

// However many names clients make up, the scrape endpoint and the memory have a bounded size, no span is left out of the totals, and the catalog's service
// is counted exactly. NAMES is how many they are.
func TestUnknownNamesAreBounded(t *testing.T) {
	t.Parallel()
	const more, batch = 5_000, 500
	names := 20_000
	if text := os.Getenv("NAMES"); text != "" {
		var err error
		names, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	catalog := writeCatalog(t, map[string]string{"checkout": service("checkout", "{name: availability, objective: 99, sli: {availability: {}}}")})
	for _, role := range []string{"standalone", "gateway"} {
		t.Run(role, func(t *testing.T) {
			c := prepareCollector(t, role, catalog)
			c.args = append(c.args, "--config", "yaml:{connectors: {red: {flush_interval: 1s}}}")
			c.start()
			sendNames := func(from, to int) (size int) {
				for ; from < to; from += batch {
					spans, metrics := hordes(t, from, from+batch)
					for path, body := range map[string][]byte{"/v1/traces": spans, "/v1/metrics": metrics} {
						response, err := http.Post("http://"+c.otlpHTTP+path, "application/json", bytes.NewReader(body))
						require.NoError(t, err)
						text, err := io.ReadAll(response.Body)
						require.NoError(t, err)
						require.NoError(t, response.Body.Close())
						require.Equal(t, http.StatusOK, response.StatusCode, "%s: %s", path, text)
					}
				}
				require.EventuallyWithT(t, func(collect *assert.CollectT) {
					families := c.scrape()
					all, _ := sum(families, "traces_span_metrics_calls_total")
					ours, _ := sum(families, "traces_span_metrics_calls_total", "service_name", "checkout")
					assert.Equal(collect, []float64{float64(to), float64(to) / 5}, []float64{all, ours})
					if role == "standalone" {
						assert.Equal(collect, [2]float64{float64(to) / 5, 0}, c.events("checkout"))
					}
				}, patience, 200*time.Millisecond)
				begin := time.Now()
				body := c.exposition()
				_, peak, err := process.Memory(c.cmd.Process.Pid)
				require.NoError(t, err)
				t.Logf("%d names: %d bytes on /metrics in %v, %d series of plain metrics, peak of memory %d MiB", to, len(body), time.Since(begin),
					strings.Count(string(body), "\nqueue_depth{"), peak>>20)
				assert.Less(t, peak, int64(700<<20))
				return len(body)
			}
			size := sendNames(0, names)
			assert.Less(t, size, 10<<20)
			assert.InEpsilon(t, size, sendNames(names, names+more), 0.01, "more names add nothing")
			begin := time.Now()
			c.stop()
			assert.Less(t, time.Since(begin), 20*time.Second)
		})
	}
}
