// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// maxAnswer is the size of an answer about health.
const maxAnswer = 64 << 10

func (r *run) grpc(ctx context.Context, check *catalog.GRPCCheck) {
	r.Host = hostOf(check.Address)
	secure := insecure.NewCredentials()
	if check.TLS {
		own := r.prober.tls.Clone()
		own.ServerName = r.Host
		secure = credentials.NewTLS(own)
	}
	// gRPC dials in a goroutine of its own, and again and again: the first failure counts.
	failed := make(chan error, 1)
	client, err := grpc.NewClient("passthrough:///"+check.Address, grpc.WithTransportCredentials(secure), grpc.WithNoProxy(), grpc.WithUserAgent(r.agent()),
		grpc.WithDisableServiceConfig(), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			connection, err := r.dial(ctx, "tcp", address)
			if err != nil {
				select {
				case failed <- err:
				default:
				}
			}
			return connection, err
		}))
	r.begin(StepConnect)
	if err != nil {
		r.broken(ctx, err)
		return
	}
	defer func() { _ = client.Close() }() // nothing is left to send
	answer, err := grpc_health_v1.NewHealthClient(client).Check(metadata.AppendToOutgoingContext(ctx, "traceparent", r.question.traceparent()),
		&grpc_health_v1.HealthCheckRequest{Service: check.Service})
	if err != nil {
		select {
		case dialing := <-failed:
			r.broken(ctx, dialing)
		default:
			r.begin(StepResponse)
			r.broken(ctx, status.Convert(err).Err())
		}
		return
	}
	if answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		r.fail(StepStatus, "it is %s, not SERVING", answer.GetStatus())
	}
}
