// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployevent

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pipeline"

	"github.com/otelcol-sre/otelcol-sre/connectors/deployevent/internal/metadata"
)

const (
	itemsPerResource = 100
	resources        = 10
)

// describe is a resource as an SDK and k8s_attributes make it.
func describe(to pcommon.Resource, n int) {
	resource(to, "1.0", fmt.Sprint("instance-", n))
	for _, key := range []string{"telemetry.sdk.name", "telemetry.sdk.language", "telemetry.sdk.version", "host.name", "host.id", "k8s.pod.name",
		"k8s.pod.uid", "k8s.deployment.name", "k8s.replicaset.name", "k8s.node.name", "k8s.namespace.name"} {
		to.Attributes().PutStr(key, "value")
	}
}

func startCore(t testing.TB) *instance {
	i, err := newInstance(&components{}, connectortest.NewNopSettings(metadata.Type), createDefaultConfig().(*Config), pipeline.SignalTraces, outputs{events: consumertest.NewNop()})
	require.NoError(t, err)
	h := startTracker(t, nil)
	require.NoError(t, i.Start(context.Background(), h))
	t.Cleanup(func() {
		require.NoError(t, i.Shutdown(context.Background()))
		require.NoError(t, h[trackerID].Shutdown(context.Background()))
	})
	return i
}

func benchmarkTraces() ptrace.Traces {
	td := ptrace.NewTraces()
	for n := range resources {
		rs := td.ResourceSpans().AppendEmpty()
		describe(rs.Resource(), n)
		spans := rs.ScopeSpans().AppendEmpty().Spans()
		for range itemsPerResource {
			spans.AppendEmpty().SetEndTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		}
	}
	return td
}

func benchmarkLogs() plog.Logs {
	ld := plog.NewLogs()
	for n := range resources {
		rl := ld.ResourceLogs().AppendEmpty()
		describe(rl.Resource(), n)
		records := rl.ScopeLogs().AppendEmpty().LogRecords()
		for range itemsPerResource {
			record := records.AppendEmpty()
			record.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
			record.Body().SetStr("GET /cart 200 in 3 ms")
			record.Attributes().PutStr("http.route", "/cart")
			record.Attributes().PutInt("http.response.status_code", 200)
		}
	}
	return ld
}

// BenchmarkTraces is the cost of a span: ten resources a batch, with 100 spans each.
func BenchmarkTraces(b *testing.B) {
	i, td := startCore(b), benchmarkTraces()
	at := pcommon.NewTimestampFromTime(time.Now())
	b.ReportAllocs()
	for b.Loop() {
		at += pcommon.Timestamp(time.Millisecond) // time goes on, so that each second something is to be noted
		for _, rs := range td.ResourceSpans().All() {
			spans := rs.ScopeSpans().At(0).Spans()
			spans.At(spans.Len() - 1).SetEndTimestamp(at)
		}
		i.traces(td)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*resources*itemsPerResource), "ns/span")
}

// BenchmarkLogs is the cost of a log record: each could report a deployment.
func BenchmarkLogs(b *testing.B) {
	i, ld := startCore(b), benchmarkLogs()
	b.ReportAllocs()
	for b.Loop() {
		i.logs(context.Background(), ld)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*resources*itemsPerResource), "ns/record")
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	i, td, ld := startCore(t), benchmarkTraces(), benchmarkLogs()
	i.traces(td)
	i.logs(t.Context(), ld)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		i.traces(td)
		i.logs(context.Background(), ld)
	}))
}

// withFlags lets one span in ten evaluate a feature flag, as an event, as OpenFeature's hooks write it.
func withFlags(td ptrace.Traces) ptrace.Traces {
	for _, rs := range td.ResourceSpans().All() {
		spans := rs.ScopeSpans().At(0).Spans()
		for n := range spans.Len() {
			attributes := spans.At(n).Attributes()
			attributes.PutStr("http.route", "/cart")
			attributes.PutStr("http.request.method", "GET")
			attributes.PutInt("http.response.status_code", 200)
			attributes.PutStr("server.address", "shop.example.com")
			if n%10 == 0 {
				event := spans.At(n).Events().AppendEmpty()
				event.SetName("feature_flag.evaluation")
				event.SetTimestamp(spans.At(n).EndTimestamp())
				event.Attributes().PutStr("feature_flag.key", "new-card-check")
				event.Attributes().PutStr("feature_flag.result.variant", "on")
			}
		}
	}
	return td
}

// BenchmarkTracesWithFlags is the cost of a span where flags are in use.
func BenchmarkTracesWithFlags(b *testing.B) {
	i, td := startCore(b), withFlags(benchmarkTraces())
	at := pcommon.NewTimestampFromTime(time.Now())
	b.ReportAllocs()
	for b.Loop() {
		at += pcommon.Timestamp(time.Millisecond)
		for _, rs := range td.ResourceSpans().All() {
			spans := rs.ScopeSpans().At(0).Spans()
			spans.At(spans.Len() - 1).SetEndTimestamp(at)
		}
		i.traces(td)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*resources*itemsPerResource), "ns/span")
}

func TestFlagsInUseDoNotAllocate(t *testing.T) {
	i, td := startCore(t), withFlags(benchmarkTraces())
	for range 1000 { // most batches are searched at their end only until one is found
		i.traces(td)
	}
	require.True(t, i.flagsFound.Load())
	require.Zero(t, testing.AllocsPerRun(100, func() { i.traces(td) }))
}
