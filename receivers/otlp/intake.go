// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/tap"

	"github.com/otelcol-sre/otelcol-sre/internal/keypair"
	"github.com/otelcol-sre/otelcol-sre/receivers/otlp/internal/metadata"
)

// An intake is the servers of a receiver, with their ports.
type intake struct {
	config    *Config
	set       receiver.Settings
	telemetry *metadata.TelemetryBuilder
	reports   [protocols]*receiverhelper.ObsReport
	signals   []signal

	host    component.Host
	grpc    *grpc.Server
	http    *http.Server
	ports   [protocols]*port
	certs   []*keypair.Reloading
	serving sync.WaitGroup
	// requests are those over HTTP that are being answered.
	requests sync.WaitGroup
	// unfinished ends when requests over HTTP may take no longer.
	unfinished context.Context
	giveUp     context.CancelFunc
	ended      sync.Once
}

func newIntake(set receiver.Settings, config *Config) (*intake, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	in := &intake{config: config, set: set, telemetry: telemetry}
	in.unfinished, in.giveUp = context.WithCancel(context.Background())
	for p, transport := range [protocols]string{overGRPC: "grpc", overHTTP: "http"} {
		if in.reports[p], err = receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{ReceiverID: set.ID, Transport: transport, ReceiverCreateSettings: set}); err != nil {
			return nil, err
		}
	}
	return in, nil
}

func (in *intake) add(s signal) { in.signals = append(in.signals, s) }

func (in *intake) start(ctx context.Context, host component.Host) error {
	in.host = host
	if err := errors.Join(in.startGRPC(ctx), in.startHTTP(ctx)); err != nil {
		return errors.Join(err, in.shutdown(ctx))
	}
	in.open()
	return nil
}

func (in *intake) startGRPC(ctx context.Context) error {
	if !in.config.Protocols.GRPC.HasValue() {
		return nil
	}
	config := *in.config.Protocols.GRPC.Get()
	options := []configgrpc.ToServerOption{
		configgrpc.WithGrpcServerOption(grpc.ConnectionTimeout(in.config.HandshakeTimeout)),
		configgrpc.WithGrpcServerOption(grpc.InTapHandle(in.bound)),
		configgrpc.WithGrpcServerOption(grpc.WaitForHandlers(true)),
	}
	if config.TLS.HasValue() {
		secure, err := in.secure(ctx, config.TLS.Get())
		if err != nil {
			return fmt.Errorf("protocols::grpc::tls: %w", err)
		}
		config.TLS = configoptional.None[configtls.ServerConfig]()
		options = append(options, configgrpc.WithGrpcServerOption(grpc.Creds(credentials.NewTLS(secure))))
	}
	server, err := config.ToServer(ctx, in.host.GetExtensions(), in.set.TelemetrySettings, options...)
	if err != nil {
		return fmt.Errorf("protocols::grpc: %w", err)
	}
	in.grpc = server
	for _, s := range in.signals {
		s.overGRPC(in)
	}
	return in.listen(overGRPC, config.NetAddr.Endpoint, func() (net.Listener, error) { return config.NetAddr.Listen(ctx) })
}

func (in *intake) startHTTP(ctx context.Context) error {
	if !in.config.Protocols.HTTP.HasValue() {
		return nil
	}
	config := in.config.Protocols.HTTP.Get()
	mux := http.NewServeMux()
	for _, s := range in.signals {
		s.overHTTP(in, mux)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { noPath(w, r, config) })
	server, err := config.ServerConfig.ToServer(ctx, in.host.GetExtensions(), in.set.TelemetrySettings, mux, confighttp.WithErrorHandler(in.refuseEncoding))
	if err != nil {
		return fmt.Errorf("protocols::http: %w", err)
	}
	if config.ServerConfig.TLS.HasValue() {
		if server.TLSConfig, err = in.secure(ctx, config.ServerConfig.TLS.Get()); err != nil {
			return fmt.Errorf("protocols::http::tls: %w", err)
		}
		server.TLSConfig.NextProtos = []string{"h2", "http/1.1"}
	}
	answers := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in.requests.Add(1)
		defer in.requests.Done()
		// A body that is not complete when time is over ends in an error. An answer is not affected.
		keep := context.AfterFunc(in.unfinished, func() { _ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) })
		defer keep()
		answers.ServeHTTP(w, r)
	})
	in.http = server
	return in.listen(overHTTP, config.ServerConfig.NetAddr.Endpoint, func() (net.Listener, error) { return config.ServerConfig.NetAddr.Listen(ctx) })
}

// secure is the configuration of TLS, whose last good certificate stays in use while its files are being replaced.
func (in *intake) secure(ctx context.Context, config *configtls.ServerConfig) (*tls.Config, error) {
	secure, reloading, err := keypair.Load(ctx, config, in.set.Logger)
	if reloading != nil {
		in.certs = append(in.certs, reloading)
	}
	return secure, err
}

// bound ends a request over gRPC that takes too long.
func (in *intake) bound(ctx context.Context, _ *tap.Info) (context.Context, error) {
	bounded, cancel := context.WithTimeout(ctx, in.config.RequestTimeout) //nolint:gosec // see below
	_ = cancel                                                            // the end of the request ends its context, and with it this one
	return bounded, nil
}

func (in *intake) listen(p protocol, endpoint string, open func() (net.Listener, error)) error {
	listener, err := open()
	if err != nil {
		return fmt.Errorf("protocols::%s::endpoint: cannot listen on %s: %w; free it, or set another", p.attribute().Value.AsString(), endpoint, err)
	}
	in.ports[p] = &port{
		Listener: listener, protocol: p, slots: make(chan struct{}, in.config.MaxConnections), handshake: in.config.HandshakeTimeout,
		logger: in.set.Logger, telemetry: in.telemetry,
	}
	in.ports[p].stopping, in.ports[p].stop = context.WithCancel(context.Background())
	in.ports[p].servers[p] = newDoor(listener.Addr())
	return nil
}

// open lets connections in.
func (in *intake) open() {
	grpc, http := in.ports[overGRPC], in.ports[overHTTP]
	for p, own := range in.ports {
		if own == nil {
			continue
		}
		switch other := in.ports[1-p]; other {
		case nil:
			own.hint = fmt.Sprintf("add %s to protocols of the receiver, or use another exporter", protocol(1-p).attribute().Value.AsString())
		default:
			own.hint = fmt.Sprintf("send OTLP over %v to %v", other.protocol, other.Addr())
		}
	}
	if grpc != nil && http != nil && alike(in.config.Protocols.GRPC.Get(), in.config.Protocols.HTTP.Get()) {
		grpc.servers[overHTTP], http.servers[overGRPC] = http.servers[overHTTP], grpc.servers[overGRPC]
	}
	if grpc != nil {
		in.set.Logger.Info("OTLP over gRPC is taken", zap.Stringer("endpoint", grpc.Addr()))
		in.serve(grpc, in.grpc.Serve)
	}
	if http != nil {
		in.set.Logger.Info("OTLP over HTTP is taken", zap.Stringer("endpoint", http.Addr()))
		serve := in.http.Serve
		if in.http.TLSConfig != nil {
			serve = func(l net.Listener) error { return in.http.Serve(tls.NewListener(l, in.http.TLSConfig)) }
		}
		in.serve(http, serve)
	}
}

func (in *intake) serve(p *port, serve func(net.Listener) error) {
	report := func(err error) {
		if err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, grpc.ErrServerStopped) {
			componentstatus.ReportStatus(in.host, componentstatus.NewFatalErrorEvent(err))
		}
	}
	p.running.Go(func() { report(p.accept()) })
	in.serving.Go(func() { report(serve(p.servers[p.protocol])) })
}

// alike reports whether both ports let in the same clients. Only then may a connection go to the server of either, whichever port it came to:
// it would otherwise get around the protection of one of them, or around a firewall in front of it.
func alike(grpc *configgrpc.ServerConfig, http *otlpreceiver.HTTPConfig) bool {
	one, other := http.ServerConfig.NetAddr, grpc.NetAddr
	host, _, err := net.SplitHostPort(one.Endpoint)
	otherHost, _, otherErr := net.SplitHostPort(other.Endpoint)
	if err != nil || otherErr != nil || host != otherHost || one.Transport != other.Transport {
		return false
	}
	if grpc.TLS.HasValue() || http.ServerConfig.TLS.HasValue() || !slices.Equal(grpc.Middlewares, http.ServerConfig.Middlewares) {
		return false
	}
	if !grpc.Auth.HasValue() || !http.ServerConfig.Auth.HasValue() {
		return grpc.Auth.HasValue() == http.ServerConfig.Auth.HasValue()
	}
	return *grpc.Auth.Get() == http.ServerConfig.Auth.Get().Config
}

// count counts a request over HTTP that is refused.
func (in *intake) count(reason string) {
	in.telemetry.ReceiverOtlpRefused.Add(context.Background(), 1, metric.WithAttributes(attribute.String("reason", reason)))
}

// shutdown ends the intake. Requests that are not complete in time are ended, too.
func (in *intake) shutdown(ctx context.Context) (err error) {
	in.ended.Do(func() { err = in.end(ctx) })
	return err
}

// farewell is the time for the answers to requests over HTTP that were ended, before their connections are cut. Those over gRPC are cut at once, because
// for their clients this is an answer: UNAVAILABLE.
const farewell = time.Second

func (in *intake) end(ctx context.Context) error {
	give := time.AfterFunc(in.config.ShutdownTimeout, in.giveUp)
	defer give.Stop()
	bounded, cancel := context.WithTimeout(ctx, in.config.ShutdownTimeout+farewell)
	defer cancel()
	var errs []error
	for _, p := range in.ports {
		if p != nil {
			errs = append(errs, p.close())
		}
	}
	var servers sync.WaitGroup
	if in.grpc != nil {
		servers.Go(func() {
			cut := time.AfterFunc(in.config.ShutdownTimeout, in.grpc.Stop)
			in.grpc.GracefulStop()
			cut.Stop()
		})
	}
	if in.http != nil {
		servers.Go(func() {
			if in.http.Shutdown(bounded) != nil {
				_ = in.http.Close()
			}
			in.requests.Wait()
		})
	}
	servers.Wait()
	for _, c := range in.certs {
		c.Stop()
	}
	in.serving.Wait()
	in.giveUp()
	in.telemetry.Shutdown()
	return errors.Join(errs...)
}
