// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package serverlimits

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"

	"github.com/otelcol-sre/otelcol-sre/extensions/server_limits/internal/metadata"
)

// NewFactory returns the factory of the server_limits extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type, createDefaultConfig, createExtension, metadata.ExtensionStability)
}

func createExtension(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &limits{config: cfg.(*Config), telemetry: telemetry}, nil
}
