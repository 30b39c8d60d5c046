// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package queuestorage

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
	sub, err := conf.Sub("extensions::queue_storage")
	require.NoError(t, err)
	config := &Config{}
	require.NoError(t, sub.Unmarshal(config))
	require.NoError(t, confmap.Validate(config))
	require.Equal(t, defaults(), config, "the example shows the defaults")
	for field := range reflect.TypeFor[Config]().Fields() {
		if key := field.Tag.Get("mapstructure"); key != "" {
			assert.Contains(t, string(content), "| `"+key+"` |")
		}
	}
}

func TestValidate(t *testing.T) {
	require.NoError(t, componenttest.CheckConfigStruct(createDefaultConfig()))
	require.NoError(t, confmap.Validate(defaults()))
	for want, change := range map[string]func(*Config){
		"directory: is empty": func(c *Config) { c.Directory = "" },
		"segment_bytes: is 5": func(c *Config) { c.SegmentBytes = 5 },
		"cache_bytes: is -1":  func(c *Config) { c.CacheBytes = -1 },
	} {
		require.ErrorContains(t, confmap.Validate(defaults(change)), want)
	}
}

func defaults(change ...func(*Config)) *Config {
	c := createDefaultConfig().(*Config)
	for _, f := range change {
		f(c)
	}
	return c
}
