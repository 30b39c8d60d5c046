// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
)

// readme is the README and the YAML in it.
func readme(t *testing.T) (text string, example *confmap.Conf) {
	t.Helper()
	b, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(b), "```yaml\n")
	require.True(t, ok)
	block, _, ok := strings.Cut(rest, "```")
	require.True(t, ok)
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(block))
	require.NoError(t, err)
	example, err = retrieved.AsConf()
	require.NoError(t, err)
	return string(b), example
}

func TestExampleConfig(t *testing.T) {
	_, example := readme(t)
	sub, err := example.Sub("processors::slo")
	require.NoError(t, err)
	config := createDefaultConfig()
	require.NoError(t, sub.Unmarshal(config))
	require.NoError(t, confmap.Validate(config))
	want := createDefaultConfig().(*Config)
	want.Storage = &fileStorage
	require.Equal(t, want, config)
}

func TestEveryKeyIsDocumented(t *testing.T) {
	text, _ := readme(t)
	for field := range reflect.TypeFor[Config]().Fields() {
		assert.Contains(t, text, "| `"+field.Tag.Get("mapstructure")+"` |")
	}
	for v := range verdicts {
		assert.Contains(t, text, "| `"+v.String()+"` |")
	}
	for s := range states {
		assert.Contains(t, text, "| `"+s.String()+"` |")
	}
}

func peersOf(members ...string) configoptional.Optional[PeersConfig] {
	p := defaultPeers()
	p.Members = members
	return configoptional.Some(p)
}

func TestValidate(t *testing.T) {
	require.NoError(t, componenttest.CheckConfigStruct(createDefaultConfig()))
	require.NoError(t, confmap.Validate(createDefaultConfig()))
	for name, test := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no catalog":          {func(c *Config) { c.Catalog = component.ID{} }, "catalog: is empty; name the service_catalog extension"},
		"no flushes":          {func(c *Config) { c.FlushInterval = 0 }, "flush_interval: is 0s; set it from 100ms to 1h"},
		"rare flushes":        {func(c *Config) { c.FlushInterval = 2 * time.Hour }, "flush_interval: is 2h0m0s"},
		"checkpoints":         {func(c *Config) { c.CheckpointInterval = time.Second }, "checkpoint_interval: is 1s; set it to flush_interval (5s) or more"},
		"short memory":        {func(c *Config) { c.StreamTTL = time.Second }, "stream_ttl: is 1s; set it to 1m or more"},
		"one stream":          {func(c *Config) { c.MaxStreamsPerSLO = 1 }, "max_streams_per_slo: is 1"},
		"no environments":     {func(c *Config) { c.MaxEnvironments = 0 }, "max_environments: is 0; set it to 1 or more"},
		"unknown ownership":   {func(c *Config) { c.Ownership = "mine" }, `ownership: is "mine"; set it to sole or shared`},
		"peers of a sole one": {func(c *Config) { c.Peers = peersOf("a:1") }, "peers: are only asked if ownership is shared"},
		"no ledger":           {func(c *Config) { c.Ledger.MaxMiBPerSLO = 0 }, "ledger::max_mib_per_slo: is 0; set it from 1 to 1024"},
		"a small ledger":      {func(c *Config) { c.Ledger.MaxMiB = 2 }, "ledger::max_mib: is 2; set it to max_mib_per_slo (4) or more"},
		"no peers":            {func(c *Config) { c.Ownership, c.Peers = Shared, peersOf() }, "members: is empty"},
		"a peer without port": {func(c *Config) { c.Ownership, c.Peers = Shared, peersOf("gateway") }, `members: "gateway" is not host:port`},
		"all errors together": {func(c *Config) { c.MaxEnvironments, c.FlushInterval = 0, 0 }, "max_environments: is 0"},
	} {
		t.Run(name, func(t *testing.T) {
			config := createDefaultConfig().(*Config)
			test.change(config)
			require.ErrorContains(t, confmap.Validate(config), test.want)
		})
	}
}
