// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"

	"github.com/otelcol-sre/otelcol-sre/connectors/sli/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// NewFactory returns the factory of the sli connector.
func NewFactory() connector.Factory {
	all := &components{}
	return connector.NewFactory(metadata.Type, createDefaultConfig,
		connector.WithTracesToMetrics(
			func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics) (connector.Traces, error) {
				return newInstance(all, set, cfg.(*Config), next)
			}, metadata.TracesToMetricsStability),
		connector.WithLogsToMetrics(
			func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics) (connector.Logs, error) {
				return newInstance(all, set, cfg.(*Config), next)
			}, metadata.LogsToMetricsStability),
		connector.WithMetricsToMetrics(
			func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics) (connector.Metrics, error) {
				return newInstance(all, set, cfg.(*Config), next)
			}, metadata.MetricsToMetricsStability),
	)
}

func createDefaultConfig() component.Config {
	return &Config{
		Catalog:              component.MustNewID("service_catalog"),
		FlushInterval:        5 * time.Second,
		MaxVersions:          20,
		MaxEnvironments:      20,
		Identity:             []string{semconv.ClusterName},
		MaxPlaces:            20,
		MaxStreams:           10_000,
		SettleTimeout:        time.Minute,
		Exemplars:            5,
		Deduplicate:          DeduplicateConfig{Window: 10 * time.Minute, MaxEvents: 1_000_000},
		LateAfter:            5 * time.Minute,
		FutureTolerance:      time.Minute,
		CorrelationAttribute: semconv.CorrelationID,
		Ledger:               configoptional.Default(LedgerConfig{MaxSLOs: 1000}),
	}
}
