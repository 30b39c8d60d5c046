// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quick are settings without faults and without waiting.
func quick() map[string]Settings {
	settings := defaultSettings("test")
	for name, s := range settings {
		s.Latency, s.ErrorRate = 0, 0
		settings[name] = s
	}
	return settings
}

func startShop(t *testing.T, config Config) *Shop {
	t.Helper()
	shop, err := Start(t.Context(), config)
	require.NoError(t, err)
	return shop
}

func shutdown(t *testing.T, shop *Shop) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	require.NoError(t, shop.Shutdown(ctx))
}

// buy sends one request and reports whether it succeeded.
func buy(t *testing.T, shop *Shop, id string) bool {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	err := post(t.Context(), client, shop.URL(), id)
	if err != nil {
		require.ErrorContains(t, err, "500")
	}
	return err == nil
}

func TestOneRequestIsATraceALinkedOneAndALostOne(t *testing.T) {
	for _, protocol := range []string{protocolGRPC, protocolHTTP} {
		t.Run(protocol, func(t *testing.T) {
			backend := newCollector(t)
			endpoint := backend.grpc
			if protocol == protocolHTTP {
				endpoint = backend.http
			}
			shop := startShop(t, Config{Exporter: ExporterConfig{Endpoint: endpoint, Protocol: protocol}, Settings: quick()})
			require.True(t, buy(t, shop, "request-1"))
			shutdown(t, shop)

			bySpanID := map[pcommon.SpanID]span{}
			for _, s := range backend.spans {
				bySpanID[s.SpanID()] = s
			}
			// path lists the calls from the root.
			var path func(s span) string
			path = func(s span) string {
				own := str(s.resource, "service.name") + " " + kindName(s.Kind()) + " " + s.Name()
				if s.ParentSpanID().IsEmpty() {
					return own
				}
				parent, ok := bySpanID[s.ParentSpanID()]
				require.True(t, ok, "the parent of %q is missing", own)
				require.Equal(t, parent.TraceID(), s.TraceID())
				return path(parent) + " > " + own
			}
			var paths []string
			var requestTrace pcommon.TraceID
			for _, s := range backend.spans {
				paths = append(paths, path(s))
				if str(s.resource, "service.name") == frontend && s.ParentSpanID().IsEmpty() {
					requestTrace = s.TraceID()
				}
			}
			slices.Sort(paths)
			const toCheckout = "frontend server POST /buy > frontend client HTTP POST > checkout server POST /orders"
			assert.Equal(t, []string{
				"frontend server POST /buy",
				"frontend server POST /buy > frontend client HTTP POST",
				toCheckout,
				toCheckout + " > checkout client HTTP POST",
				toCheckout + " > checkout client HTTP POST",
				toCheckout + " > checkout client HTTP POST > inventory server POST /reservations",
				toCheckout + " > checkout client HTTP POST > payment server POST /charges",
				toCheckout + " > checkout producer send shipments",
				"inventory consumer process shipments",
				"mailer consumer process receipts",
				"mailer consumer process receipts > mailer internal smtp send",
			}, paths)

			instances := map[string]bool{}
			var mailerSpan span
			for _, s := range backend.spans {
				name := str(s.resource, "service.name")
				assert.Equal(t, Identity{name, "test", "1.0.0"}, identity(s.resource))
				assert.Equal(t, "shop", str(s.resource, "service.namespace"))
				assert.Equal(t, "go", str(s.resource, "telemetry.sdk.language"))
				instances[str(s.resource, "service.instance.id")] = true
				assert.NotEqual(t, ptrace.StatusCodeError, s.Status().Code())

				switch s.Kind() {
				case ptrace.SpanKindServer:
					id, ok := s.Attributes().Get("http.request.header.x-request-id")
					require.True(t, ok, name)
					assert.Equal(t, []any{"request-1"}, id.Slice().AsRaw())
					assert.Equal(t, "200", str(s.Attributes(), "http.response.status_code"))
					assert.True(t, strings.HasSuffix(s.Name(), str(s.Attributes(), "http.route")), "%s: http.route", name)
				case ptrace.SpanKindConsumer:
					if name == mailer {
						assert.Zero(t, s.Links().Len(), "nothing leads from the lost trace to the request")
						assert.NotContains(t, fmt.Sprint(s.Attributes().AsRaw()), "request-1")
						mailerSpan = s
						continue
					}
					require.Equal(t, 1, s.Links().Len())
					sender := bySpanID[s.Links().At(0).SpanID()]
					assert.Equal(t, ptrace.SpanKindProducer, sender.Kind())
					assert.Equal(t, requestTrace, s.Links().At(0).TraceID())
					assert.NotEqual(t, requestTrace, s.TraceID())
					assert.Equal(t, "request-1", str(s.Attributes(), "messaging.message.conversation_id"))
				}
				if name == checkout && s.Kind() == ptrace.SpanKindServer {
					assert.Equal(t, "true", str(s.Attributes(), "order.paid"))
					total, _ := s.Attributes().Get("order.total")
					assert.Positive(t, total.Double())
				}
			}
			assert.Len(t, instances, 5, "one instance ID a service")

			require.Len(t, backend.records, 3)
			var paid record
			var lines []string
			for _, r := range backend.records {
				if str(r.resource, "service.name") == checkout {
					paid = r
					continue
				}
				assert.True(t, r.TraceID().IsEmpty(), "a line of text has no trace but in its text")
				assert.True(t, r.SpanID().IsEmpty())
				assert.Zero(t, r.Attributes().Len())
				assert.Empty(t, r.SeverityText())
				assert.Zero(t, r.Timestamp())
				assert.Equal(t, plog.SeverityNumberUnspecified, r.SeverityNumber())
				lines = append(lines, r.Body().Str())
			}
			order := str(paid.Attributes(), "order.id")
			require.Len(t, lines, 2)
			assert.Regexp(t, `^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO  \[mailer\] Mailer - taking receipt order=`+order+` request_id=request-1$`, lines[0])
			assert.Regexp(t, ` Mailer - receipt sent order=`+order+` request_id=request-1 trace_id=`+mailerSpan.TraceID().String()+
				` span_id=`+mailerSpan.SpanID().String()+`$`, lines[1])
			assert.Equal(t, order, str(mailerSpan.Attributes(), "order.id"))

			assert.Equal(t, "order paid", paid.Body().Str())
			assert.Equal(t, plog.SeverityNumberInfo, paid.SeverityNumber())
			assert.Equal(t, "request-1", str(paid.Attributes(), "correlation.id"))
			assert.Equal(t, requestTrace, paid.TraceID())
			assert.Equal(t, "POST /orders", bySpanID[paid.SpanID()].Name())

			assert.EqualValues(t, 1, backend.sum(checkout, "shop.orders", "paid"))
			assert.EqualValues(t, 1, backend.sum(inventory, "queue.messages", "false"))
		})
	}
}

func TestAFaultReachesTheCustomer(t *testing.T) {
	backend := newCollector(t)
	settings := quick()
	settings[payment] = Settings{Version: "1.0.0", Environment: "test", ErrorRate: 1, Instances: 1}
	shop := startShop(t, Config{Exporter: ExporterConfig{Endpoint: backend.grpc}, Settings: settings})
	require.False(t, buy(t, shop, "request-1"))
	shutdown(t, shop)

	want := map[SpanCount]int64{}
	for _, c := range []SpanCount{
		{Identity: Identity{Service: frontend}, Kind: "server", Ended: 1, Errors: 1},
		{Identity: Identity{Service: frontend}, Kind: "client", Ended: 1, Errors: 1},
		{Identity: Identity{Service: checkout}, Kind: "server", Ended: 1, Errors: 1},
		{Identity: Identity{Service: checkout}, Kind: "client", Ended: attempts, Errors: 1}, // payment, three times
		{Identity: Identity{Service: checkout}, Kind: "client", Ended: 1},                   // inventory
		{Identity: Identity{Service: payment}, Kind: "server", Ended: attempts, Errors: 1},
		{Identity: Identity{Service: inventory}, Kind: "server", Ended: 1},
	} {
		key := SpanCount{Identity: Identity{c.Service, "test", "1.0.0"}, Kind: c.Kind, Errors: c.Errors}
		want[key] = c.Ended
	}
	assert.Equal(t, want, backend.spanCounts())
	assert.EqualValues(t, 1, backend.sum(checkout, "shop.orders", "failed"))

	slos := map[string]SLOCount{}
	for _, c := range shop.Tally().SLOs {
		slos[c.Service+" "+c.SLO] = c
	}
	for slo, bad := range map[string]int64{
		"frontend availability": 1, "checkout availability": 1, "checkout paid-orders": 1, "checkout orders-settled": 1,
		"checkout orders-accepted": 1, "payment availability": 3, "payment latency": 3,
	} {
		assert.Equal(t, bad, slos[slo].Bad, slo)
		assert.Zero(t, slos[slo].Good, slo)
	}
	assert.EqualValues(t, 1, slos["inventory availability"].Good)
	assert.EqualValues(t, 1, slos["frontend latency"].Good, "a fast failure is fast")
}

func TestARequestIDIsOneShortWord(t *testing.T) {
	for id, valid := range map[string]bool{
		"8f14e45f-ceea-467f": true, strings.Repeat("x", maxRequestID): true, strings.Repeat("x", maxRequestID+1): false,
		"": false, "a b": false, "a\tb": false, "\x1b[2J": false, "\x7f": false, "\xff": false, "käse": false,
	} {
		assert.Equal(t, valid, validRequestID(id), "%q", id)
	}

	backend := newCollector(t)
	shop := startShop(t, Config{Exporter: ExporterConfig{Endpoint: backend.grpc}, Settings: quick()})
	require.True(t, buy(t, shop, "1 trace_id=none"))
	shutdown(t, shop)
	for _, s := range backend.spans {
		assert.NotContains(t, fmt.Sprint(s.Attributes().AsRaw()), "trace_id=none")
	}
	for _, r := range backend.records {
		assert.NotContains(t, r.Body().Str(), "trace_id=none")
	}
}

func TestFaultsAreTheSameForASeed(t *testing.T) {
	const n = 1000
	count := func(seed uint64, workers int) (failed int) {
		f := newFaults(seed, payment)
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for range n / workers {
					if f.work(t.Context(), Settings{ErrorRate: 0.05}) != nil {
						mu.Lock()
						failed++
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		return failed
	}
	assert.InDelta(t, 50, count(1, 1), 20)
	assert.Equal(t, count(1, 1), count(1, 8), "however requests interleave")
	assert.NotEqual(t, newFaults(1, payment).errors.Uint64(), newFaults(2, payment).errors.Uint64())
	assert.NotEqual(t, newFaults(1, payment).errors.Uint64(), newFaults(1, checkout).errors.Uint64())
}

func TestAStopWithoutACollectorIsBounded(t *testing.T) {
	shop := startShop(t, Config{Exporter: ExporterConfig{Endpoint: "localhost:1"}, Settings: quick()})
	require.True(t, buy(t, shop, ""))
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	require.ErrorIs(t, shop.Shutdown(ctx), context.DeadlineExceeded)
	assert.Less(t, time.Since(start), flushTimeout)
}

func TestAPortThatIsTakenIsAnError(t *testing.T) {
	first := startShop(t, Config{Exporter: ExporterConfig{Endpoint: newCollector(t).grpc}, Settings: quick()})
	defer shutdown(t, first)
	addr := first.services[inventory].listener.Addr().String()
	port := 0
	for _, digit := range addr[strings.LastIndex(addr, ":")+1:] {
		port = port*10 + int(digit-'0')
	}
	_, err := Start(t.Context(), Config{Settings: quick(), Port: port})
	require.ErrorContains(t, err, "--ports")
}
