// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package shutdownlimit

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/extensions/shutdown_limit/internal/metadata"
)

// Config is the configuration of the shutdown_limit extension.
type Config struct {
	// After is how long a shutdown may take from the signal on (SIGTERM, SIGINT).
	After time.Duration `mapstructure:"after"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// Validate reports an invalid key with its fix.
func (c *Config) Validate() error {
	if c.After <= 0 {
		return fmt.Errorf("after: %v is not positive; use a duration such as 15s", c.After)
	}
	return nil
}

// NewFactory returns the factory of the shutdown_limit extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type, createDefaultConfig,
		func(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
			return &limit{
				after: cfg.(*Config).After, logger: set.Logger, exit: os.Exit,
				signals: make(chan os.Signal, 1), over: make(chan struct{}),
			}, nil
		}, metadata.ExtensionStability)
}

func createDefaultConfig() component.Config { return &Config{After: 15 * time.Second} }

type limit struct {
	after   time.Duration
	logger  *zap.Logger
	exit    func(code int)
	signals chan os.Signal
	over    chan struct{}
	once    sync.Once
	running sync.WaitGroup
}

// Start waits for the signal that ends the collector. Others get it, too.
func (l *limit) Start(context.Context, component.Host) error {
	signal.Notify(l.signals, syscall.SIGTERM, os.Interrupt)
	l.running.Go(l.wait)
	return nil
}

func (l *limit) wait() {
	select {
	case <-l.signals:
	case <-l.over:
		return
	}
	select {
	case <-time.After(l.after):
	case <-l.over:
		return
	}
	l.logger.Warn("The collector ends although exporters still wait for their backends. Queues on disk are sent after the next start; queues in memory are lost. "+
		"Set shutdown_limit::after to wait longer", zap.Duration("after", l.after))
	_ = l.logger.Sync() // the process ends
	l.exit(0)
}

// Shutdown is called when everything else has stopped in time.
func (l *limit) Shutdown(context.Context) error {
	l.once.Do(func() {
		signal.Stop(l.signals)
		close(l.over)
	})
	l.running.Wait()
	return nil
}
