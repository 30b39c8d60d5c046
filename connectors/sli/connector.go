// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"

	"github.com/otelcol-sre/otelcol-sre/internal/sharedcomponent"
)

// components are those of one factory.
type components = sharedcomponent.Components[Config, *core]

// An instance is the component of one signal. Everything it does, it does to the core.
type instance struct {
	*core
	share    *sharedcomponent.Share[*core]
	shutdown sync.Once
}

var (
	_ connector.Traces  = (*instance)(nil)
	_ connector.Logs    = (*instance)(nil)
	_ connector.Metrics = (*instance)(nil)
)

func newInstance(all *components, set connector.Settings, cfg *Config, next consumer.Metrics) (*instance, error) {
	share, err := all.Join(cfg, func() (*core, error) { return newCore(set, cfg, next) })
	if err != nil {
		return nil, err
	}
	return &instance{core: share.Value, share: share}, nil
}

// Start starts the core with the first instance.
func (i *instance) Start(ctx context.Context, host component.Host) error {
	return i.share.Start(func() error { return i.start(ctx, host) })
}

// Shutdown flushes: the exporters downstream are still up, and this instance's events are all
// in. The last instance stops the core.
func (i *instance) Shutdown(ctx context.Context) error {
	var err error
	i.shutdown.Do(func() {
		if i.share.Leave() {
			err = i.stop(ctx)
		} else {
			i.flush(ctx)
		}
	})
	return err
}

// Capabilities says that the input is only read.
func (i *instance) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }
