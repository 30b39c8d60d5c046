// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployevent

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
)

// Config is the configuration of the deployevent connector.
type Config struct {
	// Tracker is the deployment_tracker extension that decides what was deployed.
	Tracker component.ID `mapstructure:"tracker"`
	// Catalog is the service_catalog extension whose limits on unknown services apply. The default one may be missing.
	Catalog component.ID `mapstructure:"catalog"`
	// FlushInterval is the time between two emissions of events and metrics.
	FlushInterval time.Duration `mapstructure:"flush_interval"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ component.Config = (*Config)(nil)

// Validate names each key that is wrong, and the fix.
func (c *Config) Validate() error {
	var errs []error
	if c.Tracker.Type().String() == "" {
		errs = append(errs, errors.New("tracker: is empty; name the deployment_tracker extension"))
	}
	if c.Catalog.Type().String() == "" {
		errs = append(errs, errors.New("catalog: is empty; name the service_catalog extension"))
	}
	if c.FlushInterval <= 0 {
		errs = append(errs, fmt.Errorf("flush_interval: %v is not positive; use a duration such as 5s", c.FlushInterval))
	}
	return errors.Join(errs...)
}
