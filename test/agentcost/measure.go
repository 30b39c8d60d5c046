// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip" // for what the agents send
	"google.golang.org/grpc/stats"

	"github.com/otelcol-sre/otelcol-sre/test/process"

	_ "go.opentelemetry.io/collector/config/configgrpc" // has snappy
)

const spansPerRequest = 100

// A sink is a gateway that counts what it gets.
type sink struct {
	ptraceotlp.UnimplementedGRPCServer
	address string
	server  *grpc.Server
	spans   atomic.Int64
	bytes   atomic.Int64
}

// Export takes spans.
func (s *sink) Export(_ context.Context, r ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	s.spans.Add(int64(r.Traces().SpanCount()))
	return ptraceotlp.NewExportResponse(), nil
}

// TagRPC, HandleRPC, TagConn and HandleConn count bytes on the wire.
func (*sink) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC counts the bytes of a request.
func (s *sink) HandleRPC(_ context.Context, r stats.RPCStats) {
	if in, ok := r.(*stats.InPayload); ok {
		s.bytes.Add(int64(in.WireLength))
	}
}

// TagConn does nothing.
func (*sink) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn does nothing.
func (*sink) HandleConn(context.Context, stats.ConnStats) {}

func newSink() (*sink, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it ends with the process
	if err != nil {
		return nil, err
	}
	s := &sink{address: listener.Addr().String()}
	s.server = grpc.NewServer(grpc.MaxRecvMsgSize(64<<20), grpc.StatsHandler(s))
	ptraceotlp.RegisterGRPCServer(s.server, s)
	go func() { _ = s.server.Serve(listener) }()
	return s, nil
}

// measure returns the processor time that a collector with this configuration takes for the requests, and the bytes that the sinks got.
func measure(ctx context.Context, config, listen string, requests int, sinks []*sink) (used time.Duration, bytes int64, err error) {
	spansBefore, bytesBefore := totals(sinks)
	collector := exec.CommandContext(ctx, "bin/otelcol-sre", "--config", "yaml:"+config)
	collector.Stderr = os.Stderr
	if err := collector.Start(); err != nil {
		return 0, 0, err
	}
	defer func() {
		_ = collector.Process.Signal(syscall.SIGTERM)
		_ = collector.Wait()
	}()
	conn, err := grpc.NewClient(listen, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = conn.Close() }()
	client := ptraceotlp.NewGRPCClient(conn)
	send := func(ctx context.Context, n int) error {
		_, err := client.Export(ctx, ptraceotlp.NewExportRequestFromTraces(spans(n)), grpc.WaitForReady(true))
		return err
	}
	ready, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	const warm = 100
	for n := range warm {
		if err := send(ready, n); err != nil {
			return 0, 0, fmt.Errorf("the collector does not take spans: %w", err)
		}
	}
	arrived := func(requests int) error {
		for {
			now, _ := totals(sinks)
			if now-spansBefore >= int64(requests)*spansPerRequest {
				return nil
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	if err := arrived(warm); err != nil {
		return 0, 0, err
	}
	began, err := process.ProcessorTime(collector.Process.Pid)
	if err != nil {
		return 0, 0, err
	}
	var next atomic.Int64
	errs := make(chan error, 4)
	var senders sync.WaitGroup
	for range cap(errs) {
		senders.Go(func() {
			for n := next.Add(1); n <= int64(requests); n = next.Add(1) {
				if err := send(ctx, warm+int(n)); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	senders.Wait()
	select {
	case err := <-errs:
		return 0, 0, err
	default:
	}
	if err := arrived(warm + requests); err != nil {
		return 0, 0, err
	}
	ended, err := process.ProcessorTime(collector.Process.Pid)
	_, bytesAfter := totals(sinks)
	return ended - began, bytesAfter - bytesBefore, err
}

func totals(sinks []*sink) (spans, bytes int64) {
	for _, s := range sinks {
		spans += s.spans.Load()
		bytes += s.bytes.Load()
	}
	return spans, bytes
}

// spans are the n-th request of a service: ten traces, 16 attributes a span and 12 of the resource.
func spans(n int) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	for _, pair := range [...][2]string{
		{"service.name", "checkout"}, {"service.namespace", "shop"}, {"service.version", "2.31.4"}, {"deployment.environment.name", "production"},
		{"service.instance.id", "5c7e1c46-8f3a-4f5e-a0ce-7d3f4c1b0f37"}, {"telemetry.sdk.name", "opentelemetry"}, {"telemetry.sdk.language", "go"},
		{"telemetry.sdk.version", "1.38.0"}, {"k8s.pod.name", "checkout-7d9c6b8f5d-x2v4k"}, {"k8s.namespace.name", "shop"}, {"k8s.node.name", "node-17"}, {"host.arch", "amd64"},
	} {
		rs.Resource().Attributes().PutStr(pair[0], pair[1])
	}
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("net/http")
	for i := range spansPerRequest {
		n := n*spansPerRequest + i
		mixed := func(seed uint64) (b [8]byte) {
			for i := range b {
				b[i] = byte((uint64(n+1) * seed) >> (8 * i))
			}
			return b
		}
		s := ss.Spans().AppendEmpty()
		trace := uint64(n/10+1) * 0x9e3779b97f4a7c15
		s.SetTraceID([16]byte{byte(trace), byte(trace >> 8), byte(trace >> 16), byte(trace >> 24), byte(trace >> 32), byte(trace >> 40), byte(trace >> 48), byte(trace >> 56), 15: byte(n / 10)})
		s.SetSpanID(mixed(0xff51afd7ed558ccd))
		s.SetParentSpanID(mixed(0xc4ceb9fe1a85ec53))
		s.SetName("POST /orders/{id}/items")
		s.SetKind(ptrace.SpanKindServer)
		at := time.Unix(1_790_000_000, int64(n)*1_000_003)
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(at))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(at.Add(time.Duration(n%977) * time.Millisecond)))
		m := s.Attributes()
		m.EnsureCapacity(16)
		for _, pair := range [...][2]string{
			{"http.request.method", "POST"}, {"http.route", "/orders/{id}/items"}, {"url.path", "/orders/" + strconv.Itoa(n*7919) + "/items"}, {"url.scheme", "https"},
			{"server.address", "checkout.shop.example.com"}, {"client.address", fmt.Sprintf("10.12.%d.%d", n%200, n*31%250)}, {"network.protocol.version", "1.1"},
			{"user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"}, {"enduser.id", "user-" + strconv.Itoa(n*104729)},
			{"order.id", fmt.Sprintf("%x", mixed(0x9e3779b97f4a7c15))}, {"session.id", fmt.Sprintf("%x", mixed(0xbf58476d1ce4e5b9))},
			{"correlation.id", fmt.Sprintf("%x", mixed(0x94d049bb133111eb))}, {"feature.flag", "new-cart"},
		} {
			m.PutStr(pair[0], pair[1])
		}
		m.PutInt("http.response.status_code", 200)
		m.PutInt("server.port", 8443)
		m.PutInt("http.response.body.size", int64(n*37%5000))
	}
	return td
}
