// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

func readme(t *testing.T) (text string, examples []*confmap.Conf) {
	raw, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, block := range strings.Split(string(raw), "```yaml\n")[1:] {
		example, _, ok := strings.Cut(block, "```")
		require.True(t, ok)
		parsed, err := confmap.NewRetrievedFromYAML([]byte(example))
		require.NoError(t, err)
		conf, err := parsed.AsConf()
		require.NoError(t, err)
		examples = append(examples, conf)
	}
	return string(raw), examples
}

func TestExamples(t *testing.T) {
	_, examples := readme(t)
	require.NotEmpty(t, examples)
	for _, example := range examples {
		own, err := example.Sub("processors::correlation")
		require.NoError(t, err)
		cfg := createDefaultConfig()
		require.NoError(t, own.Unmarshal(cfg))
		require.NoError(t, confmap.Validate(cfg))
	}
}

func TestEveryKeyIsDocumented(t *testing.T) {
	text, _ := readme(t)
	for _, config := range []reflect.Type{reflect.TypeFor[Config](), reflect.TypeFor[Source]()} {
		for field := range config.Fields() {
			if key := field.Tag.Get("mapstructure"); key != "" {
				assert.Contains(t, text, "\n| `"+key+"` | ", key)
			}
		}
	}
	for _, source := range defaultSources() {
		assert.Contains(t, text, "`"+source.kinds()[0][0]+": "+source.kinds()[0][1]+"`")
	}
	for name, source := range map[string]string{"CloudFront": "`regex: '" + cloudFront + "'`", "Envoy": "`text: " + textQuotedUUID + "`"} {
		require.NotEmpty(t, realLines[name].change)
		assert.Contains(t, text, source)
	}
	for _, o := range outcomeNames {
		assert.Contains(t, text, "`"+o+"`")
	}
}

func TestListOfSourcesReplacesTheDefault(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	conf := confmap.NewFromStringMap(map[string]any{"sources": []any{map[string]any{"attribute": "x"}}})
	require.NoError(t, conf.Unmarshal(cfg))
	require.Equal(t, []Source{{Attribute: "x"}}, cfg.Sources)
}

func TestValidate(t *testing.T) {
	require.NoError(t, componenttest.CheckConfigStruct(createDefaultConfig()))
	require.NoError(t, confmap.Validate(createDefaultConfig()))
	for want, change := range map[string]func(*Config){
		"attribute: is empty":              func(c *Config) { c.Attribute = "" },
		"attribute: correlation.conflict":  func(c *Config) { c.Attribute = semconv.CorrelationConflict },
		"generate: is \"x\"; use one of":   func(c *Config) { c.Generate = "x" },
		"max_length: is 8; set it from 32": func(c *Config) { c.MaxLength = 8 },
		"on_invalid: is \"\"":              func(c *Config) { c.OnInvalid = "" },
		"hash_key: is shorter than 16":     func(c *Config) { c.HashKey = "secret" },
		"max_body: is -1":                  func(c *Config) { c.MaxBody = -1 },
		"on_conflict: is \"last\"":         func(c *Config) { c.OnConflict = "last" },
		"max_entries: is 1":                func(c *Config) { c.MaxEntries = 1 },
		"max_bytes: is 1":                  func(c *Config) { c.MaxBytes = 1 },
		"ttl: is 0s":                       func(c *Config) { c.TTL = time.Duration(0) },
		"wait: is -1s; set it from 0s":     func(c *Config) { c.Wait = -time.Second },
		"wait: is 2m0s":                    func(c *Config) { c.Wait = 2 * time.Minute },
		"max_wait_bytes: is 0":             func(c *Config) { c.MaxWaitBytes = 0 },
		"sources: has 65":                  func(c *Config) { c.Sources = make([]Source, 65) },
		"sources[0]: has 0 keys":           func(c *Config) { c.Sources = make([]Source, 1) },
		"sources[0]: has 2 keys":           func(c *Config) { c.Sources = []Source{{Attribute: "a", Body: "b"}} },
		"sources[1]: body: has no letter":  func(c *Config) { c.Sources[1] = Source{Body: "@"} },
		"sources[1]: logfmt: has no":       func(c *Config) { c.Sources[1] = Source{Logfmt: "@"} },
		"sources[1]: text: is \"x\"":       func(c *Config) { c.Sources[1] = Source{Text: "x"} },
		"sources[1]: regex: error parsing": func(c *Config) { c.Sources[1] = Source{Regex: "("} },
		"sources[1]: regex: has no group":  func(c *Config) { c.Sources[1] = Source{Regex: "a"} },
		"sources[1]: regex: has 1001":      func(c *Config) { c.Sources[1] = Source{Regex: strings.Repeat("a", 1001)} },
		"sources[1]: ottl: \"Nothing()\"":  func(c *Config) { c.Sources[1] = Source{OTTL: "Nothing()"} },
	} {
		cfg := createDefaultConfig().(*Config)
		change(cfg)
		err := cfg.Validate()
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "secret")
	}
}
