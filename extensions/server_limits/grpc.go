// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package serverlimits

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/tap"
)

// GetGRPCServerOptions bounds the time of a handshake and of a request. An interceptor would be too late: it runs when the
// message of a request is complete.
func (l *limits) GetGRPCServerOptions(context.Context) ([]grpc.ServerOption, error) {
	return []grpc.ServerOption{
		grpc.ConnectionTimeout(l.config.HandshakeTimeout),
		grpc.InTapHandle(func(ctx context.Context, _ *tap.Info) (context.Context, error) {
			bounded, cancel := context.WithTimeout(ctx, l.config.RequestTimeout)
			context.AfterFunc(bounded, l.inflight.add(cancel)) // the end of the request ends its context, and with it this one
			return bounded, nil
		}),
	}, nil
}
