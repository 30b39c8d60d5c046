package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
)

// scope names the shop's own instrumentation.
const scope = "github.com/otelcol-sre/otelcol-sre/cmd/shop"

// A service is one of the shop's five: an HTTP server whose instance can be replaced while it runs.
type service struct {
	name     string
	exporter ExporterConfig
	tally    *tally
	faults   *faults
	// routes adds what the service answers to a new instance.
	routes func(*instance) error

	listener net.Listener
	server   *http.Server

	changing sync.Mutex   // one change of settings at a time
	mu       sync.RWMutex // guards current and settings
	current  *instance
	settings Settings
}

// An instance is one run of a service at one version, with telemetry of its own.
type instance struct {
	service   *service
	telemetry *telemetry
	counter   *counter
	tracer    trace.Tracer
	meter     metric.Meter
	logger    *slog.Logger
	mux       *http.ServeMux
	client    *http.Client
	transport *http.Transport
	// consume is what it does with a message of its queue; nil where it has none.
	consume  func(message)
	inFlight sync.WaitGroup
}

func (s *service) newInstance(ctx context.Context, settings Settings) (*instance, error) {
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
		telemetry: tel,
		counter:   counter,
		tracer:    tel.traces.Tracer(scope),
		meter:     tel.metrics.Meter(scope),
		logger:    otelslog.NewLogger(scope, otelslog.WithLoggerProvider(tel.logs)),
		mux:       http.NewServeMux(),
		transport: transport,
	}
	in.client = &http.Client{Timeout: callTimeout, Transport: otelhttp.NewTransport(transport, in.instrumentation()...)}
	if err := s.routes(in); err != nil {
		return nil, errors.Join(fmt.Errorf("routes of %s: %w", s.name, err), in.shutdown(ctx))
	}
	return in, nil
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

// acquire is the instance that takes the next piece of work; release it when the work is done.
func (s *service) acquire() *instance {
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.current.inFlight.Add(1)
	return s.current
}

func (in *instance) release() { in.inFlight.Done() }

// ServeHTTP hands a request to the current instance.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in := s.acquire()
	defer in.release()
	in.mux.ServeHTTP(w, r)
}

// Settings are those in force.
func (s *service) Settings() Settings {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.settings
}

// Change puts in force what change makes of the present settings. A new version or
// environment is rolled out: a new instance takes all new work, and Change returns once the
// old one has finished its own and sent its telemetry, or after [flushTimeout].
func (s *service) Change(ctx context.Context, change func(*Settings) error) (Settings, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	old := s.Settings()
	settings := old
	err := change(&settings)
	if err == nil {
		err = settings.Validate()
	}
	if err != nil {
		return old, err
	}
	rollout := s.current == nil || settings.Version != old.Version || settings.Environment != old.Environment

	var next *instance
	if rollout {
		if next, err = s.newInstance(ctx, settings); err != nil {
			return old, err
		}
	}
	s.mu.Lock()
	previous := s.current
	s.settings = settings
	if rollout {
		s.current = next
	}
	s.mu.Unlock()
	if rollout && previous != nil {
		// The rollout stands, whoever asked for it goes away and whatever cannot be sent.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
		defer cancel()
		if err := previous.shutdown(ctx); err != nil {
			slog.Warn("telemetry of the old instance is lost", "service", s.name, "error", err)
		}
	}
	return settings, nil
}

func (s *service) url() string { return "http://" + s.listener.Addr().String() }

func (s *service) listen(port int) error {
	listener, err := net.Listen("tcp", net.JoinHostPort("localhost", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("%s: %w (choose another --ports, or 0 for free ones)", s.name, err)
	}
	s.listener = listener
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: callTimeout}
	return nil
}

// close stops listening and waits for the answers under way, or breaks them off when ctx is done.
func (s *service) close(ctx context.Context) error {
	_ = s.listener.Close() // closed once: it is no error that Serve reports it
	var err error
	if s.current != nil {
		err = s.current.idle(ctx)
		s.current.transport.CloseIdleConnections()
	}
	// The last answers leave at once. Shutdown would wait 5 s for connections that a client
	// has opened and never used.
	const farewell = 100 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	_ = s.server.Shutdown(ctx)
	return errors.Join(err, s.server.Close())
}

const (
	// callTimeout bounds one call from one service to another.
	callTimeout = 10 * time.Second
	// flushTimeout bounds what an instance still may take to end its work and send its telemetry.
	flushTimeout = 5 * time.Second
)

const requestIDHeader = "X-Request-Id"

type requestIDKey struct{}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// route answers pattern with what do returns: 200, or 500 for an error.
func (in *instance) route(pattern string, do func(context.Context) error) {
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if id := r.Header.Get(requestIDHeader); id != "" {
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
	return in.service.faults.work(ctx, in.service.Settings())
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
	defer response.Body.Close() //nolint:errcheck // a body read to its end
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return nil
}
