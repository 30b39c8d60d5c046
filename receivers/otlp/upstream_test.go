// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// receivers are this one and the Collector's, with the same keys.
var receivers = map[string]receiver.Factory{"otelcol-sre": NewFactory(), "upstream": otlpreceiver.NewFactory()}

// serve starts a receiver of all signals and returns its addresses.
func serve(t testing.TB, factory receiver.Factory, logs consumer.Logs) (overGRPC, overHTTP string) {
	t.Helper()
	overGRPC, overHTTP = free(t), free(t)
	config := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"protocols": map[string]any{
		"grpc": map[string]any{"endpoint": overGRPC}, "http": map[string]any{"endpoint": overHTTP, "max_request_body_size": 64 << 20},
	}}).Unmarshal(config))
	set := receivertest.NewNopSettings(factory.Type())
	traces, err := factory.CreateTraces(t.Context(), set, config, consumertest.NewNop())
	require.NoError(t, err)
	metrics, err := factory.CreateMetrics(t.Context(), set, config, consumertest.NewNop())
	require.NoError(t, err)
	records, err := factory.CreateLogs(t.Context(), set, config, logs)
	require.NoError(t, err)
	for _, r := range []component.Component{traces, metrics, records} {
		require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
		t.Cleanup(func() { assert.NoError(t, r.Shutdown(context.WithoutCancel(t.Context()))) })
	}
	return overGRPC, overHTTP
}

// A request gets the same answer as from the Collector's receiver.
func TestAnswersAreUpstreams(t *testing.T) {
	throttled, err := status.New(codes.ResourceExhausted, "slow down").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(9 * time.Second)})
	require.NoError(t, err)
	pipelines := map[string]error{
		"takes":        nil,
		"is busy":      errors.New("memory is short"),
		"never takes":  consumererror.NewPermanent(errors.New("not valid")),
		"throttles":    throttled.Err(),
		"is cancelled": status.Error(codes.Canceled, "gone"),
		"forbids":      status.Error(codes.PermissionDenied, "not you"),
		"knows nobody": status.Error(codes.Unauthenticated, "not known"),
		"refuses":      status.Error(codes.InvalidArgument, "wrong"),
		"has not":      status.Error(codes.Unimplemented, "none"),
		"is broken":    status.Error(codes.Internal, "broken"),
	}
	protobuf, err := plogotlp.NewExportRequestFromLogs(logsOf(1)).MarshalProto()
	require.NoError(t, err)
	json := string(record(10))
	requests := []struct{ name, method, path, kind, encoding, body string }{
		{"JSON", "POST", "/v1/logs", "application/json", "", json},
		{"JSON with a charset", "POST", "/v1/logs", "application/json; charset=utf-8", "", json},
		{"protobuf", "POST", "/v1/logs", "application/x-protobuf", "", string(protobuf)},
		{"nothing in it", "POST", "/v1/logs", "application/json", "", "{}"},
		{"no body", "POST", "/v1/logs", "application/x-protobuf", "", ""},
		{"broken JSON", "POST", "/v1/logs", "application/json", "", "{"},
		{"broken protobuf", "POST", "/v1/logs", "application/x-protobuf", "", "\xff\xff"},
		{"another type", "POST", "/v1/logs", "text/plain", "", json},
		{"no type", "POST", "/v1/logs", "", "", json},
		{"a bad type", "POST", "/v1/logs", ";;", "", json},
		{"GET", "GET", "/v1/logs", "application/json", "", ""},
		{"another path", "POST", "/v1/nothing", "application/json", "", json},
		{"not gzip", "POST", "/v1/logs", "application/json", "gzip", json},
		{"not gzip, protobuf", "POST", "/v1/logs", "application/x-protobuf", "gzip", json},
		{"an unknown encoding", "POST", "/v1/logs", "application/json", "brotli", json},
		{"traces", "POST", "/v1/traces", "application/json", "", `{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a"}]}]}]}`},
		{"metrics", "POST", "/v1/metrics", "application/json", "", `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","gauge":{"dataPoints":[{"asInt":"1"}]}}]}]}]}`},
	}
	type answer struct {
		code              int
		kind, retry, body string
	}
	for pipeline, failure := range pipelines {
		t.Run(pipeline, func(t *testing.T) {
			got := map[string]map[string]answer{}
			grpcGot := map[string]*status.Status{}
			for name, factory := range receivers {
				sink, err := consumer.NewLogs(func(context.Context, plog.Logs) error { return failure })
				require.NoError(t, err)
				overGRPC, overHTTP := serve(t, factory, sink)
				got[name] = map[string]answer{}
				client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
				for _, r := range requests {
					request, err := http.NewRequestWithContext(t.Context(), r.method, "http://"+overHTTP+r.path, strings.NewReader(r.body))
					require.NoError(t, err)
					for key, value := range map[string]string{"Content-Type": r.kind, "Content-Encoding": r.encoding} {
						if value != "" {
							request.Header.Set(key, value)
						}
					}
					response, err := client.Do(request)
					require.NoError(t, err)
					text, err := io.ReadAll(response.Body)
					require.NoError(t, err)
					require.NoError(t, response.Body.Close())
					got[name][r.name] = answer{response.StatusCode, response.Header.Get("Content-Type"), response.Header.Get("Retry-After"), strings.ReplaceAll(string(text), " ", "")}
				}
				_, err = plogotlp.NewGRPCClient(dial(t, overGRPC)).Export(t.Context(), plogotlp.NewExportRequestFromLogs(logsOf(1)))
				grpcGot[name] = status.Convert(err)
			}
			assert.Equal(t, grpcGot["upstream"].String(), grpcGot["otelcol-sre"].String(), "over gRPC")
			for _, r := range requests {
				want, have := got["upstream"][r.name], got["otelcol-sre"][r.name]
				if want.retry == "" && (want.code == http.StatusTooManyRequests || want.code == http.StatusServiceUnavailable) {
					want.retry = "5" // the Collector's says nothing
				}
				if r.name == "another path" { // the Collector's says only that there is none
					want.body = `thereisnopath"/v1/nothing"here:sendtracesto/v1/traces,metricsto/v1/metricsandlogsto/v1/logs` + "\n"
				}
				assert.Equal(t, want, have, r.name)
			}
		})
	}
}

func dial(t testing.TB, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, conn.Close()) })
	return conn
}

func logsOf(n int) plog.Logs {
	ld := plog.NewLogs()
	records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for range n {
		records.AppendEmpty().Body().SetStr("ready")
	}
	return ld
}

// tracesOf has spans with 16 attributes.
func tracesOf(n int) ptrace.Traces {
	td := ptrace.NewTraces()
	spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for range n {
		span := spans.AppendEmpty()
		span.SetName("GET /items")
		for i := range 16 {
			span.Attributes().PutStr("attribute."+string(rune('a'+i)), "some value")
		}
	}
	return td
}

// All signals come in over both protocols.
func TestSignals(t *testing.T) {
	overGRPC, _ := serve(t, NewFactory(), consumertest.NewNop())
	conn := dial(t, overGRPC)
	_, err := ptraceotlp.NewGRPCClient(conn).Export(t.Context(), ptraceotlp.NewExportRequestFromTraces(tracesOf(1)))
	require.NoError(t, err)
	_, err = pmetricotlp.NewGRPCClient(conn).Export(t.Context(), pmetricotlp.NewExportRequest())
	require.NoError(t, err)
}

// The cost of a request of 100 spans, beside that of the Collector's receiver.
func BenchmarkRequest(b *testing.B) {
	request := ptraceotlp.NewExportRequestFromTraces(tracesOf(100))
	body, err := request.MarshalProto()
	require.NoError(b, err)
	for _, name := range []string{"upstream", "otelcol-sre"} {
		overGRPC, overHTTP := serve(b, receivers[name], consumertest.NewNop())
		b.Run("gRPC/"+name, func(b *testing.B) {
			client := ptraceotlp.NewGRPCClient(dial(b, overGRPC))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := client.Export(b.Context(), request); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("HTTP/"+name, func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			b.ReportAllocs()
			for b.Loop() {
				response, err := client.Post("http://"+overHTTP+"/v1/traces", "application/x-protobuf", bytes.NewReader(body))
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			}
		})
	}
}
