// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package encoded

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

// A GRPC sends encoded requests of one signal to a server by OTLP over gRPC.
type GRPC struct {
	config   configgrpc.ClientConfig
	timeout  time.Duration // of one attempt
	signal   Signal
	settings component.TelemetrySettings
	agent    string // that the server sees
	conn     *grpc.ClientConn
}

// NewGRPC returns a client that is not connected yet.
func NewGRPC(config configgrpc.ClientConfig, timeout time.Duration, s Signal, set component.TelemetrySettings, build component.BuildInfo) *GRPC {
	return &GRPC{
		config: config, timeout: timeout, signal: s, settings: set,
		agent: agentOf(build),
	}
}

// Start connects to the server, without waiting for it.
func (c *GRPC) Start(ctx context.Context, host component.Host) (err error) {
	c.conn, err = c.config.ToClientConn(ctx, host.GetExtensions(), c.settings, configgrpc.WithGrpcDialOption(grpc.WithUserAgent(c.agent)))
	return err
}

// Shutdown closes the connection.
func (c *GRPC) Shutdown(context.Context) error {
	if c.conn == nil {
		return nil
	}
	return c.conn.Close()
}

// Export sends the chunks as one request. The error is permanent if sending them again is of no use.
func (c *GRPC) Export(ctx context.Context, chunks []Chunk) error {
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	var answer []byte
	err := c.conn.Invoke(ctx, c.signal.method, chunks, &answer, grpc.ForceCodecV2(codec{}), grpc.WaitForReady(c.config.WaitForReady))
	if err != nil {
		return classified(err)
	}
	c.signal.partial(answer, false, c.settings.Logger)
	return nil
}

// agentOf is the name of a client.
func agentOf(build component.BuildInfo) string {
	return fmt.Sprintf("%s/%s (%s/%s)", build.Description, build.Version, runtime.GOOS, runtime.GOARCH)
}

// classified returns the error as the queue's retry understands it, by the rules of OTLP over gRPC.
func classified(err error) error {
	s := status.Convert(err)
	var pause *errdetails.RetryInfo
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			pause = info
		}
	}
	switch s.Code() {
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss:
	case codes.ResourceExhausted:
		if pause == nil {
			return consumererror.NewPermanent(err)
		}
	default:
		return consumererror.NewPermanent(err)
	}
	if delay := pause.GetRetryDelay().AsDuration(); delay > 0 {
		return &PausedError{err, delay}
	}
	return err
}

// A PausedError says when the gateway takes data again.
type PausedError struct {
	error
	Delay time.Duration
}

func (e *PausedError) Unwrap() error { return e.error }

// codec hands encoded messages to gRPC: chunks, and an answer as bytes.
type codec struct{}

var _ encoding.CodecV2 = codec{}

// Name is that of the encoding, which the gateway sees.
func (codec) Name() string { return "proto" }

// Marshal copies nothing.
func (codec) Marshal(v any) (mem.BufferSlice, error) {
	chunks := v.([]Chunk)
	buffers := make(mem.BufferSlice, len(chunks))
	for i, c := range chunks {
		buffers[i] = mem.SliceBuffer(c.Data)
	}
	return buffers, nil
}

// Unmarshal copies the answer.
func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}
