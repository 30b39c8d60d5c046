// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package red

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
	"go.opentelemetry.io/collector/confmap"
)

func TestReadme(t *testing.T) {
	content, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, example, found := strings.Cut(string(content), "```yaml\n")
	require.True(t, found)
	example, _, _ = strings.Cut(example, "```")
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(example))
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	sub, err := conf.Sub("connectors::red")
	require.NoError(t, err)
	config := createDefaultConfig().(*Config)
	config.FlushInterval = 0
	require.NoError(t, sub.Unmarshal(config))
	require.NoError(t, confmap.Validate(config))
	require.Equal(t, createDefaultConfig(), config, "the example shows a default")
	documented := func(of reflect.Type, prefix string) {
		for field := range of.Fields() {
			if key := field.Tag.Get("mapstructure"); key != "" && field.Type != reflect.TypeFor[Pairing]() {
				assert.Contains(t, string(content), "| `"+prefix+key+"` |")
			}
		}
	}
	documented(reflect.TypeFor[Config](), "")
	documented(reflect.TypeFor[Pairing](), "pairing::")
}

func TestValidate(t *testing.T) {
	require.NoError(t, componenttest.CheckConfigStruct(createDefaultConfig()))
	require.NoError(t, confmap.Validate(createDefaultConfig()))
	for want, change := range map[string]func(*Config){
		"catalog: is empty":                         func(c *Config) { c.Catalog = component.ID{} },
		"flush_interval: 0s is not positive":        func(c *Config) { c.FlushInterval = 0 },
		"expiration: -1s is not positive":           func(c *Config) { c.Expiration = -time.Second },
		"pairing::ttl: 0s is not positive":          func(c *Config) { c.Pairing.TTL = 0 },
		"max_series: 0 is too small":                func(c *Config) { c.MaxSeries = 0 },
		"max_edges: -1 is too small":                func(c *Config) { c.MaxEdges = -1 },
		"pairing::max_spans: 0 is too small":        func(c *Config) { c.Pairing.MaxSpans = 0 },
		"buckets: are not durations that rise":      func(c *Config) { c.Buckets = []time.Duration{2, 1} },
		"buckets: are not durations that rise; use": func(c *Config) { c.Buckets = nil },
		"list such as [10ms, 100ms, 1s]":            func(c *Config) { c.Buckets = []time.Duration{1, 1} },
	} {
		config := createDefaultConfig().(*Config)
		change(config)
		require.ErrorContains(t, confmap.Validate(config), want)
	}
}
