// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// hosts sends spans of checkout from some hosts, of which one fails all of its few.
func hosts(t *testing.T, to *collector, per map[string]int, failing string) {
	t.Helper()
	for host, n := range per {
		provider := newTracerProvider(t, to, "grpc", attribute.String("service.name", "checkout"), attribute.String("host.name", host))
		for range n {
			_, span := provider.Tracer("test").Start(t.Context(), "request", trace.WithSpanKind(trace.SpanKindServer))
			if host == failing {
				span.SetStatus(codes.Error, "")
			}
			span.End()
		}
		require.NoError(t, provider.Shutdown(t.Context()))
	}
}

// Agents count the hosts of a service apart, and send them to two gateways. Each host is at one gateway, with all of its events from both
// agents, and the bad one burns beside a large good one. srectl status has the worst first.
func TestGroupsAcrossAgentsAndGateways(t *testing.T) {
	t.Parallel()
	const of, failing = 20, "host-07"
	catalog := writeCatalog(t, map[string]string{"checkout": service("checkout", "{name: hosts, objective: 99, groupBy: [host.name], sli: {availability: {}}}")})
	addresses := []string{freeAddress(t), freeAddress(t)}
	var gateways []*collector
	var endpoints []string
	for _, address := range addresses {
		gateway := newCollector(t, "gateway", catalog, "OTELCOL_SRE_FLUSH_INTERVAL=1s",
			"OTELCOL_SRE_PEERS="+strings.Join(addresses, ","), "OTELCOL_SRE_PEERS_ENDPOINT="+address, "OTELCOL_SRE_PEERS_INSECURE=true")
		gateways, endpoints = append(gateways, gateway), append(endpoints, gateway.otlpGRPC)
	}
	events := map[string]int{"large": 3000}
	for n := range of {
		events[fmt.Sprintf("host-%02d", n)] = 20
	}
	for range 2 {
		agent := newCollector(t, "agent", catalog, "OTELCOL_SRE_FLUSH_INTERVAL=1s", "OTELCOL_SRE_GATEWAY_INSECURE=true", "OTELCOL_SRE_GATEWAY="+strings.Join(endpoints, ","))
		hosts(t, agent, events, failing)
	}
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		for host, n := range events {
			speakers, good, bad := 0, 0.0, 0.0
			for _, gateway := range gateways {
				families := gateway.scrape()
				if _, speaks := sum(families, "slo_burn_rate_ratio", "slo_name", "hosts", "host_name", host, "slo_window", "5m"); speaks {
					speakers++
				}
				moreGood, _ := sum(families, "slo_events_total", "slo_name", "hosts", "host_name", host, "slo_outcome", "good")
				moreBad, _ := sum(families, "slo_events_total", "slo_name", "hosts", "host_name", host, "slo_outcome", "bad")
				good, bad = good+moreGood, bad+moreBad
			}
			assert.Equal(t, 1, speakers, "one gateway has %s", host)
			want := [2]float64{float64(2 * n), 0}
			if host == failing {
				want = [2]float64{0, float64(2 * n)}
			}
			assert.Equal(t, want, [2]float64{good, bad}, host)
		}
	}, patience, 500*time.Millisecond)
	burning := 0.0
	for _, gateway := range gateways {
		burns, _ := sum(gateway.scrape(), "slo_burn_rate_ratio", "slo_name", "hosts", "host_name", failing, "slo_window", "5m")
		burning += burns
	}
	assert.InDelta(t, 100, burning, 1e-6, "all of its events are bad")
}

// One bad host of many is the first that srectl status shows, with its value.
func TestStatusShowsTheWorstGroupFirst(t *testing.T) {
	t.Parallel()
	catalog := writeCatalog(t, map[string]string{"checkout": service("checkout", "{name: hosts, objective: 99, groupBy: [host.name], sli: {availability: {}}}")})
	c := newCollector(t, "standalone", catalog, "OTELCOL_SRE_FLUSH_INTERVAL=1s")
	events := map[string]int{"large": 500}
	for n := range 15 {
		events[fmt.Sprintf("host-%02d", n)] = 20
	}
	hosts(t, c, events, "host-07")
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		out, err := exec.Command("../bin/srectl", "status", "--endpoint", "http://"+c.prometheus+"/metrics", "--prometheus", "http://"+c.api, "-o", "json").Output()
		var failed *exec.ExitError
		if err != nil && !errors.As(err, &failed) { // it exits with 1, because an SLO burns
			assert.NoError(t, err)
		}
		var all []struct {
			State string
			Group map[string]string
		}
		if assert.NoError(t, json.Unmarshal(out, &all), "%s", out) && assert.NotEmpty(t, all) {
			assert.Equal(t, map[string]string{"host_name": "host-07"}, all[0].Group, "%.600s", out)
			assert.Equal(t, "burning_fast", all[0].State)
		}
	}, 3*time.Minute, time.Second)
}
