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
			m, release, err := join(all, set, cfg.(*Config))
			if err != nil {
				return nil, err
			}
			return processorhelper.NewTraces(ctx, set, cfg, next, m.traces, options(true, release)...)
		}, metadata.TracesStability),
		processor.WithLogs(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
			m, release, err := join(all, set, cfg.(*Config))
			if err != nil {
				return nil, err
			}
			return processorhelper.NewLogs(ctx, set, cfg, next, m.logs, options(true, release)...)
		}, metadata.LogsStability),
		processor.WithMetrics(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Metrics) (processor.Metrics, error) {
			m, release, err := join(all, set, cfg.(*Config))
			if err != nil {
				return nil, err
			}
			process := m.metrics
			if !m.config.Metrics {
				process = func(_ context.Context, md pmetric.Metrics) (pmetric.Metrics, error) { return md, nil }
			}
			return processorhelper.NewMetrics(ctx, set, cfg, next, process, options(m.config.Metrics, release)...)
		}, metadata.MetricsStability),
	)
}

func createDefaultConfig() component.Config {
	return &Config{DeployEvent: component.MustNewID("deployevent")}
}

func options(mutates bool, release func()) []processorhelper.Option {
	return []processorhelper.Option{
		processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: mutates}),
		processorhelper.WithShutdown(func(context.Context) error {
			release()
			return nil
		}),
	}
}
