// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package badevents

import (
	"errors"

	"go.opentelemetry.io/collector/component"
)

// Config is the configuration of the bad_events extension.
type Config struct {
	// Catalog is the service_catalog extension whose SLOs judge.
	Catalog component.ID `mapstructure:"catalog"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ component.Config = (*Config)(nil)

// Validate names the invalid key and its fix.
func (c *Config) Validate() error {
	if c.Catalog.Type().String() == "" {
		return errors.New("catalog: is empty; name the service_catalog extension")
	}
	return nil
}
