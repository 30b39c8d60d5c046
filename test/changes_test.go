// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/exporters/grafana_annotations/grafanatest"
)

// onPage is what the service's page says of versions and other changes.
type onPage struct {
	Data struct {
		Versions []struct {
			Version, Revision, Actor, Previous string
			Commit                             string `json:"commit_url"`
			Compare                            string `json:"compare_url"`
			Run                                string `json:"run_url"`
		}
		Changes []struct{ Kind, Name, Previous, Value, Service, Actor, Verdict, Evidence string }
	}
}

func pageOf(t *testing.T, c *collector, service string) (page onPage) {
	t.Helper()
	readPage(t, c, "/services/"+service+"?range=15m", &page)
	return page
}

// readPage reads a page of the status page as JSON.
func readPage(t *testing.T, c *collector, path string, into any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+c.page+path, http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Accept", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, into), "%.300s", text)
}

// A feature flag breaks payment while a deployment that a pipeline marks is harmless: the flip is named as a change of the flag, beside the
// deployment with its commit, compare link, run and actor, on the page, as annotations, and in what dashboards and runbooks query.
func TestFlagThatBreaksPaymentIsNamed(t *testing.T) {
	t.Parallel()
	grafana := grafanatest.New("secret")
	c, shop := startMarking(t, grafana)
	defer shop.stop()

	mark := exec.Command("../bin/srectl", "mark", "--service", "payment", "--namespace", "shop", "--environment", "production",
		"--version", "1.1.0", "--status", "started", "--previous", "1.0.0",
		"--compare", "https://github.com/example/shop/compare/v1.0.0...v1.1.0")
	mark.Env = append(os.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+c.otlpHTTP, "GITHUB_ACTIONS=true",
		"GITHUB_SHA=731f7eaddfb6af01cb2173e18f0f75b0ba780ef1", "GITHUB_REF_NAME=v1.1.0", "GITHUB_SERVER_URL=https://github.com", "GITHUB_REPOSITORY=example/shop",
		"GITHUB_WORKFLOW=deploy", "GITHUB_RUN_ID=4711", "GITHUB_ACTOR=ada")
	out, err := mark.CombinedOutput()
	require.NoError(t, err, "%s", out)
	change(t, shop, "/settings/payment", `{"version": "1.1.0"}`)
	deployed := waitForStatus(t, grafana, "payment", "1.1.0", "completed")
	for _, fact := range []string{"731f7eaddf", "https://github.com/example/shop/commit/731f7eaddfb6af01cb2173e18f0f75b0ba780ef1",
		"https://github.com/example/shop/compare/v1.0.0...v1.1.0", "https://github.com/example/shop/actions/runs/4711", "ada"} {
		assert.Contains(t, deployed.Text, fact)
	}

	flipped := time.Now()
	change(t, shop, "/settings/payment", `{"newCardCheck": true}`)
	var flip grafanatest.Annotation
	require.Eventually(t, func() bool {
		for _, a := range grafana.Annotations() {
			if a.Has("change") && a.Has("kind:feature_flag") && a.Has("name:new-card-check") {
				flip = a
				return true
			}
		}
		return false
	}, patience, 200*time.Millisecond, "%+v", grafana.Annotations())
	assert.True(t, flip.Has("service:payment") && flip.Has("environment:production"), flip.Tags)
	assert.Contains(t, flip.Text, "off → on")
	assert.WithinDuration(t, flipped, flip.Start(), 5*time.Second)

	var page onPage
	require.Eventually(t, func() bool {
		page = pageOf(t, c, "payment")
		return len(page.Data.Changes) > 0
	}, patience, 500*time.Millisecond)
	require.Len(t, page.Data.Changes, 1, "one flip is one change")
	assert.Equal(t, "new-card-check", page.Data.Changes[0].Name)
	assert.Equal(t, "feature_flag", page.Data.Changes[0].Kind)
	assert.Equal(t, "on", page.Data.Changes[0].Value)
	for _, v := range page.Data.Versions {
		if v.Version == "1.1.0" {
			assert.Equal(t, "731f7eaddfb6af01cb2173e18f0f75b0ba780ef1", v.Revision)
			assert.Equal(t, "https://github.com/example/shop/compare/v1.0.0...v1.1.0", v.Compare)
			assert.Equal(t, "https://github.com/example/shop/actions/runs/4711", v.Run)
			assert.Equal(t, "ada", v.Actor)
		}
	}

	// What the runbook asks.
	families := c.scrape()
	_, found := sum(families, "change_time_seconds", "service_name", "payment", "change_name", "new-card-check", "change_value", "on")
	assert.True(t, found)
	runbook, err := os.ReadFile("../runbooks/examples/payment/ErrorBudgetBurnCritical.md")
	require.NoError(t, err)
	_, changed, _ := strings.Cut(string(runbook), "## What changed")
	assert.Contains(t, changed, "change_time_seconds")
	dashboard, err := os.ReadFile("../dashboards/examples/payment.json")
	require.NoError(t, err)
	assert.Contains(t, string(dashboard), "change_time_seconds")

	// The SLOs say that it is to blame: to those that ask, on the page, and as the annotation.
	verify := exec.Command("../bin/srectl", "verify", "--service", "payment", "--flag", "new-card-check", "--url", "http://"+c.page, "--for", "1m", "--interval", "1s", "-o", "json")
	out, _ = verify.Output() // the code is checked
	var asked struct{ Verdict, Reason, Evidence string }
	require.NoError(t, json.Unmarshal(out, &asked), "%s", out)
	assert.Equal(t, 1, verify.ProcessState.ExitCode())
	assert.Equal(t, "fail", asked.Verdict, asked.Reason)
	assert.Equal(t, "before_and_after", asked.Evidence)
	require.Eventually(t, func() bool {
		page = pageOf(t, c, "payment")
		return page.Data.Changes[0].Verdict == "fail"
	}, patience, time.Second, "%s", asked.Reason)
	assert.Equal(t, "before_and_after", page.Data.Changes[0].Evidence)
	require.Len(t, page.Data.Changes, 1)
	require.Eventually(t, func() bool {
		for _, a := range grafana.Annotations() {
			if a.Has("name:new-card-check") && strings.Contains(a.Text, "verdict: fail") {
				return true
			}
		}
		return false
	}, patience, 200*time.Millisecond)

	// It is no deployment, and back is another change.
	change(t, shop, "/settings/payment", `{"newCardCheck": false}`)
	require.Eventually(t, func() bool { return len(pageOf(t, c, "payment").Data.Changes) == 2 }, patience, 500*time.Millisecond)
	n := 0
	for _, a := range grafana.Annotations() {
		if a.Has("deploy") {
			n++
		}
	}
	assert.Equal(t, 1, n, "%+v", grafana.Annotations())
}
