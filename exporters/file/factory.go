// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"context"
	"sync"

	upstream "github.com/open-telemetry/opentelemetry-collector-contrib/exporter/fileexporter"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"

	"github.com/otelcol-sre/otelcol-sre/exporters/file/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/internal/sharedcomponent"
)

// files are those that are open: one for each configuration, whatever the signals.
type files = sharedcomponent.Components[upstream.Config, struct{}]

// A signal is the exporter of one signal. Its end is that of the file only if it is the last one.
type signal struct {
	component.Component
	file *sharedcomponent.Share[struct{}]
	once sync.Once
}

// Shutdown closes the file with the last signal.
func (s *signal) Shutdown(ctx context.Context) (err error) {
	s.once.Do(func() {
		if s.file.Leave() {
			err = s.Component.Shutdown(ctx)
		}
	})
	return err
}

// Exporters are contrib's of a signal, with another end.
type (
	traces struct {
		exporter.Traces
		*signal
	}
	metrics struct {
		exporter.Metrics
		*signal
	}
	logs struct {
		exporter.Logs
		*signal
	}
)

func (e traces) Start(ctx context.Context, host component.Host) error {
	return e.Traces.Start(ctx, host)
}
func (e metrics) Start(ctx context.Context, host component.Host) error {
	return e.Metrics.Start(ctx, host)
}
func (e logs) Start(ctx context.Context, host component.Host) error { return e.Logs.Start(ctx, host) }

// Shutdown ends the signal.
func (e traces) Shutdown(ctx context.Context) error { return e.signal.Shutdown(ctx) }

// Shutdown ends the signal.
func (e metrics) Shutdown(ctx context.Context) error { return e.signal.Shutdown(ctx) }

// Shutdown ends the signal.
func (e logs) Shutdown(ctx context.Context) error { return e.signal.Shutdown(ctx) }

// NewFactory returns the factory of the file exporter. Its configuration is contrib's.
func NewFactory() exporter.Factory {
	contrib, all := upstream.NewFactory(), &files{}
	join := func(c component.Component, cfg component.Config) (*signal, error) {
		share, err := all.Join(cfg.(*upstream.Config), func() (struct{}, error) { return struct{}{}, nil })
		return &signal{Component: c, file: share}, err
	}
	return exporter.NewFactory(metadata.Type, contrib.CreateDefaultConfig,
		exporter.WithTraces(func(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Traces, error) {
			c, err := contrib.CreateTraces(ctx, set, cfg)
			if err != nil {
				return nil, err
			}
			s, err := join(c, cfg)
			return traces{c, s}, err
		}, metadata.TracesStability),
		exporter.WithMetrics(func(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Metrics, error) {
			c, err := contrib.CreateMetrics(ctx, set, cfg)
			if err != nil {
				return nil, err
			}
			s, err := join(c, cfg)
			return metrics{c, s}, err
		}, metadata.MetricsStability),
		exporter.WithLogs(func(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
			c, err := contrib.CreateLogs(ctx, set, cfg)
			if err != nil {
				return nil, err
			}
			s, err := join(c, cfg)
			return logs{c, s}, err
		}, metadata.LogsStability))
}
