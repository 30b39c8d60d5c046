// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracesampler

import (
	"os"
	"reflect"
	"strings"
	"testing"

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
	sub, err := conf.Sub("processors::trace_sampler")
	require.NoError(t, err)
	config := &Config{Catalog: defaults().Catalog}
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
		"catalog: is empty":            func(c *Config) { c.Catalog = component.ID{} },
		"wait: is 0s":                  func(c *Config) { c.Wait = 0 },
		"max_bytes: is 5":              func(c *Config) { c.MaxBytes = 5 },
		"percentage: is 101":           func(c *Config) { c.Percentage = 101 },
		"min_traces_per_second: is -1": func(c *Config) { c.MinTracesPerSecond = -1 },
		"max_spans_per_second: is -1":  func(c *Config) { c.MaxSpansPerSecond = -1 },
		"keep: ":                       func(c *Config) { c.Keep = []string{"span.nothing ="} },
	} {
		require.ErrorContains(t, confmap.Validate(defaults(change)), want)
	}
}
