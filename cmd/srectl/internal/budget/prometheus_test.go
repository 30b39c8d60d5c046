// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
)

// server is a Prometheus: checkout has overspent a budget and depends on payment, which burns; that of search is recorded by rules only, and one of payment by both.
func server(t *testing.T) *httptest.Server {
	t.Helper()
	type labels = map[string]string
	of := func(service, slo string, more ...string) labels {
		l := labels{"service_namespace": "shop", "service_name": service, "slo_name": slo, "deployment_environment_name": "production"}
		for i := 0; i < len(more); i += 2 {
			l[more[i]] = more[i+1]
		}
		return l
	}
	type sample struct {
		labels
		value string
	}
	metrics := map[string][]sample{
		"slo_error_budget_remaining_ratio":        {{of("checkout", "availability"), "-0.4"}, {of("payment", "availability", "host_name", "a"), "0.9"}, {of("payment", "availability", "host_name", "b"), "0.2"}, {of("heard", "availability"), "-3"}, {of("new", "availability"), "NaN"}},
		"slo:period_error_budget_remaining:ratio": {{of("search", "legacy"), "0.05"}, {of("payment", "availability"), "0.01"}},
		"slo:period_total:events":                 {{of("search", "legacy"), "7"}, {of("search", "silent"), "0"}, {of("payment", "availability"), "0"}},
		"slo_burn_rate_ratio":                     {{of("checkout", "availability"), "20"}},
		"slo_state":                               {{of("checkout", "availability", "slo_state", "burning_fast"), "1"}, {of("checkout", "availability", "slo_state", "ok"), "0"}, {of("payment", "availability", "slo_state", "ok"), "1"}, {of("payment", "availability", "slo_state", "burning_slow"), "1"}, {of("new", "availability", "slo_state", "new"), "1"}},
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !assert.NoError(t, r.ParseForm()) || r.URL.Path != "/api/v1/query_range" {
			http.NotFound(w, r)
			return
		}
		found := []any{}
		metric, matchers, _ := strings.Cut(r.Form.Get("query"), "{")
		for _, one := range metrics[metric] {
			if strings.Contains(matchers, "deployment_environment_name=") && !strings.Contains(matchers, `"production"`) {
				continue
			}
			if metric == "slo_burn_rate_ratio" {
				assert.Contains(t, matchers, `slo_window="1h"`)
			}
			found = append(found, map[string]any{"metric": one.labels, "values": []any{[]any{json.Number(r.Form.Get("end")), one.value}}})
		}
		assert.NoError(t, json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"resultType": "matrix", "result": found}}))
	}))
	t.Cleanup(s.Close)
	return s
}

const measured = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec: {dependsOn: [payment], slos: [{name: availability, objective: 99, sli: {availability: {}}}]}
---
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: payment, namespace: shop}
spec: {slos: [{name: availability, objective: 99, sli: {availability: {}}}]}
---
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: search, namespace: shop}
spec: {slos: [{name: legacy, objective: 99, sli: {prometheus: {errors: 'sum(rate(a[{{.window}}]))', total: 'sum(rate(b[{{.window}}]))'}}}]}
`

func TestBudgetsOfAPrometheus(t *testing.T) {
	t.Setenv("OTELCOL_SRE_CATALOG", "")
	s, folder := server(t), commandtest.Catalog(t, measured)
	for name, test := range map[string]struct {
		args []string
		code int
		says string
	}{
		"all":                    {nil, 1, "3 SLOs of 6 have less than 10% of their budget left"},
		"with a catalog":         {[]string{"--catalog", folder}, 1, "2 SLOs of 6 have less"},
		"a dependency burns":     {[]string{"--service", "checkout", "--catalog", folder, "--excuse-dependencies"}, 0, "depends on payment, without budget or burning"},
		"nobody says so":         {[]string{"--service", "checkout", "--excuse-dependencies"}, 1, "burning_fast"},
		"recorded by rules only": {[]string{"--service", "shop/search"}, 1, "5%"},
		"no event was seen":      {[]string{"--service", "search", "--slo", "silent"}, 2, ""},
		"of some, no event":      {[]string{"--service", "search"}, 1, "never_seen"},
		"the worst group":        {[]string{"--service", "payment"}, 0, "20%"},
		"not in the catalog":     {[]string{"--service", "heard", "--catalog", folder}, 0, "proposed"},
		"not known yet":          {[]string{"--service", "new"}, 2, ""},
		"no such SLO":            {[]string{"--service", "none"}, 2, ""},
		"no such environment":    {[]string{"--environment", "moon"}, 2, ""},
	} {
		got := run(append(test.args, "--fail-below", "10%", "--url", s.URL)...)
		assert.Equal(t, test.code, got.Code, "%s: %s %v", name, got.Stdout, got.Err)
		assert.Contains(t, got.Stdout, test.says, name)
	}
	got := run("--fail-below", "0", "--url", s.URL, "--translation", "x")
	require.ErrorContains(t, got.Err, "--translation")
	got = run("--fail-below", "0", "--url", s.URL, "--service", "none")
	require.ErrorContains(t, got.Err, "Prometheus at "+s.URL+" has no such SLO")
}
