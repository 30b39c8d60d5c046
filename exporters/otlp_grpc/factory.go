// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package otlpgrpc

import (
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
	return encoded.NewFactory(otlpexporter.NewFactory().(xexporter.Factory), metadata.DeprecatedType, wire)
}

func wire(cfg component.Config, signal encoded.Signal, set exporter.Settings) (*encoded.Wiring, error) {
	config := cfg.(*otlpexporter.Config)
	if !encoded.Possible(config.QueueConfig, config.ClientConfig.Auth) {
		return nil, nil
	}
	c := encoded.NewGRPC(config.ClientConfig, 0, signal, set.TelemetrySettings, set.BuildInfo) // exporterhelper has the timeout
	return &encoded.Wiring{Push: c.Export, Queue: config.QueueConfig, Options: []exporterhelper.Option{
		exporterhelper.WithStart(c.Start), exporterhelper.WithShutdown(c.Shutdown), exporterhelper.WithTimeout(config.TimeoutConfig),
		exporterhelper.WithRetry(config.RetryConfig), encoded.ServerAttributes(config.ClientConfig.Endpoint),
	}}, nil
}
