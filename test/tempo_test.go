// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/otelcol-sre/otelcol-sre/test/searches"
)

// tempo stands for Tempo with several tenants: OTLP over gRPC in, and what its HTTP API says of searches.
type tempo struct {
	ptraceotlp.UnimplementedGRPCServer
	api    *httptest.Server
	tenant string
	otlp   string // its address

	mu   sync.Mutex
	kept []searches.Span
	busy int // requests that are still to be turned away
}

func startTempo(t *testing.T, tenant string) *tempo {
	t.Helper()
	s := &tempo{tenant: tenant}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.otlp = listener.Addr().String()
	server := grpc.NewServer()
	ptraceotlp.RegisterGRPCServer(server, s)
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/search", s.search)
	s.api = httptest.NewServer(mux)
	t.Cleanup(func() {
		s.api.Close()
		server.Stop()
		serving.Wait()
	})
	return s
}

// Export takes spans. Who is not a tenant is refused for good; who sends too much is told when to come again.
func (s *tempo) Export(ctx context.Context, request ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	headers, _ := metadata.FromIncomingContext(ctx)
	if !slices.Equal(headers.Get("x-scope-orgid"), []string{s.tenant}) {
		return ptraceotlp.NewExportResponse(), status.Error(codes.Unauthenticated, "no org id")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy > 0 {
		s.busy--
		refusal, err := status.New(codes.ResourceExhausted, "RATE_LIMITED: ingestion rate limit exceeded").
			WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(100 * time.Millisecond)})
		return ptraceotlp.NewExportResponse(), errors.Join(err, refusal.Err())
	}
	for _, rs := range request.Traces().ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, one := range ss.Spans().All() {
				s.kept = append(s.kept, searches.Span{Span: one, Resource: rs.Resource().Attributes()})
			}
		}
	}
	return ptraceotlp.NewExportResponse(), nil
}

// search answers with traces, and those of their spans that were found.
func (s *tempo) search(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Scope-Orgid") != s.tenant {
		http.Error(w, "no org id", http.StatusUnauthorized)
		return
	}
	s.mu.Lock()
	all := slices.Clone(s.kept)
	s.mu.Unlock()
	query := r.FormValue("q")
	from, to, limit, err := window(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	all = slices.DeleteFunc(all, func(one searches.Span) bool {
		begun := one.StartTimestamp().AsTime().Unix()
		return begun < from || begun > to
	})
	answers, err := searches.TraceQL(r.Context(), all, []string{query})
	if err = errors.Join(err, answers[query].Err); err != nil {
		http.Error(w, "invalid TraceQL query: "+err.Error(), http.StatusBadRequest)
		return
	}
	bySpan := map[string][]foundSpan{}
	var order []string
	for _, i := range answers[query].Found {
		trace := all[i].TraceID().String()
		if bySpan[trace] == nil {
			order = append(order, trace)
		}
		bySpan[trace] = append(bySpan[trace], foundSpan{all[i].SpanID().String()})
	}
	traces := []foundTrace{}
	for _, trace := range order[:min(limit, len(order))] {
		traces = append(traces, foundTrace{trace, []spanSet{{bySpan[trace], len(bySpan[trace])}}})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"traces": traces, "metrics": map[string]any{}})
}

type (
	foundTrace struct {
		TraceID  string    `json:"traceID"`
		SpanSets []spanSet `json:"spanSets"`
	}
	spanSet struct {
		Spans   []foundSpan `json:"spans"`
		Matched int         `json:"matched"`
	}
	foundSpan struct {
		SpanID string `json:"spanID"`
	}
)

// explore asks as Grafana's Explore does, and returns the IDs of the spans.
func (s *tempo) explore(t *testing.T, query string) (spans []string) {
	t.Helper()
	now := time.Now()
	var answer struct{ Traces []foundTrace }
	askFor(t, s.api.URL+"/api/search", s.tenant, map[string]string{
		"q": query, "limit": "1000", "spss": "1000", "start": strconv.FormatInt(now.Add(-time.Hour).Unix(), 10), "end": strconv.FormatInt(now.Unix(), 10),
	}, &answer)
	for _, trace := range answer.Traces {
		for _, set := range trace.SpanSets {
			for _, one := range set.Spans {
				spans = append(spans, one.SpanID)
			}
		}
	}
	return spans
}
