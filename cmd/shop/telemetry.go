// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/runtime"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// ExporterConfig says where the telemetry goes. What it leaves empty comes from the
// standard OTEL_EXPORTER_OTLP_* variables, and else is a collector on this machine.
type ExporterConfig struct {
	// Endpoint is host:port or a URL; only https:// is encrypted.
	Endpoint string
	// Protocol is grpc or http.
	Protocol string
}

const (
	protocolGRPC = "grpc"
	protocolHTTP = "http"
)

// Validate reports problems of the flags, or of the environment variables that replace them.
func (c ExporterConfig) Validate() error {
	for _, signal := range []string{"TRACES", "METRICS", "LOGS"} {
		if p := c.protocol(signal); p != protocolGRPC && p != protocolHTTP {
			return fmt.Errorf("protocol %q: must be %s or %s", p, protocolGRPC, protocolHTTP)
		}
		if _, err := url.Parse(c.url(signal)); err != nil {
			return fmt.Errorf("endpoint %q: must be host:port or a URL", c.Endpoint)
		}
	}
	return nil
}

func (c ExporterConfig) protocol(signal string) string {
	p := cmp.Or(c.Protocol,
		os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_PROTOCOL"),
		os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL"),
		protocolGRPC)
	if p == "http/protobuf" {
		return protocolHTTP
	}
	return p
}

// url is where a signal goes, or "" to let the exporter read it from its variables.
func (c ExporterConfig) url(signal string) string {
	endpoint := c.Endpoint
	if endpoint == "" {
		if cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT"), os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")) != "" {
			return ""
		}
		endpoint = "localhost:4317"
		if c.protocol(signal) == protocolHTTP {
			endpoint = "localhost:4318"
		}
	}
	if !strings.Contains(endpoint, "://") {
		endpoint = "http://" + endpoint
	}
	if c.protocol(signal) == protocolHTTP {
		endpoint = strings.TrimSuffix(endpoint, "/") + "/v1/" + strings.ToLower(signal)
	}
	return endpoint
}

func (c ExporterConfig) spanExporter(ctx context.Context) (sdktrace.SpanExporter, error) {
	const signal = "TRACES"
	if c.protocol(signal) == protocolHTTP {
		return otlptracehttp.New(ctx, option(c.url(signal), otlptracehttp.WithEndpointURL)...)
	}
	return otlptracegrpc.New(ctx, option(c.url(signal), otlptracegrpc.WithEndpointURL)...)
}

func (c ExporterConfig) metricExporter(ctx context.Context) (sdkmetric.Exporter, error) {
	const signal = "METRICS"
	if c.protocol(signal) == protocolHTTP {
		return otlpmetrichttp.New(ctx, option(c.url(signal), otlpmetrichttp.WithEndpointURL)...)
	}
	return otlpmetricgrpc.New(ctx, option(c.url(signal), otlpmetricgrpc.WithEndpointURL)...)
}

func (c ExporterConfig) logExporter(ctx context.Context) (sdklog.Exporter, error) {
	const signal = "LOGS"
	if c.protocol(signal) == protocolHTTP {
		return otlploghttp.New(ctx, option(c.url(signal), otlploghttp.WithEndpointURL)...)
	}
	return otlploggrpc.New(ctx, option(c.url(signal), otlploggrpc.WithEndpointURL)...)
}

func option[O any](endpoint string, with func(string) O) []O {
	if endpoint == "" {
		return nil
	}
	return []O{with(endpoint)}
}

// telemetry is what one instance of a service reports through.
type telemetry struct {
	traces  *sdktrace.TracerProvider
	metrics *sdkmetric.MeterProvider
	logs    *sdklog.LoggerProvider
	// spans is what traces exports to.
	spans sdktrace.SpanExporter
}

// propagator is the W3C trace context and baggage, on every call and message.
var propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})

// maxQueue bounds what waits for a collector that is down: some minutes at the default rate.
const maxQueue = 1 << 14

// newTelemetry makes the three providers of an instance. counter sees all that they send.
func newTelemetry(ctx context.Context, config ExporterConfig, res *resource.Resource, counter *counter) (*telemetry, error) {
	spans, spansErr := config.spanExporter(ctx)
	metrics, metricsErr := config.metricExporter(ctx)
	logs, logsErr := config.logExporter(ctx)
	if err := errors.Join(spansErr, metricsErr, logsErr); err != nil {
		return nil, err
	}

	// A demo is watched: send every second or so, unless the standard variables say otherwise.
	batch := []sdktrace.BatchSpanProcessorOption{sdktrace.WithMaxQueueSize(maxQueue)}
	if os.Getenv("OTEL_BSP_SCHEDULE_DELAY") == "" {
		batch = append(batch, sdktrace.WithBatchTimeout(time.Second))
	}
	records := []sdklog.BatchProcessorOption{sdklog.WithMaxQueueSize(maxQueue)}
	if os.Getenv("OTEL_BLRP_SCHEDULE_DELAY") == "" {
		records = append(records, sdklog.WithExportInterval(time.Second))
	}
	reader := []sdkmetric.PeriodicReaderOption{sdkmetric.WithProducer(runtime.NewProducer(often.(runtime.ProducerOption)))}
	if os.Getenv("OTEL_METRIC_EXPORT_INTERVAL") == "" {
		reader = append(reader, sdkmetric.WithInterval(2*time.Second))
	}

	return &telemetry{
		spans: spans,
		traces: sdktrace.NewTracerProvider(
			sdktrace.WithResource(res),
			sdktrace.WithSpanProcessor(spanCounter{counter}),
			sdktrace.WithBatcher(confirmingExporter{spans, counter.tally}, batch...)),
		metrics: sdkmetric.NewMeterProvider(
			sdkmetric.WithResource(res),
			sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metrics, reader...))),
		logs: sdklog.NewLoggerProvider(
			sdklog.WithResource(res),
			sdklog.WithProcessor(logCounter{counter}),
			sdklog.WithProcessor(sdklog.NewBatchProcessor(logs, records...))),
	}, nil
}

// shutdown sends what is left. All signals at once, so that one cannot use up the time of another.
func (t *telemetry) shutdown(ctx context.Context) error {
	return allOf(
		func() error {
			err := t.traces.Shutdown(ctx)
			if err != nil { // its batches would be tried on for half a minute each
				err = errors.Join(err, t.spans.Shutdown(ctx))
			}
			return err
		},
		func() error { return t.metrics.Shutdown(ctx) },
		func() error { return t.logs.Shutdown(ctx) },
	)
}

// allOf runs the functions at the same time and joins their errors.
func allOf(functions ...func() error) error {
	errs := make([]error, len(functions))
	var wg sync.WaitGroup
	for i, f := range functions {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	return errors.Join(errs...)
}
