// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployevent

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pipeline"

	"github.com/otelcol-sre/otelcol-sre/internal/sharedcomponent"
)

// outputs are what an instance writes to: one of them.
type outputs struct {
	events  consumer.Logs
	metrics consumer.Metrics
}

// components are those of one factory.
type components = sharedcomponent.Components[Config, *core]

// An instance is the component of one signal in and one out. Everything it does, it does to the core. Those
// of one signal in are all given the same, so one of them listens.
type instance struct {
	*core
	listens  bool
	to       outputs
	share    *sharedcomponent.Share[*core]
	shutdown sync.Once
}

var (
	_ connector.Traces  = (*instance)(nil)
	_ connector.Logs    = (*instance)(nil)
	_ connector.Metrics = (*instance)(nil)
)

func newInstance(all *components, set connector.Settings, cfg *Config, from pipeline.Signal, to outputs) (*instance, error) {
	share, err := all.Join(cfg, func() (*core, error) { return newCore(set, cfg) })
	if err != nil {
		return nil, err
	}
	return &instance{core: share.Value, listens: share.Value.connect(from, to), to: to, share: share}, nil
}

// connect adds an instance's output, unless there is one: all instances with that output have the same pipelines
// behind them. It reports whether the instance is the first of its signal in.
func (c *core) connect(from pipeline.Signal, to outputs) (first bool) {
	c.connecting.Lock()
	defer c.connecting.Unlock()
	if c.to.events == nil {
		c.to.events = to.events
	}
	if c.to.metrics == nil {
		c.to.metrics = to.metrics
	}
	c.writers.add(to, 1)
	c.starting++
	first = !c.listening[from]
	c.listening[from] = true
	return first
}

// writers are how many instances write to each output.
type writers struct{ events, metrics int }

func (w *writers) add(to outputs, n int) {
	if to.events != nil {
		w.events += n
	}
	if to.metrics != nil {
		w.metrics += n
	}
}

// disconnect takes an instance's output away when its last instance has ended: what is behind it ends next, while instances with
// the other output may still flush.
func (c *core) disconnect(to outputs) {
	c.flushing.Lock()
	defer c.flushing.Unlock()
	c.writers.add(to, -1)
	if c.writers.events == 0 && c.to.events != nil {
		c.to.events, c.ending = nil, true
	}
	if c.writers.metrics == 0 {
		c.to.metrics = nil
	}
}

// Start opens the core with the first instance, and lets it flush with the last: only then have the exporters
// behind all outputs started.
func (i *instance) Start(ctx context.Context, host component.Host) error {
	if err := i.share.Start(func() error { return i.start(ctx, host) }); err != nil {
		return err
	}
	i.connecting.Lock()
	defer i.connecting.Unlock()
	if i.starting--; i.starting == 0 {
		i.loop.Run(i.config.FlushInterval, i.flush)
	}
	return nil
}

// Shutdown flushes: the exporters downstream are still up, and all that this instance saw is in. The
// last instance stops the core.
func (i *instance) Shutdown(ctx context.Context) error {
	var err error
	i.shutdown.Do(func() {
		if i.share.Leave() {
			err = i.stop(ctx)
		} else if i.loop.Running() {
			i.flush(ctx)
			i.disconnect(i.to)
		}
	})
	return err
}

// Capabilities says that the input is only read.
func (i *instance) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// ConsumeTraces notes who sends spans. It never fails.
func (i *instance) ConsumeTraces(_ context.Context, td ptrace.Traces) error {
	if i.listens {
		i.traces(td)
	}
	return nil
}

// ConsumeMetrics notes who sends metrics. It never fails.
func (i *instance) ConsumeMetrics(_ context.Context, md pmetric.Metrics) error {
	if i.listens {
		i.metrics(md)
	}
	return nil
}

// ConsumeLogs takes the reports of deployments, and notes who sends the other records. It never fails:
// a report that makes no sense is counted and logged.
func (i *instance) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	if i.listens {
		i.logs(ctx, ld)
	}
	return nil
}
