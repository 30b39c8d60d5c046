// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracesampler

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/tailsamplingprocessor"

	badevents "github.com/otelcol-sre/otelcol-sre/extensions/bad_events"
	"github.com/otelcol-sre/otelcol-sre/processors/trace_sampler/internal/metadata"
)

// request is 100 spans of 16 attributes, in traces of the size. Of 20 traces, `failing` have a span with an error.
func request(size, failing int, number uint64) []byte {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "checkout")
	for a := range 11 {
		rs.Resource().Attributes().PutStr(fmt.Sprint("resource.attribute.", a), "a value of usual length")
	}
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	for n := range uint64(100) {
		span := spans.AppendEmpty()
		trace := number*100 + n/uint64(size)
		ok(trace, "POST /orders")(span)
		if int(trace%20) < failing {
			span.Status().SetCode(ptrace.StatusCodeError)
		}
		for a := range 16 {
			span.Attributes().PutStr(fmt.Sprint("http.request.attribute.", a), "a value of usual length")
		}
	}
	bytes, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	if err != nil {
		panic(err)
	}
	return bytes
}

// renumber makes other traces of an encoded request.
func renumber(td ptrace.Traces, number uint64) {
	for i, span := range td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
		id := span.TraceID()
		binary.BigEndian.PutUint64(id[:8], number<<8|uint64(i)<<40>>40&0xff^binary.BigEndian.Uint64(id[:8]))
		binary.BigEndian.PutUint64(id[8:], binary.BigEndian.Uint64(id[8:])^number*0x9e3779b97f4a7c15)
		span.SetTraceID(id)
	}
}

// BenchmarkSampling is the time for one span with 16 attributes, from the decoded request to what is sent on, in requests of 100 spans, here and in
// tail_sampling as the built-in gateway had it. One trace in 20 fails, or all of them (an outage). "bare" is the decoding, which both include.
func BenchmarkSampling(b *testing.B) {
	for _, load := range []struct {
		name          string
		size, failing int
	}{{"10 spans per trace, 5 % fail", 10, 1}, {"1 span per trace, 5 % fail", 1, 1}, {"10 spans per trace, all fail", 10, 20}} {
		bytes := request(load.size, load.failing, 1)
		run := func(name string, start func(b *testing.B) (consumer.Traces, func())) {
			b.Run(load.name+"/"+name, func(b *testing.B) {
				next, stop := start(b)
				b.ReportAllocs()
				b.ResetTimer()
				for i := 0; i < b.N; i += 100 {
					td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(bytes)
					if err != nil {
						b.Fatal(err)
					}
					renumber(td, uint64(i))
					if err := next.ConsumeTraces(b.Context(), td); err != nil {
						b.Fatal(err)
					}
				}
				stop()
			})
		}
		run("bare", func(*testing.B) (consumer.Traces, func()) { return consumertest.NewNop(), func() {} })
		run("trace_sampler", func(b *testing.B) (consumer.Traces, func()) {
			s, err := newSampler(processortest.NewNopSettings(metadata.Type), defaults(func(c *Config) { c.Wait = time.Second }), consumertest.NewNop())
			require.NoError(b, err)
			require.NoError(b, s.Start(b.Context(), host{component.MustNewID("service_catalog"): source{}}))
			return s, func() { require.NoError(b, s.Shutdown(context.Background())) }
		})
		run("tail_sampling", startPeer)
	}
}

func startPeer(b *testing.B) (consumer.Traces, func()) {
	factory := badevents.NewFactory()
	policy, err := factory.Create(b.Context(), extensiontest.NewNopSettings(factory.Type()), factory.CreateDefaultConfig())
	require.NoError(b, err)
	extensions := host{component.MustNewID("service_catalog"): source{}, component.MustNewID("bad_events"): policy}
	require.NoError(b, policy.Start(b.Context(), extensions))
	sampling := tailsamplingprocessor.NewFactory()
	config := sampling.CreateDefaultConfig()
	require.NoError(b, confmap.NewFromStringMap(map[string]any{
		"sampling_strategy": "span-ingest", "decision_wait": "1s", "num_traces": 50_000,
		"decision_cache": map[string]any{"sampled_cache_size": 100_000, "non_sampled_cache_size": 100_000},
		"policies": []any{
			map[string]any{"name": "bad-events", "type": "bad_events"},
			map[string]any{"name": "errors", "type": "status_code", "status_code": map[string]any{"status_codes": []any{"ERROR"}}},
			map[string]any{"name": "fresh", "type": "boolean_attribute", "boolean_attribute": map[string]any{"key": "deployment.recent", "value": true}},
			map[string]any{"name": "share", "type": "probabilistic", "probabilistic": map[string]any{"sampling_percentage": 10}},
		},
	}).Unmarshal(config))
	p, err := sampling.CreateTraces(b.Context(), processortest.NewNopSettings(sampling.Type()), config, consumertest.NewNop())
	require.NoError(b, err)
	require.NoError(b, p.Start(b.Context(), extensions))
	return p, func() {
		require.NoError(b, p.Shutdown(context.Background()))
		require.NoError(b, policy.Shutdown(context.Background()))
	}
}
