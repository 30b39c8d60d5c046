// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusscrape

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
)

func TestEveryKeyIsDocumented(t *testing.T) {
	b, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for field := range reflect.TypeFor[Config]().Fields() {
		if key := field.Tag.Get("mapstructure"); key != "" && !strings.HasPrefix(key, ",") {
			assert.Contains(t, string(b), "| `"+key+"` |")
		}
	}
}

func TestValidate(t *testing.T) {
	for name, test := range map[string]struct {
		keys map[string]any
		want string
	}{
		"default":     {nil, ""},
		"no endpoint": {map[string]any{"endpoint": ""}, "endpoint: is empty"},
		"expiration":  {map[string]any{"metric_expiration": "1ms"}, "metric_expiration: is 1ms; set it to 1s or more"},
		"strategy":    {map[string]any{"translation_strategy": "No"}, `translation_strategy: is "No"; set one of`},
	} {
		t.Run(name, func(t *testing.T) {
			config := createDefaultConfig()
			require.NoError(t, confmap.NewFromStringMap(test.keys).Unmarshal(config))
			err := confmap.Validate(config)
			if test.want == "" {
				require.NoError(t, err)
				require.Equal(t, 5*time.Minute, config.(*Config).MetricExpiration)
				return
			}
			require.ErrorContains(t, err, test.want)
		})
	}
}
