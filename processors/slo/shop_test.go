// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/connectors/sli"
	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// requests of a shop, by three customers' plans and to two routes. Those of one plan fail, if any.
func requests(n int, failing string) ptrace.Traces {
	td := ptrace.NewTraces()
	now := time.Now()
	for pod := range 4 {
		rs := td.ResourceSpans().AppendEmpty()
		r := rs.Resource().Attributes()
		r.PutStr(semconv.ServiceName, "checkout")
		r.PutStr(semconv.ServiceNamespace, "shop")
		r.PutStr(semconv.Environment, "production")
		r.PutStr(semconv.ServiceVersion, "1.0")
		r.PutStr("k8s.pod.name", fmt.Sprintf("checkout-%d", pod))
		spans := rs.ScopeSpans().AppendEmpty().Spans()
		for i := range n {
			s := spans.AppendEmpty()
			s.SetTraceID(pcommon.TraceID{1, byte(pod), byte(i), byte(i >> 8), byte(now.UnixNano()), byte(now.UnixNano() >> 8), byte(now.UnixNano() >> 16)})
			s.SetSpanID(pcommon.SpanID{1, byte(pod), byte(i), byte(i >> 8)})
			s.SetKind(ptrace.SpanKindServer)
			s.SetName("POST /pay")
			s.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(-10 * time.Millisecond)))
			s.SetEndTimestamp(pcommon.NewTimestampFromTime(now))
			plan := []string{"free", "team", "enterprise", "free"}[i%4]
			s.Attributes().PutStr("app.plan", plan)
			s.Attributes().PutStr("http.route", []string{"/pay", "/list"}[i/4%2])
			s.Attributes().PutStr("http.request.method", "POST")
			if plan == failing || i%100 == 99 {
				s.Status().SetCode(ptrace.StatusCodeError)
				s.Attributes().PutStr("error.type", "timeout")
			}
		}
	}
	return td
}

// Spans in, answer out: sli and slo as they run, on the real clock. The plan whose requests fail is named.
func TestThePlanThatFailsIsNamed(t *testing.T) {
	host := catalogHost(checkout())
	sink := &consumertest.MetricsSink{}
	config := createDefaultConfig().(*Config)
	config.FlushInterval = 100 * time.Millisecond
	p, err := newProcessor(settings(componenttest.NewNopTelemetrySettings().Logger), config, sink)
	require.NoError(t, err)
	require.NoError(t, p.start(t.Context(), host))
	defer func() { require.NoError(t, p.shutdown(context.WithoutCancel(t.Context()))) }()
	next, err := consumer.NewMetrics(func(ctx context.Context, md pmetric.Metrics) error {
		out, err := p.consume(ctx, md)
		if err != nil {
			return err
		}
		return sink.ConsumeMetrics(ctx, out)
	})
	require.NoError(t, err)

	factory := sli.NewFactory()
	cfg := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"flush_interval": "100ms", "ledger": map[string]any{}}).Unmarshal(cfg))
	counter, err := factory.CreateTracesToMetrics(t.Context(), connectortest.NewNopSettings(factory.Type()), cfg, next)
	require.NoError(t, err)
	require.NoError(t, counter.Start(t.Context(), host))
	defer func() { require.NoError(t, counter.Shutdown(context.WithoutCancel(t.Context()))) }()

	require.NoError(t, counter.ConsumeTraces(t.Context(), requests(100, "")))
	began := time.Now()
	var a attribution.Answer
	require.Eventually(t, func() bool {
		if !assert.NoError(t, counter.ConsumeTraces(t.Context(), requests(40, "enterprise"))) {
			return true
		}
		var ok bool
		a, ok = p.Explain(ofCheckout)
		return ok && len(a.Causes) > 0
	}, 25*time.Second, 50*time.Millisecond)
	t.Logf("named after %v: %s", time.Since(began).Round(time.Millisecond), a.Text)
	require.NotEmpty(t, a.Causes)
	require.Equal(t, []attribution.Attribute{{Name: "app.plan", Value: "enterprise"}}, a.Causes[0].Attributes)
	for _, d := range a.Dimensions {
		sum := d.Other + d.Without
		for _, line := range d.Lines {
			sum += line.Bad
		}
		require.InDelta(t, a.Bad, sum, 1e-6, d.Name)
	}
	text, err := json.Marshal(a)
	require.NoError(t, err)
	require.Contains(t, string(text), `"causes":[{"attributes":[{"name":"app.plan","value":"enterprise"}]`)
	for _, md := range sink.AllMetrics() {
		for _, rm := range md.ResourceMetrics().All() {
			for _, sm := range rm.ScopeMetrics().All() {
				for _, m := range sm.Metrics().All() {
					require.NotEqual(t, semconv.SLOLedgerTable.Name, m.Name(), "tables go no further")
				}
			}
		}
	}
}
