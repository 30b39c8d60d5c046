package sli

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
)

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
	start     sync.Once
	startErr  error
}

func newCores() *cores { return &cores{byConf: make(map[*Config]*shared)} }

// An instance is the component of one signal. Everything it does, it does to the core.
type instance struct {
	*core
	cores    *cores
	shared   *shared
	shutdown sync.Once
}

var (
	_ connector.Traces  = (*instance)(nil)
	_ connector.Logs    = (*instance)(nil)
	_ connector.Metrics = (*instance)(nil)
)

func (c *cores) instance(set connector.Settings, cfg *Config, next consumer.Metrics) (*instance, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.byConf[cfg]
	if !ok {
		made, err := newCore(set, cfg, next)
		if err != nil {
			return nil, err
		}
		s = &shared{core: made}
		c.byConf[cfg] = s
	}
	s.instances++
	return &instance{core: s.core, cores: c, shared: s}, nil
}

// Start starts the core with the first instance.
func (i *instance) Start(ctx context.Context, host component.Host) error {
	i.shared.start.Do(func() { i.shared.startErr = i.start(ctx, host) })
	return i.shared.startErr
}

// Shutdown flushes: the exporters downstream are still up, and this instance's events are all
// in. The last instance stops the core.
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
