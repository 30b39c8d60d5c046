// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package queuestorage

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"

	"github.com/otelcol-sre/otelcol-sre/extensions/queue_storage/internal/metadata"
)

// NewFactory returns the factory of the queue_storage extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type, createDefaultConfig,
		func(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
			telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
			if err != nil {
				return nil, err
			}
			return &queueStorage{config: cfg.(*Config), logger: set.Logger, telemetry: telemetry, open: make(map[string]bool)}, nil
		}, metadata.ExtensionStability)
}
