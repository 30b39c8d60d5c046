// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspageexporter

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/otelcol-sre/otelcol-sre/exporters/status_page/internal/metadata"
)

// NewFactory returns the factory of the status_page exporter.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(metadata.Type, createDefaultConfig,
		exporter.WithTraces(createTraces, metadata.TracesStability),
		exporter.WithLogs(createLogs, metadata.LogsStability),
		exporter.WithMetrics(createMetrics, metadata.MetricsStability))
}

func createTraces(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Traces, error) {
	s := &shower{page: cfg.(*Config).Page}
	return exporterhelper.NewTraces(ctx, set, cfg, s.showTraces, s.options()...)
}

func createLogs(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
	s := &shower{page: cfg.(*Config).Page}
	return exporterhelper.NewLogs(ctx, set, cfg, s.showLogs, s.options()...)
}

func createMetrics(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Metrics, error) {
	s := &shower{page: cfg.(*Config).Page}
	return exporterhelper.NewMetrics(ctx, set, cfg, s.showMetrics, s.options()...)
}

// No queue: nothing is waited for.
func (s *shower) options() []exporterhelper.Option {
	return []exporterhelper.Option{
		exporterhelper.WithCapabilities(consumer.Capabilities{MutatesData: false}),
		exporterhelper.WithStart(s.start),
		exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{Timeout: 0}),
	}
}
