// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployevent

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pipeline"

	"github.com/otelcol-sre/otelcol-sre/connectors/deployevent/internal/metadata"
)

// NewFactory returns the factory of the deployevent connector.
func NewFactory() connector.Factory {
	all := &components{}
	return connector.NewFactory(metadata.Type, createDefaultConfig,
		connector.WithTracesToLogs(func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Logs) (connector.Traces, error) {
			return newInstance(all, set, cfg.(*Config), pipeline.SignalTraces, outputs{events: next})
		}, metadata.TracesToLogsStability),
		connector.WithTracesToMetrics(func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics) (connector.Traces, error) {
			return newInstance(all, set, cfg.(*Config), pipeline.SignalTraces, outputs{metrics: next})
		}, metadata.TracesToMetricsStability),
		connector.WithLogsToLogs(func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Logs) (connector.Logs, error) {
			return newInstance(all, set, cfg.(*Config), pipeline.SignalLogs, outputs{events: next})
		}, metadata.LogsToLogsStability),
		connector.WithLogsToMetrics(func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics) (connector.Logs, error) {
			return newInstance(all, set, cfg.(*Config), pipeline.SignalLogs, outputs{metrics: next})
		}, metadata.LogsToMetricsStability),
		connector.WithMetricsToLogs(func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Logs) (connector.Metrics, error) {
			return newInstance(all, set, cfg.(*Config), pipeline.SignalMetrics, outputs{events: next})
		}, metadata.MetricsToLogsStability),
		connector.WithMetricsToMetrics(func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics) (connector.Metrics, error) {
			return newInstance(all, set, cfg.(*Config), pipeline.SignalMetrics, outputs{metrics: next})
		}, metadata.MetricsToMetricsStability),
	)
}

var defaultCatalog = component.MustNewID("service_catalog")

func createDefaultConfig() component.Config {
	return &Config{Tracker: component.MustNewID("deployment_tracker"), Catalog: defaultCatalog, FlushInterval: 5 * time.Second}
}
