// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package otlphttp

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/exporter/xexporter"

	"github.com/otelcol-sre/otelcol-sre/exporters/otlp_http/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/internal/encoded"
)

// NewFactory returns the factory of the otlp_http exporter.
func NewFactory() exporter.Factory {
	f := factory{otlphttpexporter.NewFactory().(xexporter.Factory)}
	return xexporter.NewFactory(metadata.Type, f.CreateDefaultConfig, xexporter.WithDeprecatedTypeAlias(metadata.DeprecatedType),
		xexporter.WithTraces(f.traces, metadata.TracesStability),
		xexporter.WithMetrics(f.metrics, metadata.MetricsStability),
		xexporter.WithLogs(f.logs, metadata.LogsStability),
		xexporter.WithProfiles(f.CreateProfiles, metadata.ProfilesStability))
}

// The Collector's exporter sends profiles, JSON, and what needs the client's headers.
type factory struct{ xexporter.Factory }

func (f factory) traces(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Traces, error) {
	config := cfg.(*otlphttpexporter.Config)
	if !possible(config) {
		return f.CreateTraces(ctx, set, cfg)
	}
	c, options, err := client(config, config.TracesEndpoint, encoded.Traces, set)
	if err != nil {
		return nil, err
	}
	return encoded.NewTraces(ctx, set, c.Export, config.QueueConfig, options...)
}

func (f factory) metrics(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Metrics, error) {
	config := cfg.(*otlphttpexporter.Config)
	if !possible(config) {
		return f.CreateMetrics(ctx, set, cfg)
	}
	c, options, err := client(config, config.MetricsEndpoint, encoded.Metrics, set)
	if err != nil {
		return nil, err
	}
	return encoded.NewMetrics(ctx, set, c.Export, config.QueueConfig, options...)
}

func (f factory) logs(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
	config := cfg.(*otlphttpexporter.Config)
	if !possible(config) {
		return f.CreateLogs(ctx, set, cfg)
	}
	c, options, err := client(config, config.LogsEndpoint, encoded.Logs, set)
	if err != nil {
		return nil, err
	}
	return encoded.NewLogs(ctx, set, c.Export, config.QueueConfig, options...)
}

func possible(config *otlphttpexporter.Config) bool {
	authenticator := ""
	if config.ClientConfig.Auth.HasValue() {
		authenticator = config.ClientConfig.Auth.Get().AuthenticatorID.Type().String()
	}
	return config.Encoding == otlphttpexporter.EncodingProto && encoded.Possible(config.QueueConfig, authenticator)
}

func client(config *otlphttpexporter.Config, endpoint string, signal encoded.Signal, set exporter.Settings) (*encoded.HTTP, []exporterhelper.Option, error) {
	to, err := address(config.ClientConfig.Endpoint, endpoint, signal.Name.String())
	if err != nil {
		return nil, nil, err
	}
	c := encoded.NewHTTP(config.ClientConfig, to, signal, set.TelemetrySettings, set.BuildInfo)
	return c, []exporterhelper.Option{
		exporterhelper.WithStart(c.Start), exporterhelper.WithShutdown(c.Shutdown), exporterhelper.WithRetry(config.RetryConfig),
		exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{}), // the client has its own
		encoded.ServerAttributes(to.Host, to.Path),
	}, nil
}

// address is where a signal goes: to its own endpoint, or to its path below the endpoint of all.
func address(all, own, signal string) (*url.URL, error) {
	switch {
	case own != "":
		to, err := url.Parse(own)
		if err != nil {
			return nil, fmt.Errorf("%s_endpoint: %w; write a URL, such as https://backend.example.com/v1/%s", signal, err, signal)
		}
		return to, nil
	case all == "":
		return nil, fmt.Errorf("endpoint: is empty; set it, or %s_endpoint, because a pipeline of %s uses this exporter", signal, signal)
	default:
		to, err := url.Parse(strings.TrimSuffix(all, "/") + "/v1/" + signal)
		if err != nil {
			return nil, fmt.Errorf("endpoint: %w; write a URL, such as https://backend.example.com", err)
		}
		return to, nil
	}
}
