// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"github.com/otelcol-sre/otelcol-sre/internal/sharedcomponent"
	"github.com/otelcol-sre/otelcol-sre/receivers/checks/internal/metadata"
)

// NewFactory returns the factory of the checks receiver.
func NewFactory() receiver.Factory {
	all := &sharedcomponent.Components[Config, *checker]{}
	return receiver.NewFactory(metadata.Type, createDefaultConfig,
		receiver.WithTraces(func(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Traces) (receiver.Traces, error) {
			return join(all, set, cfg.(*Config), func(c *checker) { c.traces = next })
		}, metadata.TracesStability),
		receiver.WithMetrics(func(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics) (receiver.Metrics, error) {
			return join(all, set, cfg.(*Config), func(c *checker) { c.metrics = next })
		}, metadata.MetricsStability))
}

// An instance is the receiver in one pipeline. All of one configuration share the checker.
type instance struct {
	share *sharedcomponent.Share[*checker]
}

func join(all *sharedcomponent.Components[Config, *checker], set receiver.Settings, config *Config, output func(*checker)) (*instance, error) {
	share, err := all.Join(config, func() (*checker, error) { return newChecker(set, config) })
	if err != nil {
		return nil, err
	}
	output(share.Value)
	return &instance{share}, nil
}

// Start starts the checks. Both outputs are known by then: the collector makes all components first.
func (i *instance) Start(_ context.Context, host component.Host) error {
	return i.share.Start(func() error { return i.share.Value.start(host) })
}

// Shutdown ends the checks before the first of the pipelines ends.
func (i *instance) Shutdown(context.Context) error {
	i.share.Value.stop()
	if i.share.Leave() {
		i.share.Value.telemetry.Shutdown()
	}
	return nil
}
