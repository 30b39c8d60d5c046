// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lifecycleRules are evaluated every second. Rules see what those before them gave in the same evaluation. The last one gives two alerts
// with the same labels, which is an error.
const lifecycleRules = `groups:
  - name: lifecycle
    interval: 1s
    rules:
      - {record: evaluated:queue_depth, expr: queue_depth}
      - alert: AtOnce
        expr: queue_depth > 10
        labels: {severity: page, alertname: ignored, job: "{{ $labels.job }}-{{ $value }}"}
        annotations: {summary: "{{ $labels.job }} has {{ $value | humanize }} waiting"}
      - record: seen:ALERTS:count
        expr: count(ALERTS{alertname="AtOnce",alertstate="firing"})
      - {alert: AfterSeconds, expr: queue_depth > 10, for: 3s}
      - {alert: ShorterThanTheInterval, expr: queue_depth > 10, for: 10ms}
      - {alert: NotYet, expr: queue_depth > 10, for: 1h}
      - {alert: Never, expr: queue_depth > 1000}
      - alert: Twice
        expr: queue_depth > 10 or label_replace(queue_depth > 10, "queue", "second", "", "")
        labels: {queue: same}
`

// A postedAlert is one as Alertmanager gets it.
type postedAlert struct {
	Labels, Annotations map[string]string
	StartsAt, EndsAt    time.Time
	GeneratorURL        string
	// firing is whether its end, which is as far as the message holds, lay ahead when it came.
	firing bool
}

// alertmanagerFake keeps what it gets, in turn.
type alertmanagerFake struct {
	mu     sync.Mutex
	posted []postedAlert
}

func (a *alertmanagerFake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var alerts []postedAlert
	if r.Method != http.MethodPost || r.URL.Path != "/api/v2/alerts" || json.NewDecoder(r.Body).Decode(&alerts) != nil {
		http.Error(w, "not a list of alerts", http.StatusBadRequest)
		return
	}
	for i := range alerts {
		alerts[i].firing = alerts[i].EndsAt.After(time.Now())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.posted = append(a.posted, alerts...)
}

// of are the alerts of that name: those of the time when it fired, and those after it ended.
func (a *alertmanagerFake) of(name string) (firing, resolved []postedAlert) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, alert := range a.posted {
		if alert.Labels["alertname"] != name {
			continue
		}
		if alert.firing {
			firing = append(firing, alert)
		} else {
			resolved = append(resolved, alert)
		}
	}
	return firing, resolved
}

// resendDelay is what Prometheus has by default.
const resendDelay = time.Minute

// A life of alerts in the built binary, by the list of the specification of alert generators (prometheus/compliance, 1.0): states,
// series, what Alertmanager is sent and when, and the two APIs.
func TestComplianceAlertGenerator(t *testing.T) {
	fake := &alertmanagerFake{}
	am := httptest.NewServer(fake)
	t.Cleanup(am.Close)
	rules := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(rules, "lifecycle.rules.yaml"), []byte(lifecycleRules), 0o600))
	c := newCollector(t, "standalone", "../examples/catalog", "OTELCOL_SRE_RULES="+rules, "OTELCOL_SRE_ALERTMANAGER="+am.URL)
	var q queue
	q.depth.Store(1)
	defer q.report(t, c)()
	// Prometheus gives no series of alerts before it has restored what was pending at the last shutdown, after two evaluations.
	require.Eventually(t, func() bool { return len(c.samples(`evaluated:queue_depth[5m]`)) > 3 }, time.Minute, 100*time.Millisecond)
	q.depth.Store(42)

	require.Eventually(t, func() bool {
		_, there := c.alert("AfterSeconds")
		firing, _ := fake.of("AfterSeconds")
		return there && len(firing) > 0
	}, time.Minute, 50*time.Millisecond)
	c.checkStates(t)
	c.checkRulesAPI(t)

	first, _ := fake.of("AtOnce")
	require.NotEmpty(t, first)
	assert.Equal(t, map[string]string{"alertname": "AtOnce", "severity": "page", "job": "shop-42"}, first[0].Labels, "alertname is the rule's, labels are templates, the metric's name is gone")
	assert.Equal(t, map[string]string{"summary": "shop has 42 waiting"}, first[0].Annotations)
	assert.Contains(t, first[0].GeneratorURL, "/graph?g0.expr=queue_depth+%3E+10")
	generator, err := http.Get(first[0].GeneratorURL)
	require.NoError(t, err)
	require.NoError(t, generator.Body.Close())
	assert.Equal(t, http.StatusOK, generator.StatusCode, "the alert's link")
	assert.Equal(t, 4*resendDelay, first[0].EndsAt.Sub(first[0].StartsAt))

	// It is sent again after the delay, at an evaluation, and not before.
	require.Eventually(t, func() bool { firing, _ := fake.of("AtOnce"); return len(firing) > 1 }, 2*time.Minute, 100*time.Millisecond)
	firing, resolved := fake.of("AtOnce")
	assert.Equal(t, firing[0].StartsAt, firing[1].StartsAt)
	again := firing[1].EndsAt.Sub(firing[0].EndsAt)
	assert.GreaterOrEqual(t, again, resendDelay)
	assert.Zero(t, (again % time.Second).Round(time.Millisecond), "it is sent between evaluations")
	assert.Empty(t, resolved)

	// It ends at the first evaluation that does not give it, and Alertmanager is told, and told again.
	q.depth.Store(1)
	require.Eventually(t, func() bool { _, resolved := fake.of("AtOnce"); return len(resolved) > 1 }, 2*time.Minute, 100*time.Millisecond)
	_, resolved = fake.of("AtOnce")
	assert.Equal(t, firing[0].StartsAt, resolved[0].StartsAt)
	assert.Equal(t, firing[0].Labels, resolved[0].Labels)
	assert.Equal(t, resolved[0].EndsAt, resolved[1].EndsAt, "when it ended does not change")
	_, active := c.alert("AtOnce")
	assert.False(t, active)
	series := c.samples(`ALERTS{alertname="AtOnce",alertstate="firing"}[10m]`)
	require.NotEmpty(t, series)
	assert.Equal(t, time.Second, resolved[0].EndsAt.Sub(series[len(series)-1].Timestamp.Time()).Round(time.Second), "its series ends before it does")

	// The next time it is another alert.
	q.depth.Store(42)
	require.Eventually(t, func() bool {
		a, there := c.alert("AtOnce")
		return there && a.ActiveAt.After(resolved[0].EndsAt)
	}, time.Minute, 50*time.Millisecond)
	for _, name := range []string{"NotYet", "Never", "Twice"} {
		firing, resolved := fake.of(name)
		assert.Empty(t, append(firing, resolved...), name)
	}
}

// checkStates compares the series that alerts leave with when they began.
func (c *collector) checkStates(t *testing.T) {
	t.Helper()
	const second = time.Second - time.Millisecond // timestamps have no more than milliseconds
	waiting, _ := c.alert("AfterSeconds")
	pending := c.samples(`ALERTS{alertname="AfterSeconds",alertstate="pending"}[5m]`)
	require.NotEmpty(t, pending)
	assert.WithinDuration(t, waiting.ActiveAt, pending[0].Timestamp.Time(), time.Millisecond, "it is pending from when it began")
	for _, s := range pending {
		assert.InDelta(t, 1, float64(s.Value), 0)
		assert.Less(t, s.Timestamp.Time().Sub(waiting.ActiveAt), 3*second)
	}
	fired := c.samples(`ALERTS{alertname="AfterSeconds",alertstate="firing"}[5m]`)
	require.NotEmpty(t, fired)
	assert.GreaterOrEqual(t, fired[0].Timestamp.Time().Sub(waiting.ActiveAt), 3*second)

	assert.Empty(t, c.samples(`ALERTS{alertname="AtOnce",alertstate="pending"}[5m]`), "nothing to wait for")
	short := c.samples(`ALERTS{alertname="ShorterThanTheInterval",alertstate="pending"}[5m]`)
	assert.Len(t, short, 1, "pending for one evaluation, not for less")
	at, seen := c.samples(`ALERTS{alertname="AtOnce",alertstate="firing"}[5m]`), c.samples(`seen:ALERTS:count[5m]`)
	require.NotEmpty(t, seen)
	assert.Equal(t, at[0].Timestamp, seen[0].Timestamp, "the next rule sees it in the same evaluation")
	assert.Empty(t, c.samples(`ALERTS{alertname="Twice"}[5m]`))
	assert.Empty(t, c.samples(`ALERTS{alertname="Never"}[5m]`))
}

// checkRulesAPI compares what the APIs say of rules and alerts with each other and with the file.
func (c *collector) checkRulesAPI(t *testing.T) {
	t.Helper()
	type alert struct {
		ActiveAt            time.Time
		State, Value        string
		Labels, Annotations map[string]string
	}
	var rules struct {
		Status string
		Data   struct {
			Groups []struct {
				Name           string
				Interval       float64
				LastEvaluation time.Time
				Rules          []struct {
					Type, Name, Query, Health, State, LastError string
					Duration, EvaluationTime                    float64
					Labels, Annotations                         map[string]string
					LastEvaluation                              time.Time
					Alerts                                      []alert
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(read(t, "http://"+c.api+"/api/v1/rules")), &rules))
	require.Equal(t, "success", rules.Status)
	require.Len(t, rules.Data.Groups, 1)
	group := rules.Data.Groups[0]
	assert.Equal(t, "lifecycle", group.Name)
	assert.InDelta(t, 1, group.Interval, 0)
	assert.WithinDuration(t, time.Now(), group.LastEvaluation, time.Minute)
	states := map[string]string{}
	listed := 0
	for _, rule := range group.Rules {
		if rule.Type != "alerting" {
			continue
		}
		states[rule.Name] = rule.State
		listed += len(rule.Alerts)
		assert.WithinDuration(t, time.Now(), rule.LastEvaluation, time.Minute, rule.Name)
		assert.Positive(t, rule.EvaluationTime, rule.Name)
		if rule.Name == "Twice" {
			assert.Equal(t, "err", rule.Health)
			assert.Contains(t, rule.LastError, "same labelset")
			continue
		}
		assert.Equal(t, "ok", rule.Health, rule.Name)
		assert.Empty(t, rule.LastError, rule.Name)
		if rule.Name != "AtOnce" {
			continue
		}
		assert.Equal(t, "queue_depth > 10", rule.Query)
		assert.Equal(t, map[string]string{"severity": "page", "alertname": "ignored", "job": "{{ $labels.job }}-{{ $value }}"}, rule.Labels, "as in the file")
		assert.Equal(t, "{{ $labels.job }} has {{ $value | humanize }} waiting", rule.Annotations["summary"])
		require.Len(t, rule.Alerts, 1)
		assert.Equal(t, "4.2e+01", rule.Alerts[0].Value)
		assert.Equal(t, "shop-42", rule.Alerts[0].Labels["job"])
	}
	assert.Equal(t, map[string]string{"AtOnce": "firing", "AfterSeconds": "firing", "ShorterThanTheInterval": "firing", "NotYet": "pending",
		"Never": "inactive", "Twice": "inactive"}, states)

	var active struct {
		Data struct{ Alerts []alert }
	}
	require.NoError(t, json.Unmarshal([]byte(read(t, "http://"+c.api+"/api/v1/alerts")), &active))
	assert.Len(t, active.Data.Alerts, listed, "all alerts of all rules")
}
