// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/judge"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// everything is a service with an SLO of each kind that the collector sees.
const everything = `
metadata: {name: checkout}
spec:
  owner: payments
  slos:
    - {name: availability, objective: 99, sli: {availability: {kinds: [server, consumer, client, producer, internal]}}}
    - {name: latency, objective: 99, sli: {latency: {threshold: 300ms, errorsAreBad: true}}}
    - {name: spans, objective: 99, sli: {spans: {match: 'attributes["a"] != nil', good: 'attributes["a"] == 1'}}}
    - {name: logs, objective: 99, sli: {logs: {good: 'attributes["a"] == 1'}}}
    - {name: sum, objective: 99, sli: {metrics: {good: {name: good}, total: {name: all}}}}
    - {name: histogram, objective: 99, sli: {metrics: {good: {name: took, threshold: 300ms, betweenBuckets: interpolate}, total: {name: took}}}}
`

// sound checks that counters are counters whatever came in.
func sound(t *testing.T, f *fixture) {
	md := f.flush(t)
	for _, p := range points(md, semconv.SLOEvents.Name) {
		if v := p.DoubleValue(); !(v >= 0) || math.IsInf(v, 0) {
			t.Fatalf("%v: %v", p.Attributes().AsRaw(), v)
		}
		for key, value := range p.Attributes().All() {
			if len(value.Str()) > judge.MaxLabel {
				t.Fatalf("%s is %d bytes long", key, len(value.Str()))
			}
		}
	}
	for i := range f.registry.shards {
		_, err := decode(f.registry.shards[i].encode())
		require.NoError(t, err)
	}
}

func FuzzConsumeTraces(f *testing.F) {
	wire := func(td ptrace.Traces) []byte {
		b, err := new(ptrace.ProtoMarshaler).MarshalTraces(td)
		require.NoError(f, err)
		return b
	}
	f.Add([]byte{})
	f.Add(wire(tracesOf(checkout(), spanOf{kind: server, tracestate: "ot=th:c", attributes: map[string]any{"a": 1, "http.response.status_code": 500, "correlation.id": "x"}})))
	f.Add(wire(tracesOf(checkout(), spanOf{kind: ptrace.SpanKindConsumer, took: -1, attributes: map[string]any{"rpc.response.status_code": "INTERNAL", "error.type": "x"}})))
	c := start(f, catalogOf(f, everything))
	f.Fuzz(func(t *testing.T, data []byte) {
		if td, err := new(ptrace.ProtoUnmarshaler).UnmarshalTraces(data); err == nil {
			td.MarkReadOnly()
			require.NoError(t, c.ConsumeTraces(t.Context(), td))
			sound(t, c)
		}
	})
}

func FuzzConsumeLogs(f *testing.F) {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	fill(rl.Resource().Attributes(), checkout())
	fill(rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Attributes(), map[string]any{"a": 2})
	b, err := new(plog.ProtoMarshaler).MarshalLogs(ld)
	require.NoError(f, err)
	f.Add(b)
	c := start(f, catalogOf(f, everything))
	f.Fuzz(func(t *testing.T, data []byte) {
		if ld, err := new(plog.ProtoUnmarshaler).UnmarshalLogs(data); err == nil {
			ld.MarkReadOnly()
			require.NoError(t, c.ConsumeLogs(t.Context(), ld))
			sound(t, c)
		}
	})
}

func FuzzConsumeMetrics(f *testing.F) {
	p := export().sum("good", cumulativeSum, at(1), at(2), 3).sum("all", deltaSum, at(1), at(2), 3).
		histogram("took", "s", at(1), at(2), []float64{0.1, 1}, 1, 2, 3)
	exponential := p.sm.Metrics().AppendEmpty()
	exponential.SetName("took")
	exponential.SetUnit("ms")
	exponential.SetEmptyExponentialHistogram().SetAggregationTemporality(cumulativeSum)
	dp := exponential.ExponentialHistogram().DataPoints().AppendEmpty()
	dp.SetTimestamp(at(2))
	dp.Positive().BucketCounts().FromRaw([]uint64{1, 2})
	b, err := new(pmetric.ProtoMarshaler).MarshalMetrics(p.md)
	require.NoError(f, err)
	f.Add(b)
	c := start(f, catalogOf(f, everything), func(c *Config, _ host) { c.MaxStreams = 100 })
	f.Fuzz(func(t *testing.T, data []byte) {
		if md, err := new(pmetric.ProtoUnmarshaler).UnmarshalMetrics(data); err == nil {
			md.MarkReadOnly()
			require.NoError(t, c.ConsumeMetrics(t.Context(), md))
			sound(t, c)
		}
	})
}

func FuzzDecode(f *testing.F) {
	c := start(f, catalogOf(f, everything))
	require.NoError(f, c.ConsumeTraces(f.Context(), tracesOf(checkout(), spanOf{kind: server})))
	c.metrics(f, export().sum("all", deltaSum, at(1), at(2), 3))
	f.Add([]byte{})
	f.Add(c.registry.shards[serviceKey{name: "checkout"}.shard()].encode())
	f.Fuzz(func(t *testing.T, record []byte) {
		services, err := decode(record)
		if err != nil {
			return
		}
		// What can be read can be written, and reads the same.
		s := shard{services: make(map[serviceKey]*service)}
		for _, svc := range services {
			s.services[svc.serviceKey] = svc
		}
		_, err = decode(s.encode())
		require.NoError(t, err)
	})
}
