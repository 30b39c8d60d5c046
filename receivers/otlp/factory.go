// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/xconsumer"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/xreceiver"

	"github.com/otelcol-sre/otelcol-sre/internal/sharedcomponent"
	"github.com/otelcol-sre/otelcol-sre/receivers/otlp/internal/metadata"
)

// NewFactory returns the factory of the otlp receiver.
func NewFactory() receiver.Factory {
	f := &factory{}
	return xreceiver.NewFactory(metadata.Type, createDefaultConfig,
		xreceiver.WithTraces(f.traces, metadata.TracesStability),
		xreceiver.WithMetrics(f.metrics, metadata.MetricsStability),
		xreceiver.WithLogs(f.logs, metadata.LogsStability),
		xreceiver.WithProfiles(f.profiles, metadata.ProfilesStability))
}

// All signals of a receiver come in by the same ports.
type factory struct {
	receivers sharedcomponent.Components[Config, *intake]
}

// instance is the intake as the receiver of one signal.
type instance struct {
	*sharedcomponent.Share[*intake]
}

func (f *factory) join(set receiver.Settings, cfg component.Config) (instance, error) {
	config := cfg.(*Config)
	share, err := f.receivers.Join(config, func() (*intake, error) { return newIntake(set, config) })
	return instance{share}, err
}

func (f *factory) traces(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Traces) (receiver.Traces, error) {
	i, err := f.join(set, cfg)
	if err != nil {
		return nil, err
	}
	i.Value.add(traces{next: next})
	return i, nil
}

func (f *factory) metrics(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics) (receiver.Metrics, error) {
	i, err := f.join(set, cfg)
	if err != nil {
		return nil, err
	}
	i.Value.add(metrics{next: next})
	return i, nil
}

func (f *factory) logs(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
	i, err := f.join(set, cfg)
	if err != nil {
		return nil, err
	}
	i.Value.add(logs{next: next})
	return i, nil
}

func (f *factory) profiles(_ context.Context, set receiver.Settings, cfg component.Config, next xconsumer.Profiles) (xreceiver.Profiles, error) {
	i, err := f.join(set, cfg)
	if err != nil {
		return nil, err
	}
	i.Value.add(profiles{next: next})
	return i, nil
}

func (i instance) Start(ctx context.Context, host component.Host) error {
	return i.Share.Start(func() error { return i.Value.start(ctx, host) })
}

// Shutdown ends the intake with its first signal: none may come in any more.
func (i instance) Shutdown(ctx context.Context) error {
	err := i.Value.shutdown(ctx)
	i.Leave()
	return err
}
