// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// get reads a page of the collector, as JSON into a value, or as HTML.
func (c *collector) get(t require.TestingT, path string, into any) (html string) {
	r, err := http.NewRequest(http.MethodGet, "http://"+c.page+path, http.NoBody)
	require.NoError(t, err)
	if into != nil {
		r.Header.Set("Accept", "application/json")
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s", body)
	if into == nil {
		return string(body)
	}
	var answer struct{ Data json.RawMessage }
	require.NoError(t, json.Unmarshal(body, &answer))
	require.NoError(t, json.Unmarshal(answer.Data, into))
	return ""
}

// requests sends ten requests of a service, one of which fails, to the collector.
func requests(t *testing.T, to *collector, service string) {
	t.Helper()
	provider := newTracerProvider(t, to, "grpc", attribute.String("service.name", service), attribute.String("service.namespace", "shop"), attribute.String("service.version", "1.0"))
	for n := range 10 {
		_, span := provider.Tracer("test").Start(t.Context(), "request", trace.WithSpanKind(trace.SpanKindServer))
		if n == 0 {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
	require.NoError(t, provider.Shutdown(t.Context()))
}

func requireEvents(t *testing.T, c *collector, service, slo string, good, bad float64) {
	t.Helper()
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		families := c.scrape()
		of := []string{"service_name", service, "service_namespace", "shop", "slo_name", slo}
		found, _ := sum(families, "slo_events_total", append(of, "slo_outcome", "good")...)
		failed, _ := sum(families, "slo_events_total", append(of, "slo_outcome", "bad")...)
		assert.Equal(t, [2]float64{good, bad}, [2]float64{found, failed})
	}, patience, 100*time.Millisecond)
}

type listedSLO struct {
	Service, SLO, State string
	Proposed            bool
	Objective           float64
}

// A new user starts a collector, has written no catalog, and lets a service send spans: its SLOs are there, as proposals, and stay.
func TestServiceWithoutACatalog(t *testing.T) {
	t.Parallel()
	catalog := t.TempDir()
	c := prepareCollector(t, "standalone", catalog)
	c.args = append(c.args, "--config", "yaml:{connectors: {red: {flush_interval: 1s}}}", "--config", "yaml:"+quickly)
	c.start()
	requests(t, c, "checkout")
	requireEvents(t, c, "checkout", "availability", 9, 1)
	requireEvents(t, c, "checkout", "latency", 10, 0)
	require.Eventually(t, func() bool {
		objective, found := sum(c.scrape(), "slo_objective_ratio", "service_name", "checkout", "slo_name", "availability")
		return found && objective == 0.999
	}, patience, 100*time.Millisecond)

	var fleet struct{ SLOs []listedSLO }
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		c.get(t, "/", &fleet)
		if assert.Len(t, fleet.SLOs, 2) {
			for _, slo := range fleet.SLOs {
				assert.Equal(t, "checkout", slo.Service)
				assert.True(t, slo.Proposed)
				assert.NotEqual(t, "unknown", slo.State)
			}
		}
	}, patience, 200*time.Millisecond)
	page := c.get(t, "/", nil)
	require.Contains(t, page, `href="/services/checkout?environment=(none)"`)
	require.Contains(t, page, "<small>proposed</small>")
	require.Contains(t, c.get(t, "/services/checkout", nil), "proposed, without alerts")
	var services struct {
		Services []struct {
			Service, Namespace, Defaults string
			Entry, Proposed              bool
			SLOs                         []listedSLO
			Places                       []struct {
				Versions []struct{ Version string }
			}
		}
		Without int `json:"without_entry"`
	}
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		c.get(t, "/services", &services)
		if assert.Len(t, services.Services, 1) && assert.Len(t, services.Services[0].Places, 1) && assert.Len(t, services.Services[0].Places[0].Versions, 1) {
			of := services.Services[0]
			assert.Equal(t, []any{"checkout", "shop", "built-in", false, true}, []any{of.Service, of.Namespace, of.Defaults, of.Entry, of.Proposed})
			assert.Len(t, of.SLOs, 2)
			assert.Equal(t, "1.0", of.Places[0].Versions[0].Version)
		}
	}, patience, 200*time.Millisecond)
	require.Equal(t, 1, services.Without)
	require.Contains(t, c.get(t, "/services", nil), "by Defaults built-in")
	listed, err := exec.Command("../bin/srectl", "services", "--url", c.page).Output()
	require.NoError(t, err)
	require.Contains(t, string(listed), "shop/checkout  no ")
	require.Contains(t, string(listed), "1 service, 1 without an entry")

	// The counters go on after a restart, before and with more requests.
	c.stop()
	c.start()
	requireEvents(t, c, "checkout", "availability", 9, 1)
	requests(t, c, "checkout")
	requireEvents(t, c, "checkout", "availability", 18, 2)

	// Defaults of the user have precedence, and then an entry.
	replaceFile(t, filepath.Join(catalog, "defaults.yaml"), `apiVersion: catalog.otelcol-sre.dev/v1
kind: Defaults
metadata: {name: shop}
spec:
  selector: {namespace: shop}
  slos: [{name: availability, objective: 99.5, sli: {availability: {}}}]
`)
	becomes := func(objective float64, proposed bool) {
		t.Helper()
		require.EventuallyWithT(t, func(t *assert.CollectT) {
			c.get(t, "/", &fleet)
			for _, slo := range fleet.SLOs {
				if slo.SLO == "availability" {
					assert.Equal(t, proposed, slo.Proposed)
				}
			}
			shown, _ := sum(c.scrape(), "slo_objective_ratio", "service_name", "checkout", "slo_name", "availability")
			assert.Equal(t, objective, shown)
		}, patience, 200*time.Millisecond)
	}
	becomes(0.995, false)
	replaceFile(t, filepath.Join(catalog, "checkout.yaml"), `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec:
  slos: [{name: availability, objective: 98, sli: {availability: {}}}]
`)
	becomes(0.98, false)
	requests(t, c, "checkout")
	requireEvents(t, c, "checkout", "availability", 27, 3)
	c.stop()
}

// An agent counts and a gateway computes budgets, of a service that neither has an entry of.
func TestServiceWithoutACatalogOnAnAgent(t *testing.T) {
	t.Parallel()
	catalog := t.TempDir()
	gateway := newCollector(t, "gateway", catalog)
	agent := newCollector(t, "agent", catalog, "OTELCOL_SRE_GATEWAY_INSECURE=true", "OTELCOL_SRE_GATEWAY="+gateway.otlpGRPC)
	requests(t, agent, "checkout")
	requireEvents(t, gateway, "checkout", "availability", 9, 1)
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		ratio, found := sum(gateway.scrape(), "slo_error_ratio", "service_name", "checkout", "slo_name", "availability", "slo_window", "5m")
		assert.True(t, found)
		assert.InDelta(t, 0.1, ratio, 1e-9)
	}, patience, 100*time.Millisecond)

	gateway.stop()
	gateway.start()
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		ratio, _ := sum(gateway.scrape(), "slo_error_ratio", "service_name", "checkout", "slo_name", "availability", "slo_window", "1h")
		assert.InDelta(t, 0.1, ratio, 1e-9)
	}, patience, 100*time.Millisecond)
	agent.stop()
	gateway.stop()
}
