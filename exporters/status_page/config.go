// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspageexporter

import (
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-sre/otelcol-sre/exporters/status_page/internal/metadata"
)

// Config is the configuration of the status_page exporter.
type Config struct {
	// Page is the status_page extension that shows what comes in.
	Page component.ID `mapstructure:"page"`
}

func createDefaultConfig() component.Config {
	return &Config{Page: component.NewID(metadata.Type)}
}
