// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"context"

	"github.com/otelcol-sre/otelcol-sre/internal/admission"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/extension"

	"github.com/otelcol-sre/otelcol-sre/extensions/service_catalog/internal/metadata"
)

// NewFactory returns the factory of the service_catalog extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type, createDefaultConfig, createExtension, metadata.ExtensionStability)
}

func createDefaultConfig() component.Config {
	return &Config{
		PollInterval: defaultPollInterval, Admission: admission.DefaultLimits(), Kubernetes: configoptional.Default(Kubernetes{WriteStatus: true}),
	}
}

func createExtension(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
	return newServiceCatalog(set, cfg.(*Config))
}
