// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
)

// Config is the configuration of the checks receiver.
type Config struct {
	// Catalog is the service_catalog extension that has the checks. The default one may be missing: then there are none.
	Catalog component.ID `mapstructure:"catalog"`
	// Location is where this collector is, for checks that are made from some locations only.
	Location string `mapstructure:"location"`
	// MaxChecks is how many checks it makes at most.
	MaxChecks int `mapstructure:"max_checks"`
	// MaxConcurrent is how many of them at once.
	MaxConcurrent int `mapstructure:"max_concurrent"`
	// SecretsDirectory has the files that headers can name.
	SecretsDirectory string `mapstructure:"secrets_directory"`
	// CAFile has the authorities that servers' certificates are from, instead of the system's.
	CAFile string `mapstructure:"ca_file"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ component.Config = (*Config)(nil)

var defaultCatalog = component.MustNewID("service_catalog")

func createDefaultConfig() component.Config {
	return &Config{Catalog: defaultCatalog, MaxChecks: 200, MaxConcurrent: 16}
}

// maxLocation is the length of a location in bytes: it is in attributes.
const maxLocation = 64

// Validate names each key that is wrong, and the fix.
func (c *Config) Validate() error {
	var errs []error
	if c.Catalog.Type().String() == "" {
		errs = append(errs, errors.New("catalog: is empty; name the service_catalog extension"))
	}
	if len(c.Location) > maxLocation {
		errs = append(errs, fmt.Errorf("location: has %d bytes; write at most %d", len(c.Location), maxLocation))
	}
	for _, one := range []struct {
		key string
		n   int
	}{{"max_checks", c.MaxChecks}, {"max_concurrent", c.MaxConcurrent}} {
		if one.n < 1 {
			errs = append(errs, fmt.Errorf("%s: is %d; write 1 or more", one.key, one.n))
		}
	}
	return errors.Join(errs...)
}
