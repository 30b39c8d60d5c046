// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package mtls

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"

	"github.com/otelcol-sre/otelcol-sre/extensions/mtls/internal/metadata"
)

// NewFactory returns the factory of the mtls extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type, createDefaultConfig, createExtension, metadata.ExtensionStability)
}

func createDefaultConfig() component.Config { return &Config{ClientCertificates: required} }

func createExtension(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &mtls{config: cfg.(*Config), logger: set.Logger, telemetry: telemetry}, nil
}
