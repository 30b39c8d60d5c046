// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

var slos = []string{
	"{name: availability, objective: 99.9, sli: {availability: {}}}",
	"{name: latency, objective: 90, sli: {latency: {threshold: 250ms}}}",
	`{name: paid, objective: 99, sli: {spans: {match: 'attributes["order.total"] != nil', good: 'attributes["order.paid"] == true'}}}`,
}

// A tally is what was sent: events by service, SLO and outcome.
type tally map[[3]string]float64

func (t tally) add(other tally) {
	for k, n := range other {
		t[k] += n
	}
}

// send makes n spans of known outcome for the service and waits until they are taken.
func send(t *testing.T, c *collector, protocol, service, version string, n int, seed uint64) tally {
	provider := newTracerProvider(t, c, protocol,
		attribute.String("service.name", service),
		attribute.String("service.version", version),
		attribute.String("deployment.environment.name", "production"))
	tracer := provider.Tracer("test")
	random := rand.New(rand.NewPCG(seed, 0))
	sent := tally{}
	count := func(slo string, good bool) {
		outcome := "bad"
		if good {
			outcome = "good"
		}
		sent[[3]string{service, slo, outcome}]++
	}
	for range n {
		var attributes []attribute.KeyValue
		kind, status := trace.SpanKindServer, codes.Unset
		available := true
		switch random.IntN(20) {
		case 0:
			available, status = false, codes.Error
		case 1:
			available = false
			attributes = append(attributes, attribute.Int("http.response.status_code", 503))
		case 2:
			attributes = append(attributes, attribute.Int("http.response.status_code", 404))
		case 3:
			kind = trace.SpanKindConsumer
		case 4, 5, 6:
			kind = trace.SpanKindInternal
		}
		duration := time.Duration(random.IntN(500)) * time.Millisecond
		if kind != trace.SpanKindInternal {
			count("availability", available)
			count("latency", duration <= 250*time.Millisecond)
		}
		if random.IntN(4) == 0 {
			paid := random.IntN(10) > 0
			attributes = append(attributes, attribute.Float64("order.total", 9.5), attribute.Bool("order.paid", paid))
			count("paid", paid)
		}
		start := time.Now().Add(-duration)
		_, span := tracer.Start(context.Background(), "request", trace.WithNewRoot(), trace.WithSpanKind(kind),
			trace.WithTimestamp(start), trace.WithAttributes(attributes...))
		span.SetStatus(status, "")
		span.End(trace.WithTimestamp(start.Add(duration)))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := provider.Shutdown(ctx); err != nil {
		t.Errorf("%s %s: %v", protocol, service, err)
	}
	return sent
}

// More than 200,000 spans go by every protocol to two agents, concurrently, while the agents restart, the
// gateway that keeps the budgets is restarted and killed, and the catalog changes. In the end every
// event was counted once, and the budgets are those of the events.
func TestEveryEventIsCountedOnce(t *testing.T) {
	t.Parallel()
	services := []string{"frontend", "checkout", "payment", "inventory"}
	texts := map[string]string{}
	for _, s := range services {
		texts[s] = service(s, slos...)
	}
	dir := writeCatalog(t, texts)
	gateway := newCollector(t, "gateway", dir)
	agents := []*collector{
		newCollector(t, "agent", dir, "OTELCOL_SRE_GATEWAY="+gateway.otlpGRPC, "OTELCOL_SRE_GATEWAY_INSECURE=true"),
		newCollector(t, "agent", dir, "OTELCOL_SRE_GATEWAY="+gateway.otlpGRPC, "OTELCOL_SRE_GATEWAY_INSECURE=true"),
	}

	const total, rounds = 204_000, 5
	sent := tally{}
	var lock sync.Mutex
	sendRound := func(round int) *sync.WaitGroup {
		var clients sync.WaitGroup
		client := 0
		for _, s := range services {
			for protocol := range exporters {
				seed := uint64(round*1000 + client)
				agent := agents[client%len(agents)]
				client++
				clients.Go(func() {
					n := total / rounds / len(services) / len(exporters)
					done := send(t, agent, protocol, s, fmt.Sprintf("1.%d.0", round), n, seed)
					lock.Lock()
					defer lock.Unlock()
					sent.add(done)
				})
			}
		}
		return &clients
	}
	disturb := []func(){
		func() { agents[0].stop(); agents[0].start() },
		func() { gateway.kill(); gateway.start() },
		func() {
			replaceFile(t, filepath.Join(dir, "extra.yaml"), service("extra", slos[0]))
			gateway.stop()
			gateway.start()
		},
		func() { agents[1].stop(); gateway.kill(); gateway.start(); agents[1].start() },
		func() {
			replaceFile(t, filepath.Join(dir, "checkout.yaml"), strings.Replace(texts["checkout"], "owner: test", "owner: someone-else", 1))
			agents[0].stop()
			agents[0].start()
		},
	}
	for round := range rounds {
		clients := sendRound(round)
		disturb[round]()
		clients.Wait()
	}

	lock.Lock()
	defer lock.Unlock()
	require.GreaterOrEqual(t, sent[[3]string{"checkout", "availability", "good"}], 1000.0)
	settled := func() bool {
		return assert.EventuallyWithT(t, func(collect *assert.CollectT) {
			compareCounts(collect, gateway, sent)
			compareBudgets(collect, gateway, sent) // one flush behind the counts
		}, patience, 500*time.Millisecond)
	}
	require.True(t, settled())

	// Nothing comes twice afterwards, and the process that keeps the budgets may die once more.
	gateway.kill()
	gateway.start()
	require.True(t, settled())
	for _, agent := range agents {
		agent.stop()
	}
	compareCounts(t, gateway, sent)
	compareBudgets(t, gateway, sent)
}

func compareCounts(t assert.TestingT, c *collector, sent tally) {
	families := c.scrape()
	for key, want := range sent {
		got, _ := sum(families, "slo_events_total", "service_name", key[0], "slo_name", key[1], "slo_outcome", key[2])
		assert.Equal(t, want, got, "%v", key)
	}
}

func compareBudgets(t assert.TestingT, c *collector, sent tally) {
	families := c.scrape()
	objectives := map[string]float64{"availability": 0.999, "latency": 0.9, "paid": 0.99}
	for key := range sent {
		good, bad := sent[[3]string{key[0], key[1], "good"}], sent[[3]string{key[0], key[1], "bad"}]
		of := []string{"service_name", key[0], "slo_name", key[1], "deployment_environment_name", "production"}
		ratio, found := sum(families, "slo_error_ratio", append([]string{"slo_window", "30d"}, of...)...)
		assert.True(t, found, "%v", key)
		assert.InDelta(t, bad/(good+bad), ratio, 1e-9, "%v", key)
		left, found := sum(families, "slo_error_budget_remaining_ratio", of...)
		assert.True(t, found, "%v", key)
		coverage, _ := sum(families, "slo_period_coverage_ratio", of...)
		assert.InDelta(t, 1-ratio/(1-objectives[key[1]])*coverage, left, 0.02, "%v", key)
	}
}
