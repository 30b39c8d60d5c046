// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"errors"
	"fmt"
	"slices"

	"go.opentelemetry.io/collector/component"
)

// A Trust says which senders something is accepted from.
type Trust string

const (
	// Drop accepts it from nobody.
	Drop Trust = "drop"
	// Authenticated accepts it from clients that an authenticator of the receiver has accepted.
	Authenticated Trust = "authenticated"
	// Local accepts it from those, from processes on the same machine, and from receivers that have no clients.
	Local Trust = "local"
	// Accept accepts it from everybody.
	Accept Trust = "accept"
)

// Config is the configuration of the admission processor.
type Config struct {
	// Catalog is the service_catalog extension. Its services are counted by name.
	Catalog component.ID `mapstructure:"catalog"`
	// ReservedNames says which senders metrics are accepted from that are called as the collector's own.
	ReservedNames Trust `mapstructure:"reserved_names"`
	// DeploymentReports says which senders log records are accepted from that report a deployment.
	DeploymentReports Trust `mapstructure:"deployment_reports"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ component.Config = (*Config)(nil)

func createDefaultConfig() component.Config {
	return &Config{Catalog: component.MustNewID("service_catalog"), ReservedNames: Drop, DeploymentReports: Local}
}

// Validate reports every invalid key with its fix.
func (c *Config) Validate() error {
	var errs []error
	if c.Catalog.Type().String() == "" {
		errs = append(errs, errors.New("catalog: is empty; name the service_catalog extension"))
	}
	for _, key := range []struct {
		name  string
		value Trust
	}{{"reserved_names", c.ReservedNames}, {"deployment_reports", c.DeploymentReports}} {
		if !slices.Contains([]Trust{Drop, Authenticated, Local, Accept}, key.value) {
			errs = append(errs, fmt.Errorf("%s: is %.50q; set it to drop, authenticated, local or accept", key.name, key.value))
		}
	}
	return errors.Join(errs...)
}
