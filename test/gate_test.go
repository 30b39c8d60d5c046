// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const gatedCatalog = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: payment, namespace: shop}
spec: {slos: [{name: availability, objective: 95, sli: {availability: {}}}]}
---
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: inventory, namespace: shop}
spec: {slos: [{name: availability, objective: 95, sli: {availability: {}}}]}
---
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec: {dependsOn: [payment, inventory], slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]}
---
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: frontend, namespace: shop}
spec: {dependsOn: [checkout], slos: [{name: availability, objective: 95, sli: {availability: {}}}]}
`

// Four canaries begin at once. That of payment is bad, and fails. That of inventory is good, and passes. That of checkout is quiet, and inconclusive.
// That of frontend fails because payment does, as the version beside it, and passes.
func TestCanariesAtTheGate(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "shop.yaml"), []byte(gatedCatalog), 0o600))
	c := newCollector(t, "standalone", folder)
	shop, _ := startShop(t, c)
	change(t, shop, "/load", `{"rate": 50}`)
	counts := func(version string, services ...string) func() bool {
		return func() bool {
			for _, service := range services {
				if events, _ := sum(c.scrape(), "slo_events_total", "service_name", service, "service_version", version); events == 0 {
					return false
				}
			}
			return true
		}
	}
	require.Eventually(t, counts("1.0.0", "payment", "inventory", "checkout", "frontend"), patience, 100*time.Millisecond)
	change(t, shop, "/settings/payment", `{"canary": {"version": "1.1.0", "share": 0.5, "errorRate": 0.9}}`)
	change(t, shop, "/settings/inventory", `{"canary": {"version": "1.1.0", "share": 0.3}}`)
	change(t, shop, "/settings/frontend", `{"canary": {"version": "1.1.0", "share": 0.3}}`)
	change(t, shop, "/settings/checkout", `{"canary": {"version": "1.1.0", "share": 0.01}}`)
	require.Eventually(t, counts("1.1.0", "payment", "inventory", "frontend"), patience, 100*time.Millisecond)

	type verdict struct {
		Verdict, Reason string
		SLOs            []struct {
			Share float64 `json:"bad_share"`
			Times float64 `json:"times_as_often"`
		}
	}
	page, prometheus := "http://"+c.page, "http://"+c.api
	var asking sync.WaitGroup
	for _, one := range []struct {
		service, url, patience string
		code                   int
		verdict                string
	}{
		{"payment", page, "2m", 1, "fail"},
		{"shop/payment", prometheus, "2m", 1, "fail"},
		{"inventory", page, "2m", 0, "pass"},
		{"inventory", prometheus, "2m", 0, "pass"},
		{"checkout", page, "25s", 2, "inconclusive"},
		{"frontend", page, "2m", 0, "pass"},
	} {
		asking.Go(func() {
			cmd := exec.CommandContext(t.Context(), "../bin/srectl", "verify", "--service", one.service, "--version", "1.1.0", "--url", one.url, "--for", one.patience, "--interval", "1s", "-o", "json",
				"--report", "--endpoint", "http://"+c.otlpHTTP)
			cmd.Env = append(os.Environ(), "OTELCOL_SRE_CATALOG=")
			began := time.Now()
			out, err := cmd.Output() // the code is checked
			var got verdict
			if !assert.NoError(t, json.Unmarshal(out, &got), "%s %s %v", one.service, out, err) {
				return
			}
			t.Logf("%s at %s: %s after %v: %s", one.service, one.url, got.Verdict, time.Since(began).Round(time.Second), got.Reason)
			assert.Equal(t, one.code, cmd.ProcessState.ExitCode(), "%s: %s", one.service, got.Reason)
			assert.Equal(t, one.verdict, got.Verdict, "%s: %s", one.service, got.Reason)
			if one.verdict == "fail" && assert.Len(t, got.SLOs, 1) {
				assert.InDelta(t, 0.9, got.SLOs[0].Share, 0.1)
			}
		})
	}
	asking.Wait()

	// The deployments have their verdicts: in the metrics, and on the page of deployments.
	for service, verdict := range map[string]string{"payment": "fail", "inventory": "pass", "checkout": "inconclusive"} {
		require.Eventually(t, func() bool {
			at, _ := sum(c.scrape(), "deployment_gate_time_seconds", "service_name", service, "service_version", "1.1.0", "deployment_gate_verdict", verdict)
			return at > 0
		}, patience, 100*time.Millisecond, service)
	}
	require.Eventually(t, func() bool {
		var shown struct {
			Data struct {
				History []struct {
					Service, Version string
					Gate             string `json:"gate_verdict"`
					Reason           string `json:"gate_reason"`
				} `json:"history"`
			} `json:"data"`
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page+"/deployments", http.NoBody)
		if err != nil {
			return false
		}
		request.Header.Set("Accept", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false
		}
		defer response.Body.Close()
		if json.NewDecoder(response.Body).Decode(&shown) != nil {
			return false
		}
		for _, d := range shown.Data.History {
			if d.Service == "payment" && d.Version == "1.1.0" {
				return d.Gate == "fail" && d.Reason != ""
			}
		}
		return false
	}, patience, 100*time.Millisecond)

	for path, status := range map[string]int{
		"/gate/shop/payment?version=1.1.0&want=fail": http.StatusOK, "/gate/payment?version=1.1.0&want=pass": http.StatusPreconditionFailed,
		"/gate/inventory?version=1.1.0&want=pass": http.StatusOK, "/gate/nothing": http.StatusNotFound,
	} {
		response, err := http.Post(page+path, "application/json", http.NoBody) // as Flagger does
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, status, response.StatusCode, path)
	}

	// The processes of the shop say how much they use: what was sent by OTLP is found in the store, by version.
	type measured struct {
		Unmeasured string `json:"saturation_unknown"`
		Saturation []struct {
			Resource, Of string
			Instances    int
			Mean         float64
		}
	}
	saturation := func(query string) (got measured) {
		response, err := http.Get(page + "/gate/payment?" + query)
		if !assert.NoError(t, err) {
			return got
		}
		defer response.Body.Close()
		var answer struct{ Data measured }
		assert.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
		return answer.Data
	}
	require.Eventually(t, func() bool { return len(saturation("version=1.1.0").Saturation) == 2 }, 2*time.Minute, time.Second)
	found := saturation("version=1.1.0")
	for i, resource := range []string{"cpu", "memory"} {
		one := found.Saturation[i]
		assert.Equal(t, resource, one.Resource)
		assert.NotEmpty(t, one.Of, "a limit is known")
		assert.Equal(t, 1, one.Instances)
		assert.True(t, one.Mean > 0 && one.Mean < 1, "%s: %v", resource, one.Mean)
	}
	assert.Empty(t, found.Unmeasured)
	assert.Equal(t, "No metric of CPU or memory is of version 0.0.1 yet.", saturation("version=0.0.1").Unmeasured)
}
