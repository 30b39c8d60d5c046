// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gateways

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.uber.org/zap"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

// A client sends encoded requests of one signal to one gateway.
type client struct {
	config   configgrpc.ClientConfig
	timeout  time.Duration // of one attempt
	signal   signal
	settings component.TelemetrySettings
	agent    string // that the gateway sees
	conn     *grpc.ClientConn
}

func newClient(config configgrpc.ClientConfig, endpoint string, timeout time.Duration, s signal, set component.TelemetrySettings, build component.BuildInfo) *client {
	config.Endpoint = endpoint
	return &client{
		config: config, timeout: timeout, signal: s, settings: set,
		agent: fmt.Sprintf("%s/%s (%s/%s)", build.Description, build.Version, runtime.GOOS, runtime.GOARCH),
	}
}

func (c *client) start(ctx context.Context, host component.Host) (err error) {
	c.conn, err = c.config.ToClientConn(ctx, host.GetExtensions(), c.settings, configgrpc.WithGrpcDialOption(grpc.WithUserAgent(c.agent)))
	return err
}

func (c *client) shutdown(context.Context) error {
	if c.conn == nil {
		return nil
	}
	return c.conn.Close()
}

// export sends the chunks as one request. The error is permanent if sending them again is of no use.
func (c *client) export(ctx context.Context, chunks []chunk) error {
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
	rejected, message, err := c.signal.rejected(answer)
	if err != nil {
		c.settings.Logger.Warn("The gateway took a request, and its answer cannot be read", zap.Error(err))
	} else if rejected > 0 || message != "" {
		c.settings.Logger.Warn("The gateway took a request in part", zap.Int64("dropped_items", rejected), zap.String("message", message))
	}
	return nil
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
		return &pausedError{err, delay}
	}
	return err
}

// A pausedError says when the gateway takes data again.
type pausedError struct {
	error
	delay time.Duration
}

func (e *pausedError) Unwrap() error { return e.error }

// codec hands encoded messages to gRPC: chunks, and an answer as bytes.
type codec struct{}

var _ encoding.CodecV2 = codec{}

// Name is that of the encoding, which the gateway sees.
func (codec) Name() string { return "proto" }

// Marshal copies nothing.
func (codec) Marshal(v any) (mem.BufferSlice, error) {
	chunks := v.([]chunk)
	buffers := make(mem.BufferSlice, len(chunks))
	for i, c := range chunks {
		buffers[i] = mem.SliceBuffer(c.data)
	}
	return buffers, nil
}

// Unmarshal copies the answer.
func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}
