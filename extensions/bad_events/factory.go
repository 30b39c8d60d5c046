// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package badevents

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"

	"github.com/otelcol-sre/otelcol-sre/extensions/bad_events/internal/metadata"
)

// NewFactory returns the factory of the bad_events extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type, createDefaultConfig, createExtension, metadata.ExtensionStability)
}

func createDefaultConfig() component.Config {
	return &Config{Catalog: component.MustNewID("service_catalog")}
}

func createExtension(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
	return &badEvents{config: cfg.(*Config), logger: set.Logger}, nil
}
