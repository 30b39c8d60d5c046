// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package proposal

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
)

const answer = `{"time": "2026-01-02T03:04:05Z", "data": {"services": [
 {"namespace": "shop", "service": "checkout", "entry": false, "places": [
   {"environment": "production", "versions": [], "history": {"requests": 1200000, "failed": 600, "p99_milliseconds": 187.3}},
   {"environment": "staging", "versions": [], "history": {"requests": 900, "failed": 300, "p99_milliseconds": null}}],
  "calls": [{"namespace": "shop", "service": "payment", "type": ""}, {"namespace": "billing", "service": "ledger", "type": ""}, {"namespace": "", "service": "orders", "type": "database"}, {"namespace": "shop", "service": "gone", "type": ""}], "slos": []},
 {"namespace": "shop", "service": "payment", "entry": true, "places": [{"environment": "production", "versions": [], "history": {"requests": 70000, "failed": 9000, "p99_milliseconds": 61000}}], "calls": [], "slos": []},
 {"namespace": "billing", "service": "ledger", "entry": false, "places": [{"environment": "", "versions": [], "history": {"requests": 60, "failed": 0, "p99_milliseconds": 3}}], "calls": [], "slos": []},
 {"namespace": "", "service": "mailer", "entry": false, "places": [{"environment": "production", "versions": [], "history": {"requests": 5, "failed": 0, "p99_milliseconds": 3}}], "calls": [], "slos": []},
 {"namespace": "", "service": "a/b\u001b[31m", "entry": false, "places": [{"environment": "", "versions": [], "history": {"requests": 1000, "failed": 0, "p99_milliseconds": 3}}], "calls": [], "slos": []},
 {"namespace": "", "service": "silent", "entry": true, "places": [], "calls": [], "slos": []}
], "more": 0, "overflow": false}}`

func page(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/services" || r.URL.Query().Get("history") == "" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestWritesWhatHasNoFile(t *testing.T) {
	out := filepath.Join(t.TempDir(), "catalog")
	r := commandtest.Run(NewCommand(), nil, "init", "--url", page(t), "--out", out, "--owner", "shop-team")
	require.NoError(t, r.Err)
	assert.Equal(t, 0, r.Code, "a service that nobody named may be quiet")
	assert.Equal(t, filepath.Join(out, "checkout.yaml")+`: availability 99.9 %, latency 99 %
`+filepath.Join(out, "ledger.yaml")+`: availability 90 %, latency 95 %
mailer: 5 requests in 7d: too few for a ratio of good ones. Count something else, or wait
`, strings.ReplaceAll(r.Stdout, hostile(t, r.Stdout), ""))
	text, err := os.ReadFile(filepath.Join(out, "checkout.yaml"))
	require.NoError(t, err)
	assert.Equal(t, `# Proposed by srectl init. Objectives are promises to users: check them.
# In production:
# availability: 0.05 % failed of 1200000 requests in 7d (0.046 % to 0.054 % with 95 % certainty, if failures were independent). 99.9 % is the highest usual objective that this keeps.
# latency: 99 % took at most 187.3ms.
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata:
  name: checkout
  namespace: shop
spec:
  owner: shop-team
  environments: [production, staging]
  dependsOn: [billing/ledger, payment]
  slos:
    - name: availability
      objective: 99.9
      sli: {availability: {}}
    - name: latency
      objective: 99
      sli: {latency: {threshold: 200ms}}
`, string(text))
	loaded, problems := catalog.Load(out)
	require.NoError(t, problems.Err())
	assert.Len(t, loaded.Services, 2)
}

const callers = `{"time": "2026-01-02T03:04:05Z", "data": {"services": [
 {"namespace": "", "service": "webshop", "entry": false, "places": [{"environment": "", "versions": [], "outgoing": {"requests": 1200, "failed": 2, "p99_milliseconds": 87}}], "calls": [], "slos": []},
 {"namespace": "", "service": "quiet", "entry": false, "places": [{"environment": "", "versions": [], "outgoing": {"requests": 3, "failed": 0, "p99_milliseconds": 87}}], "calls": [], "slos": []},
 {"namespace": "", "service": "both", "entry": false, "places": [{"environment": "", "versions": [], "history": {"requests": 2, "failed": 0, "p99_milliseconds": 1},
   "outgoing": {"requests": 3000, "failed": 0, "p99_milliseconds": 87}}], "calls": [], "slos": []}
], "more": 0, "overflow": false}}`

// What takes no requests, as a page in a browser, is measured by the calls that it makes. A quiet server is not.
func TestCallersAreMeasuredByTheirCalls(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(callers)) }))
	t.Cleanup(server.Close)
	out := t.TempDir()
	r := commandtest.Run(NewCommand(), nil, "init", "--url", server.URL, "--out", out)
	require.NoError(t, r.Err)
	assert.Equal(t, filepath.Join(out, "webshop.yaml")+`: availability 99 %, latency 99 %
quiet: 3 calls in 7d: too few for a ratio of good ones. Count something else, or wait
both: 2 requests in 7d: too few for a ratio of good ones. Count something else, or wait
`, r.Stdout)
	text, err := os.ReadFile(filepath.Join(out, "webshop.yaml"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "# It takes no requests, so the SLOs are about the calls that it makes: its spans of kind CLIENT.\n# availability: 0.17 % failed of 1200 calls in 7d")
	loaded, problems := catalog.Load(out)
	require.NoError(t, problems.Err())
	require.Len(t, loaded.Services, 1)
	for _, slo := range loaded.Services[0].SLOs {
		selected := slo.SLI.Availability
		if slo.Name == "latency" {
			assert.Equal(t, []string{"client"}, slo.SLI.Latency.Kinds)
			continue
		}
		assert.Equal(t, []string{"client"}, selected.Kinds)
	}
}

// With nothing to write, it says whether all is done or nothing has come.
func TestNothingToWrite(t *testing.T) {
	for answer, want := range map[string]string{
		`{"time": "2026-01-02T03:04:05Z", "data": {"services": [], "more": 0, "overflow": false}}`:                                                                 "No service is heard of yet.",
		`{"time": "2026-01-02T03:04:05Z", "data": {"services": [{"service": "a", "entry": true, "places": []}], "more": 0, "overflow": false}}`:                    "No service is heard of yet.",
		`{"time": "2026-01-02T03:04:05Z", "data": {"services": [{"service": "a", "entry": true, "places": [{"environment": ""}]}], "more": 0, "overflow": false}}`: "Every service that is heard of has a catalog file.",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) }))
		r := commandtest.Run(NewCommand(), nil, "init", "--url", server.URL, "--out", t.TempDir())
		server.Close()
		require.NoError(t, r.Err)
		assert.Contains(t, r.Stdout, want)
	}
}

// hostile is the line of the service whose name is no file name.
func hostile(t *testing.T, text string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "a/b") {
			assert.Contains(t, line, "no catalog file can have it")
			assert.NotContains(t, line, "\x1b")
			return line
		}
	}
	t.Error("no line of a/b")
	return "none"
}

// A file that exists is replaced if somebody says yes, or with --force.
func TestAsksBeforeItReplaces(t *testing.T) {
	out := t.TempDir()
	file := filepath.Join(out, "checkout.yaml")
	of := func(stdin string, more ...string) commandtest.Result {
		require.NoError(t, os.WriteFile(file, []byte("mine"), 0o600))
		return commandtest.Run(NewCommand(), strings.NewReader(stdin), append([]string{"init", "shop/checkout", "--url", page(t), "--out", out}, more...)...)
	}
	for stdin, replaced := range map[string]bool{"": false, "n\n": false, "y\n": true, "Yes\n": true, "yes": true} {
		r := of(stdin)
		assert.Contains(t, r.Stderr, file+" exists. Replace it? [y/N]")
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, replaced, string(text) != "mine", stdin)
		assert.Equal(t, replaced, r.Code == 0, stdin)
		if !replaced {
			assert.Contains(t, r.Stdout, "kept: the file exists; --force replaces it")
		}
	}
	assert.Equal(t, 0, of("", "--force").Code)
	r := of("y\n", "-o", "json")
	assert.Equal(t, 1, r.Code, "a program is not asked")
	var got []Outcome
	require.NoError(t, json.Unmarshal([]byte(r.Stdout), &got))
	assert.Equal(t, []Outcome{{Service: "shop/checkout", Status: kept, File: file, SLOs: []string{"availability 99.9 %", "latency 99 %"}, Why: "the file exists; --force replaces it"}}, got)
	r = of("", "--dry-run")
	assert.Equal(t, 0, r.Code)
	assert.Contains(t, r.Stdout, "kind: Service")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "mine", string(text))
}

func TestOwners(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "src", "checkout"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "src", "checkout", "catalog-info.yaml"), []byte(`apiVersion: backstage.io/v1alpha1
kind: System
metadata: {name: checkout}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: checkout
  description: Takes an order.
  annotations: {github.com/project-slug: example/shop}
spec: {owner: "group:default/payments", dependsOn: ["component:mailer", "resource:orders", "component:unheard"]}
`), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "CODEOWNERS"), []byte("# all\n* @org/all\n/services/checkout/ @org/checkout # ours\nledger/* @org/books @org/others\nempty\n"), 0o600))
	run := func(args ...string) string {
		r := commandtest.Run(NewCommand(), nil, append([]string{"init", "--url", page(t), "--dry-run"}, args...)...)
		require.NoError(t, r.Err)
		return r.Stdout
	}
	text := run("checkout", "--backstage", folder, "--codeowners", filepath.Join(folder, "CODEOWNERS"))
	for _, want := range []string{"owner: payments\n", "description: Takes an order.\n", "repository: https://github.com/example/shop\n", "dependsOn: [billing/ledger, payment, mailer]\n"} {
		assert.Contains(t, text, want)
	}
	assert.NotContains(t, text, "unheard")
	text = run("ledger", "checkout", "--codeowners", filepath.Join(folder, "CODEOWNERS"))
	assert.Contains(t, text, "owner: '@org/checkout'\n")
	assert.Contains(t, text, "owner: '@org/books'\n")
	assert.Contains(t, run("ledger", "--owner", "me", "--codeowners", filepath.Join(folder, "CODEOWNERS")), "owner: me\n")
	assert.Equal(t, "@org/all", owners{{"*", "@org/all"}}.of("checkout"))
	assert.Empty(t, owners{}.of("checkout"))

	for args, want := range map[string]string{"--backstage": "--backstage: there is no", "--codeowners": "--codeowners: open"} {
		r := commandtest.Run(NewCommand(), nil, "init", args, filepath.Join(folder, "none"))
		assert.Equal(t, exit.Usage, r.Code)
		require.ErrorContains(t, r.Err, want)
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	r := commandtest.Run(NewCommand(), nil, "init", "chekout", "mailer", "--url", page(t), "--dry-run")
	assert.Equal(t, 1, r.Code)
	assert.Contains(t, r.Stdout, "chekout: the collector does not hear of it; did you mean checkout?\n")
	assert.Contains(t, r.Stdout, "mailer: 5 requests in 7d: too few")
	r = commandtest.Run(NewCommand(), nil, "init", "payment", "--url", page(t), "--dry-run")
	assert.Equal(t, 0, r.Code)
	assert.Contains(t, r.Stdout, "13 % failed of 70000 requests in 7d (13 % to 13 % with 95 % certainty, if failures were independent). That is more than any usual objective allows: 90 % burns.")
	assert.NotContains(t, r.Stdout, "latency", "it takes longer than any usual threshold")
	r = commandtest.Run(NewCommand(), nil, "init", "--url", "127.0.0.1:1")
	assert.Equal(t, exit.Usage, r.Code)
	require.ErrorContains(t, r.Err, "does not answer")
	r = commandtest.Run(NewCommand(), nil, "init", "--history", "2d")
	require.ErrorContains(t, r.Err, `--history "2d" is not known: write 1h, 6h, 1d, 7d or 30d`)
}

// The interval holds what failures of a known probability give in about 95 of 100 cases: the exact binomial distribution says so.
func TestFailureRange(t *testing.T) {
	for _, n := range []float64{50, 300, 5000} {
		for _, p := range []float64{0.001, 0.01, 0.05, 0.3} {
			inside := 0.0
			counts := distuv.Binomial{N: n, P: p}
			for failed := 0.0; failed <= n; failed++ {
				if low, high := failureRange(failed, n); low <= p && p <= high {
					inside += counts.Prob(failed)
				}
			}
			assert.Greater(t, inside, 0.86, "%v of %v", p, n)
			assert.LessOrEqual(t, inside, 1+1e-9)
		}
	}
	low, high := failureRange(0, 100)
	assert.Zero(t, low)
	assert.InDelta(t, 0.037, high, 0.001)
}

// What is proposed is kept by the past, and allows enough failures to mean something.
func TestObjectives(t *testing.T) {
	week := 7 * 24 * time.Hour
	for _, requests := range []float64{1, 10, 100, 1000, 1e4, 1e6, 1e9} {
		for _, share := range []float64{0, 1e-6, 1e-4, 1e-3, 0.01, 0.2, 1} {
			name := fmt.Sprint(requests, " ", share)
			failed := math.Round(requests * share)
			objective, kept := objectiveFor(failed, requests, week)
			if objective == 0 {
				assert.Less(t, requests*0.1*30/7, 5.0, name)
				continue
			}
			assert.GreaterOrEqual(t, (1-objective/100)*requests*30/7, 5.0-1e-9, name)
			assert.Equal(t, kept, failed/requests <= 1-objective/100 && (objective > 90 || kept), name)
		}
	}
	threshold, ok := thresholdFor(187.3)
	assert.True(t, ok)
	assert.Equal(t, 200*time.Millisecond, threshold)
	for _, none := range []float64{0, 30_001, math.NaN(), math.Inf(1)} {
		_, ok := thresholdFor(none)
		assert.False(t, ok, none)
	}
}
