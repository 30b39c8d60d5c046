// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"sync/atomic"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"context"
	"strings"

	_ "go.opentelemetry.io/collector/config/configgrpc" // has the compressions of collectors
	"google.golang.org/grpc"
)

// A sink is a backend that counts what it gets, by OTLP over gRPC and HTTP.
type sink struct {
	grpc, http           string // addresses
	spans, logs, metrics atomic.Int64
	server               *grpc.Server
	web                  *http.Server
}

type traceSink struct {
	ptraceotlp.UnimplementedGRPCServer
	*sink
}

func (s *traceSink) Export(_ context.Context, r ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	s.spans.Add(int64(r.Traces().SpanCount()))
	return ptraceotlp.NewExportResponse(), nil
}

type logSink struct {
	plogotlp.UnimplementedGRPCServer
	*sink
}

func (s *logSink) Export(_ context.Context, r plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	s.logs.Add(int64(r.Logs().LogRecordCount()))
	return plogotlp.NewExportResponse(), nil
}

type metricSink struct {
	pmetricotlp.UnimplementedGRPCServer
	*sink
}

func (s *metricSink) Export(_ context.Context, r pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	s.metrics.Add(int64(r.Metrics().DataPointCount()))
	return pmetricotlp.NewExportResponse(), nil
}

func newSink() (*sink, error) {
	s := &sink{server: grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20))}
	ptraceotlp.RegisterGRPCServer(s.server, &traceSink{sink: s})
	plogotlp.RegisterGRPCServer(s.server, &logSink{sink: s})
	pmetricotlp.RegisterGRPCServer(s.server, &metricSink{sink: s})
	rpc, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return nil, err
	}
	web, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return nil, err
	}
	s.grpc, s.http = rpc.Addr().String(), web.Addr().String()
	s.web = &http.Server{Handler: http.HandlerFunc(s.take)}
	go func() { _ = s.server.Serve(rpc) }()
	go func() { _ = s.web.Serve(web) }()
	return s, nil
}

// take takes everything over HTTP. Only log records are counted: nothing else is sent here by itself.
func (s *sink) take(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.Body = unzipped
	}
	body, err := io.ReadAll(r.Body)
	if err == nil && strings.HasSuffix(r.URL.Path, "/v1/logs") {
		request := plogotlp.NewExportRequest()
		if request.UnmarshalProto(body) == nil {
			s.logs.Add(int64(request.Logs().LogRecordCount()))
		}
	}
	w.WriteHeader(http.StatusOK)
}

func (s *sink) close() {
	s.server.Stop()
	_ = s.web.Close()
}
