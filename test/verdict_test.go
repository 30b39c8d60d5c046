// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/exporters/grafana_annotations/grafanatest"
	"github.com/otelcol-sre/otelcol-sre/test/observed"
)

// A pipeline on GitHub deploys a version of payment that fails more often than the one beside it. What happened, and what it cost, is on the page, in the annotation,
// in the answers to the dashboard's queries, and to the runbook's. The rules see a second as twenty.
func TestABadVersionHasItsVerdictEverywhere(t *testing.T) {
	t.Parallel()
	grafana := grafanatest.New("secret")
	annotations := httptest.NewServer(grafana)
	t.Cleanup(annotations.Close)
	c := prepareCollector(t, "standalone", "../examples/catalog", "OTELCOL_SRE_GRAFANA="+annotations.URL, "OTELCOL_SRE_GRAFANA_TOKEN="+grafana.Token)
	address := freeAddress(t)
	c.args = append(c.args, "--config", "yaml:"+quickly, "--config", "yaml:extensions: {status_page: {prometheus: 'http://"+address+"'}}")
	c.start()
	rules, err := filepath.Glob("../alerts/examples/*.rules.yaml")
	require.NoError(t, err)
	prometheus, err := observed.Start(t.Context(), observed.Options{
		Rules: rules, Lapse: observed.Lapse{Length: 5 * time.Minute, Factor: 20},
		Targets: map[string][]string{observed.JobServices: {c.prometheus}, observed.JobCollector: {c.telemetry}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, prometheus.Close()) })
	api := serveAt(t, address, prometheus.Handler())
	defer api.Close()

	shop, _ := startShop(t, c)
	change(t, shop, "/load", `{"rate": 20}`)
	require.Eventually(t, func() bool {
		_, found := sum(c.scrape(), "deployment_info", "service_name", "payment", "service_version", "1.0.0")
		return found
	}, patience, 100*time.Millisecond)

	const commit = "731f7eaddfb6af01cb2173e18f0f75b0ba780ef1"
	mark := exec.CommandContext(t.Context(), "../bin/srectl", "mark", "--service", "payment", "--namespace", "shop", "--environment", "production",
		"--version", "1.1.0", "--status", "started", "--previous", "1.0.0", "--compare", "https://github.com/example/shop/compare/v1.0.0...v1.1.0")
	mark.Env = append(os.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+c.otlpHTTP, "GITHUB_ACTIONS=true", "GITHUB_SHA="+commit, "GITHUB_REF_NAME=v1.1.0",
		"GITHUB_SERVER_URL=https://github.com", "GITHUB_REPOSITORY=example/shop", "GITHUB_WORKFLOW=deploy", "GITHUB_RUN_ID=4711", "GITHUB_ACTOR=ada")
	out, err := mark.CombinedOutput()
	require.NoError(t, err, "%s", out)
	change(t, shop, "/settings/payment", `{"errorRate": 0.05, "canary": {"version": "1.1.0", "share": 0.5, "errorRate": 0.5}}`)

	// The annotation.
	said := regexp.MustCompile(`availability failed \S+ times as often \(\S+ to \S+\), which cost \S+ of the budget`)
	var verdict grafanatest.Annotation
	require.Eventually(t, func() bool {
		for _, a := range grafana.Annotations() {
			if a.Has("service:payment") && a.Has("version:1.1.0") && said.MatchString(a.Text) {
				verdict = a
				return true
			}
		}
		return false
	}, 4*time.Minute, time.Second, "%+v", grafana.Annotations())
	facts := []string{
		commit[:10], "https://github.com/example/shop/commit/" + commit, "https://github.com/example/shop/compare/v1.0.0...v1.1.0",
		"https://github.com/example/shop/actions/runs/4711", "ada",
	}
	for _, fact := range facts {
		assert.Contains(t, verdict.Text, fact)
	}

	// The page.
	var page struct {
		Data struct {
			Versions []struct {
				Version string
				Verdict *struct {
					SLO   string
					Low   float64 `json:"times_low"`
					Spent float64 `json:"budget_spent_seconds"`
				}
			}
		}
	}
	readPage(t, c, "/services/payment", &page)
	judged := 0
	for _, v := range page.Data.Versions {
		if v.Version == "1.1.0" && v.Verdict != nil {
			judged++
			assert.Equal(t, "availability", v.Verdict.SLO)
			assert.Greater(t, v.Verdict.Low, 1.)
			assert.Positive(t, v.Verdict.Spent)
		}
	}
	assert.Equal(t, 1, judged, "%+v", page)
	_, _, html := talk(t, http.MethodGet, "http://"+c.page+"/services/payment", "", "Accept", "text/html")
	for _, fact := range append(facts, "times as often") {
		assert.Contains(t, html, fact)
	}

	// What the dashboard and the runbook ask.
	fromRules, err := observed.FromRules(rules)
	require.NoError(t, err)
	panels, _, err := observed.FromDashboards("../dashboards/examples")
	require.NoError(t, err)
	pages, err := observed.FromRunbooks("../runbooks/examples", fromRules)
	require.NoError(t, err)
	ofDashboard, ofRunbook := 0, 0
	require.Eventually(t, func() bool {
		_, found := sum(c.scrape(), "deployment_budget_spent_seconds", "service_name", "payment", "service_version", "1.1.0")
		return found
	}, patience, time.Second)
	observed.Eventually(t.Context(), 30*time.Second, func(last bool) bool {
		check := observed.Check{From: prometheus, At: prometheus.Now()}
		ofDashboard, ofRunbook = 0, 0
		for _, asked := range []struct {
			questions []observed.Question
			answered  *int
		}{{panels, &ofDashboard}, {pages, &ofRunbook}} {
			for _, q := range asked.questions {
				if !strings.Contains(q.Where, "payment") || !strings.Contains(q.Query, "deployment_effect_ratio{") && !strings.Contains(q.Query, "deployment_budget_spent_seconds{") {
					continue
				}
				problems := check.Problems(t.Context(), q)
				switch {
				case len(problems) == 0:
					*asked.answered++
				case last:
					t.Errorf("%s: %s: %v", q.Where, q.Query, problems)
				default:
					return false
				}
			}
		}
		return true
	})
	assert.Positive(t, ofDashboard)
	assert.Positive(t, ofRunbook)
}

// serveAt serves at an address that was free a moment ago.
func serveAt(t *testing.T, address string, handler http.Handler) *http.Server {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	return server
}
