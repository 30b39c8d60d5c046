// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// traffic is n traces of two services, of which four in five show an ID, in one span, somewhere. Every
// trace has a line of text that knows its trace ID.
type traffic struct{ traces int }

func (traffic) trace(n int) (id pcommon.TraceID) {
	random := rand.New(rand.NewPCG(7, uint64(n)))
	for i := range id {
		id[i] = byte(random.Uint32())
	}
	return id
}

func (traffic) hasID(n int) bool { return n%5 != 0 }

// send sends the service's part: the first shows the IDs, some before and some after the other spans of the trace.
func (f traffic) send(t *testing.T, c *collector, service string, showsIDs bool) {
	connection, err := grpc.NewClient(c.otlpGRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer connection.Close()
	spans, logs := ptraceotlp.NewGRPCClient(connection), plogotlp.NewGRPCClient(connection)
	for n := range f.traces {
		td := ptrace.NewTraces()
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", service)
		ss := rs.ScopeSpans().AppendEmpty()
		for i := range 3 {
			span := ss.Spans().AppendEmpty()
			span.SetTraceID(f.trace(n))
			span.SetSpanID(pcommon.SpanID{service[0], byte(n >> 8), byte(n), byte(i + 1)})
			if showsIDs && f.hasID(n) && i == n%3 {
				span.Attributes().PutStr("http.request.header.x-request-id", fmt.Sprint("request-", n))
			}
		}
		_, err := spans.Export(t.Context(), ptraceotlp.NewExportRequestFromTraces(td))
		require.NoError(t, err)

		ld := plog.NewLogs()
		rl := ld.ResourceLogs().AppendEmpty()
		rl.Resource().Attributes().PutStr("service.name", service)
		rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr(fmt.Sprintf("%s did its part trace_id=%s", service, f.trace(n)))
		_, err = logs.Export(context.Background(), plogotlp.NewExportRequestFromLogs(ld))
		require.NoError(t, err)
	}
}

// items is how many spans and log records one service sends.
func (f traffic) items() int { return f.traces * 4 }

// A gateway with the file that it writes.
type gateway struct {
	*collector
	sink fileSink
}

func startGateway(t *testing.T) gateway {
	sink, toFile := newFileSink(t, "red")
	c := prepareCollector(t, "gateway", t.TempDir(), "OTELCOL_SRE_CORRELATION_WAIT=15s")
	c.args = append(c.args, "--config", toFile)
	c.start()
	return gateway{c, sink}
}

// ids waits for n items and returns, by trace and span or line, the ID of each.
func ids(t *testing.T, n int, gateways ...gateway) map[string]string {
	t.Helper()
	var all []arrival
	require.Eventually(t, func() bool {
		all = nil
		for _, g := range gateways {
			all = append(all, g.sink.read(t)...)
		}
		return len(all) >= n
	}, patience, 100*time.Millisecond, "items")
	require.Len(t, all, n)
	byItem := map[string]string{}
	for _, a := range all {
		byItem[a.trace+" "+a.span+" "+a.name] = a.correlation()
	}
	require.Len(t, byItem, n, "none twice")
	return byItem
}

// Agents on two nodes send a trace to one of two gateways, and what comes out is what one gateway gives.
// When one of the two is lost, what is lost is what it remembered, and nothing else.
func TestTwoGatewaysGiveWhatOneGives(t *testing.T) {
	t.Parallel()
	f := traffic{traces: 200}
	agent := func(to string) *collector {
		return newCollector(t, "agent", t.TempDir(), "OTELCOL_SRE_GATEWAY="+to, "OTELCOL_SRE_GATEWAY_INSECURE=true")
	}
	single, first, second := startGateway(t), startGateway(t), startGateway(t)
	both := first.otlpGRPC + "," + second.otlpGRPC
	for _, to := range []string{single.otlpGRPC, both} {
		f.send(t, agent(to), "back", false)
		f.send(t, agent(to), "front", true)
	}
	want := ids(t, 2*f.items(), single)
	require.Equal(t, want, ids(t, 2*f.items(), first, second))
	for n := range f.traces {
		id := f.trace(n).String()
		if f.hasID(n) {
			id = fmt.Sprint("request-", n)
		}
		require.Equal(t, id, want[fmt.Sprintf("%[1]s  back did its part trace_id=%[1]s", f.trace(n))])
	}
	ofFirst := map[string]bool{}
	for _, a := range first.sink.read(t) {
		ofFirst[a.trace] = true
	}
	require.Greater(t, len(ofFirst), f.traces/4, "both have their share")
	require.Less(t, len(ofFirst), f.traces*3/4)

	late := agent(both) // on a node that has not seen the traces before
	second.kill()
	f.send(t, late, "late", false)
	second.start()
	got := ids(t, 3*f.items(), first, second)
	for n := range f.traces {
		id := f.trace(n).String()
		if f.hasID(n) && ofFirst[id] {
			id = fmt.Sprint("request-", n)
		}
		require.Equal(t, id, got[fmt.Sprintf("%[1]s  late did its part trace_id=%[1]s", f.trace(n))])
	}
}
