// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/semconv/v1.40.0/httpconv"
	"go.opentelemetry.io/otel/trace"
)

// scope names the shop's own instrumentation.
const scope = "github.com/otelcol-sre/otelcol-sre/cmd/shop"

// An instance is one run of a service at one version, with telemetry of its own.
type instance struct {
	service   *service
	settings  Settings // in force for this instance; guarded by service.mu
	faults    *faults
	telemetry *telemetry
	counter   *counter
	tracer    trace.Tracer
	meter     metric.Meter
	logger    *slog.Logger
	active    httpconv.ServerActiveRequests
	mux       *http.ServeMux
	client    *http.Client
	transport *http.Transport
	// consume is what it does with a message of its queue; nil where it has none.
	consume  func(message)
	inFlight sync.WaitGroup
}

func (s *service) newInstance(ctx context.Context, settings Settings, faults *faults) (*instance, error) {
	res, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithFromEnv(), resource.WithAttributes(
		semconv.ServiceName(s.name),
		semconv.ServiceNamespace("shop"),
		semconv.ServiceVersion(settings.Version),
		semconv.ServiceInstanceID(uuid.NewString()),
		semconv.DeploymentEnvironmentNameKey.String(settings.Environment),
	))
	if err != nil {
		return nil, fmt.Errorf("resource of %s: %w", s.name, err)
	}
	counter := &counter{tally: s.tally, identity: Identity{s.name, settings.Environment, settings.Version}}
	tel, err := newTelemetry(ctx, s.exporter, res, counter)
	if err != nil {
		return nil, fmt.Errorf("telemetry of %s: %w", s.name, err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: workers, IdleConnTimeout: time.Minute}
	in := &instance{
		service:   s,
		settings:  settings,
		faults:    faults,
		telemetry: tel,
		counter:   counter,
		tracer:    tel.traces.Tracer(scope),
		meter:     tel.metrics.Meter(scope),
		logger:    otelslog.NewLogger(scope, otelslog.WithLoggerProvider(tel.logs)),
		mux:       http.NewServeMux(),
		transport: transport,
	}
	in.client = &http.Client{Timeout: callTimeout, Transport: otelhttp.NewTransport(transport, in.instrumentation()...)}
	if err := errors.Join(in.observeProcess(), s.routes(in)); err != nil {
		return nil, errors.Join(fmt.Errorf("instance of %s: %w", s.name, err), in.shutdown(ctx))
	}
	return in, nil
}

// runs reports whether the instance can stay: its telemetry says what settings ask for.
func (in *instance) runs(settings Settings) bool {
	return in.settings.Version == settings.Version && in.settings.Environment == settings.Environment
}

func (in *instance) instrumentation() []otelhttp.Option {
	return []otelhttp.Option{
		otelhttp.WithTracerProvider(in.telemetry.traces),
		otelhttp.WithMeterProvider(in.telemetry.metrics),
		otelhttp.WithPropagators(propagator),
	}
}

// shutdown waits for the requests that the instance still answers, then sends what is left of its telemetry.
func (in *instance) shutdown(ctx context.Context) error {
	_ = in.idle(ctx) // what has ended by then is sent in any case
	in.transport.CloseIdleConnections()
	return in.telemetry.shutdown(ctx)
}

// idle waits for the work that the instance has taken.
func (in *instance) idle(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		in.inFlight.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (in *instance) release() { in.inFlight.Done() }

const (
	requestIDHeader = "X-Request-Id"
	maxRequestID    = 128
)

type requestIDKey struct{}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// validRequestID reports whether a customer's ID may be written into spans and log lines: it is short, and one word.
func validRequestID(id string) bool {
	unfit := strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' })
	return id != "" && len(id) <= maxRequestID && !unfit
}

// route answers pattern with what do returns: 200, or 500 for an error.
func (in *instance) route(pattern string, do func(context.Context) error) {
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		in.active.Add(ctx, 1, httpconv.RequestMethodPost, "http")
		defer in.active.Add(ctx, -1, httpconv.RequestMethodPost, "http")
		if id := r.Header.Get(requestIDHeader); validRequestID(id) {
			ctx = context.WithValue(ctx, requestIDKey{}, id)
			trace.SpanFromContext(ctx).SetAttributes(attribute.StringSlice("http.request.header.x-request-id", []string{id}))
		}
		if err := do(ctx); err != nil {
			trace.SpanFromContext(ctx).RecordError(err)
			in.logger.ErrorContext(ctx, "request failed", "http.route", pattern, "error", err)
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		}
	})
	in.mux.Handle(pattern, otelhttp.NewHandler(answer, pattern, in.instrumentation()...))
}

// work takes the time of one request, and fails if it is its turn.
func (in *instance) work(ctx context.Context) error {
	in.service.mu.Lock()
	settings := in.settings
	in.service.mu.Unlock()
	return in.faults.work(ctx, settings)
}

// call posts to another service, up to attempts times until it succeeds.
func (in *instance) call(ctx context.Context, url string, attempts int) error {
	var err error
	for range attempts {
		if err = in.post(ctx, url); err == nil {
			return nil
		}
	}
	return err
}

func (in *instance) post(ctx context.Context, url string) error {
	return post(ctx, in.client, url, requestID(ctx))
}

func post(ctx context.Context, client *http.Client, url, id string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, http.NoBody)
	if err != nil {
		return err
	}
	if id != "" {
		request.Header.Set(requestIDHeader, id)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return nil
}
