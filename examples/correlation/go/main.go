// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Command go answers POST /buy, and shows how a Go service gives the correlation processor its
// request IDs: on the span of the request, and in each log line.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/log/global"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var logger = otelslog.NewLogger("shop")

func buy(w http.ResponseWriter, r *http.Request) {
	logger.InfoContext(r.Context(), "bought", "request_id", r.Header.Get("X-Request-Id"))
	w.WriteHeader(http.StatusOK)
}

// captureRequestID puts the header on the span of the request, under the name that the conventions give it.
func captureRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id := r.Header.Values("X-Request-Id"); len(id) > 0 {
			trace.SpanFromContext(r.Context()).SetAttributes(attribute.StringSlice("http.request.header.x-request-id", id))
		}
		next.ServeHTTP(w, r)
	})
}

// run serves until ctx is done, and then sends the remaining telemetry.
func run() (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	shutdown, err := startTelemetry(ctx)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /buy", buy)
	server := &http.Server{
		Handler:           otelhttp.NewHandler(captureRequestID(mux), "shop"),
		ReadHeaderTimeout: 10 * time.Second,
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err = errors.Join(err, server.Shutdown(ctx), shutdown(ctx))
	}()

	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", os.Getenv("PORT")))
	if err != nil {
		return err
	}
	fmt.Println("http://" + listener.Addr().String())
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// startTelemetry reads the standard OTEL_* variables: where to, and the name of the service.
func startTelemetry(ctx context.Context) (shutdown func(context.Context) error, err error) {
	spans, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, err
	}
	records, err := otlploghttp.New(ctx)
	if err != nil {
		return nil, err
	}
	traces := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans))
	logs := log.NewLoggerProvider(log.WithProcessor(log.NewBatchProcessor(records)))
	otel.SetTracerProvider(traces)
	global.SetLoggerProvider(logs)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	return func(ctx context.Context) error {
		return errors.Join(traces.Shutdown(ctx), logs.Shutdown(ctx))
	}, nil
}
