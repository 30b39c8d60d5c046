// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gateways

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/stats"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/loadbalancingexporter"

	"github.com/otelcol-sre/otelcol-sre/internal/scatter"
)

// What a service sends: an HTTP server's spans with 16 attributes, behind a resource with 12.

func benchResource(m pcommon.Map) {
	for _, pair := range [][2]string{
		{"service.name", "checkout"}, {"service.namespace", "shop"}, {"service.version", "2.31.4"}, {"deployment.environment.name", "production"},
		{"service.instance.id", "5c7e1c46-8f3a-4f5e-a0ce-7d3f4c1b0f37"}, {"telemetry.sdk.name", "opentelemetry"}, {"telemetry.sdk.language", "go"},
		{"telemetry.sdk.version", "1.38.0"}, {"k8s.pod.name", "checkout-7d9c6b8f5d-x2v4k"}, {"k8s.namespace.name", "shop"}, {"k8s.node.name", "node-17"},
		{"host.arch", "amd64"},
	} {
		m.PutStr(pair[0], pair[1])
	}
}

func benchAttributes(m pcommon.Map, n int) {
	m.EnsureCapacity(16)
	for _, pair := range [][2]string{
		{"http.request.method", "POST"}, {"http.route", "/orders/{id}/items"}, {"url.path", "/orders/" + strconv.Itoa(n*7919) + "/items"}, {"url.scheme", "https"},
		{"server.address", "checkout.shop.example.com"}, {"client.address", fmt.Sprintf("10.12.%d.%d", n%200, n*31%250)}, {"network.protocol.version", "1.1"},
		{"user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"}, {"enduser.id", "user-" + strconv.Itoa(n*104729)},
		{"order.id", fmt.Sprintf("%016x", uint64(n)*0x9e3779b97f4a7c15)}, {"session.id", fmt.Sprintf("%016x", uint64(n)*0xff51afd7ed558ccd)},
		{"correlation.id", fmt.Sprintf("%016x", uint64(n)*0xc4ceb9fe1a85ec53)}, {"feature.flag", "new-cart"},
	} {
		m.PutStr(pair[0], pair[1])
	}
	m.PutInt("http.response.status_code", 200)
	m.PutInt("server.port", 8443)
	m.PutInt("http.response.body.size", int64(n*37%5000))
}

func benchTraceID(n int) (id pcommon.TraceID) {
	a, b := uint64(n+1)*0x9e3779b97f4a7c15, uint64(n+1)*0xc4ceb9fe1a85ec53
	for i := range 8 {
		id[i], id[8+i] = byte(a>>(8*i)), byte(b>>(8*i))
	}
	return id
}

// benchSpans are 100 spans; those of different batches differ.
func benchSpans(traces, batch int) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	benchResource(rs.Resource().Attributes())
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("net/http")
	for n := range 100 {
		s := ss.Spans().AppendEmpty()
		s.SetTraceID(benchTraceID(batch*traces + n%traces))
		n := batch*100 + n
		id := benchTraceID(1_000_000 + n)
		s.SetSpanID(pcommon.SpanID(id[:8]))
		s.SetParentSpanID(pcommon.SpanID(id[8:]))
		s.SetName("POST /orders/{id}/items")
		s.SetKind(ptrace.SpanKindServer)
		s.SetStartTimestamp(pcommon.Timestamp(1_790_000_000_000_000_000 + n*1_000_003))
		s.SetEndTimestamp(pcommon.Timestamp(1_790_000_000_000_000_000 + n*1_731_003))
		benchAttributes(s.Attributes(), n)
	}
	return td
}

func benchLogs(batch int) plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	benchResource(rl.Resource().Attributes())
	sl := rl.ScopeLogs().AppendEmpty()
	sl.Scope().SetName("slog")
	for n := range 100 {
		r := sl.LogRecords().AppendEmpty()
		n := batch*100 + n
		r.SetTimestamp(pcommon.Timestamp(1_790_000_000_000_000_000 + n*1_000_003))
		r.SetSeverityText("INFO")
		r.Body().SetStr("order " + strconv.Itoa(n*7919) + " was accepted and goes to the warehouse")
		if n%2 == 0 {
			r.SetTraceID(benchTraceID(n / 10))
		}
		benchAttributes(r.Attributes(), n)
	}
	return ld
}

// A sink takes requests without decoding them, as a server would that is another machine.
type sink struct {
	address string
	bytes   atomic.Int64 // on the wire
	length  atomic.Int64 // before compression
}

type rawCodec struct{}

func (rawCodec) Name() string                                { return "proto" }
func (rawCodec) Marshal(any) (mem.BufferSlice, error)        { return nil, nil }
func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error { *v.(*int) = data.Len(); return nil }

func (s *sink) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (s *sink) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (s *sink) HandleConn(context.Context, stats.ConnStats)                       {}
func (s *sink) HandleRPC(_ context.Context, r stats.RPCStats) {
	if in, ok := r.(*stats.InPayload); ok {
		s.bytes.Add(int64(in.WireLength))
		s.length.Add(int64(in.Length))
	}
}

func newSink(b testing.TB) *sink {
	b.Helper()
	s := &sink{}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	require.NoError(b, err)
	s.address = listener.Addr().String()
	server := grpc.NewServer(grpc.ForceServerCodecV2(rawCodec{}), grpc.MaxRecvMsgSize(64<<20), grpc.StatsHandler(s),
		grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
			var n int
			if err := stream.RecvMsg(&n); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			return stream.SendMsg(&n)
		}))
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	b.Cleanup(func() { server.Stop(); serving.Wait() })
	return s
}

// exporters of the same data over the same queue: 16 MB, batches of 1 to 3 MB.
const benchQueue = `{sizer: bytes, queue_size: 16000000, block_on_overflow: true, batch: {flush_timeout: 200ms, sizer: bytes, min_size: 1000000, max_size: 3000000}}`

func benchExporter(b *testing.B, kind string, endpoints []string, compression configcompression.Type) (exporter.Factory, component.Config) {
	list := strings.Join(endpoints, ",")
	factory, text := NewFactory(), fmt.Sprintf(`{endpoints: "%s", compression: %s, tls: {insecure: true}, sending_queue: %s}`, list, compression, benchQueue)
	switch kind {
	case "loadbalancing":
		factory, text = loadbalancingexporter.NewFactory(), fmt.Sprintf(
			`{routing_key: traceID, resolver: {static: {hostnames: "%s"}}, protocol: {otlp: {compression: %s, tls: {insecure: true}, sending_queue: %s}}}`, list, compression, benchQueue)
	case "otlp_grpc":
		factory, text = otlpexporter.NewFactory(), fmt.Sprintf(`{endpoint: "%s", compression: %s, tls: {insecure: true}, sending_queue: %s}`, endpoints[0], compression, benchQueue)
	}
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(text))
	require.NoError(b, err)
	conf, err := retrieved.AsConf()
	require.NoError(b, err)
	config := factory.CreateDefaultConfig()
	require.NoError(b, conf.Unmarshal(config))
	return factory, config
}

// BenchmarkExport is from the pipeline to the gateways' sockets, all work in the background included.
func BenchmarkExport(b *testing.B) {
	for _, input := range []string{"100 traces", "10 traces", "logs"} {
		for _, gateways := range []int{1, 3} {
			for _, kind := range []string{"gateways", "loadbalancing", "otlp_grpc"} {
				if kind == "otlp_grpc" && gateways > 1 {
					continue
				}
				b.Run(fmt.Sprintf("%s/to=%d/%s", input, gateways, kind), func(b *testing.B) {
					benchmarkExport(b, kind, input, gateways, "none")
				})
			}
		}
	}
}

// BenchmarkCompression is the same, with each compression.
func BenchmarkCompression(b *testing.B) {
	for _, compression := range []configcompression.Type{"none", "snappy", "zstd", "gzip"} {
		b.Run(string(compression), func(b *testing.B) { benchmarkExport(b, "gateways", "10 traces", 3, compression) })
	}
}

// benchBatches is how many different ones there are: more than a request on the wire has.
const benchBatches = 64

func benchmarkExport(b *testing.B, kind, input string, gateways int, compression configcompression.Type) {
	var endpoints []string
	var sinks []*sink
	for range gateways {
		s := newSink(b)
		sinks = append(sinks, s)
		endpoints = append(endpoints, s.address)
	}
	factory, config := benchExporter(b, kind, endpoints, compression)
	set := exportertest.NewNopSettings(factory.Type())
	var consume func(n int) error
	var e component.Component
	if input == "logs" {
		l, err := factory.CreateLogs(b.Context(), set, config)
		require.NoError(b, err)
		var batches []plog.Logs
		for n := range benchBatches {
			batches = append(batches, benchLogs(n))
		}
		e, consume = l, func(n int) error {
			ld := batches[n%benchBatches]
			if !l.Capabilities().MutatesData {
				return l.ConsumeLogs(context.Background(), ld)
			}
			c := plog.NewLogs() // as the pipeline does for it
			ld.CopyTo(c)
			return l.ConsumeLogs(context.Background(), c)
		}
	} else {
		traces := 10
		if input == "100 traces" {
			traces = 100
		}
		x, err := factory.CreateTraces(b.Context(), set, config)
		require.NoError(b, err)
		var batches []ptrace.Traces
		for n := range benchBatches {
			batches = append(batches, benchSpans(traces, n))
		}
		e, consume = x, func(n int) error {
			td := batches[n%benchBatches]
			if !x.Capabilities().MutatesData {
				return x.ConsumeTraces(context.Background(), td)
			}
			c := ptrace.NewTraces() // as the pipeline does for it
			td.CopyTo(c)
			return x.ConsumeTraces(context.Background(), c)
		}
	}
	require.NoError(b, e.Start(b.Context(), nop))
	b.ReportAllocs()
	b.ResetTimer()
	began := cpu()
	for n := range b.N {
		require.NoError(b, consume(n))
	}
	require.NoError(b, e.Shutdown(context.Background()))
	used := cpu() - began
	b.StopTimer()
	items := float64(b.N * 100)
	sent := int64(0)
	for _, s := range sinks {
		sent += s.bytes.Load()
	}
	b.ReportMetric(float64(used.Nanoseconds())/items, "cpu-ns/item")
	b.ReportMetric(float64(sent)/items, "wire-B/item")
}

// BenchmarkDivide is only the division of an encoded request.
func BenchmarkDivide(b *testing.B) {
	spans10, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(benchSpans(10, 0))
	require.NoError(b, err)
	spans100, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(benchSpans(100, 0))
	require.NoError(b, err)
	records, err := (&plog.ProtoMarshaler{}).MarshalLogs(benchLogs(0))
	require.NoError(b, err)
	seeds := seedsOf(endpointsOf(3)...)
	for _, input := range []struct {
		name   string
		signal scatter.Signal
		data   []byte
	}{{"10 traces", scatter.Traces, spans10}, {"100 traces", scatter.Traces, spans100}, {"logs", scatter.Logs, records}} {
		b.Run(input.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := scatter.Divide(input.signal, input.data, 3, func(key uint64) int { return owner(seeds, key) }, scatter.Limit{Bytes: maxPart})
				require.NoError(b, err)
			}
		})
	}
}

// BenchmarkQueue is with queues in memory, and on disk.
func BenchmarkQueue(b *testing.B) {
	for _, kind := range []string{"gateways", "otlp_grpc"} {
		for _, place := range []string{"memory", "disk"} {
			for _, spans := range []int{100, 1000} {
				b.Run(fmt.Sprintf("%s/%s/spans=%d", kind, place, spans), func(b *testing.B) { benchmarkQueue(b, kind, place == "disk", spans) })
			}
		}
	}
}

func benchmarkQueue(b *testing.B, kind string, disk bool, spans int) {
	s := newSink(b)
	factory, config := benchExporter(b, kind, []string{s.address}, "none")
	if disk {
		switch c := config.(type) {
		case *Config:
			c.QueueConfig.Get().StorageID = &storageID
		case *otlpexporter.Config:
			c.QueueConfig.Get().StorageID = &storageID
		}
	}
	e, err := factory.CreateTraces(b.Context(), exportertest.NewNopSettings(factory.Type()), config)
	require.NoError(b, err)
	require.NoError(b, e.Start(b.Context(), withStorage(b, b.TempDir())))
	td := ptrace.NewTraces()
	for n := range spans / 100 {
		benchSpans(10, n).ResourceSpans().MoveAndAppendTo(td.ResourceSpans())
	}
	size := (&ptrace.ProtoMarshaler{}).TracesSize(td)
	b.ReportAllocs()
	b.ResetTimer()
	began := cpu()
	for range b.N {
		in := td
		if e.Capabilities().MutatesData {
			in = ptrace.NewTraces() // as the pipeline does for it
			td.CopyTo(in)
		}
		require.NoError(b, e.ConsumeTraces(context.Background(), in))
	}
	for s.length.Load() < int64(b.N*size) {
		time.Sleep(time.Millisecond)
	}
	used := cpu() - began
	b.StopTimer()
	require.NoError(b, e.Shutdown(context.Background()))
	b.ReportMetric(float64(used.Nanoseconds())/float64(b.N*spans), "cpu-ns/item")
}
