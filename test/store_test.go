// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/gotool"
	"github.com/otelcol-sre/otelcol-sre/test/npm"
)

// queueRules are evaluated every second. An alert that waits for an hour tells what a restart does to it.
const queueRules = `groups:
  - name: queue
    interval: 1s
    rules:
      - {alert: QueueLong, expr: sum(queue_depth) > 10, for: 3s}
      - {alert: QueueNeverEmpty, expr: sum(queue_depth) > 0, for: 1h}
`

// A queue reports how long it is, four times a second, until the test ends.
type queue struct {
	depth, acknowledged atomic.Int64
}

func (q *queue) report(t *testing.T, c *collector) (stop func()) {
	t.Helper()
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case now := <-tick.C:
				body := fmt.Sprintf(`{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},
					"scopeMetrics":[{"metrics":[{"name":"queue.depth","gauge":{"dataPoints":[{"timeUnixNano":"%d","asInt":"%d"}]}}]}]}]}`, now.UnixNano(), q.depth.Load())
				response, err := http.Post("http://"+c.otlpHTTP+"/v1/metrics", "application/json", bytes.NewBufferString(body))
				if err != nil {
					continue // it is down
				}
				_ = response.Body.Close()
				if response.StatusCode == http.StatusOK {
					q.acknowledged.Add(1)
				}
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// prometheusAPI is the API of the Prometheus inside, by the client that Go programs have for it.
func (c *collector) prometheusAPI() v1.API {
	c.t.Helper()
	client, err := api.NewClient(api.Config{Address: "http://" + c.api})
	require.NoError(c.t, err)
	return v1.NewAPI(client)
}

// samples are those of the one series that a range of raw samples has.
func (c *collector) samples(query string) []model.SamplePair {
	value, _, err := c.prometheusAPI().Query(c.t.Context(), query, time.Now())
	if matrix, ok := value.(model.Matrix); ok && err == nil && len(matrix) == 1 {
		return matrix[0].Values
	}
	return nil
}

// alert is one that is pending or firing.
func (c *collector) alert(name model.LabelValue) (v1.Alert, bool) {
	found, _ := c.prometheusAPI().Alerts(c.t.Context())
	i := slices.IndexFunc(found.Alerts, func(a v1.Alert) bool { return a.Labels[model.AlertNameLabel] == name })
	if i < 0 {
		return v1.Alert{}, false
	}
	return found.Alerts[i], true
}

// The built-in standalone config alerts by itself: an alert is in Alertmanager at the first evaluation after its `for`, and is
// over there when it is over here. A kill -9 takes nothing that was acknowledged, and not the hour that an alert has waited.
func TestStandaloneAlertsByItself(t *testing.T) {
	t.Parallel()
	nobody := httptest.NewServer(http.NotFoundHandler())
	defer nobody.Close()
	am := startAlertmanager(t, nobody.URL)
	rules := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(rules, "queue.rules.yaml"), []byte(queueRules), 0o600))
	began := time.Now()
	c := newCollector(t, "standalone", "../examples/catalog", "OTELCOL_SRE_RULES="+rules, "OTELCOL_SRE_ALERTMANAGER="+am.url)
	long := 5*time.Second + 3*time.Since(began) // compared with a start
	told := func(name string) bool {
		response, err := http.Get(am.url + "/api/v2/alerts?active=true&filter=" + url.QueryEscape("alertname="+name))
		require.NoError(t, err)
		defer response.Body.Close()
		var all []any
		require.NoError(t, json.NewDecoder(response.Body).Decode(&all))
		return len(all) > 0
	}

	var q queue
	q.depth.Store(42)
	stop := q.report(t, c)
	require.Eventually(t, func() bool { return told("QueueLong") }, patience, 100*time.Millisecond)
	firing, _ := c.alert("QueueLong")
	since := func(s model.SamplePair) time.Duration { return s.Timestamp.Time().Sub(firing.ActiveAt) }
	for _, pending := range c.samples(`ALERTS{alertname="QueueLong",alertstate="pending"}[5m]`) {
		assert.Less(t, since(pending), 3*time.Second, "it was evaluated after its for, and did not fire")
	}
	require.Eventually(t, func() bool { return len(c.samples(`ALERTS{alertname="QueueLong",alertstate="firing"}[5m]`)) > 0 }, patience, 100*time.Millisecond)
	assert.GreaterOrEqual(t, since(c.samples(`ALERTS{alertname="QueueLong",alertstate="firing"}[5m]`)[0]), 3*time.Second-time.Millisecond)

	q.depth.Store(1)
	require.Eventually(t, func() bool { return !told("QueueLong") }, patience, 100*time.Millisecond)

	require.Eventually(t, func() bool {
		a, _ := c.alert("QueueNeverEmpty")
		return a.State == v1.AlertStatePending && time.Since(a.ActiveAt) > long
	}, patience, 100*time.Millisecond)
	c.kill()
	stop()
	kept := q.acknowledged.Load()
	began = time.Now()
	c.start()
	require.Eventually(t, func() bool { return len(c.samples("queue_depth[1h]")) > 0 }, patience, 100*time.Millisecond)
	assert.GreaterOrEqual(t, int64(len(c.samples("queue_depth[1h]"))), kept)
	assert.LessOrEqual(t, int64(len(c.samples("queue_depth[1h]"))), kept+1, "one may have been stored and not acknowledged")

	require.Eventually(t, func() bool {
		a, there := c.alert("QueueNeverEmpty")
		return there && a.State == v1.AlertStatePending && a.ActiveAt.Before(began)
	}, patience, 100*time.Millisecond, "it began to wait anew")
}

// What the collector has stored is Prometheus' own: one that is started on the folder has all of it, to the sample.
func TestHistoryMovesToPrometheus(t *testing.T) {
	t.Parallel()
	prometheus, err := gotool.Build("github.com/prometheus/prometheus/cmd/prometheus")
	require.NoError(t, err)
	c := newCollector(t, "standalone", "../examples/catalog")
	var q queue
	q.depth.Store(7)
	stop := q.report(t, c)
	require.Eventually(t, func() bool { return q.acknowledged.Load() >= 8 }, patience, 50*time.Millisecond)
	stop()
	stored := c.samples("queue_depth[1h]")
	require.Len(t, stored, int(q.acknowledged.Load()))
	c.stop()

	folder := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(folder, "data"), os.DirFS(c.store)))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "prometheus.yml"), nil, 0o600))
	moved := &collector{t: t, api: freeAddress(t)}
	startServer(t, "http://"+moved.api, exec.Command(prometheus, "--config.file="+filepath.Join(folder, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(folder, "data"), "--web.listen-address="+moved.api))
	require.Eventually(t, func() bool { return len(moved.samples("queue_depth[1h]")) > 0 }, patience, 50*time.Millisecond)
	require.Equal(t, stored, moved.samples("queue_depth[1h]"))
}

// Programs in JavaScript ask it by the client that they have for Prometheus.
func TestJavaScriptAsksTheStore(t *testing.T) {
	t.Parallel()
	const client = "testdata/prometheus-query"
	require.NoError(t, npm.Install(client))
	rules := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(rules, "queue.rules.yaml"), []byte(queueRules), 0o600))
	c := prepareCollector(t, "standalone", "../examples/catalog", "OTELCOL_SRE_RULES="+rules)
	c.args = append(c.args, "--config", "yaml:{exporters: {prometheus_store: {catalog: null}}}") // only the rules of the file
	c.start()
	var q queue
	q.depth.Store(7)
	defer q.report(t, c)()
	require.Eventually(t, func() bool { _, there := c.alert("QueueNeverEmpty"); return there }, patience, 50*time.Millisecond)

	program := exec.Command(needs(t, "node", "nodejs"), "ask.mjs", "http://"+c.api, "queue_depth")
	program.Dir = client
	program.Stderr = os.Stderr
	out, err := program.Output()
	require.NoError(t, err)
	require.JSONEq(t, `{
		"instant": [["queue_depth{job=\"shop\"}", 7]], "range": [7], "series": 1, "jobs": ["shop"],
		"rules": ["QueueLong", "QueueNeverEmpty"], "alerts": [["QueueNeverEmpty", "pending"]], "targets": 0
	}`, string(out))
}
