// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
)

const answer = `{"time": "2026-01-02T03:04:05Z", "problem": {"what": "Some queries failed.", "fix": "Start Prometheus."}, "data": {"services": [
 {"namespace": "shop", "service": "checkout", "entry": true, "owner": "payments", "places": [
   {"environment": "production", "rate": 12.34567, "failed_share": 0.0125, "p95_milliseconds": 87.654, "versions": [{"version": "1.2", "instances": 3}, {"version": "1.3", "instances": 0}]}],
  "calls": [{"namespace": "shop", "service": "payment", "type": ""}, {"namespace": "", "service": "orders", "type": "database"}], "slos": [{"slo": "availability", "environment": "production", "state": "ok"}]},
 {"namespace": "", "service": "mail\u001b[31mer", "entry": false, "proposed": true, "defaults": "built-in", "places": [
   {"environment": "", "rate": null, "failed_share": null, "p95_milliseconds": null, "versions": []}],
  "calls": [], "slos": [{"slo": "availability", "environment": "", "state": "new"}, {"slo": "latency", "environment": "", "state": "new"}]},
 {"namespace": "", "service": "payment", "entry": true, "places": [], "calls": [], "slos": [{"slo": "availability", "environment": "production", "state": "no_data"}]}
], "more": 2, "overflow": true, "without_entry": 1}}`

// pageWith is a status page that answers with the text.
func pageWith(t *testing.T, text string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/services" || r.Header.Get("Accept") != "application/json" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestTable(t *testing.T) {
	r := commandtest.Run(NewCommand(), nil, "services", "--url", pageWith(t, answer))
	require.NoError(t, r.Err)
	assert.Equal(t, `SERVICE        ENTRY  ENV         REQUESTS  FAILED  P95     VERSIONS  CALLS            SLOS
shop/checkout  yes    production  12.3/s    1.25%   87.7ms  1.2, 1.3  payment, orders  availability ok
mail�[31mer    no     -           -         -       -       -         -                proposed: availability new, latency new
payment        yes    -           -         -       -       -         -                availability no_data
3 services, 1 without an entry; 2 more are not shown; names beyond the collector's limit are counted together as _overflow
`, r.Stdout)
	assert.Equal(t, "Some queries failed. Start Prometheus.\n", r.Stderr)
}

func TestJSON(t *testing.T) {
	r := commandtest.Run(NewCommand(), nil, "services", "-o", "json", "--url", pageWith(t, answer)+"/")
	require.NoError(t, r.Err)
	var got struct {
		Services []struct{ Service string }
	}
	require.NoError(t, json.Unmarshal([]byte(r.Stdout), &got))
	assert.Len(t, got.Services, 3)
	assert.NotContains(t, r.Stdout, "\x1b")
	r = commandtest.Run(NewCommand(), nil, "services", "-o", "yaml", "--url", pageWith(t, answer))
	require.NoError(t, r.Err)
	assert.Contains(t, r.Stdout, "service: checkout")
	assert.NotContains(t, r.Stdout, "\x1b")
}

func TestNoPage(t *testing.T) {
	for page, want := range map[string]string{
		"127.0.0.1:1":           "the status page at http://127.0.0.1:1 does not answer",
		"ftp://example.com":     `--url "ftp://example.com" is not an address: write the status page's, such as http://localhost:8686`,
		pageWith(t, "<html>"):   "does not answer as a status page does (HTTP status 200)",
		pageWith(t, "") + "/x":  "does not answer as a status page does (HTTP status 404)",
		pageWith(t, `{"a": {}`): "does not answer as a status page does (HTTP status 200)",
	} {
		r := commandtest.Run(NewCommand(), nil, "services", "--url", page)
		assert.Equal(t, exit.Usage, r.Code, page)
		require.ErrorContains(t, r.Err, want)
	}
	r := commandtest.Run(NewCommand(), nil, "services", "-o", "xml")
	require.ErrorContains(t, r.Err, `--format "xml" is not known: write table, json or yaml`)
}
