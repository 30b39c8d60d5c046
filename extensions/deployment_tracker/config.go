// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deploymenttracker

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment/tracker"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// Config is the configuration of the deployment_tracker extension.
type Config struct {
	// Storage is the storage extension that keeps the state across restarts. Without it, no state is kept.
	Storage *component.ID `mapstructure:"storage"`
	// Confirm is how long a version must be seen before it counts.
	Confirm time.Duration `mapstructure:"confirm"`
	// Settle is how long the old version must be unseen before the new one has replaced it.
	Settle time.Duration `mapstructure:"settle"`
	// CanaryAfter is how long a new version must stay a minority before it is a canary.
	CanaryAfter time.Duration `mapstructure:"canary_after"`
	// Recent is how long after its start a deployment is recent.
	Recent time.Duration `mapstructure:"recent"`
	// InstanceTimeout is how long an instance must be unseen before it is gone.
	InstanceTimeout time.Duration `mapstructure:"instance_timeout"`
	// MaxServices is how many services are followed, per environment.
	MaxServices int `mapstructure:"max_services"`
	// MaxInstances is how many instances per service are followed.
	MaxInstances int `mapstructure:"max_instances"`

	// Identity are the attributes of the place that are part of what a service is: what runs in two clusters is
	// followed apart.
	Identity []string `mapstructure:"identity"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ component.Config = (*Config)(nil)

func createDefaultConfig() component.Config {
	t := tracker.Default()
	return &Config{
		Confirm: t.Confirm, Settle: t.Settle, CanaryAfter: t.CanaryAfter, Recent: t.Recent, InstanceTimeout: t.InstanceTTL,
		MaxServices: t.MaxServices, MaxInstances: t.MaxInstances, Identity: []string{semconv.ClusterName},
	}
}

// Validate names each key that is wrong, and the fix.
func (c *Config) Validate() error {
	var errs []error
	positive := func(key string, value time.Duration) {
		if value <= 0 {
			errs = append(errs, fmt.Errorf("%s: %v is not positive; use a duration such as 1m", key, value))
		}
	}
	positive("settle", c.Settle)
	positive("canary_after", c.CanaryAfter)
	positive("recent", c.Recent)
	positive("instance_timeout", c.InstanceTimeout)
	if c.Confirm < 0 {
		errs = append(errs, fmt.Errorf("confirm: %v is negative; use 0s or more", c.Confirm))
	}
	if c.MaxServices < 1 {
		errs = append(errs, fmt.Errorf("max_services: %d is too small; use 1 or more", c.MaxServices))
	}
	if c.MaxInstances < 1 {
		errs = append(errs, fmt.Errorf("max_instances: %d is too small; use 1 or more", c.MaxInstances))
	}
	for n, key := range c.Identity {
		if !slices.Contains(places, key) {
			errs = append(errs, fmt.Errorf("identity[%d]: %.60q is not known; use some of %q", n, key, places))
		}
	}
	return errors.Join(errs...)
}

// places are the attributes that can be part of what a service is.
var places = []string{semconv.ClusterName, semconv.CloudRegion, semconv.CloudAccount}

func (c *Config) tracker() tracker.Config {
	t := tracker.Default()
	t.Confirm, t.Settle, t.CanaryAfter, t.Recent, t.InstanceTTL = c.Confirm, c.Settle, c.CanaryAfter, c.Recent, c.InstanceTimeout
	t.MaxServices, t.MaxInstances = c.MaxServices, c.MaxInstances
	t.Identity = tracker.Identity{
		Cluster: slices.Contains(c.Identity, semconv.ClusterName), Region: slices.Contains(c.Identity, semconv.CloudRegion),
		Account: slices.Contains(c.Identity, semconv.CloudAccount),
	}
	return t
}
