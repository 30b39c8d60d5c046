// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
)

// One product of ten can no longer be ordered. Within 30 s, the page, the command and the metric say so, and what they say adds up.
func TestTheProductThatFailsIsNamed(t *testing.T) {
	t.Parallel()
	c := newCollector(t, "standalone", writeCatalog(t, map[string]string{"orders": service("orders", "{name: availability, objective: 99, sli: {availability: {}}}")}), "OTELCOL_SRE_FLUSH_INTERVAL=1s")
	ctx, stop := context.WithCancel(t.Context())
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		pace := time.NewTicker(100 * time.Millisecond)
		defer pace.Stop()
		for n := 0; ctx.Err() == nil; n++ {
			sendOrders(ctx, t, c, n)
			select {
			case <-ctx.Done():
			case <-pace.C:
			}
		}
	}()
	began := time.Now()
	type answer struct {
		attribution.Answer
		SLO string
	}
	explain := func() (all []answer) {
		out, err := exec.CommandContext(t.Context(), "../bin/srectl", "explain", "orders", "--window", "5m", "--url", "http://"+c.page, "-o", "json").Output()
		if err != nil || json.Unmarshal(out, &all) != nil {
			return nil
		}
		return all
	}
	named := func(all []answer) bool {
		for i := range all {
			if causes := all[i].Causes; len(causes) > 0 && len(causes[0].Attributes) == 1 {
				return causes[0].Attributes[0] == attribution.Attribute{Name: "shop.product", Value: "teapot"}
			}
		}
		return false
	}
	require.Eventually(t, func() bool { return named(explain()) }, 30*time.Second, 500*time.Millisecond, "%+v", explain())
	t.Logf("named after %v", time.Since(began))
	require.Eventually(t, func() bool {
		_, found := sum(c.scrape(), "slo_ledger_events", "service_name", "orders", "slo_ledger_attribute", "shop.product", "slo_ledger_value", "teapot")
		return found
	}, patience, 500*time.Millisecond)
	stop()
	<-sent

	require.Eventually(t, func() bool { // when all is flushed
		all := explain()
		return len(all) == 1 && all[0].Bad > 0 && all[0].Booked == all[0].Bad
	}, patience, 500*time.Millisecond, "every bad event is booked: %+v", explain())
	one := explain()[0]
	assert.Contains(t, one.Text, "teapot")
	for _, d := range one.Dimensions {
		n := d.Other + d.Without
		for _, line := range d.Lines {
			n += line.Bad
		}
		assert.InDelta(t, one.Bad, n, 0.001, "%s adds up", d.Name)
	}
	_, _, html := talk(t, http.MethodGet, "http://"+c.page+"/ledger?service=orders&window=5m", "", "Accept", "text/html")
	assert.Contains(t, html, "teapot")
	table, err := exec.CommandContext(t.Context(), "../bin/srectl", "explain", "orders", "--window", "5m", "--url", "http://"+c.page).CombinedOutput()
	require.NoError(t, err, "%s", table)
	assert.Contains(t, string(table), "teapot")
}

// sendOrders sends 40 orders, those of a teapot fail.
func sendOrders(ctx context.Context, t *testing.T, c *collector, n int) {
	random := rand.New(rand.NewPCG(uint64(n), 1))
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "orders")
	rs.Resource().Attributes().PutStr("service.version", "1.0.0")
	rs.Resource().Attributes().PutStr("k8s.pod.name", fmt.Sprintf("orders-%d", n%3))
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	products := []string{"teapot", "kettle", "mug", "lamp", "chair", "table", "rug", "shelf", "vase", "clock"}
	for range 40 {
		span := spans.AppendEmpty()
		span.SetTraceID(pcommon.TraceID{byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32()), byte(n), byte(n >> 8), 1})
		span.SetSpanID(pcommon.SpanID{byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32()), 1})
		span.SetKind(ptrace.SpanKindServer)
		span.SetName("POST /orders")
		span.Attributes().PutStr("http.route", "/orders")
		product := products[random.IntN(len(products))]
		span.Attributes().PutStr("shop.product", product)
		span.Attributes().PutStr("shop.tenant", fmt.Sprintf("tenant-%d", random.IntN(30)))
		if product == "teapot" || random.IntN(200) == 0 {
			span.Status().SetCode(ptrace.StatusCodeError)
		}
		now := time.Now()
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(-20 * time.Millisecond)))
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(now))
	}
	body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	if !assert.NoError(t, err) {
		return
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.otlpHTTP+"/v1/traces", bytes.NewReader(body))
	if !assert.NoError(t, err) {
		return
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		if ctx.Err() == nil { // the end of the test is a reason
			t.Error(err)
		}
		return
	}
	assert.Equal(t, http.StatusOK, response.StatusCode)
	_ = response.Body.Close()
}
