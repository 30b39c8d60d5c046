// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package serverlimits

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"
	"go.opentelemetry.io/collector/extension/extensionmiddleware"

	"github.com/otelcol-sre/otelcol-sre/extensions/server_limits/internal/metadata"
)

// limits is the extension.
type limits struct {
	component.StartFunc
	config    *Config
	telemetry *metadata.TelemetryBuilder
	inflight  inflight
}

var (
	_ extension.Extension                   = (*limits)(nil)
	_ extensionmiddleware.GRPCServer        = (*limits)(nil)
	_ extensionmiddleware.HTTPServer        = (*limits)(nil)
	_ extensioncapabilities.PipelineWatcher = (*limits)(nil)
)

// Ready implements [extensioncapabilities.PipelineWatcher].
func (*limits) Ready() error { return nil }

// NotReady says that the collector stops. The servers wait for requests, so the unfinished ones get a short time.
func (l *limits) NotReady() error {
	l.inflight.endIn(l.config.ShutdownTimeout)
	return nil
}

// Shutdown ends the extension's own metrics.
func (l *limits) Shutdown(context.Context) error {
	l.inflight.stop()
	l.telemetry.Shutdown()
	return nil
}
