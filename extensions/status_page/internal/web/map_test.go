// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

type gotNode struct {
	ID, Page, SLO, State, Type string
	Entry, Heard               bool
	Burn                       *float64 `json:"burn_rate"`
	Rate                       *float64 `json:"requests_per_second"`
	Changes                    []struct{ Text string }
}

type gotMap struct {
	Nodes []gotNode
	Edges []struct {
		From, To           string
		Observed, Declared bool
		Rate               *float64 `json:"requests_per_second"`
	}
	Around string
	Chosen bool
	Total  int
	Found  []struct{ ID string }
}

func (v *visitor) mapOf(query string) (got gotMap) {
	v.t.Helper()
	require.Nil(v.t, v.answer("/map"+query, "/map", &got))
	return got
}

// Services with and without a catalog file are on the map, with what burns and what was seen.
func TestMap(t *testing.T) {
	v := town(t)
	got := v.mapOf("")
	var nodes, edges []string
	for _, n := range got.Nodes {
		nodes = append(nodes, strings.TrimSpace(n.ID+" "+n.State+" "+n.SLO))
	}
	assert.Equal(t, []string{"bank unknown", "orders (database) unknown", "shop/checkout unknown latency", "shop/mailer burning_fast availability", "shop/payment unknown availability", "shop/printer unknown"}, nodes)
	for _, e := range got.Edges {
		edges = append(edges, fmt.Sprint(e.From, " ", e.To, " ", e.Observed, " ", e.Declared))
		if assert.Equal(t, e.Observed, e.Rate != nil); e.Rate != nil {
			assert.InDelta(t, 1, *e.Rate, 0.1)
		}
	}
	assert.Equal(t, []string{"shop/checkout bank false true", "shop/checkout orders (database) true false", "shop/checkout shop/mailer true false", "shop/checkout shop/payment false true"}, edges)
	mailer := got.Nodes[3]
	assert.InDelta(t, 20, *mailer.Burn, 0)
	assert.InDelta(t, 4, *mailer.Rate, 0.3)
	assert.False(t, mailer.Entry)

	page := v.page("/map")
	for _, text := range []string{`<svg class="map"`, `class="node burning_fast" href="/map?service=shop%2Fmailer"`, "▲ mailer", "Burning fast, 20×", "no catalog file", `<a href="/map?service=shop%2Fcheckout">shop/checkout</a>`, `aria-current="page">Services</a>`} {
		assert.Contains(t, page, text)
	}
	assert.Contains(t, v.page("/services"), `<a href="/map">`)
	around := v.mapOf("?service=mailer")
	assert.Equal(t, "shop/mailer", around.Around)
	assert.True(t, around.Chosen)
	assert.Len(t, around.Nodes, 2)
	assert.Len(t, v.mapOf("?service=mailer&depth=2").Nodes, 5, "with what checkout calls")
	found := v.mapOf("?service=er")
	assert.Equal(t, []struct{ ID string }{{"orders (database)"}, {"shop/mailer"}, {"shop/printer"}}, found.Found)
	for _, n := range v.mapOf("?environment=staging").Nodes {
		assert.Equal(t, n.ID == "shop/mailer" || n.ID == "shop/printer", n.Heard, n.ID)
	}
	assert.Contains(t, v.page("/services/payment"), `href="/map?environment=production&amp;service=shop%2Fpayment"`)

	for query, status := range map[string]int{"depth=0": 400, "depth=4": 400, "service=%00": 400, "namespace=" + strings.Repeat("a", 201): 400, "service=nothing": 404} {
		assert.Equal(t, status, v.do(http.MethodGet, "/map?"+query).StatusCode, query)
	}
	assert.Contains(t, silent(t).page("/map"), "payment", "of the catalog, when Prometheus does not answer")
	assert.Contains(t, open(t, startStore(t, "groups: []").client, &catalog.Catalog{}, "").page("/map"), "No service is heard of yet.")
}

// city is a map of 300 services in six namespaces that no catalog knows.
func city(t testing.TB) *visitor {
	s := startStore(t, "groups: []")
	now := time.Now().Truncate(time.Second)
	for ago := 6 * time.Minute; ago >= 0; ago -= time.Minute {
		b := newBatch(now.Add(-ago))
		name := func(i int) (string, string) { return fmt.Sprintf("service-%03d", i), fmt.Sprint("part-", i%6) }
		for i := range 300 {
			service, namespace := name(i)
			of := attributes{"service.name": service, "service.namespace": namespace, "deployment.environment.name": "production"}
			b.counter("traces.span.metrics.calls", "", (time.Hour - ago).Seconds(), of.and("span.kind", "SPAN_KIND_SERVER", "status.code", "STATUS_CODE_UNSET"))
			state, burn := "ok", 0.5
			if i == 123 {
				state, burn = "burning_fast", 20.0
			}
			b.slo(of.and("slo.name", "availability"), 0.99, state, 0.5, burn)
			for _, step := range []int{1, 7, 40} {
				if i+step < 300 {
					server, serverNamespace := name(i + step)
					b.counter("traces_service_graph_request_total", "", (time.Hour-ago).Seconds()*float64(step), attributes{"client": service, "client_service.namespace": namespace, "server": server, "server_service.namespace": serverNamespace})
				}
			}
		}
		for version, old := range map[string]time.Duration{"1.0.0": 10 * time.Hour, "1.1.0": 5 * time.Minute, "1.0.1": 2 * time.Hour} {
			b.gauge("deployment.start_time", "s", float64(now.Add(-old).Unix()), attributes{"service.name": "service-123", "service.namespace": "part-3", "deployment.environment.name": "production", "service.version": version})
		}
		b.push(t, s)
	}
	return open(t, s.client, &catalog.Catalog{}, "")
}

// A map of 300 services is shown around the one that is worst off, and can be searched, narrowed to a namespace, and drawn as a whole.
func TestMapOfManyServices(t *testing.T) {
	v := city(t)
	got := v.mapOf("")
	assert.Equal(t, 300, got.Total)
	assert.Equal(t, "part-3/service-123", got.Around)
	assert.False(t, got.Chosen)
	assert.Len(t, got.Nodes, 7)
	at := slices.IndexFunc(got.Nodes, func(n gotNode) bool { return n.ID == got.Around })
	assert.Equal(t, []struct{ Text string }{{"1.1.0"}}, got.Nodes[at].Changes, "of the last hour")
	page := v.page("/map")
	assert.Contains(t, page, "⟳ 1.1.0")
	assert.Contains(t, page, "The map has 300 nodes. Shown is the service that is worst off")
	assert.Contains(t, page, `<a href="/map?namespace=part-3">part-3</a>`)
	assert.Contains(t, page, `href="/map?all=1"`)
	assert.Len(t, v.mapOf("?service=part-0%2Fservice-000&depth=2").Nodes, 13)
	page = v.page("/map?namespace=part-3")
	assert.Contains(t, page, "do not fit into the picture")
	assert.Less(t, len(v.page("/map?all=1")), 400<<10)
}

// BenchmarkMap is the page with 300 services, when Prometheus has answered.
func BenchmarkMap(b *testing.B) {
	v := city(b)
	for name, query := range map[string]string{"around": "", "whole": "?all=1"} {
		b.Run(name, func(b *testing.B) {
			v.page("/map" + query)
			for b.Loop() {
				v.page("/map" + query)
			}
		})
	}
}
