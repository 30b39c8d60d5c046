// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deploymenttracker

import (
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment/tracker"
)

func TestValidate(t *testing.T) {
	require.NoError(t, createDefaultConfig().(*Config).Validate())
	for want, change := range map[string]func(*Config){
		"settle: -1s is not positive":                        func(c *Config) { c.Settle = -time.Second },
		"canary_after: 0s is not positive":                   func(c *Config) { c.CanaryAfter = 0 },
		"recent: 0s is not positive":                         func(c *Config) { c.Recent = 0 },
		"instance_timeout: 0s is not":                        func(c *Config) { c.InstanceTimeout = 0 },
		"confirm: -1s is negative; use 0s":                   func(c *Config) { c.Confirm = -time.Second },
		"max_services: 0 is too small; use 1":                func(c *Config) { c.MaxServices = 0 },
		"max_instances: 0 is too small":                      func(c *Config) { c.MaxInstances = 0 },
		`identity[1]: "host.name" is not known; use some of`: func(c *Config) { c.Identity = []string{"cloud.region", "host.name"} },
	} {
		cfg := createDefaultConfig().(*Config)
		change(cfg)
		require.ErrorContains(t, cfg.Validate(), want)
	}
}

func TestEveryKeyReachesTheTracker(t *testing.T) {
	cfg := &Config{
		Confirm: 1, Settle: 2, CanaryAfter: 3, Recent: 4, InstanceTimeout: 5, MaxServices: 6, MaxInstances: 7, Identity: []string{"cloud.region", "cloud.account.id"},
	}
	want := tracker.Default()
	want.Confirm, want.Settle, want.CanaryAfter, want.Recent, want.InstanceTTL = 1, 2, 3, 4, 5
	want.MaxServices, want.MaxInstances = 6, 7
	want.Identity = tracker.Identity{Region: true, Account: true}
	require.Equal(t, want, cfg.tracker())
}

// The README's table has each key, with the default that is in force.
func TestEveryKeyIsDocumented(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	defaults := map[string]string{
		"storage": "none", "confirm": "`10s`", "settle": "`1m`", "canary_after": "`10m`", "recent": "`30m`", "instance_timeout": "`5m`",
		"max_services": "`10000`", "max_instances": "`10000`", "identity": "`[k8s.cluster.name]`",
	}
	config := reflect.TypeFor[Config]()
	for field := range config.Fields() {
		if key := field.Tag.Get("mapstructure"); key != "" {
			assert.Contains(t, string(readme), "\n| `"+key+"` | "+defaults[key]+" | ")
		}
	}
	require.Equal(t, &Config{
		Confirm: 10 * time.Second, Settle: time.Minute, CanaryAfter: 10 * time.Minute, Recent: 30 * time.Minute, InstanceTimeout: 5 * time.Minute,
		MaxServices: 10_000, MaxInstances: 10_000, Identity: []string{"k8s.cluster.name"},
	}, createDefaultConfig())
}
