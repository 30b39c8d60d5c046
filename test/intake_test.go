// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// An intake stands for the other end of one backend's fragment: it knows who may write, and understands what is written.
type intake struct {
	*arrivals
	// allows reports whether the request, whose body was read, may write.
	allows func(r *http.Request, body []byte) bool
	read   func(a *arrivals, r *http.Request, body []byte) error

	mu   sync.Mutex
	away bool
	// refused are requests of those who may not write.
	refused int
}

// goAway answers as a server does that is overloaded or restarted, until it comes back.
func (i *intake) goAway(away bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.away = away
}

func (i *intake) refusals() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.refused
}

// admit is the status that a request gets.
func (i *intake) admit(r *http.Request, body []byte) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.away:
		return http.StatusServiceUnavailable
	case !i.allows(r, body):
		i.refused++
		return http.StatusUnauthorized
	}
	return http.StatusOK
}

// serve starts the intake as a server of HTTP and returns its URL.
func (i *intake) serve(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the collector has stopped while it sent, and sends it again
		}
		w.Header().Set("X-Elastic-Product", "Elasticsearch") // which its client looks for
		if code := i.admit(r, body); code != http.StatusOK {
			w.WriteHeader(code)
			return
		}
		if r.Header.Get("Content-Encoding") == "gzip" {
			unzipped, err := gzip.NewReader(bytes.NewReader(body))
			if !assert.NoError(t, err) {
				return
			}
			if body, err = io.ReadAll(unzipped); !assert.NoError(t, err) {
				return
			}
		}
		assert.NoError(t, i.read(i.arrivals, r, body), r.URL.Path)
		if strings.HasSuffix(r.URL.Path, "_bulk") {
			_, _ = io.WriteString(w, `{"errors": false, "items": []}`)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// serveGRPC starts the intake as a server of OTLP over gRPC and returns its address.
func (i *intake) serveGRPC(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		headers, _ := metadata.FromIncomingContext(ctx)
		as := &http.Request{Header: http.Header{}}
		for name, values := range headers {
			as.Header[http.CanonicalHeaderKey(name)] = values
		}
		switch i.admit(as, nil) {
		case http.StatusServiceUnavailable:
			return nil, status.Error(codes.Unavailable, "away")
		case http.StatusUnauthorized:
			return nil, status.Error(codes.Unauthenticated, "who are you?")
		}
		return handle(ctx, request)
	}))
	ptraceotlp.RegisterGRPCServer(server, &otlpTraces{arrivals: i.arrivals})
	plogotlp.RegisterGRPCServer(server, &otlpLogs{arrivals: i.arrivals})
	pmetricotlp.RegisterGRPCServer(server, &otlpMetrics{arrivals: i.arrivals})
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() {
		server.Stop()
		serving.Wait()
	})
	return listener.Addr().String()
}

// arrivals are what an intake was sent, as far as tests ask.
type arrivals struct {
	mu          sync.Mutex
	traces      map[string]string   // trace ID → correlation ID of a span
	logs        map[string]bool     // correlation IDs of log records
	deployments map[string]bool     // names of deployment events
	metrics     map[string]float64  // by the backend's name; of counters the bad events, added up if they are deltas
	cumulative  map[string][]string // names of sums and histograms that are cumulative, by kind
}

func newArrivals() *arrivals {
	return &arrivals{traces: map[string]string{}, logs: map[string]bool{}, deployments: map[string]bool{}, metrics: map[string]float64{}, cumulative: map[string][]string{}}
}

func (a *arrivals) span(trace, correlation string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.traces[trace] = correlation
}

// record takes a log record: a deployment event if it has the name of one.
func (a *arrivals) record(event, correlation string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if strings.HasPrefix(event, "deployment.") {
		a.deployments[event] = true
		return
	}
	a.logs[correlation] = true
}

func (a *arrivals) metric(name string, value float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.metrics[name] = max(a.metrics[name], value)
}

func (a *arrivals) trace(id string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.traces[id]
}

func (a *arrivals) log(correlation string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.logs[correlation]
}

func (a *arrivals) deployed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.deployments) > 0
}

func (a *arrivals) value(metric string) float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.metrics[metric]
}

func (a *arrivals) cumulatives() map[string][]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.cumulative)
}
