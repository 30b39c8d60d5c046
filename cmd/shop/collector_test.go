// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
)

// collector is an OTLP receiver that keeps all it gets.
type collector struct {
	grpc, http string // endpoints

	mu      sync.Mutex
	spans   []span
	records []record
	sums    map[sumKey]sumPoint // the newest of each series
	metrics map[string][]string // names by service
}

type span struct {
	ptrace.Span
	resource pcommon.Map
}

type record struct {
	plog.LogRecord
	resource pcommon.Map
}

// sumKey is one series of a counter with at most one attribute.
type sumKey struct{ service, instance, metric, attribute string }

// sumPoint has its time, because an export that a shutdown canceled can arrive after the last one.
type sumPoint struct {
	at    pcommon.Timestamp
	value int64
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{sums: map[sumKey]sumPoint{}, metrics: map[string][]string{}}

	listener, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	ptraceotlp.RegisterGRPCServer(server, traceServer{collector: c})
	pmetricotlp.RegisterGRPCServer(server, metricServer{collector: c})
	plogotlp.RegisterGRPCServer(server, logServer{collector: c})
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	c.grpc = listener.Addr().String()

	overHTTP := httptest.NewServer(http.HandlerFunc(c.serveHTTP))
	c.http = overHTTP.Listener.Addr().String()
	t.Cleanup(func() {
		server.Stop()
		serving.Wait()
		overHTTP.Close()
	})
	return c
}

type traceServer struct {
	*ptraceotlp.UnimplementedGRPCServer
	*collector
}

func (s traceServer) Export(_ context.Context, r ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	s.addTraces(r.Traces())
	return ptraceotlp.NewExportResponse(), nil
}

type metricServer struct {
	*pmetricotlp.UnimplementedGRPCServer
	*collector
}

func (s metricServer) Export(_ context.Context, r pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	s.addMetrics(r.Metrics())
	return pmetricotlp.NewExportResponse(), nil
}

type logServer struct {
	*plogotlp.UnimplementedGRPCServer
	*collector
}

func (s logServer) Export(_ context.Context, r plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	s.addLogs(r.Logs())
	return plogotlp.NewExportResponse(), nil
}

func (c *collector) serveHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	switch r.URL.Path {
	case "/v1/traces":
		request := ptraceotlp.NewExportRequest()
		if err == nil {
			err = request.UnmarshalProto(body)
		}
		c.addTraces(request.Traces())
	case "/v1/metrics":
		request := pmetricotlp.NewExportRequest()
		if err == nil {
			err = request.UnmarshalProto(body)
		}
		c.addMetrics(request.Metrics())
	case "/v1/logs":
		request := plogotlp.NewExportRequest()
		if err == nil {
			err = request.UnmarshalProto(body)
		}
		c.addLogs(request.Logs())
	default:
		w.WriteHeader(http.StatusNotFound)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
	}
}

func (c *collector) addTraces(td ptrace.Traces) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				c.spans = append(c.spans, span{s, rs.Resource().Attributes()})
			}
		}
	}
}

func (c *collector) addLogs(ld plog.Logs) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, r := range sl.LogRecords().All() {
				c.records = append(c.records, record{r, rl.Resource().Attributes()})
			}
		}
	}
}

func (c *collector) addMetrics(md pmetric.Metrics) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				service := str(rm.Resource().Attributes(), "service.name")
				c.metrics[service] = append(c.metrics[service], m.Name())
				if m.Type() != pmetric.MetricTypeSum {
					continue
				}
				for _, p := range m.Sum().DataPoints().All() {
					key := sumKey{service: service,
						instance: str(rm.Resource().Attributes(), "service.instance.id"), metric: m.Name()}
					for _, v := range p.Attributes().All() {
						key.attribute = v.AsString()
					}
					if newest, ok := c.sums[key]; !ok || p.Timestamp() > newest.at {
						c.sums[key] = sumPoint{p.Timestamp(), p.IntValue()}
					}
				}
			}
		}
	}
}

// sum adds the series of all instances.
func (c *collector) sum(service, metric, attribute string) (total int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, newest := range c.sums {
		if key.service == service && key.metric == metric && key.attribute == attribute {
			total += newest.value
		}
	}
	return total
}

// spanCounts counts what arrived as the tally counts what was made.
func (c *collector) spanCounts() map[SpanCount]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := map[SpanCount]int64{}
	for _, s := range c.spans {
		key := SpanCount{Identity: identity(s.resource), Kind: kindName(s.Kind())}
		if s.Status().Code() == ptrace.StatusCodeError {
			key.Errors = 1
		}
		counts[key]++
	}
	return counts
}

func identity(resource pcommon.Map) Identity {
	return Identity{
		Service:     str(resource, "service.name"),
		Environment: str(resource, "deployment.environment.name"),
		Version:     str(resource, "service.version"),
	}
}

func kindName(kind ptrace.SpanKind) string {
	return map[ptrace.SpanKind]string{
		ptrace.SpanKindInternal: "internal", ptrace.SpanKindServer: "server", ptrace.SpanKindClient: "client",
		ptrace.SpanKindProducer: "producer", ptrace.SpanKindConsumer: "consumer",
	}[kind]
}

func str(m pcommon.Map, key string) string {
	v, ok := m.Get(key)
	if !ok {
		return ""
	}
	return v.AsString()
}
