// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package silence

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/internal/alertmanager"
)

// A mute is an Alertmanager with alerts that fire. It takes note of silences.
type mute struct {
	alerts   []map[string]string
	filters  []string
	silences []alertmanager.Silence
	refuses  bool
}

func (m *mute) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET /am/api/v2/alerts":
		m.filters = r.URL.Query()["filter"]
		var all []map[string]any
		for _, labels := range m.alerts {
			all = append(all, map[string]any{"labels": labels})
		}
		_ = json.NewEncoder(w).Encode(all)
	case "POST /am/api/v2/silences":
		if m.refuses {
			http.Error(w, "start time must not be in the past\x1b[31m", http.StatusBadRequest)
			return
		}
		var s alertmanager.Silence
		_ = json.NewDecoder(r.Body).Decode(&s)
		m.silences = append(m.silences, s)
		_, _ = fmt.Fprint(w, `{"silenceID": "0a1b"}`)
	default:
		http.NotFound(w, r)
	}
}

func of(alert string) map[string]string {
	return map[string]string{"alertname": alert, "slo_alert": alert, "service_name": "checkout", "slo_name": "availability", "environment": "production"}
}

func run(t *testing.T, m *mute, args ...string) commandtest.Result {
	t.Helper()
	server := httptest.NewServer(m)
	defer server.Close()
	return commandtest.Run(NewCommand(), strings.NewReader(""), append([]string{"silence", "--alertmanager", server.URL + "/am/", "--author", "alice"}, args...)...)
}

func TestSilence(t *testing.T) {
	m := &mute{alerts: []map[string]string{of("ErrorBudgetBurnCritical"), of("ErrorBudgetBurnMedium")}}
	got := run(t, m, "checkout", "--slo", "availability", "--environment", "production", "--namespace", "shop", "--match", `tenant!~"a.*"`, "--comment", "the bank is down")
	require.NoError(t, got.Err)
	assert.Equal(t, 0, got.Code)
	assert.Equal(t, []string{`service_name="checkout"`, `service_namespace="shop"`, `slo_name="availability"`, `environment="production"`, `tenant!~"a.*"`}, m.filters)
	require.Len(t, m.silences, 1)
	s := m.silences[0]
	assert.Equal(t, "alice: the bank is down", s.CreatedBy+": "+s.Comment)
	assert.Equal(t, time.Hour, s.EndsAt.Sub(s.StartsAt), "what the runbook of the page allows")
	assert.WithinDuration(t, time.Now(), s.StartsAt, time.Minute)
	assert.Equal(t, []alertmanager.Matcher{
		alertmanager.Equal("service_name", "checkout"), alertmanager.Equal("service_namespace", "shop"), alertmanager.Equal("slo_name", "availability"),
		alertmanager.Equal("environment", "production"), {Name: "tenant", Value: "a.*", IsRegex: true},
	}, s.Matchers)
	for _, text := range []string{"ErrorBudgetBurnCritical  checkout availability  production", "Silence only if the cause is known", "ErrorBudgetBurnCritical: Caution: while this alert fires", "amtool silence expire 0a1b --alertmanager.url=http://127.0.0.1"} {
		assert.Contains(t, got.Stdout, text)
	}
}

func TestAcknowledge(t *testing.T) {
	m := &mute{alerts: []map[string]string{of("ErrorBudgetBurnCritical")}}
	require.Equal(t, 0, run(t, m, "checkout", "--ack", "--for", "10m", "--comment", "I look at it").Code)
	require.Equal(t, 0, run(t, m, "checkout", "--ack", "--comment", "ACK! I look at it").Code)
	assert.Equal(t, []string{"ACK! I look at it", "ACK! I look at it"}, []string{m.silences[0].Comment, m.silences[1].Comment})
	assert.Equal(t, 10*time.Minute, m.silences[0].EndsAt.Sub(m.silences[0].StartsAt))
	assert.True(t, m.silences[0].Acknowledges())
}

func TestDryRun(t *testing.T) {
	m := &mute{alerts: []map[string]string{of("ErrorBudgetBurnCritical")}}
	got := run(t, m, "checkout", "--dry-run", "--comment", "x", "-o", "json")
	require.Equal(t, 0, got.Code)
	assert.Empty(t, m.silences)
	var result Result
	require.NoError(t, json.Unmarshal([]byte(got.Stdout), &result))
	assert.True(t, result.DryRun)
	assert.Equal(t, "1h", result.Longest)
	assert.Len(t, result.Alerts, 1)
	assert.Contains(t, run(t, m, "checkout", "--dry-run", "--comment", "x").Stdout, "would be silenced until")
}

// The guard of the runbook refuses, unless it is forced.
func TestGuard(t *testing.T) {
	page := &mute{alerts: []map[string]string{of("ErrorBudgetBurnCritical")}}
	for name, test := range map[string]struct {
		mute *mute
		args []string
		says string
	}{
		"too long":      {page, []string{"--for", "2h"}, "the runbook allows 1h"},
		"nothing fires": {&mute{}, nil, "no alert fires"},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"checkout", "--comment", "x"}, test.args...)
			got := run(t, test.mute, args...)
			assert.Equal(t, 1, got.Code)
			assert.Contains(t, got.Stdout, test.says)
			assert.Contains(t, got.Stdout, "nothing was silenced")
			assert.Empty(t, test.mute.silences)
			assert.Equal(t, 0, run(t, test.mute, append(args, "--force")...).Code)
			assert.Len(t, test.mute.silences, 1)
		})
	}
}

func TestWhatCannotBeAsked(t *testing.T) {
	for says, args := range map[string][]string{
		"--comment is missing":         {"checkout"},
		"is not a time from 1m":        {"checkout", "--comment", "x", "--for", "1s"},
		"is not a matcher":             {"checkout", "--comment", "x", "--match", "tenant"},
		"is not a base URL":            {"checkout", "--comment", "x", "--alertmanager", "localhost"},
		"the service is empty":         {" ", "--comment", "x"},
		"does not answer":              {"checkout", "--comment", "x", "--alertmanager", "http://127.0.0.1:1"},
		"longer than 1000 characte":    {"checkout", "--comment", strings.Repeat("x", 1001)},
		"refused with HTTP status 404": {"checkout", "--comment", "x", "--alertmanager", "SERVER"},
	} {
		t.Run(says, func(t *testing.T) {
			server := httptest.NewServer(&mute{})
			defer server.Close()
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], "SERVER", server.URL+"/elsewhere")
			}
			got := run(t, &mute{}, args...)
			assert.Equal(t, 2, got.Code)
			require.ErrorContains(t, got.Err, says)
		})
	}
	got := run(t, &mute{alerts: []map[string]string{of("ErrorBudgetBurnCritical")}, refuses: true}, "checkout", "--comment", "x")
	assert.Equal(t, 2, got.Code)
	require.ErrorContains(t, got.Err, "start time must not be in the past")
	assert.NotContains(t, got.Err.Error(), "\x1b")
}
