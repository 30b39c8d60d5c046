// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// town is a shop whose catalog has a file for checkout and payment. mailer is heard of, too, and has SLOs by Defaults; printer has none,
// and payment is not heard of.
func town(t *testing.T) *visitor {
	s := startStore(t, "groups: []")
	now := time.Now().Truncate(time.Second)
	for ago := 10 * time.Minute; ago >= 0; ago -= 15 * time.Second {
		b := newBatch(now.Add(-ago))
		seconds := (time.Hour - ago).Seconds()
		in := func(service, environment string) attributes {
			return attributes{"service.name": service, "service.namespace": "shop", "deployment.environment.name": environment, "service.version": "1", "span.kind": "SPAN_KIND_SERVER"}
		}
		b.slo(attributes{"service.name": "checkout", "service.namespace": "shop", "deployment.environment.name": "production", "slo.name": "availability"}, 0.999, "ok", 1, 0)
		b.slo(attributes{"service.name": "mailer", "service.namespace": "shop", "deployment.environment.name": "staging", "slo.name": "availability"}, 0.999, "burning_fast", 0.5, 20)
		b.counter("traces.span.metrics.calls", "", seconds*10, in("checkout", "production").and("status.code", "STATUS_CODE_UNSET"))
		b.counter("traces.span.metrics.calls", "", seconds*3, in("mailer", "staging").and("status.code", "STATUS_CODE_UNSET"))
		b.counter("traces.span.metrics.calls", "", seconds, in("mailer", "staging").and("status.code", "STATUS_CODE_ERROR"))
		b.counter("traces.span.metrics.calls", "", seconds, in("printer", "").and("span.kind", "SPAN_KIND_CLIENT", "status.code", "STATUS_CODE_UNSET"))
		b.counter("traces.span.metrics.calls", "", seconds, attributes{"service.name": "_overflow", "span.kind": "SPAN_KIND_SERVER", "status.code": "STATUS_CODE_UNSET"})
		b.gauge("deployment.instances", "{instance}", 3, attributes{"service.name": "checkout", "service.namespace": "shop", "deployment.environment.name": "production", "service.version": "1.2"})
		edge := attributes{"client": "checkout", "client_service.namespace": "shop", "server": "mailer", "server_service.namespace": "shop"}
		b.counter("traces_service_graph_request_total", "", seconds, edge.and("failed", "false"))
		b.counter("traces_service_graph_request_total", "", seconds, edge.and("server", "orders", "server_service.namespace", "", "connection_type", "database"))
		b.counter("traces_service_graph_request_total", "", seconds, attributes{"client": "user", "server": "checkout", "connection_type": "virtual_node"})
		b.push(t, s)
		own := batchOf(now.Add(-ago), attributes{"service.name": "checkout", "service.namespace": "shop", "service.instance.id": "1"})
		for route, each := range map[string]float64{"/checkout": 1, "/cart": 8} {
			served := attributes{"http.request.method": "POST", "http.route": route}
			own.took("http.server.request.duration", seconds*each*0.9, seconds/10, served.and("http.response.status_code", "200"))
			own.took("http.server.request.duration", seconds*each*0.1, seconds/10, served.and("http.response.status_code", "503"))
		}
		own.push(t, s)
	}
	c := parse(t, document("checkout", "payments-team", 1, checkoutSLOs)+document("payment", "payments-team", 2, paymentSLOs)+`---
apiVersion: catalog.otelcol-sre.dev/v1
kind: Defaults
metadata: {name: everything}
spec: {proposed: true, slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]}
`)
	return open(t, s.client, c.With([]*catalog.Service{c.ByDefault("shop", "mailer")}), "")
}

type listedService struct {
	Service, Page, Defaults, Owner string
	Entry, Proposed                bool
	Places                         []struct {
		Environment string
		Rate        *float64
		Failed      *float64 `json:"failed_share"`
		Versions    []struct {
			Version   string
			Instances int
		}
		History, Outgoing *struct {
			Requests, Failed *float64
		}
	}
	Routes []struct {
		Method, Route    string
		Requests, Failed *float64
		P99              *float64 `json:"p99_milliseconds"`
	}
	Calls []struct{ Namespace, Service, Type string }
	SLOs  []struct {
		SLO, State string
		Proposed   bool
	}
}

func TestServices(t *testing.T) {
	v := town(t)
	var got struct {
		Services []listedService
		Without  int `json:"without_entry"`
		Overflow bool
	}
	require.Nil(t, v.answer("/services?history=1h", "/services", &got))
	var names []string
	for _, s := range got.Services {
		names = append(names, s.Service)
	}
	require.Equal(t, []string{"checkout", "mailer", "payment", "printer"}, names)
	assert.Equal(t, 2, got.Without)
	assert.True(t, got.Overflow)

	checkout, mailer, payment, printer := got.Services[0], got.Services[1], got.Services[2], got.Services[3]
	assert.True(t, checkout.Entry)
	assert.Equal(t, "payments-team", checkout.Owner)
	assert.Len(t, checkout.SLOs, 3)
	assert.False(t, checkout.SLOs[0].Proposed)
	require.Len(t, checkout.Places, 1)
	assert.InDelta(t, 10, *checkout.Places[0].Rate, 0.5)
	assert.Zero(t, *checkout.Places[0].Failed)
	require.Len(t, checkout.Places[0].Versions, 1)
	assert.Equal(t, "1.2", checkout.Places[0].Versions[0].Version, "its instances are known")
	assert.Equal(t, 3, checkout.Places[0].Versions[0].Instances)
	require.Len(t, mailer.Places[0].Versions, 1)
	assert.Equal(t, "1", mailer.Places[0].Versions[0].Version, "its spans arrive")
	assert.Equal(t, []struct{ Namespace, Service, Type string }{{"shop", "mailer", ""}, {"", "orders", "database"}}, checkout.Calls)

	require.Len(t, checkout.Routes, 2, "most requests first")
	assert.Equal(t, "/cart", checkout.Routes[0].Route)
	assert.Equal(t, "POST", checkout.Routes[1].Method)
	assert.Equal(t, "/checkout", checkout.Routes[1].Route)
	assert.InDelta(t, 600, *checkout.Routes[1].Requests, 50)
	assert.InDelta(t, 60, *checkout.Routes[1].Failed, 5)
	assert.InDelta(t, 990, *checkout.Routes[1].P99, 1, "the only bucket is a second")
	assert.Empty(t, mailer.Routes)

	assert.False(t, mailer.Entry)
	assert.Equal(t, "everything", mailer.Defaults)
	assert.Equal(t, "/services/mailer", mailer.Page)
	assert.True(t, mailer.Proposed)
	require.Len(t, mailer.SLOs, 1)
	assert.Equal(t, "burning_fast", mailer.SLOs[0].State)
	assert.True(t, mailer.SLOs[0].Proposed)
	assert.InDelta(t, 0.25, *mailer.Places[0].Failed, 0.02)
	assert.InDelta(t, 4*600, *mailer.Places[0].History.Requests, 200)
	assert.InDelta(t, 600, *mailer.Places[0].History.Failed, 50)

	assert.Empty(t, payment.Places)
	assert.Empty(t, printer.Page)
	assert.Nil(t, printer.Places[0].Rate, "it only calls others")
	assert.Nil(t, printer.Places[0].History)
	assert.InDelta(t, 600, *printer.Places[0].Outgoing.Requests, 50)
	assert.Nil(t, mailer.Places[0].Outgoing)

	page := v.page("/services")
	assert.Contains(t, page, "2 have no catalog file")
	assert.Contains(t, page, "by Defaults everything")
	assert.Contains(t, page, "no telemetry in the last hour")
	assert.Contains(t, page, `orders <small>database</small>`)
	assert.Contains(t, page, "There are more names than the collector keeps apart")
	assert.Equal(t, http.StatusBadRequest, v.do(http.MethodGet, "/services?history=2h").StatusCode)

	// A proposal that burns is shown as such, and asks nobody for action.
	page = v.page("/")
	assert.Contains(t, page, "<title>SLOs")
	assert.Contains(t, page, "availability <small>proposed</small>")
	assert.Contains(t, v.page("/services/mailer"), "proposed, without alerts")
	assert.NotContains(t, v.page("/catalog"), "mailer", "which is about files")
}

func TestServicesBeforeTheFirst(t *testing.T) {
	v := open(t, startStore(t, "groups: []").client, &catalog.Catalog{}, "")
	assert.Contains(t, v.page("/services"), "No service is heard of yet.")
	var got struct{ Services []listedService }
	require.NotNil(t, v.answer("/services", "/services", &got))
	assert.NotNil(t, got.Services)
	assert.Contains(t, silent(t).page("/services"), "payment", "of the catalog, when Prometheus does not answer")
}
