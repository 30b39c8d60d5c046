// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// A batch of an agent's is larger than what gRPC takes without being told to: the gateway takes it.
func TestLargeBatchesPass(t *testing.T) {
	t.Parallel()
	const spans = 12_000
	catalog := writeCatalog(t, map[string]string{"checkout": service("checkout", "{name: availability, objective: 99, sli: {availability: {}}}")})
	gateway := newCollector(t, "gateway", catalog)
	agent := newCollector(t, "agent", catalog, "OTELCOL_SRE_GATEWAY="+gateway.otlpGRPC, "OTELCOL_SRE_GATEWAY_INSECURE=true")
	provider := newTracerProvider(t, agent, "http/protobuf", attribute.String("service.name", "checkout"))
	padding := attribute.String("padding", strings.Repeat("x", 1<<10))
	for range spans {
		_, span := provider.Tracer("test").Start(t.Context(), "POST /orders", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(padding))
		span.End()
	}
	require.NoError(t, provider.Shutdown(t.Context()))
	accepted := func() float64 {
		total, _ := sum(gateway.own(), "otelcol_receiver_accepted_spans")
		return total
	}
	assert.Eventually(t, func() bool { return accepted() == spans }, patience, 100*time.Millisecond)
	failed, _ := sum(agent.own(), "otelcol_exporter_send_failed_spans")
	assert.Zero(t, failed)
	agent.stop()
	gateway.stop()
}
