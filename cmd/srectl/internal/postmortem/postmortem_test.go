// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package postmortem

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/internal/golden"
)

const answer = `{"data": {"id": "20261121-030200-0a1b2c3d", "path": "/incidents/20261121-030200-0a1b2c3d", "state": "resolved", "page": true,
 "start": "2026-11-21T03:00:00Z", "alerted": "2026-11-21T03:02:15Z", "end": "2026-11-21T04:41:00Z", "burn_end": "2026-11-21T03:31:30Z",
 "origin": {"service": "payment", "namespace": "shop", "environment": "production"},
 "services": [{"service": "payment"}, {"service": "check<b>out|"}], "owner": "payments-team",
 "change": {"text": "payment 1.1.0", "time": "2026-11-21T02:59:00Z", "probability": 0.934},
 "change_failed": 5990.4,
 "suspects": [
  {"text": "payment 1.1.0", "time": "2026-11-21T02:59:00Z", "probability": 0.934, "revision": "02c9b5d", "commit_url": "https://git.example.com/c/02c9b5d", "compare_url": "https://git.example.com/compare> [x](javascript:1)", "run_url": "", "actor": "ada", "tickets": "PAY-1"},
  {"text": "feature flag fast: off → on", "time": "2026-11-21T01:59:00Z", "probability": 0.03, "revision": "", "commit_url": "", "compare_url": "", "run_url": "https://ci.example.com/1", "actor": "", "tickets": ""}],
 "burning": [
  {"service": "payment", "slo": "availability", "since": "2026-11-21T03:00:00Z", "failed": 6000, "events": 12000, "error_budget_remaining": -0.4},
  {"service": "check<b>out|", "slo": "lat\"ency\n", "since": "2026-11-21T03:01:00Z", "failed": null, "events": null, "error_budget_remaining": null}],
 "first_failed_requests": [{"service": "payment", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "time": "2026-11-21T03:00:05Z"}],
 "timeline": [{"time": "2026-11-21T02:59:00Z", "kind": "change", "text": "payment 1.1.0 is deployed"}, {"time": "2026-11-21T03:00:00Z", "kind": "burn", "text": "payment begins to burn\n# heading"},
  {"time": "2026-11-21T03:20:00Z", "kind": "note", "text": "rolled back | see [x](https://evil.example.com)", "author": "Ada"}],
 "what_fails": {"text": "1.1.0 on POST /charges, since 03:00 <b>"}}}`

func page(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/sre/incidents/20261121-030200-0a1b2c3d":
			_, _ = w.Write([]byte(answer))
		case "/sre/incidents/open":
			_, _ = w.Write([]byte(`{"data": {"id": "open", "path": "/incidents/open", "state": "open", "start": "2026-11-21T03:00:00Z", "alerted": "2026-11-21T03:02:15Z", "end": null, "origin": {"service": "payment"}, "services": [{"service": "payment"}], "change": null}}`))
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"problem": {"what": "There is no such incident.", "fix": "Look for it among all incidents."}, "data": null}`))
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/sre"
}

func TestDraft(t *testing.T) {
	base := page(t)
	r := commandtest.Run(NewCommand(), nil, "postmortem", "20261121-030200-0a1b2c3d", "--url", base)
	require.NoError(t, r.Err)
	golden.Equal(t, filepath.Join("testdata", "postmortem.md"), []byte(strings.ReplaceAll(r.Stdout, base, "http://sre.example.com")))
	again := commandtest.Run(NewCommand(), nil, "postmortem", base+"/incidents/20261121-030200-0a1b2c3d?x=1#now")
	require.NoError(t, again.Err)
	assert.Equal(t, r.Stdout, again.Stdout, "by the address of its page")

	r = commandtest.Run(NewCommand(), nil, "postmortem", "open", "--url", base)
	require.NoError(t, r.Err)
	for _, want := range []string{"**The incident is not over**", "No change is likelier than not", "No SLO of it is known.", "No exemplar", "Nothing is known.", "first alert, a ticket | 2m15s |"} {
		assert.Contains(t, r.Stdout, want)
	}
}

// People edit the draft: it replaces no file.
func TestOut(t *testing.T) {
	base, file := page(t), filepath.Join(t.TempDir(), "postmortem.md")
	r := commandtest.Run(NewCommand(), nil, "postmortem", "open", "--url", base, "--out", file)
	require.NoError(t, r.Err)
	assert.Empty(t, r.Stdout)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Contains(t, string(text), "# Post-mortem: payment, 2026-11-21")
	r = commandtest.Run(NewCommand(), nil, "postmortem", "open", "--url", base, "--out", file)
	assert.Equal(t, exit.Usage, r.Code)
	require.ErrorContains(t, r.Err, "exists: name another file")
}

func TestWithoutAnIncident(t *testing.T) {
	r := commandtest.Run(NewCommand(), nil, "postmortem", "../other", "--url", page(t))
	assert.Equal(t, exit.NotOK, r.Code)
	assert.Contains(t, r.Stderr, "There is no such incident.")
	r = commandtest.Run(NewCommand(), nil, "postmortem", "a", "--url", "127.0.0.1:1")
	assert.Equal(t, exit.Usage, r.Code)
	require.ErrorContains(t, r.Err, "does not answer")
}
