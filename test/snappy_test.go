// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// Compressors are pooled: with many senders at once, each request gets one that another has just given back. Core v0.152.0 gave
// back a snappy reader that it was still to unlock, and died when another took it before. Collections of garbage, which
// interrupt at any point, make that likely.
func TestManySnappySenders(t *testing.T) {
	t.Parallel()
	const clients, requests, spans = 128, 500, 2
	catalog := writeCatalog(t, map[string]string{"checkout": service("checkout", "{name: availability, objective: 99, sli: {availability: {}}}")})
	c := newCollector(t, "standalone", catalog, "GOGC=3")

	ctx, failed := context.WithCancelCause(t.Context())
	defer failed(nil)
	var senders sync.WaitGroup
	for range clients {
		sender := configgrpc.ClientConfig{Endpoint: c.otlpGRPC, Compression: configcompression.TypeSnappy, TLS: configtls.ClientConfig{Insecure: true}}
		conn, err := sender.ToClientConn(ctx, nil, componenttest.NewNopTelemetrySettings())
		require.NoError(t, err)
		defer func() { assert.NoError(t, conn.Close()) }()
		client := ptraceotlp.NewGRPCClient(conn)
		senders.Go(func() {
			for range requests {
				if _, err := client.Export(ctx, ptraceotlp.NewExportRequestFromTraces(goodSpans("checkout", spans))); err != nil {
					failed(err)
					return
				}
			}
		})
	}
	senders.Wait()
	require.NoError(t, context.Cause(ctx), "the collector ended, or refused a request")

	const sent = clients * requests * spans
	counted := func() float64 {
		n, _ := sum(c.scrape(), "slo_events_total", "service_name", "checkout")
		return n
	}
	require.Eventually(t, func() bool { return counted() >= sent }, patience, 100*time.Millisecond)
	// What is still on its way is counted before it stops.
	c.stop()
	c.start()
	require.Eventually(t, func() bool { return counted() > 0 }, patience, 100*time.Millisecond)
	assert.EqualValues(t, sent, counted())
}

// goodSpans is a batch of a service's server spans, none bad.
func goodSpans(service string, spans int) ptrace.Traces {
	traces := ptrace.NewTraces()
	resource := traces.ResourceSpans().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", service)
	all := resource.ScopeSpans().AppendEmpty().Spans()
	now := time.Now()
	for range spans {
		span := all.AppendEmpty()
		span.SetName("GET /")
		span.SetKind(ptrace.SpanKindServer)
		span.SetTraceID(pcommon.TraceID(uuid.New()))
		span.SetSpanID(pcommon.SpanID{1})
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(now))
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Millisecond)))
	}
	return traces
}
