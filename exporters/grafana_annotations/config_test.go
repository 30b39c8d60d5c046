// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanaannotations

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/confmap"
)

func TestConfig(t *testing.T) {
	config := createDefaultConfig().(*Config)
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"endpoint":         "https://grafana.example.com/grafana/",
		"timeout":          "3s",
		"tls":              map[string]any{"ca_file": "ca.pem"},
		"auth":             map[string]any{"authenticator": "bearertokenauth"},
		"sending_queue":    map[string]any{"storage": "file_storage"},
		"retry_on_failure": map[string]any{"max_elapsed_time": "0s"},
		"tags":             []any{"cluster:eu-1", "otelcol-sre"},
		"links":            map[string]any{"dashboard": "https://grafana.example.com/d/slo?var-service={service}&var-env={environment}"},
		"events": []any{map[string]any{
			"condition": `event_name == "feature_flag.changed"`, "text": `attributes["feature_flag.key"]`, "tags": []any{"feature_flag"}}},
	}).Unmarshal(config))
	require.NoError(t, confmap.Validate(config))
	require.Equal(t, 3*time.Second, config.ClientConfig.Timeout)
	require.Equal(t, "file_storage", config.QueueConfig.Get().StorageID.String())
	require.EqualValues(t, 1000, config.QueueConfig.Get().QueueSize, "the other defaults stay")

	for endpoint, insecure := range map[string]bool{
		"http://localhost:3000": false, "http://127.0.0.1:3000": false, "http://[::1]:3000": false,
		"https://grafana": false, "http://grafana.monitoring:3000": true,
	} {
		config := createDefaultConfig().(*Config)
		config.ClientConfig.Endpoint, config.ClientConfig.TLS.Insecure = endpoint, insecure
		require.NoError(t, config.Validate(), endpoint)
	}
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"endpoint: is empty; set Grafana's base URL, such as https://grafana.example.com":     func(c *Config) { c.ClientConfig.Endpoint = "" },
		"endpoint: is not a URL; set Grafana's base URL, such as https://grafana.example.com": func(c *Config) { c.ClientConfig.Endpoint = "grafana:3000" },
		"endpoint: contains a user name":                                           func(c *Config) { c.ClientConfig.Endpoint = "https://admin:secret@grafana" },
		"endpoint: has a query or fragment":                                        func(c *Config) { c.ClientConfig.Endpoint = "https://grafana?orgId=1" },
		"endpoint: contains a path of the API":                                     func(c *Config) { c.ClientConfig.Endpoint = "https://grafana/api" },
		"endpoint: would send the token in clear text":                             func(c *Config) { c.ClientConfig.Endpoint = "http://grafana:3000" },
		"timeout: is 0s; set it above 0":                                           func(c *Config) { c.ClientConfig.Timeout = 0 },
		`compression: is "gzip"; remove it`:                                        func(c *Config) { c.ClientConfig.Compression = configcompression.TypeGzip },
		"tags: are 11; have 10 or fewer":                                           func(c *Config) { c.Tags = make([]string, 11) },
		"tags: are 201 bytes together; shorten them to 200":                        func(c *Config) { c.Tags = []string{strings.Repeat("x", 100), strings.Repeat("y", 100), "z"} },
		`tags[1]: is "a:b:c"; make it a word or key:value`:                         func(c *Config) { c.Tags = []string{"a", "a:b:c"} },
		`tags[0]: is ""; make it`:                                                  func(c *Config) { c.Tags = []string{""} },
		`tags[0]: is ":x"; make it`:                                                func(c *Config) { c.Tags = []string{":x"} },
		`tags[0]: is "x\x1b"; make it`:                                             func(c *Config) { c.Tags = []string{"x\x1b"} },
		`tags[0]: is "yyyyyyyyyyyy`:                                                func(c *Config) { c.Tags = []string{strings.Repeat("y", 101)} },
		"tags[0]: deploy_id is the exporter's own":                                 func(c *Config) { c.Tags = []string{"deploy_id:1"} },
		"links.dashboard: is not an http or https URL":                             func(c *Config) { c.Links.Dashboard = "/d/slo" },
		"links.dashboard: has ${...}, which the collector":                         func(c *Config) { c.Links.Dashboard = "https://grafana/d?x=${service}" },
		`links.dashboard: contains the unknown placeholder "{svc}"; use {service}`: func(c *Config) { c.Links.Dashboard = "https://grafana/d?x={svc}" },
		"links.dashboard: is 621 bytes long; keep it to 512":                       func(c *Config) { c.Links.Dashboard = "https://grafana/d?x=y" + strings.Repeat("x", 600) },
		"events: are 33; have 32 or fewer":                                         func(c *Config) { c.Events = make([]Event, 33) },
		`events[0].condition: "the condition is empty"`:                            func(c *Config) { c.Events = []Event{{}} },
		`events[0].text: "`:                                                        func(c *Config) { c.Events = []Event{{Condition: "true", Text: "no("}} },
		`events[0].tags[0]: is "a:b:c"`:                                            func(c *Config) { c.Events = []Event{{Condition: "true", Tags: []string{"a:b:c"}}} },
		"events[0]: condition or text is longer than 4096 byt":                     func(c *Config) { c.Events = []Event{{Condition: strings.Repeat("(", 5000)}} },
	} {
		config := createDefaultConfig().(*Config)
		config.ClientConfig.Endpoint = "https://grafana.example.com"
		require.NoError(t, config.Validate())
		change(config)
		err := config.Validate()
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "secret")
	}
}
