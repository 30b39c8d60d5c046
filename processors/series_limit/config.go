// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package serieslimit

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
)

// Config is the configuration of the series_limit processor.
type Config struct {
	// Catalog is the service_catalog extension. Each of its services has a limit of its own.
	Catalog component.ID `mapstructure:"catalog"`
	// MaxSeries is how many series the metrics of a service of the catalog make; 0 is any number.
	MaxSeries int `mapstructure:"max_series"`
	// MaxSeriesOfOthers is how many series the metrics of all other services make together; 0 is any number.
	MaxSeriesOfOthers int `mapstructure:"max_series_of_others"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ component.Config = (*Config)(nil)

func createDefaultConfig() component.Config {
	return &Config{Catalog: component.MustNewID("service_catalog"), MaxSeries: 50_000, MaxSeriesOfOthers: 10_000}
}

// Validate reports every invalid key with its fix.
func (c *Config) Validate() error {
	var errs []error
	if c.Catalog.Type().String() == "" {
		errs = append(errs, errors.New("catalog: is empty; name the service_catalog extension"))
	}
	for _, key := range []struct {
		name  string
		value int
	}{{"max_series", c.MaxSeries}, {"max_series_of_others", c.MaxSeriesOfOthers}} {
		if key.value < 0 {
			errs = append(errs, fmt.Errorf("%s: is %d; set it to 0 (any number) or more", key.name, key.value))
		}
	}
	return errors.Join(errs...)
}
