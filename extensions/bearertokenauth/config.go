// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package bearertokenauth

import (
	"fmt"
	"time"

	upstream "github.com/open-telemetry/opentelemetry-collector-contrib/extension/bearertokenauthextension"
	"go.opentelemetry.io/collector/component"
)

// Config has the keys of contrib's extension, and how often the file is read.
type Config struct {
	upstream.Config `mapstructure:",squash"`
	// ReloadInterval is how often the file is read.
	ReloadInterval time.Duration `mapstructure:"reload_interval"`

	// prevent unkeyed literal initialization
	_ struct{}
}

func createDefaultConfig() component.Config {
	return &Config{Config: *upstream.NewFactory().CreateDefaultConfig().(*upstream.Config), ReloadInterval: 2 * time.Second}
}

// Validate reports every invalid key with its fix.
func (c *Config) Validate() error {
	if err := c.Config.Validate(); err != nil {
		return fmt.Errorf("%w; set one of filename, tokens and token", err)
	}
	if c.ReloadInterval <= 0 {
		return fmt.Errorf("reload_interval: is %v; set it above 0, or a revoked token stays valid", c.ReloadInterval)
	}
	return nil
}
