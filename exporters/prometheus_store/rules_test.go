// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusstore

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/confighttp"
)

const waits = 30 * time.Second

// rulesOf is a rule file that records, and alerts above 10.
const rulesOf = `groups:
  - name: queue
    interval: 100ms
    rules:
      - {record: "queue:depth", expr: sum(queue_depth)}
      - {alert: QueueLong, expr: "queue:depth > 10", for: FOR, labels: {severity: page}, annotations: {summary: "{{ $value }} wait"}}
`

func writeRules(t *testing.T, path, text string) {
	require.NoError(t, os.WriteFile(path+".new", []byte(text), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
}

// alertmanager takes alerts as Alertmanager does.
func alertmanager(t *testing.T) (confighttp.ClientConfig, <-chan map[string]string) {
	received := make(chan map[string]string, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Equal(t, "/am/api/v2/alerts", r.URL.Path)
		assert.Equal(t, "Bearer x", r.Header.Get("Authorization"))
		var alerts []struct{ Labels, Annotations map[string]string }
		assert.NoError(t, json.Unmarshal(body, &alerts))
		for _, a := range alerts {
			a.Labels["summary"] = a.Annotations["summary"]
			received <- a.Labels
		}
	}))
	t.Cleanup(server.Close)
	client := confighttp.NewDefaultClientConfig()
	client.Endpoint = server.URL + "/am/"
	client.Headers.Set("Authorization", "Bearer x")
	return client, received
}

func TestAlertReachesAlertmanager(t *testing.T) {
	rules := filepath.Join(t.TempDir(), "a.yaml")
	writeRules(t, rules, strings.ReplaceAll(rulesOf, "FOR", "0s"))
	am, received := alertmanager(t)
	s := start(t, configured(t, func(c *Config) {
		c.RuleFiles = []string{filepath.Join(filepath.Dir(rules), "*.yaml")}
		c.Alertmanagers = []confighttp.ClientConfig{am}
		c.ExternalLabels = map[string]string{"cluster": "eu-1"}
	}))
	require.NoError(t, s.push(t.Context(), gauge("queue.depth", 42, time.Now(), nil)))
	select {
	case alert := <-received:
		require.Equal(t, map[string]string{"alertname": "QueueLong", "severity": "page", "cluster": "eu-1", "summary": "42 wait"}, alert)
	case <-time.After(waits):
		require.Fail(t, "no alert came", s.logs.All())
	}
	require.Equal(t, "42", s.query("queue:depth"))
	require.Eventually(t, func() bool { return s.query(`ALERTS{alertstate="firing"}`) == "1" }, waits, 20*time.Millisecond)
	require.Contains(t, s.data("/api/v1/alerts", nil), `"state":"firing"`)
	require.Contains(t, s.data("/api/v1/rules", nil), `"name":"QueueLong"`)
	require.Contains(t, s.data("/api/v1/alertmanagers", nil), am.Endpoint+"api/v2/alerts")
}

// An alert that was pending for half an hour goes on from there after a restart.
func TestPendingSurvivesRestart(t *testing.T) {
	rules := filepath.Join(t.TempDir(), "a.yaml")
	writeRules(t, rules, strings.ReplaceAll(rulesOf, "FOR", "1h"))
	c := configured(t)
	first, err := create(c)
	require.NoError(t, err)
	require.NoError(t, first.start(t.Context(), componenttest.NewNopHost()))
	now := time.Now()
	// What the rules of the first would have left.
	app := first.db.Appender(t.Context())
	_, err = app.Append(0, labels.FromStrings("__name__", "ALERTS_FOR_STATE", "alertname", "QueueLong", "severity", "page"),
		now.UnixMilli(), float64(now.Add(-30*time.Minute).Unix()))
	require.NoError(t, err)
	require.NoError(t, app.Commit())
	require.NoError(t, first.shutdown(t.Context()))

	c.RuleFiles = []string{rules}
	again := start(t, c)
	require.NoError(t, again.push(t.Context(), gauge("queue.depth", 43, time.Now(), nil)))
	require.Eventually(t, func() bool { return again.query("time() - ALERTS_FOR_STATE > 29 * 60") != "" }, waits, 20*time.Millisecond)
}

func TestBadRuleFileKeepsWhatItHeld(t *testing.T) {
	folder := t.TempDir()
	a, b := filepath.Join(folder, "a.yaml"), filepath.Join(folder, "b.yaml")
	one := func(name, expr string) string {
		return "groups: [{name: " + name + ", interval: 100ms, rules: [{record: " + name + ", expr: " + expr + "}]}]\n"
	}
	writeRules(t, a, one("a", "vector(1)"))
	writeRules(t, b, one("b", "vector(1)"))
	s := start(t, configured(t, func(c *Config) { c.RuleFiles = []string{filepath.Join(folder, "*.yaml")} }))
	is := func(expression, want string) {
		t.Helper()
		require.Eventually(t, func() bool { return s.query(expression) == want }, waits, 20*time.Millisecond, "%s should be %s", expression, want)
	}
	is("a", "1")
	is("b", "1")

	writeRules(t, a, one("a", "'sum('"))
	writeRules(t, b, one("b", "vector(2)"))
	is("b", "2")
	is("a", "1")
	require.Equal(t, int64(1), s.ruleFilesBad.Load())
	complaints := s.logs.FilterMessageSnippet("A rule file cannot be used").All()
	require.Len(t, complaints, 1, "said once, not at every look")
	require.Contains(t, complaints[0].ContextMap()["err"], "a.yaml: 1:")

	writeRules(t, a, one("a", "vector(3)"))
	is("a", "3")
	require.NoError(t, os.Remove(b))
	is("count(b offset 1ms) or vector(0)", "0")
	require.Eventually(t, func() bool { return s.ruleFilesBad.Load() == 0 && s.ruleFilesGood.Load() == 1 }, waits, 20*time.Millisecond)
}

func TestDeadAlertmanagerDoesNotHoldUpShutdown(t *testing.T) {
	silent := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-silent }))
	defer server.Close()
	defer close(silent)
	am := confighttp.NewDefaultClientConfig()
	am.Endpoint, am.Timeout = server.URL, time.Hour
	rules := filepath.Join(t.TempDir(), "a.yaml")
	writeRules(t, rules, strings.ReplaceAll(rulesOf, "FOR", "0s"))
	s, err := create(configured(t, func(c *Config) {
		c.RuleFiles, c.Alertmanagers = []string{rules}, []confighttp.ClientConfig{am}
		c.EvaluationInterval = model.Duration(time.Second)
	}))
	require.NoError(t, err)
	s.t = t
	require.NoError(t, s.start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, s.push(t.Context(), gauge("queue.depth", 42, time.Now(), nil)))
	require.Eventually(t, func() bool { return s.query("ALERTS") != "" }, waits, 20*time.Millisecond)
	require.NoError(t, s.shutdown(t.Context()))
}
