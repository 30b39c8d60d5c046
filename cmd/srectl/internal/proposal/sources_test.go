// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package proposal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/services"
)

const listed = `apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata:
    name: checkout-api
    namespace: production
    labels: {app.kubernetes.io/name: checkout, team: payments}
    annotations: {a8r.io/description: Takes an order., a8r.io/repository: "https://git.example.com/shop/checkout", a8r.io/chat: "#checkout"}
  spec: {template: {metadata: {annotations: {resource.opentelemetry.io/service.namespace: shop}}}}
- apiVersion: apps/v1
  kind: StatefulSet
  metadata: {name: checkout, namespace: shop, labels: {team: others}}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: checkout, namespace: elsewhere, labels: {app.kubernetes.io/instance: checkout, team: strangers}}
- kind: Service
  metadata: {name: ledger, namespace: billing, labels: {team: nobody}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: ds-7, namespace: billing, labels: {owner: books}, annotations: {org.opencontainers.image.source: "javascript:alert(1)"}}
spec: {template: {metadata: {annotations: {resource.opentelemetry.io/service.name: ledger}}}}
`

// The workload that names a service best says what telemetry does not: its annotation before its labels, these before its name, and none of another namespace.
func TestWorkloads(t *testing.T) {
	file := filepath.Join(t.TempDir(), "workloads.yaml")
	require.NoError(t, os.WriteFile(file, []byte(listed), 0o600))
	r := commandtest.Run(NewCommand(), nil, "init", "checkout", "ledger", "--url", page(t), "--dry-run", "--kubernetes", file)
	require.NoError(t, r.Err)
	checkout, ledger, found := strings.Cut(r.Stdout, "---\n")
	require.True(t, found)
	for _, want := range []string{
		"owner: payments\n", "description: Takes an order.\n", "repository: https://git.example.com/shop/checkout\n", "chat: '#checkout'\n",
		"    kubernetes:\n      namespace: production\n      kind: Deployment\n      name: checkout-api\n",
	} {
		assert.Contains(t, checkout, want)
	}
	assert.Contains(t, ledger, "owner: books\n")
	assert.Contains(t, ledger, "kind: DaemonSet\n      name: ds-7\n")
	assert.NotContains(t, ledger, "javascript")

	piped := commandtest.Run(NewCommand(), strings.NewReader(listed), "init", "checkout", "--url", page(t), "--dry-run", "--kubernetes", "-")
	assert.Equal(t, checkout+"---\n", piped.Stdout)
	piped = commandtest.Run(NewCommand(), strings.NewReader(listed), "init", "checkout", "--url", page(t), "--dry-run", "--kubernetes", "-", "--owner", "me")
	assert.Contains(t, piped.Stdout, "owner: me\n")

	bad := commandtest.Run(NewCommand(), strings.NewReader("NAME READY\n\tcheckout"), "init", "--kubernetes", "-")
	assert.Equal(t, exit.Usage, bad.Code)
	require.ErrorContains(t, bad.Err, "give it what `kubectl get deployments,statefulsets,daemonsets -A -o yaml` prints")
	bad = commandtest.Run(NewCommand(), nil, "init", "--kubernetes", file+".none")
	require.ErrorContains(t, bad.Err, "--kubernetes: open")
}

func TestOpenSLODefinitions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "slos.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`apiVersion: openslo/v1
kind: Service
metadata: {name: checkout, labels: {team: payments}}
spec: {description: Takes an order.}
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: orders}
spec:
  service: checkout
  budgetingMethod: Occurrences
  timeWindow: [{duration: 30d, isRolling: true}]
  indicator:
    metadata: {name: orders}
    spec:
      ratioMetric:
        counter: true
        bad: {metricSource: {type: Prometheus, spec: {query: 'sum(rate(orders_total{ok="no"}[{{.window}}]))'}}}
        total: {metricSource: {type: Prometheus, spec: {query: 'sum(rate(orders_total[{{.window}}]))'}}}
  objectives: [{displayName: orders, target: 0.99}]
`), 0o600))
	r := commandtest.Run(NewCommand(), nil, "init", "checkout", "--url", page(t), "--dry-run", "--openslo", file)
	require.NoError(t, r.Err)
	assert.Contains(t, r.Stdout, "owner: payments\n")
	assert.Contains(t, r.Stdout, "description: Takes an order.\n")
	assert.Contains(t, r.Stdout, "# "+file+" has 1 SLO of it: a catalog folder takes these files as they are")
	r = commandtest.Run(NewCommand(), nil, "init", "--openslo", file+".none")
	assert.Equal(t, exit.Usage, r.Code)
	require.ErrorContains(t, r.Err, "--openslo: ")
}

func TestRoutesThatTheServiceHides(t *testing.T) {
	week := 7 * 24 * time.Hour
	route := func(method, path string, requests, failed, p99 float64) services.Route {
		return services.Route{Method: method, Route: path, History: services.History{Requests: &requests, Failed: &failed, P99: &p99}}
	}
	chosen := []slo{{"availability", 99.9, map[string]map[string]any{"availability": {}}}, {"latency", 99, map[string]map[string]any{"latency": {"threshold": "1s"}}}}
	all, notes := routeSLOs([]services.Route{
		route("GET", "/products", 890_000, 10, 180),
		route("GET", "/slow", 100_000, 10, 900),                          // not faster than the service
		route("POST", "/pages", 9_000, 0, 800),                           // 0.9 %: all of them failing would burn 9 times as fast as the budget allows, and page
		route("POST", "/orders/{id}", 5_500, 3, 800),                     // 0.5 %: 5 times, which pages nobody
		route("DELETE", "/broken", 900, 900, 3),                          // keeps no objective
		route("GET", "/rare", 300, 0, 3),                                 // reads
		route("POST", "/few", 3, 0, 3),                                   // too few for a ratio
		route("POST", `/x" or true or "`, 900, 0, 3),                     // no plain text
		route("PUT", "/unknown", 0, 0, 0),                                // nothing
		route("POST", "/orders/{id}/", 5_000, 0, 3),                      // the same name
		route("PUT", "/a", 4_000, 0, 3), route("PUT", "/b", 4_000, 0, 3), // beyond the bound
	}, chosen, week)
	match := func(method, path string) string {
		return `attributes["http.route"] == "` + path + `" and attributes["http.request.method"] == "` + method + `"`
	}
	assert.Equal(t, []slo{
		{"get-products-latency", 99, map[string]map[string]any{"latency": {"threshold": "200ms", "match": match("GET", "/products")}}},
		{"post-orders-id", 99.8, map[string]map[string]any{"availability": {"match": match("POST", "/orders/{id}")}}},
		{"put-a", 99.9, map[string]map[string]any{"availability": {"match": match("PUT", "/a")}}},
	}, all)
	require.Len(t, notes, 3)
	assert.Contains(t, notes[0], "get-products-latency: 87 % of the requests are GET /products, and 99 % of them took at most 180ms")
	assert.Contains(t, notes[1], "post-orders-id: if every POST /orders/{id} failed, only 0.54 % of the requests would: no page.")

	d := document{APIVersion: catalog.APIVersion, Kind: "Service", Metadata: metadata{Name: "checkout"}, Spec: spec{SLOs: append(chosen, all...)}}
	_, err := d.text()
	require.NoError(t, err, "a catalog takes them")
	none, _ := routeSLOs(nil, chosen, week)
	assert.Empty(t, none)
}
