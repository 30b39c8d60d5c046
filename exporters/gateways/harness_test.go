// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gateways

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	upstream "github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"

	"github.com/otelcol-sre/otelcol-sre/exporters/gateways/internal/metadata"
	filestorage "github.com/otelcol-sre/otelcol-sre/extensions/file_storage"
)

// A station is a gateway: a server that keeps what it gets.
type station struct {
	ptraceotlp.UnimplementedGRPCServer
	address string
	server  *grpc.Server
	down    atomic.Bool // answers Unavailable
	refuses atomic.Bool // answers InvalidArgument

	mu      sync.Mutex
	spans   map[string]string // names of spans, with the names of their services
	traces  map[[16]byte]bool
	twice   []string
	logs    []plog.Logs
	metrics []pmetric.Metrics
}

func (s *station) answer() error {
	if s.down.Load() {
		return status.Error(codes.Unavailable, "down")
	}
	if s.refuses.Load() {
		return status.Error(codes.InvalidArgument, "refused")
	}
	return nil
}

// Export takes spans.
func (s *station) Export(_ context.Context, r ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	if err := s.answer(); err != nil {
		return ptraceotlp.NewExportResponse(), err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rs := range r.Traces().ResourceSpans().All() {
		service, _ := rs.Resource().Attributes().Get("service.name")
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				if _, again := s.spans[span.Name()]; again {
					s.twice = append(s.twice, span.Name())
				}
				s.spans[span.Name()] = service.AsString() + "/" + ss.Scope().Name()
				s.traces[span.TraceID()] = true
			}
		}
	}
	return ptraceotlp.NewExportResponse(), nil
}

type logStation struct {
	plogotlp.UnimplementedGRPCServer
	*station
}

func (s *logStation) Export(_ context.Context, r plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	if err := s.answer(); err != nil {
		return plogotlp.NewExportResponse(), err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logs = append(s.logs, r.Logs())
	return plogotlp.NewExportResponse(), nil
}

type metricStation struct {
	pmetricotlp.UnimplementedGRPCServer
	*station
}

func (s *metricStation) Export(_ context.Context, r pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	if err := s.answer(); err != nil {
		return pmetricotlp.NewExportResponse(), err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.metrics = append(s.metrics, r.Metrics())
	return pmetricotlp.NewExportResponse(), nil
}

func newStation(t testing.TB) *station {
	t.Helper()
	s := &station{spans: map[string]string{}, traces: map[[16]byte]bool{}}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.address = listener.Addr().String()
	s.server = grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20))
	ptraceotlp.RegisterGRPCServer(s.server, s)
	plogotlp.RegisterGRPCServer(s.server, &logStation{station: s})
	pmetricotlp.RegisterGRPCServer(s.server, &metricStation{station: s})
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.server.Serve(listener) })
	t.Cleanup(func() { s.server.Stop(); serving.Wait() })
	return s
}

func (s *station) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.spans)
}

func addresses(stations ...*station) []string {
	var all []string
	for _, s := range stations {
		all = append(all, s.address)
	}
	slices.Sort(all)
	return all
}

// gathered returns all spans of the stations. No span, and no trace, is at two of them, and no span came twice.
func gathered(t testing.TB, stations ...*station) map[string]string {
	t.Helper()
	all, traces := map[string]string{}, map[[16]byte]bool{}
	for _, s := range stations {
		s.mu.Lock()
		require.Empty(t, s.twice)
		for id := range s.traces {
			require.False(t, traces[id], "a trace is at two gateways")
			traces[id] = true
		}
		for name, place := range s.spans {
			require.NotContains(t, all, name)
			all[name] = place
		}
		s.mu.Unlock()
	}
	return all
}

func has(n int, stations ...*station) func() bool {
	return func() bool {
		total := 0
		for _, s := range stations {
			total += s.count()
		}
		return total >= n
	}
}

func eventually(t testing.TB, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 30*time.Second, 5*time.Millisecond)
}

// testConfig sends at once, and tries again soon.
func testConfig(endpoints []string, changes ...func(*Config)) *Config {
	c := createDefaultConfig().(*Config)
	c.Endpoints = endpoints
	c.ClientConfig.TLS.Insecure = true
	c.QueueConfig.Get().Batch = configoptional.None[exporterhelper.BatchConfig]()
	c.RetryConfig.InitialInterval, c.RetryConfig.MaxInterval = 10*time.Millisecond, 10*time.Millisecond
	for _, change := range changes {
		change(c)
	}
	return c
}

var storageID = component.MustNewID("file_storage")

func onDisk(c *Config) { c.QueueConfig.Get().StorageID = &storageID }

func batched(c *Config) {
	c.QueueConfig.Get().Batch = configoptional.Some(exporterhelper.BatchConfig{
		FlushTimeout: 20 * time.Millisecond, Sizer: exporterhelper.RequestSizerTypeBytes, MinSize: 100_000, MaxSize: 200_000,
	})
}

type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

// withStorage is a host whose storage is in the folder.
func withStorage(t testing.TB, directory string) host {
	t.Helper()
	factory := filestorage.NewFactory()
	config := factory.CreateDefaultConfig().(*upstream.Config)
	config.Directory, config.Compaction.Directory = directory, directory
	e, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), config)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, e.Shutdown(context.WithoutCancel(t.Context()))) })
	return host{storageID: e}
}

// settings have the same ID each time, as those of a collector that starts again.
func settings() exporter.Settings {
	set := exportertest.NewNopSettings(metadata.Type)
	set.ID = component.NewID(metadata.Type)
	return set
}

// An agent is the exporter for spans.
type agent struct {
	tracesExporter
	stopped bool
	t       testing.TB
}

func newAgent(t testing.TB, h component.Host, config *Config) *agent {
	t.Helper()
	require.NoError(t, config.Validate())
	e, err := createTraces(t.Context(), settings(), config)
	require.NoError(t, err)
	a := &agent{tracesExporter: e.(tracesExporter), t: t}
	require.NoError(t, a.Start(t.Context(), h))
	t.Cleanup(a.stop)
	return a
}

func (a *agent) stop() {
	if a.stopped {
		return
	}
	a.stopped = true
	require.NoError(a.t, a.Shutdown(context.WithoutCancel(a.t.Context())))
}

// list makes the stations the agent's gateways, as a resolution does.
func (a *agent) list(stations ...*station) {
	require.NoError(a.t, a.update(a.t.Context(), addresses(stations...)))
}

func (a *agent) gateway(s *station) *gateway {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.active[s.address]
}

// batch is spans of that many traces, each of two services. Spans have the names n/trace/service.
func batch(n, traces int) ptrace.Traces {
	td := ptrace.NewTraces()
	for service := range 2 {
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", fmt.Sprint("service-", service))
		ss := rs.ScopeSpans().AppendEmpty()
		ss.Scope().SetName("test")
		for trace := range traces {
			s := ss.Spans().AppendEmpty()
			s.SetName(fmt.Sprintf("%d/%d/%d", n, trace, service))
			s.SetTraceID([16]byte{1, byte(n), byte(n >> 8), 15: byte(trace)})
		}
	}
	return td
}

// expected are the spans of the first n batches.
func expected(n, traces int) map[string]string {
	all := map[string]string{}
	for n := range n {
		for trace := range traces {
			for service := range 2 {
				all[fmt.Sprintf("%d/%d/%d", n, trace, service)] = fmt.Sprintf("service-%d/test", service)
			}
		}
	}
	return all
}

func (a *agent) send(n, traces int) {
	a.t.Helper()
	require.NoError(a.t, a.ConsumeTraces(a.t.Context(), batch(n, traces)))
}
