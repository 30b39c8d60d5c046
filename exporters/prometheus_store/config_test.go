// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusstore

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/confmap"
)

func TestConfig(t *testing.T) {
	config := createDefaultConfig().(*Config)
	require.NoError(t, confmap.Validate(config))
	require.Equal(t, "http://localhost:9090", config.externalURL().String())
	for _, endpoint := range []string{"localhost:9090", "127.0.0.1:9090", "[::1]:9090"} {
		config.RemoteWriteReceiver, config.ServerConfig.NetAddr.Endpoint = true, endpoint
		require.NoError(t, config.Validate(), endpoint)
	}
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"endpoint": "localhost:9091", "auth": map[string]any{"authenticator": "basicauth"},
		"tls":       map[string]any{"cert_file": "cert.pem", "key_file": "key.pem"},
		"directory": "data", "retention": "30d", "retention_size": "10GB", "out_of_order_window": "1h30m",
		"translation_strategy": "NoTranslation", "promote_resource_attributes": []any{"service.name"},
		"external_labels": map[string]any{"cluster": "eu-1"}, "rule_files": []any{"/etc/rules/*.yaml"},
		"evaluation_interval": "30s", "alertmanagers": []any{map[string]any{"endpoint": "https://am.example.com/am", "timeout": "3s"}},
		"query": map[string]any{"timeout": "10s", "max_samples": 1000},
	}).Unmarshal(config))
	require.NoError(t, confmap.Validate(config))
	require.Equal(t, model.Duration(30*24*time.Hour), config.Retention)
	require.EqualValues(t, 10<<30, config.RetentionSize)
	require.Equal(t, "https://localhost:9091", config.externalURL().String())
	require.Equal(t, 20, config.Query.MaxConcurrent, "the other defaults stay")
	options := databaseOptions(config)
	require.Equal(t, (3 * 24 * time.Hour).Milliseconds(), options.MaxBlockDuration)
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"directory: is empty; name a folder":                                 func(c *Config) { c.Directory = "" },
		"endpoint: is empty; set host:port":                                  func(c *Config) { c.ServerConfig.NetAddr.Endpoint = "" },
		"retention: is 0 and so is retention_size; set one":                  func(c *Config) { c.Retention = 0 },
		"retention_size: is -1; set it to 0 or above":                        func(c *Config) { c.RetentionSize = -1 },
		"evaluation_interval: is 0s; set it above 0":                         func(c *Config) { c.EvaluationInterval = 0 },
		"rule_reload_interval: is 0s; set it above 0":                        func(c *Config) { c.RuleReloadInterval = 0 },
		"query.timeout: is 0s; set it above 0":                               func(c *Config) { c.Query.Timeout = 0 },
		"query.lookback_delta: is 0s; set it above 0":                        func(c *Config) { c.Query.LookbackDelta = 0 },
		"query.max_samples: is 0; set it above 0":                            func(c *Config) { c.Query.MaxSamples = 0 },
		"query.max_concurrent: is -1; set it above 0":                        func(c *Config) { c.Query.MaxConcurrent = -1 },
		`translation_strategy: is "x"; set one of [UnderscoreEscapingWithSu`: func(c *Config) { c.TranslationStrategy = "x" },
		`external_labels: "__x" cannot be a label`:                           func(c *Config) { c.ExternalLabels = map[string]string{"__x": "y"} },
		`rule_files[0]: "[" is not a path or glob`:                           func(c *Config) { c.RuleFiles = []string{"["} },
		"alertmanagers[0].endpoint: is not a base URL":                       func(c *Config) { c.Alertmanagers = []confighttp.ClientConfig{{Endpoint: "am:9093"}} },
		"remote_write_receiver: everyone who reaches 0.0.0.0:9090": func(c *Config) {
			c.RemoteWriteReceiver, c.ServerConfig.NetAddr.Endpoint = true, "0.0.0.0:9090"
		},
		"external_url: is not a URL": func(c *Config) { c.ExternalURL = "prometheus" },
	} {
		config := createDefaultConfig().(*Config)
		change(config)
		require.ErrorContains(t, config.Validate(), want)
	}
}

// The table of the README has every key of this package with its default.
func TestReadmeHasEveryKey(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	defaults := confmap.New()
	require.NoError(t, defaults.Marshal(createDefaultConfig()))
	for _, key := range []string{"endpoint", "directory", "retention", "retention_size", "out_of_order_window", "translation_strategy", "promote_resource_attributes", "remote_write_receiver",
		"external_labels", "external_url", "rule_files", "evaluation_interval", "rule_reload_interval", "alertmanagers",
		"query.timeout", "query.max_samples", "query.max_concurrent", "query.lookback_delta"} {
		value := defaults.Get(strings.ReplaceAll(key, ".", confmap.KeyDelimiter))
		row := fmt.Sprintf("| `%s` | ", key)
		require.Contains(t, string(text), row)
		switch value := value.(type) {
		case nil, []any, map[string]any:
			require.Contains(t, string(text), row+"none", key)
		case string:
			if value != "" {
				require.Contains(t, string(text), row+"`"+value+"`", key)
			}
		default:
			require.Contains(t, string(text), row+fmt.Sprintf("`%v`", value), key)
		}
	}
}
