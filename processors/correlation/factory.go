package correlation

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"

	"github.com/otelcol-sre/otelcol-sre/processors/correlation/internal/metadata"
)

// NewFactory returns the factory of the correlation processor.
func NewFactory() processor.Factory {
	shared := newCores()
	return processor.NewFactory(metadata.Type, createDefaultConfig,
		processor.WithTraces(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
			c, release, err := shared.take(set.TelemetrySettings, cfg.(*Config))
			if err != nil {
				return nil, err
			}
			return processorhelper.NewTraces(ctx, set, cfg, next, c.traces, options(release)...)
		}, metadata.TracesStability),
		processor.WithLogs(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
			c, release, err := shared.take(set.TelemetrySettings, cfg.(*Config))
			if err != nil {
				return nil, err
			}
			return processorhelper.NewLogs(ctx, set, cfg, next, c.logs, options(release)...)
		}, metadata.LogsStability),
		processor.WithMetrics(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Metrics) (processor.Metrics, error) {
			c, release, err := shared.take(set.TelemetrySettings, cfg.(*Config))
			if err != nil {
				return nil, err
			}
			return processorhelper.NewMetrics(ctx, set, cfg, next, c.metrics, options(release)...)
		}, metadata.MetricsStability),
	)
}

func options(release func()) []processorhelper.Option {
	return []processorhelper.Option{
		processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true}),
		processorhelper.WithShutdown(func(context.Context) error {
			release()
			return nil
		}),
	}
}
