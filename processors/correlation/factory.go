// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

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
	all, memories := &components{}, &states{}
	return processor.NewFactory(metadata.Type, createDefaultConfig,
		processor.WithTraces(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
			c, release, err := join(all, memories, set, cfg.(*Config))
			if err != nil {
				return nil, err
			}
			process, hold := c.traces, lifecycle(nil)
			if c.config.Wait > 0 {
				p := c.patientTraces(next, set.Logger)
				process, hold = p.process, p.hold
			}
			return processorhelper.NewTraces(ctx, set, cfg, next, process, options(c, hold, release)...)
		}, metadata.TracesStability),
		processor.WithLogs(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
			c, release, err := join(all, memories, set, cfg.(*Config))
			if err != nil {
				return nil, err
			}
			process, hold := c.logs, lifecycle(nil)
			if c.config.Wait > 0 {
				p := c.patientLogs(next, set.Logger)
				process, hold = p.process, p.hold
			}
			return processorhelper.NewLogs(ctx, set, cfg, next, process, options(c, hold, release)...)
		}, metadata.LogsStability),
		processor.WithMetrics(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Metrics) (processor.Metrics, error) {
			c, release, err := join(all, memories, set, cfg.(*Config))
			if err != nil {
				return nil, err
			}
			return processorhelper.NewMetrics(ctx, set, cfg, next, c.metrics, options(c, nil, release)...)
		}, metadata.MetricsStability),
	)
}

// lifecycle is that of what holds items back; nil if nothing does.
type lifecycle interface {
	start(context.Context, component.Host) error
	shutdown(context.Context) error
}

func options(c *core, h lifecycle, release func()) []processorhelper.Option {
	return []processorhelper.Option{
		processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true}),
		processorhelper.WithShutdown(func(ctx context.Context) error {
			defer release()
			if h == nil {
				return nil
			}
			return h.shutdown(ctx)
		}),
		processorhelper.WithStart(func(ctx context.Context, host component.Host) error {
			if err := c.check(); err != nil {
				return err
			}
			c.explainTo(host)
			if h == nil {
				return nil
			}
			return h.start(ctx, host)
		}),
	}
}
