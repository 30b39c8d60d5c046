// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deploymarker

import (
	"errors"

	"go.opentelemetry.io/collector/component"
)

// Config is the configuration of the deploymarker processor.
type Config struct {
	// Tracker is the deployment_tracker extension that knows what is deployed.
	Tracker component.ID `mapstructure:"tracker"`
	// Metrics reports whether the resources of metrics are stamped too. Every deployment makes new series of
	// all metrics of its service then.
	Metrics bool `mapstructure:"metrics"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ component.Config = (*Config)(nil)

// Validate names the key that is wrong and the fix.
func (c *Config) Validate() error {
	if c.Tracker.Type().String() == "" {
		return errors.New("tracker: is empty; name the deployment_tracker extension")
	}
	return nil
}
