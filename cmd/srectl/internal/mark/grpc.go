// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package mark

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"
)

type grpcExporter struct {
	connection *grpc.ClientConn
	client     plogotlp.GRPCClient
	headers    metadata.MD
}

func newGRPCExporter(t *target) (*grpcExporter, error) {
	secure := insecure.NewCredentials()
	port := "80"
	if t.tls != nil {
		secure, port = credentials.NewTLS(t.tls), "443"
	}
	host := t.url.Host
	if t.url.Port() == "" {
		host += ":" + port
	}
	connection, err := grpc.NewClient(host, grpc.WithTransportCredentials(secure),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: firstWait, Multiplier: 2, MaxDelay: maxWait}}))
	if err != nil {
		return nil, fmt.Errorf("the endpoint cannot be used: %w", err)
	}
	headers := metadata.MD{}
	for _, header := range t.headers {
		headers.Append(header[0], header[1])
	}
	return &grpcExporter{connection, plogotlp.NewGRPCClient(connection), headers}, nil
}

func (e *grpcExporter) close() { _ = e.connection.Close() }

func (e *grpcExporter) export(ctx context.Context, request plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	response, err := e.client.Export(metadata.NewOutgoingContext(ctx, e.headers), request)
	if err == nil {
		return response, nil
	}
	s := grpcstatus.Convert(err)
	failure := fmt.Errorf("%s: %s", s.Code(), s.Message())
	switch s.Code() { // as the specification of OTLP has it
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss, codes.ResourceExhausted:
		return response, errTransient{error: failure}
	}
	return response, failure
}
