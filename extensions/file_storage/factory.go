// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package filestorage

import (
	"context"

	upstream "github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/otelcol-sre/otelcol-sre/extensions/file_storage/internal/metadata"
)

// NewFactory returns the factory of the file_storage extension. Its configuration is contrib's.
func NewFactory() extension.Factory {
	contrib := upstream.NewFactory()
	return extension.NewFactory(metadata.Type, contrib.CreateDefaultConfig,
		func(ctx context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
			inner, err := contrib.Create(ctx, set, cfg)
			if err != nil {
				return nil, err
			}
			telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
			if err != nil {
				return nil, err
			}
			return &fileStorage{
				Extension: inner.(storage.Extension), directory: cfg.(*upstream.Config).Directory, logger: set.Logger, telemetry: telemetry,
			}, nil
		}, metadata.ExtensionStability)
}
