// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package mark

import (
	"context"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"
)

// A fakeCollector takes logs by OTLP, and refuses the first few.
type fakeCollector struct {
	plogotlp.UnimplementedGRPCServer
	token  string // that a request must have, if any
	refuse int    // how many requests are answered with unavailable first
	reject string // why all records are rejected, if they are

	mu       sync.Mutex
	requests int
	got      []plog.LogRecord
}

type answer int

const (
	accepted answer = iota
	unavailable
	unauthorized
)

func (c *fakeCollector) take(authorization string, request plogotlp.ExportRequest) (answer, plogotlp.ExportResponse) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	response := plogotlp.NewExportResponse()
	switch {
	case c.token != "" && authorization != "Bearer "+c.token:
		return unauthorized, response
	case c.requests <= c.refuse:
		return unavailable, response
	case c.reject != "":
		response.PartialSuccess().SetRejectedLogRecords(1)
		response.PartialSuccess().SetErrorMessage(c.reject)
		return accepted, response
	}
	for _, resource := range request.Logs().ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				c.got = append(c.got, record)
			}
		}
	}
	return accepted, response
}

func (c *fakeCollector) records() []plog.LogRecord {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.got
}

func (c *fakeCollector) Export(ctx context.Context, request plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	a, response := c.take(strings.Join(md.Get("authorization"), ""), request)
	switch a {
	case unavailable:
		return response, grpcstatus.Error(codes.Unavailable, "not yet")
	case unauthorized:
		return response, grpcstatus.Error(codes.Unauthenticated, "wrong: "+strings.Join(md.Get("authorization"), ""))
	}
	return response, nil
}

func (c *fakeCollector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != logsPath {
		http.NotFound(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	request := plogotlp.NewExportRequest()
	if err := request.UnmarshalProto(body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", protobufType)
	a, response := c.take(r.Header.Get("Authorization"), request)
	switch a {
	case unavailable:
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("\x08\x0e\x12\x07not yet")) // google.rpc.Status
	case unauthorized:
		w.Header().Set("Content-Type", "text/plain")
		http.Error(w, "wrong: "+r.Header.Get("Authorization"), http.StatusUnauthorized)
	default:
		text, _ := response.MarshalProto()
		_, _ = w.Write(text)
	}
}

// http serves by HTTP, grpc by gRPC; both give the endpoint.
func (c *fakeCollector) http(t *testing.T) string {
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return server.URL
}

func (c *fakeCollector) grpc(t *testing.T, options ...grpc.ServerOption) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer(options...)
	plogotlp.RegisterGRPCServer(server, c)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		require.NoError(t, <-served)
	})
	return "http://" + listener.Addr().String()
}

// tls serves by both under one certificate, and gives its file.
func (c *fakeCollector) tls(t *testing.T) (httpEndpoint, grpcEndpoint, certificate string) {
	server := httptest.NewTLSServer(c)
	server.Config.ErrorLog = nil
	t.Cleanup(server.Close)
	grpcEndpoint = c.grpc(t, grpc.Creds(credentials.NewServerTLSFromCert(&server.TLS.Certificates[0])))
	certificate = filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(certificate, text, 0o600))
	return server.URL, strings.Replace(grpcEndpoint, "http://", "https://", 1), certificate
}
