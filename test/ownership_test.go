// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// speaks returns the SLOs that the gateway emits a budget for, and those whose counters it shows, each in order.
func speaks(c *collector) (budgets, counters []string) {
	families := c.scrape()
	for _, m := range families["slo_error_budget_remaining_ratio"].GetMetric() {
		budgets = append(budgets, label(m, "slo_name"))
	}
	for _, m := range families["slo_events_total"].GetMetric() {
		if label(m, "slo_outcome") == "bad" {
			counters = append(counters, label(m, "slo_name"))
		}
	}
	slices.Sort(budgets)
	slices.Sort(counters)
	return budgets, slices.Compact(counters)
}

// shareSLOs waits until each SLO has one gateway that speaks for it and has counted all that was sent: a quarter of it is bad.
func shareSLOs(t *testing.T, gateways []*collector, names []string, sent int) {
	t.Helper()
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		var all []string
		for _, gateway := range gateways {
			budgets, counters := speaks(gateway)
			assert.Equal(t, budgets, counters, "the counters of an SLO are where its budget is")
			assert.NotEmpty(t, budgets)
			all = append(all, budgets...)
			families := gateway.scrape()
			for _, name := range budgets {
				bad, _ := sum(families, "slo_events_total", "slo_name", name, "slo_outcome", "bad")
				good, _ := sum(families, "slo_events_total", "slo_name", name, "slo_outcome", "good")
				assert.Equal(t, [2]float64{float64(sent) * 3 / 4, float64(sent) / 4}, [2]float64{good, bad}, name)
				ratio, _ := sum(families, "slo_error_ratio", "slo_name", name, "slo_window", "30d")
				assert.InDelta(t, 0.25, ratio, 1e-9, name)
				left, _ := sum(families, "slo_error_budget_remaining_ratio", "slo_name", name)
				coverage, _ := sum(families, "slo_period_coverage_ratio", "slo_name", name)
				assert.InDelta(t, 1-0.5*coverage, left, 1e-3, name)
				noData, _ := sum(families, "slo_state", "slo_name", name, "slo_state", "no_data")
				assert.Zero(t, noData, name)
			}
		}
		slices.Sort(all)
		assert.Equal(t, names, all, "each SLO once")
	}, patience, 500*time.Millisecond)
}

// shares is a catalog of SLOs with objective 50, so many that each of a few gateways gets some, whatever its address.
func shares(t *testing.T) (catalog string, names []string) {
	t.Helper()
	var definitions []string
	for n := range 24 {
		name := fmt.Sprintf("slo-%02d", n)
		names = append(names, name)
		definitions = append(definitions, fmt.Sprintf("{name: %s, objective: 50, sli: {availability: {}}}", name))
	}
	return writeCatalog(t, map[string]string{"checkout": service("checkout", definitions...)}), names
}

// quarterBad sends 40 spans of checkout, 10 of them bad.
func quarterBad(t *testing.T, to *collector) {
	t.Helper()
	provider := newTracerProvider(t, to, "grpc", attribute.String("service.name", "checkout"))
	for n := range 40 {
		_, span := provider.Tracer("test").Start(t.Context(), "request", trace.WithSpanKind(trace.SpanKindServer))
		if n%4 == 0 {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
	require.NoError(t, provider.Shutdown(t.Context()))
}

// Two gateways share the SLOs of a catalog, a third is added and removed again. At each rest, one gateway speaks for an SLO, and
// it knows every event since the beginning.
func TestOneGatewaySpeaksForAnSLO(t *testing.T) {
	t.Parallel()
	catalog, names := shares(t)
	var addresses []string
	for range 3 {
		addresses = append(addresses, freeAddress(t))
	}
	var gateways []*collector
	for _, address := range addresses {
		gateways = append(gateways, prepareCollector(t, "gateway", catalog,
			"OTELCOL_SRE_PEERS="+strings.Join(addresses, ","), "OTELCOL_SRE_PEERS_ENDPOINT="+address, "OTELCOL_SRE_PEERS_INSECURE=true"))
	}
	gateways[0].start()
	gateways[1].start()
	agent := prepareCollector(t, "agent", catalog, "OTELCOL_SRE_GATEWAY_INSECURE=true")
	env := agent.env
	sendTo := func(to ...*collector) {
		var endpoints []string
		for _, gateway := range to {
			endpoints = append(endpoints, gateway.otlpGRPC)
		}
		agent.env = append(slices.Clone(env), "OTELCOL_SRE_GATEWAY="+strings.Join(endpoints, ","))
		agent.start()
	}
	sent := 0
	traffic := func() {
		quarterBad(t, agent)
		sent += 40
	}
	sendTo(gateways[0], gateways[1])
	traffic()
	shareSLOs(t, gateways[:2], names, sent)

	gateways[2].start()
	agent.stop()
	sendTo(gateways...)
	traffic()
	shareSLOs(t, gateways, names, sent)
	handedOver, found := sum(gateways[2].own(), "otelcol_processor_slo_handovers")
	require.True(t, found)
	require.Positive(t, handedOver, "the third gateway has the history of the SLOs that came to it")

	agent.stop()
	sendTo(gateways[:2]...)
	gateways[2].stop()
	traffic()
	shareSLOs(t, gateways[:2], names, sent)
}
