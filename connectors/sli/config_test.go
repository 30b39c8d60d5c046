// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
)

func TestValidate(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"catalog: is empty":               func(c *Config) { c.Catalog = component.ID{} },
		"flush_interval: 0s is not":       func(c *Config) { c.FlushInterval = 0 },
		"settle_timeout: -1s is not":      func(c *Config) { c.SettleTimeout = -time.Second },
		"max_versions: 0 is too small":    func(c *Config) { c.MaxVersions = 0 },
		"max_environments: 0 is too":      func(c *Config) { c.MaxEnvironments = 0 },
		"max_streams: -1 is too small":    func(c *Config) { c.MaxStreams = -1 },
		"exemplars: 101 is out of range":  func(c *Config) { c.Exemplars = 101 },
		"deduplicate::window: -1s is":     func(c *Config) { c.Deduplicate.Window = -time.Second },
		"deduplicate::max_events: 999 is": func(c *Config) { c.Deduplicate.MaxEvents = 999 },
		"late_after: -1s is negative":     func(c *Config) { c.LateAfter = -time.Second },
		"future_tolerance: -1s is":        func(c *Config) { c.FutureTolerance = -time.Second },
		"journal::directory: needs":       func(c *Config) { c.Journal.Directory = "x" },
	} {
		cfg := createDefaultConfig().(*Config)
		require.NoError(t, cfg.Validate())
		change(cfg)
		require.ErrorContains(t, cfg.Validate(), want)
	}
}

// The example in the README is one that loads, and its table has every key with its default.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(text), "```yaml\n")
	require.True(t, ok)
	example, _, _ := strings.Cut(rest, "```")
	parsed, err := confmap.NewRetrievedFromYAML([]byte(example))
	require.NoError(t, err)
	conf, err := parsed.AsConf()
	require.NoError(t, err)
	own, err := conf.Sub("connectors::sli")
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, own.Unmarshal(cfg))
	require.NoError(t, cfg.Validate())
	require.Equal(t, &storageID, cfg.Storage)

	defaults := confmap.New()
	require.NoError(t, defaults.Marshal(createDefaultConfig()))
	for key := range defaults.ToStringMap() {
		require.Contains(t, string(text), "\n| `"+key+"` | ")
	}
}
