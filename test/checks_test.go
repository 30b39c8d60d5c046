// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A check of the catalog is made with its secret, its results count in the SLI of checks and in no other, and a failure has its step.
func TestChecks(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	var secrets, asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("Authorization") == "Bearer hunter2" && strings.HasPrefix(r.UserAgent(), "otelcol-sre-check/") && r.Header.Get("Traceparent") != "" {
			secrets.Add(1)
		}
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "checkout.yaml"), fmt.Appendf(nil, `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec:
  environments: [production]
  checks:
    - {name: home, interval: 5s, http: {url: %q, headers: {authorization: "Bearer ${env:OTELCOL_SRE_CHECK_TOKEN}"}}}
    - {name: elsewhere, interval: 5s, from: [asia], http: {url: %q}}
  slos:
    - {name: checks, objective: 99, sli: {spans: {match: 'attributes["check.name"] != nil', good: 'status.code != STATUS_CODE_ERROR'}}}
    - {name: any-span, objective: 99, sli: {spans: {good: 'status.code != STATUS_CODE_ERROR'}}}
    - {name: availability, objective: 99, sli: {availability: {kinds: [server, client]}}}
`, server.URL, server.URL+"/elsewhere"), 0o600))
	c := prepareCollector(t, "standalone", folder, "OTELCOL_SRE_LOCATION=eu-1", "OTELCOL_SRE_CHECK_TOKEN=hunter2")
	c.args = append(c.args, "--config", "builtin:checks")
	c.start()
	events := func(slo, outcome string) float64 {
		n, _ := sum(c.scrape(), "slo_events_total", "service_name", "checkout", "slo_name", slo, "slo_outcome", outcome)
		return n
	}
	require.Eventually(t, func() bool { return events("checks", "good") > 0 }, patience, 100*time.Millisecond)
	assert.Equal(t, asked.Load(), secrets.Load())
	assert.Zero(t, events("checks", "bad"))
	down.Store(true)
	require.Eventually(t, func() bool { return events("checks", "bad") > 0 }, patience, 100*time.Millisecond)
	require.Eventually(t, func() bool {
		at, _ := sum(c.scrape(), "check_time_seconds", "service_name", "checkout", "check_name", "home", "check_location", "eu-1", "check_outcome", "failed", "check_step", "status")
		return at > 0
	}, patience, 100*time.Millisecond)
	for _, slo := range []string{"any-span", "availability"} {
		assert.Zero(t, events(slo, "good")+events(slo, "bad"), "%s counts users only", slo)
	}
	seen, _ := sum(c.scrape(), "service_telemetry_last_seen_seconds", "service_name", "checkout")
	assert.Zero(t, seen, "a check does not show that the service lives")
	log, err := os.ReadFile(c.log)
	require.NoError(t, err)
	assert.NotContains(t, string(log), "hunter2")
	assert.NotContains(t, string(log), "OTELCOL_SRE_CHECK_TOKEN is set, but nothing reads it")
}
