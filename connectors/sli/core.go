package sli

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

type core struct {
	config *Config
	next   consumer.Metrics
}

func newCore(_ connector.Settings, cfg *Config, next consumer.Metrics) (*core, error) {
	return &core{config: cfg, next: next}, nil
}

func (c *core) start(context.Context, component.Host) error { return nil }
func (c *core) stop(context.Context) error                  { return nil }
func (c *core) flush(context.Context)                       {}

func (c *core) ConsumeTraces(context.Context, ptrace.Traces) error    { return nil }
func (c *core) ConsumeLogs(context.Context, plog.Logs) error          { return nil }
func (c *core) ConsumeMetrics(context.Context, pmetric.Metrics) error { return nil }
