// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rollout is a shop whose checkout has a bad canary for ten minutes, and a good one in staging.
func rollout(t *testing.T) *visitor {
	s := startStore(t, "groups: []")
	now := time.Now().Truncate(time.Second)
	for ago := 30 * time.Minute; ago >= 0; ago -= 15 * time.Second {
		b := newBatch(now.Add(-ago))
		since := (30*time.Minute - ago).Seconds()
		count := func(environment, version string, good, bad float64) {
			of := attributes{"service.name": "checkout", "service.namespace": "shop", "deployment.environment.name": environment, "service.version": version, "slo.name": "availability"}
			b.counter("slo.events", "{event}", good, of.and("slo.outcome", "good"))
			b.counter("slo.events", "{event}", bad, of.and("slo.outcome", "bad"))
		}
		for _, environment := range []string{"production", "staging"} {
			count(environment, "1", 100*since, 0.02*since)
		}
		if canary := (10*time.Minute - ago).Seconds(); canary > 0 {
			count("production", "<b>2</b>", 9*canary, canary)
			count("staging", "<b>2</b>", 20*canary, 0.001*canary)
		}
		for version, began := range map[string]time.Duration{"1": 3 * time.Hour, "<b>2</b>": 10 * time.Minute} {
			if ago <= began {
				b.gauge("deployment.start_time", "s", float64(b.at.Add(ago-began).Unix()), attributes{"service.name": "checkout", "service.namespace": "shop", "deployment.environment.name": "production", "service.version": version, "deployment.status": "completed"})
			}
		}
		b.push(t, s)
	}
	return open(t, s.client, parse(t, document("checkout", "payments-team", 1, checkoutSLOs)+document("payment", "payments-team", 2, paymentSLOs)), "")
}

func TestGate(t *testing.T) {
	v := rollout(t)
	var got struct {
		Version, Verdict, Reason string
		SLOs                     []struct {
			SLO, Verdict string
			Idle         bool
			Share        float64 `json:"bad_share"`
		}
		NotCounted []string `json:"slos_not_counted"`
	}
	require.Nil(t, v.answer("/gate/checkout?environment=production", "/gate/{slug}", &got))
	assert.Equal(t, "<b>2</b>", got.Version, "the newest")
	assert.Equal(t, "fail", got.Verdict)
	assert.Equal(t, []string{"legacy"}, got.NotCounted)
	require.Len(t, got.SLOs, 2)
	assert.InDelta(t, 0.1, got.SLOs[0].Share, 1e-9)
	assert.True(t, got.SLOs[1].Idle, "nothing is sent of latency")
	require.Nil(t, v.answer("/gate/shop/checkout?environment=staging&version=%3Cb%3E2%3C%2Fb%3E&slo=availability", "/gate/{namespace}/{name}", &got))
	assert.Equal(t, "pass", got.Verdict, got.Reason)
	require.Nil(t, v.answer("/gate/checkout?version=3", "/gate/{slug}", &got))
	assert.Equal(t, "inconclusive", got.Verdict)

	var flag struct{ Flag, Variant, Evidence, Verdict string }
	require.Nil(t, v.answer("/gate/checkout?environment=staging&flag=dark&since=10m&slo=availability", "/gate/{slug}", &flag))
	assert.Equal(t, "dark", flag.Flag)
	assert.Equal(t, "before_and_after", flag.Evidence)
	assert.Equal(t, "pass", flag.Verdict)
	flagPage := v.page("/gate/checkout?flag=%3Cb%3E&since=10m&baseline=%3Ci%3E", "Accept", "text/html")
	harmless(t, "gate", flagPage)
	assert.NotContains(t, flagPage, "<i>")

	page := v.page("/gate/checkout?environment=production", "Accept", "text/html")
	harmless(t, "gate", page)
	assert.Contains(t, page, "&lt;b&gt;2&lt;/b&gt;")
	assert.NotContains(t, page, "<b>2")
	assert.NotContains(t, page, " style=")
	assert.Contains(t, page, `<span class="state burning_fast">fail</span>`)
}

// Programs that read only the status learn what they want to know, as GET and as a webhook's POST.
func TestGateByStatus(t *testing.T) {
	v := rollout(t)
	for url, status := range map[string]int{
		"/gate/checkout?environment=production":                         200,
		"/gate/checkout?environment=production&want=pass":               412,
		"/gate/checkout?environment=production&want=fail":               200,
		"/gate/checkout?environment=staging&want=pass":                  200,
		"/gate/checkout?environment=staging&want=fail":                  412,
		"/gate/checkout?version=3&want=pass":                            412,
		"/gate/checkout?version=3&want=fail":                            412,
		"/gate/none":                                                    404,
		"/gate/checkout?want=both":                                      400,
		"/gate/checkout?since=yesterday":                                400,
		"/gate/checkout?since=2d":                                       400,
		"/gate/checkout?slo=moon":                                       400,
		"/gate/checkout?version=%ff":                                    400,
		"/gate/checkout?version=" + strings.Repeat("1", maxParameter+1): 400,
		"/gate/checkout?version=1&baseline=1":                           400,
		"/gate/checkout?version=1&flag=dark":                            400,
		"/gate/checkout?variant=on":                                     400,
		"/gate/checkout?flag=dark&want=pass":                            412,
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			resp := v.do(method, url)
			assert.Equal(t, status, resp.StatusCode, "%s %s", method, url)
			assert.Equal(t, "application/json", resp.Header.Get("Content-Type"), url)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			if status != http.StatusOK && status != http.StatusPreconditionFailed {
				v.conforms(string(body), "", "failure")
				continue
			}
			var answer struct{ Data struct{ Verdict string } } // as a JSONPath of Argo Rollouts reads it: {$.data.verdict}
			require.NoError(t, json.Unmarshal(body, &answer))
			assert.NotEmpty(t, answer.Data.Verdict)
		}
	}
}

func TestGateOfASilentPrometheus(t *testing.T) {
	v := silent(t)
	resp := v.do(http.MethodGet, "/gate/payment?version=2")
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	v.conforms(string(body), "", "failure")
	assert.Equal(t, http.StatusMethodNotAllowed, v.do(http.MethodDelete, "/gate/checkout").StatusCode)
}

// The page of the service and the gate say the same of the newest version: how much more often it fails, and its share of all that failed. There are no rules.
func TestVerdictOfTheNewestVersion(t *testing.T) {
	v := rollout(t)
	type verdict struct {
		SLO   string
		Times float64 `json:"times_as_often"`
		Low   float64 `json:"times_low"`
		Spent float64 `json:"budget_spent_seconds"`
		OfBad float64 `json:"share_of_bad"`
	}
	var page struct {
		Versions []struct {
			Version string
			Since   time.Time
			Verdict *verdict
		}
	}
	require.Nil(t, v.answer("/services/checkout?environment=production&range=1h", "/services/{slug}", &page))
	require.Len(t, page.Versions, 2)
	require.NotNil(t, page.Versions[0].Verdict)
	assert.Nil(t, page.Versions[1].Verdict)
	var gate struct{ SLOs []verdict }
	address := "/gate/checkout?" + url.Values{"environment": {"production"}, "version": {page.Versions[0].Version}, "since": {page.Versions[0].Since.Format(time.RFC3339)}, "slo": {"availability"}}.Encode()
	require.Nil(t, v.answer(address, "/gate/{slug}", &gate))
	assert.Equal(t, gate.SLOs[0], *page.Versions[0].Verdict)
	assert.Greater(t, gate.SLOs[0].Low, 10.0)
	assert.InDelta(t, 1/1.02, gate.SLOs[0].OfBad, 0.001, "of 1 a second and 0.02 a second")
	for _, at := range []string{"/services/checkout?environment=production&range=1h", address} {
		assert.Contains(t, v.page(at, "Accept", "text/html"), "98 %", at)
	}
}
