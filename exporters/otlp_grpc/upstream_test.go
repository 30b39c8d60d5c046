// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package otlpgrpc

import (
	"context"
	"fmt"
	"maps"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/xconfmap"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/otelcol-sre/otelcol-sre/internal/encoded"
)

// exporters are this one and the Collector's.
var exporters = map[string]exporter.Factory{"otelcol-sre": NewFactory(), "upstream": otlpexporter.NewFactory()}

// A server answers with an error, if it has one, and keeps what it gets.
type server struct {
	address string
	failure error
	mu      sync.Mutex
	got     []string
}

func (s *server) take(ctx context.Context, request interface{ MarshalJSON() ([]byte, error) }) error {
	text, err := request.MarshalJSON()
	if err != nil {
		return err
	}
	headers, _ := metadata.FromIncomingContext(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, fmt.Sprint(headers.Get("x-scope-orgid"), string(text)))
	return s.failure
}

type traceServer struct {
	ptraceotlp.UnimplementedGRPCServer
	*server
}

func (s *traceServer) Export(ctx context.Context, r ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	return ptraceotlp.NewExportResponse(), s.take(ctx, r)
}

type metricServer struct {
	pmetricotlp.UnimplementedGRPCServer
	*server
}

func (s *metricServer) Export(ctx context.Context, r pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	return pmetricotlp.NewExportResponse(), s.take(ctx, r)
}

type logServer struct {
	plogotlp.UnimplementedGRPCServer
	*server
}

func (s *logServer) Export(ctx context.Context, r plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	return plogotlp.NewExportResponse(), s.take(ctx, r)
}

func newServer(t *testing.T) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	s := &server{address: listener.Addr().String()}
	g := grpc.NewServer()
	ptraceotlp.RegisterGRPCServer(g, &traceServer{server: s})
	pmetricotlp.RegisterGRPCServer(g, &metricServer{server: s})
	plogotlp.RegisterGRPCServer(g, &logServer{server: s})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = g.Serve(listener)
	}()
	t.Cleanup(func() {
		g.Stop()
		<-done
	})
	return s
}

func configure(t *testing.T, factory exporter.Factory, address string, keys map[string]any) component.Config {
	t.Helper()
	config := factory.CreateDefaultConfig()
	all := map[string]any{"endpoint": address, "tls": map[string]any{"insecure": true}, "sending_queue": map[string]any{"enabled": false}}
	maps.Copy(all, keys)
	require.NoError(t, confmap.NewFromStringMap(all).Unmarshal(config))
	require.NoError(t, xconfmap.Validate(config))
	return config
}

func record() plog.Logs {
	ld := plog.NewLogs()
	ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr("ready")
	return ld
}

// A server sees the same requests as from the Collector's exporter.
func TestRequestsAreUpstreams(t *testing.T) {
	for name, keys := range map[string]map[string]any{
		"defaults":       {},
		"no compression": {"compression": "none"},
		"headers":        {"headers": map[string]any{"X-Scope-OrgID": "tenant-1"}},
		"a queue":        {"sending_queue": map[string]any{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[string][]string{}
			for who, factory := range exporters {
				s := newServer(t)
				config := configure(t, factory, s.address, keys)
				set := exportertest.NewNopSettings(factory.Type())
				traces, err := factory.CreateTraces(t.Context(), set, config)
				require.NoError(t, err)
				metrics, err := factory.CreateMetrics(t.Context(), set, config)
				require.NoError(t, err)
				logs, err := factory.CreateLogs(t.Context(), set, config)
				require.NoError(t, err)
				for _, c := range []component.Component{traces, metrics, logs} {
					require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
				}
				td := ptrace.NewTraces()
				td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty().SetName("a")
				md := pmetric.NewMetrics()
				md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
				require.NoError(t, traces.ConsumeTraces(t.Context(), td))
				require.NoError(t, metrics.ConsumeMetrics(t.Context(), md))
				require.NoError(t, logs.ConsumeLogs(t.Context(), record()))
				for _, c := range []component.Component{traces, metrics, logs} { // a queue in memory is emptied
					require.NoError(t, c.Shutdown(t.Context()))
				}
				got[who] = s.got
			}
			require.Len(t, got["upstream"], 3)
			assert.ElementsMatch(t, got["upstream"], got["otelcol-sre"])
		})
	}
}

// An error has the same consequence as with the Collector's exporter: the request is sent again, or given up.
func TestErrorsAreTakenAsUpstreams(t *testing.T) {
	for code := codes.OK; code <= codes.Unauthenticated; code++ {
		for _, paused := range []bool{false, true} {
			failure := status.New(code, "some reason")
			if paused && code != codes.OK {
				var err error
				failure, err = failure.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(1)})
				require.NoError(t, err)
			}
			came := map[string]string{}
			for who, factory := range exporters {
				s := newServer(t)
				s.failure = failure.Err()
				config := configure(t, factory, s.address, map[string]any{"retry_on_failure": map[string]any{"enabled": false}})
				logs, err := factory.CreateLogs(t.Context(), exportertest.NewNopSettings(factory.Type()), config)
				require.NoError(t, err)
				require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))
				err = logs.ConsumeLogs(t.Context(), record())
				came[who] = fmt.Sprintf("failed %t, permanent %t", err != nil, consumererror.IsPermanent(err))
				require.NoError(t, logs.Shutdown(t.Context()))
			}
			assert.Equal(t, came["upstream"], came["otelcol-sre"], "%v, paused %t", code, paused)
		}
	}
}

// The Collector's exporter does what needs more than the bytes of a request.
func TestPossible(t *testing.T) {
	for _, c := range []struct {
		name string
		keys map[string]any
		want bool
	}{
		{"defaults", nil, true},
		{"batches", map[string]any{"sending_queue": map[string]any{"batch": map[string]any{}}}, true},
		{"authentication", map[string]any{"auth": map[string]any{"authenticator": "oauth2client"}}, true},
		{"the client's headers", map[string]any{"auth": map[string]any{"authenticator": "headers_setter/tenant"}}, false},
		{"batches by header", map[string]any{"sending_queue": map[string]any{"batch": map[string]any{"partition": map[string]any{"metadata_keys": []any{"x-tenant"}}}}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, err := wire(configure(t, NewFactory(), "localhost:1", c.keys), encoded.Logs, exportertest.NewNopSettings(NewFactory().Type()))
			require.NoError(t, err)
			assert.Equal(t, c.want, w != nil)
		})
	}
}
