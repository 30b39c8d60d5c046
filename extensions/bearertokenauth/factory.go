// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package bearertokenauth

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"

	"github.com/otelcol-sre/otelcol-sre/extensions/bearertokenauth/internal/metadata"
)

// NewFactory returns the factory of the bearertokenauth extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type, createDefaultConfig, createExtension, metadata.ExtensionStability)
}

func createExtension(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &tokens{config: cfg.(*Config), set: set, telemetry: telemetry}, nil
}
