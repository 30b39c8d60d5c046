// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each chapter waits for what it tells; a story whose incident never comes ends by itself.
func TestStory(t *testing.T) {
	asked := map[string]int{}
	prometheus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query().Get("query")
		asked[query]++
		result := ""
		switch {
		case asked[query] < 2: // not yet
		case strings.Contains(query, "slo_events_total"):
			result = `{"metric": {}, "value": [1, "15"]}`
		case strings.Contains(query, "deployment_info"), strings.Contains(query, "ALERTS"):
			result = `{"metric": {"alertname": "ErrorBudgetBurnCritical", "service_name": "inventory", "slo_name": "availability"}, "value": [1, "1"]}`
		case strings.Contains(query, "slo_burn_rate_ratio"):
			result = `{"metric": {"service_name": "inventory", "slo_name": "availability"}, "value": [1, "41.7"]}`
		}
		_, _ = w.Write([]byte(`{"status": "success", "data": {"resultType": "vector", "result": [` + result + `]}}`))
	}))
	defer prometheus.Close()
	var out bytes.Buffer
	require.NoError(t, runStory(t.Context(), []string{"--prometheus", prometheus.URL, "--page", "http://page"}, &out))
	text := regexp.MustCompile(`(?m)^ *\d+ s  `).ReplaceAllString(out.String(), "")
	var began []string
	for line := range strings.SplitSeq(text, "\n") {
		if word, _, ok := strings.Cut(line, ". "); ok && !strings.HasPrefix(line, " ") {
			began = append(began, word)
		}
	}
	assert.Equal(t, []string{"Traffic", "Deployment", "Burn", "Alert"}, began)
	assert.Contains(t, text, "15 SLOs count")
	assert.Contains(t, text, "inventory/availability spends its error budget 42 times as fast")
	assert.Contains(t, text, "Open http://page/alerts")
	assert.Contains(t, text, `curl -X PUT -d '{"version": "1.0.0", "errorRate": 0}' localhost:8088/settings/inventory`)

	out.Reset()
	nobody := httptest.NewServer(http.NotFoundHandler())
	nobody.Close()
	began1 := time.Now()
	require.NoError(t, runStory(t.Context(), []string{"--prometheus", nobody.URL, "--patience", "50ms"}, &out))
	assert.Empty(t, out.String())
	assert.Less(t, time.Since(began1), 10*time.Second)
}
