// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Command shop is five small services to watch: frontend, checkout, payment, inventory and mailer.
//
// They are real: HTTP servers on localhost that call each other, instrumented with the
// OpenTelemetry SDK, one set of providers and one resource for each of their instances, sending traces, metrics and
// logs over OTLP. A load generator is their customer. Versions, latencies and error rates
// are set by flag at the start and over HTTP while they run; examples/catalog says what they
// promise, and the tally counts, without the collector, how far they keep it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.opentelemetry.io/otel"
)

func main() {
	if err := runCommand(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}

func runCommand(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	if len(args) > 0 && args[0] == "story" {
		err := runStory(ctx, args[1:], os.Stdout)
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	options, err := parseFlags(args, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	limitMemory()
	otel.SetErrorHandler(newQuietly(30 * time.Second))
	return run(ctx, options)
}

// options are the flags.
type options struct {
	Config
	rate     float64
	duration time.Duration
	incident time.Duration
	control  string
}

func parseFlags(args []string, out io.Writer) (options, error) {
	var o options
	var environment string
	flags := flag.NewFlagSet("shop", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.Exporter.Endpoint, "endpoint", "",
		"OTLP `endpoint`, host:port or URL (default: OTEL_EXPORTER_OTLP_ENDPOINT, or localhost:4317, for http localhost:4318)")
	flags.StringVar(&o.Exporter.Protocol, "protocol", "",
		"OTLP over grpc or http (default: OTEL_EXPORTER_OTLP_PROTOCOL, or grpc)")
	flags.Float64Var(&o.rate, "rate", 20, "requests a second; 0 sends none")
	flags.DurationVar(&o.duration, "duration", 0, "how long to send requests; 0 is until stopped")
	flags.DurationVar(&o.incident, "incident", 0, "when to deploy a version of inventory that fails every fifth request; 0 is never")
	flags.StringVar(&o.control, "control", "localhost:8088", "`address` of the control server; empty for none")
	flags.IntVar(&o.Port, "ports", 0, "`port` of the first service, the others follow it; 0 takes free ones")
	flags.StringVar(&environment, "environment", "production", "deployment.environment.name of all services")
	flags.Uint64Var(&o.Seed, "seed", 1, "seed of the faults: equal seeds fail equally")

	// These flags are read after --environment has set the defaults, in any order of arguments.
	var changes []func() error
	perService := func(name, value, usage string, set func(*Settings, string) error) {
		flags.Func(name, fmt.Sprintf("`service=%s`: %s; can be repeated", value, usage), func(arg string) error {
			service, text, ok := strings.Cut(arg, "=")
			if !ok {
				return fmt.Errorf("must be service=%s", value)
			}
			changes = append(changes, func() error {
				settings, known := o.Settings[service]
				if !known {
					return fmt.Errorf("--%s %s: no such service: one of %q", name, arg, serviceNames)
				}
				if err := set(&settings, text); err != nil {
					return fmt.Errorf("--%s %s: %w", name, arg, err)
				}
				o.Settings[service] = settings
				return nil
			})
			return nil
		})
	}
	perService("error-rate", "0.05", "share of its requests that fail (default payment=0.02, the others 0)", func(s *Settings, text string) (err error) {
		s.ErrorRate, err = strconv.ParseFloat(text, 64)
		return err
	})
	perService("latency", "50ms", "mean time a request takes in the service itself", func(s *Settings, text string) error {
		return s.Latency.UnmarshalText([]byte(text))
	})
	perService("version", "1.1.0", "its service.version (default 1.0.0)", func(s *Settings, text string) error {
		s.Version = text
		return nil
	})
	perService("instances", "3", "how many instances of it run (default 1)", func(s *Settings, text string) (err error) {
		s.Instances, err = strconv.Atoi(text)
		return err
	})

	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	o.Settings = defaultSettings(environment)
	for _, change := range changes {
		if err := change(); err != nil {
			return o, err
		}
	}
	return o, o.validate()
}

func (o options) validate() error {
	for _, name := range serviceNames {
		if err := o.Settings[name].Validate(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	const lastPort = 65535
	return errors.Join(
		o.Exporter.Validate(),
		within("--rate", o.rate, 0, maxRate),
		within("--ports", float64(o.Port), 0, float64(lastPort-len(serviceNames)+1)),
	)
}

// run is the whole shop, from the first request to the last span.
func run(ctx context.Context, o options) (err error) {
	shop, err := Start(ctx, o.Config)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
		defer cancel()
		if lost := shop.Shutdown(ctx); lost != nil {
			why, _, _ := strings.Cut(lost.Error(), "\n") // each signal of each service says the same
			err = errors.Join(err, fmt.Errorf("the last telemetry was not sent: %s; is a collector up at the --endpoint?", why))
		}
	}()

	load := NewLoad(shop.URL(), o.rate)
	if o.control != "" {
		stop, err := serveControl(o.control, control(shop, load))
		if err != nil {
			return err
		}
		defer stop()
		defer shop.freeze() // a rollout that pauses would hold up the control server
	}
	slog.Info("the shop is running", "frontend", shop.URL(), "control", o.control, "rate", o.rate)

	if o.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.duration)
		defer cancel()
	}
	if o.incident > 0 {
		ended := shop.startIncident(ctx, o.incident)
		defer func() { <-ended }()
		defer shop.freeze()
	}
	load.Run(ctx)
	requests := load.Requests()
	slog.Info("the shop shuts down", "requests", requests.Sent, "failed", requests.Failed)
	return nil
}

// serveControl serves until stop is called.
func serveControl(address string, handler http.Handler) (stop func(), err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("control server: %w (choose another --control address)", err)
	}
	server := &http.Server{Handler: handler, ReadTimeout: callTimeout}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) }) // ends with the server
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
		defer cancel()
		_ = server.Shutdown(ctx) // waits for a rollout under way
		_ = server.Close()
		serving.Wait()
	}, nil
}

// quietly reports the SDK's errors, each text at most once in a while: a collector that is
// down fails every export of every service.
type quietly struct {
	every time.Duration
	mu    sync.Mutex
	last  map[string]time.Time
}

func newQuietly(every time.Duration) *quietly {
	return &quietly{every: every, last: map[string]time.Time{}}
}

// Handle is otel.ErrorHandler's.
func (q *quietly) Handle(err error) {
	const maxTexts = 100
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.last) > maxTexts {
		clear(q.last)
	}
	if now := time.Now(); now.Sub(q.last[err.Error()]) >= q.every {
		q.last[err.Error()] = now
		slog.Warn("telemetry is not sent", "error", err)
	}
}
