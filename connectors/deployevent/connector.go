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
)

// outputs are what an instance writes to: one of them.
type outputs struct {
	events  consumer.Logs
	metrics consumer.Metrics
}

// cores holds the core of every component of this factory, by its configuration: the collector
// hands the same one to all instances of a component.
type cores struct {
	mu     sync.Mutex
	byConf map[*Config]*shared
}

// shared is a core and the number of its instances that are not shut down.
type shared struct {
	core      *core
	instances int
	listening map[pipeline.Signal]bool
	start     sync.Once
	startErr  error
}

func newCores() *cores { return &cores{byConf: make(map[*Config]*shared)} }

// An instance is the component of one signal in and one out. Everything it does, it does to the core. Those
// of one signal in are all given the same, so one of them listens.
type instance struct {
	*core
	listens  bool
	cores    *cores
	shared   *shared
	shutdown sync.Once
}

var (
	_ connector.Traces  = (*instance)(nil)
	_ connector.Logs    = (*instance)(nil)
	_ connector.Metrics = (*instance)(nil)
)

// instance makes one. The first of each output is what the core writes to: all instances with that output have
// the same pipelines behind them.
func (c *cores) instance(set connector.Settings, cfg *Config, from pipeline.Signal, to outputs) (*instance, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.byConf[cfg]
	if !ok {
		made, err := newCore(set, cfg)
		if err != nil {
			return nil, err
		}
		s = &shared{core: made, listening: map[pipeline.Signal]bool{}}
		c.byConf[cfg] = s
	}
	if s.core.to.events == nil {
		s.core.to.events = to.events
	}
	if s.core.to.metrics == nil {
		s.core.to.metrics = to.metrics
	}
	s.instances++
	listens := !s.listening[from]
	s.listening[from] = true
	return &instance{core: s.core, listens: listens, cores: c, shared: s}, nil
}

// Start starts the core with the first instance.
func (i *instance) Start(ctx context.Context, host component.Host) error {
	i.shared.start.Do(func() { i.shared.startErr = i.start(ctx, host) })
	return i.shared.startErr
}

// Shutdown flushes: the exporters downstream are still up, and all that this instance saw is in. The
// last instance stops the core.
func (i *instance) Shutdown(ctx context.Context) error {
	var err error
	i.shutdown.Do(func() {
		i.cores.mu.Lock()
		i.shared.instances--
		last := i.shared.instances == 0
		if last {
			delete(i.cores.byConf, i.config)
		}
		i.cores.mu.Unlock()
		if last {
			err = i.stop(ctx)
		} else {
			i.flush(ctx)
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
