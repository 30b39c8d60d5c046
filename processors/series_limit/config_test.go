// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package serieslimit

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
	sub, err := conf.Sub("processors::series_limit")
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
		"catalog: is empty":           func(c *Config) { c.Catalog = component.ID{} },
		"max_series: is -1":           func(c *Config) { c.MaxSeries = -1 },
		"max_series_of_others: is -2": func(c *Config) { c.MaxSeriesOfOthers = -2 },
	} {
		require.ErrorContains(t, confmap.Validate(defaults(change)), want)
	}
}
