// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// own reads the collector's own metrics.
func (c *collector) own() map[string]*dto.MetricFamily {
	c.t.Helper()
	response, err := http.Get("http://" + c.telemetry + "/metrics")
	require.NoError(c.t, err)
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	require.NoError(c.t, err)
	return families
}

// correlated is how many items of the signal had the outcome, of any if there is none given.
func (c *collector) correlated(signal string, outcome ...string) float64 {
	labels := []string{"signal", signal}
	if len(outcome) > 0 {
		labels = append(labels, "outcome", outcome[0])
	}
	n, _ := sum(c.own(), "otelcol_processor_correlation_items", labels...)
	return n
}

// startShop starts the demo shop without load, and returns it with the URL that takes orders.
func startShop(t *testing.T, c *collector) (shop *server, url string) {
	t.Helper()
	control := freeAddress(t)
	cmd := exec.Command("../bin/shop", "--endpoint", c.otlpGRPC, "--rate", "0", "--control", control, "--error-rate", "payment=0", "--error-rate", "mailer=0.2")
	shop = startServer(t, "http://"+control, cmd)
	response, err := http.Get(shop.url)
	require.NoError(t, err)
	defer response.Body.Close()
	overview, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	found := regexp.MustCompile(`frontend +(\S+)`).FindSubmatch(overview)
	require.NotNil(t, found, "%s", overview)
	return shop, string(found[1]) + "/buy"
}

// order is in every span and log line that is about one, also where trace and request ID are lost.
var order = regexp.MustCompile(`order=([0-9a-f-]{36})`)

func orderOf(a arrival) string {
	if id := attr(a.own, "order.id"); id != "" {
		return id
	}
	if found := order.FindStringSubmatch(a.name); found != nil {
		return found[1]
	}
	return ""
}

// requestsBehind tells the request of each item, by the header on a span of the service that knows it and by the order's number, of which the collector
// knows nothing. A request without a header has the ID of its trace.
func requestsBehind(t *testing.T, all []arrival, knows string, requests int) (whose func(arrival) string) {
	t.Helper()
	ofTrace, ofOrder := map[string]string{}, map[string]string{}
	for _, a := range all {
		if header, ok := a.own["http.request.header.x-request-id"].([]any); ok && a.service() == knows {
			ofTrace[a.trace] = header[0].(string)
		}
	}
	for _, a := range all {
		if a.service() == "frontend" && ofTrace[a.trace] == "" {
			ofTrace[a.trace] = a.trace
		}
	}
	for _, a := range all {
		if request := ofTrace[a.trace]; request != "" && orderOf(a) != "" {
			ofOrder[orderOf(a)] = request
		}
	}
	require.Len(t, ofOrder, requests)
	for _, a := range all {
		if request := ofOrder[orderOf(a)]; request != "" && a.trace != "" && ofTrace[a.trace] == "" {
			ofTrace[a.trace] = request
		}
	}
	return func(a arrival) string {
		if a.isLog && a.trace == "" {
			return ofOrder[orderOf(a)]
		}
		return ofTrace[a.trace]
	}
}

// A customer's request goes through a Node.js service and five Go services, over one queue that loses
// the trace and one that keeps a link, past a mailer that logs text. Every span and every log record of
// it carries its ID in the end, and no other one. What belongs to which request is told here by
// the root's header and by the order's number, of which the collector knows nothing.
func TestEveryItemOfARequestCarriesItsID(t *testing.T) {
	t.Parallel()
	sink, toFile := newFileSink(t, "red")
	gateway := prepareCollector(t, "gateway", t.TempDir())
	gateway.args = append(gateway.args, "--config", toFile)
	gateway.start()
	agent := newCollector(t, "agent", t.TempDir(), "OTELCOL_SRE_GATEWAY="+gateway.otlpGRPC, "OTELCOL_SRE_GATEWAY_INSECURE=true")
	shop, buy := startShop(t, agent)
	storefront := startNodeJS(t, correlator{collector: agent}, buy)

	const customers, orders, anonymous = 8, 25, 20
	var sending sync.WaitGroup
	for customer := range customers {
		sending.Go(func() {
			for n := range orders {
				post(t, storefront.url+"/buy", fmt.Sprintf("customer-%d-order-%d", customer, n))
			}
		})
	}
	sending.Go(func() {
		for range anonymous {
			post(t, buy, "")
		}
	})
	sending.Wait()
	storefront.stop()
	shop.stop()

	// Each request has a span and a log line of the storefront and one span more for its call; an order has nine spans in the shop,
	// two of the mailer, a log line of checkout and two of the mailer.
	const spans, logs = customers*orders*(2+11) + anonymous*11, customers*orders*(1+3) + anonymous*3
	var all []arrival
	require.Eventually(t, func() bool {
		all = sink.read(t)
		return len(all) >= spans+logs
	}, patience, 200*time.Millisecond, "spans and log records: %d are missing", spans+logs-len(all))
	require.Len(t, all, spans+logs)

	whose := requestsBehind(t, all, "storefront", customers*orders+anonymous)
	carried := map[string]int{}
	for _, a := range all {
		request := whose(a)
		require.NotEmpty(t, request, "whose is %+v?", a)
		if !strings.HasPrefix(request, "customer-") {
			continue // see below
		}
		carried[request]++
		require.Equal(t, request, a.correlation(), "%+v", a)
		require.NotContains(t, a.own, "correlation.conflict")
	}
	require.Len(t, carried, customers*orders)
	for request, n := range carried {
		require.Equal(t, 13+4, n, request)
	}
	// A request without an ID has its trace's; the traces behind its queues have their own.
	for _, a := range all {
		if a.trace != "" && !strings.HasPrefix(whose(a), "customer-") {
			require.Equal(t, a.trace, a.correlation(), "%+v", a)
		}
	}

	for _, c := range []*collector{agent, gateway} {
		assert.InDelta(t, spans, c.correlated("traces"), 0, "%s: every span is counted once", c.name)
		assert.InDelta(t, logs, c.correlated("logs"), 0, "%s: every log record is counted once", c.name)
		conflicts, known := sum(c.own(), "otelcol_processor_correlation_conflicts")
		assert.True(t, known)
		assert.Zero(t, conflicts)
	}
	assert.Positive(t, agent.correlated("logs", "parsed"), "the mailer's lines")
	assert.Positive(t, agent.correlated("traces", "inherited")+gateway.correlated("traces", "inherited"))
	assert.InDelta(t, anonymous*11, gateway.correlated("traces", "generated"), 0)
	assert.InDelta(t, anonymous, gateway.correlated("logs", "missed"), 0, "the mailer's first lines: neither ID nor trace")
	assert.Zero(t, gateway.correlated("traces", "missed"))
	refused, known := sum(gateway.own(), "otelcol_processor_correlation_wait_refused")
	assert.True(t, known)
	assert.Zero(t, refused)

	// With the trace that was lost in hand, the whole request is found.
	for _, a := range all {
		if a.service() == "mailer" && a.correlation() == "customer-3-order-7" && a.trace != "" {
			out, err := exec.Command("../bin/srectl", "find", a.trace, string(sink), "-o", "json").Output()
			require.NoError(t, err)
			var found struct{ Items []struct{ Service string } }
			require.NoError(t, json.Unmarshal(out, &found))
			require.Len(t, found.Items, 13+4)
			services := map[string]bool{}
			for _, item := range found.Items {
				services[item.Service] = true
			}
			require.Len(t, services, 6)
			return
		}
	}
	require.Fail(t, "the mailer has nothing of the order")
}

// With SDKs that send at the times of the specification, log records each second and spans each five, two agents and a gateway as it is built in, all items of
// 2000 requests have the ID of their request, and none that of another.
func TestDefaultsJoinAllItemsOf2000Requests(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "5000")
	t.Setenv("OTEL_BLRP_SCHEDULE_DELAY", "1000")
	sink, toFile := newFileSink(t, "red")
	gateway := prepareCollector(t, "gateway", t.TempDir())
	gateway.args = append(gateway.args, "--config", toFile)
	gateway.start()

	const shops, requests, customers = 2, 1000, 8
	var sending sync.WaitGroup
	var running []*server
	for n := range shops {
		agent := newCollector(t, "agent", t.TempDir(), "OTELCOL_SRE_GATEWAY="+gateway.otlpGRPC, "OTELCOL_SRE_GATEWAY_INSECURE=true")
		shop, buy := startShop(t, agent)
		running = append(running, shop)
		for customer := range customers {
			sending.Go(func() {
				for i := range requests / customers {
					post(t, buy, fmt.Sprintf("shop-%d-customer-%d-order-%04d", n, customer, i))
				}
			})
		}
	}
	sending.Wait()
	for _, shop := range running {
		shop.stop()
	}

	const items = 11 + 3 // spans and log records of an order
	var all []arrival
	require.Eventually(t, func() bool {
		all = sink.read(t)
		return len(all) >= shops*requests*items
	}, patience, time.Second, "not all have arrived")
	require.Len(t, all, shops*requests*items)
	whose := requestsBehind(t, all, "frontend", shops*requests)
	carried := map[string]int{}
	wrong, none := 0, 0
	for _, a := range all {
		switch request := whose(a); {
		case request == "" || !strings.HasPrefix(request, "shop-"):
			require.Fail(t, "whose is it?", "%+v", a)
		case a.correlation() == request:
			carried[request]++
		case a.correlation() == "" || a.correlation() == a.trace:
			none++
		default:
			wrong++
		}
	}
	t.Logf("%d items of %d requests: %d without the ID, %d with a wrong one", len(all), shops*requests, none, wrong)
	require.Zero(t, wrong)
	require.Zero(t, none)
	require.Len(t, carried, shops*requests)
	for request, n := range carried {
		require.Equal(t, items, n, request)
	}
	full, known := sum(gateway.own(), "otelcol_processor_correlation_waits", "result", "full")
	require.True(t, known)
	require.Zero(t, full)
}

// post sends a request with the ID in the usual header, or without one.
func post(t *testing.T, url, id string) {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, http.NoBody)
	if !assert.NoError(t, err) {
		return
	}
	if id != "" {
		request.Header.Set("X-Request-Id", id)
	}
	response, err := http.DefaultClient.Do(request)
	if !assert.NoError(t, err) {
		return
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	assert.Equal(t, http.StatusOK, response.StatusCode, id)
}
