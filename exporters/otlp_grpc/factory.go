// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package otlpgrpc

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/exporter/xexporter"

	"github.com/otelcol-sre/otelcol-sre/exporters/otlp_grpc/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/internal/encoded"
)

// NewFactory returns the factory of the otlp_grpc exporter.
func NewFactory() exporter.Factory {
	f := factory{otlpexporter.NewFactory().(xexporter.Factory)}
	return xexporter.NewFactory(metadata.Type, f.CreateDefaultConfig, xexporter.WithDeprecatedTypeAlias(metadata.DeprecatedType),
		xexporter.WithTraces(f.traces, metadata.TracesStability),
		xexporter.WithMetrics(f.metrics, metadata.MetricsStability),
		xexporter.WithLogs(f.logs, metadata.LogsStability),
		xexporter.WithProfiles(f.CreateProfiles, metadata.ProfilesStability))
}

// The Collector's exporter sends profiles, and what needs the client's headers.
type factory struct{ xexporter.Factory }

func (f factory) traces(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Traces, error) {
	config := cfg.(*otlpexporter.Config)
	if !possible(config) {
		return f.CreateTraces(ctx, set, cfg)
	}
	c := client(config, encoded.Traces, set)
	return encoded.NewTraces(ctx, set, c.Export, config.QueueConfig, options(config, c)...)
}

func (f factory) metrics(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Metrics, error) {
	config := cfg.(*otlpexporter.Config)
	if !possible(config) {
		return f.CreateMetrics(ctx, set, cfg)
	}
	c := client(config, encoded.Metrics, set)
	return encoded.NewMetrics(ctx, set, c.Export, config.QueueConfig, options(config, c)...)
}

func (f factory) logs(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
	config := cfg.(*otlpexporter.Config)
	if !possible(config) {
		return f.CreateLogs(ctx, set, cfg)
	}
	c := client(config, encoded.Logs, set)
	return encoded.NewLogs(ctx, set, c.Export, config.QueueConfig, options(config, c)...)
}

func possible(config *otlpexporter.Config) bool {
	authenticator := ""
	if config.ClientConfig.Auth.HasValue() {
		authenticator = config.ClientConfig.Auth.Get().AuthenticatorID.Type().String()
	}
	return encoded.Possible(config.QueueConfig, authenticator)
}

// client has no timeout of its own: exporterhelper's is around it.
func client(config *otlpexporter.Config, signal encoded.Signal, set exporter.Settings) *encoded.GRPC {
	return encoded.NewGRPC(config.ClientConfig, 0, signal, set.TelemetrySettings, set.BuildInfo)
}

func options(config *otlpexporter.Config, c *encoded.GRPC) []exporterhelper.Option {
	return []exporterhelper.Option{
		exporterhelper.WithStart(c.Start), exporterhelper.WithShutdown(c.Shutdown), exporterhelper.WithTimeout(config.TimeoutConfig),
		exporterhelper.WithRetry(config.RetryConfig), encoded.ServerAttributes(config.ClientConfig.Endpoint),
	}
}
