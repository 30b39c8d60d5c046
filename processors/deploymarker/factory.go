// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deploymarker

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"

	"github.com/otelcol-sre/otelcol-sre/processors/deploymarker/internal/metadata"
)

// NewFactory returns the factory of the deploymarker processor.
func NewFactory() processor.Factory {
	all := &components{}
	return processor.NewFactory(metadata.Type, createDefaultConfig,
		processor.WithTraces(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
			share, err := join(all, set, cfg.(*Config))
			if err != nil {
				return nil, err
			}
			return processorhelper.NewTraces(ctx, set, cfg, next, share.Value.traces, options(true, share)...)
		}, metadata.TracesStability),
		processor.WithLogs(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
			share, err := join(all, set, cfg.(*Config))
			if err != nil {
				return nil, err
			}
			return processorhelper.NewLogs(ctx, set, cfg, next, share.Value.logs, options(true, share)...)
		}, metadata.LogsStability),
		processor.WithMetrics(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Metrics) (processor.Metrics, error) {
			share, err := join(all, set, cfg.(*Config))
			if err != nil {
				return nil, err
			}
			mutates, process := share.Value.config.Metrics, share.Value.metrics
			if !mutates {
				process = func(_ context.Context, md pmetric.Metrics) (pmetric.Metrics, error) { return md, nil }
			}
			return processorhelper.NewMetrics(ctx, set, cfg, next, process, options(mutates, share)...)
		}, metadata.MetricsStability),
	)
}

func createDefaultConfig() component.Config {
	return &Config{Tracker: component.MustNewID("deployment_tracker")}
}

func options(mutates bool, share *share) []processorhelper.Option {
	return []processorhelper.Option{
		processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: mutates}),
		processorhelper.WithStart(func(_ context.Context, host component.Host) error {
			return share.Start(func() error { return share.Value.start(host) })
		}),
		processorhelper.WithShutdown(func(context.Context) error {
			release(share)
			return nil
		}),
	}
}
