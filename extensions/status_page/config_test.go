// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspage

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
)

func load(t *testing.T, keys map[string]any) (*Config, error) {
	t.Helper()
	config := createDefaultConfig().(*Config)
	return config, confmap.NewFromStringMap(keys).Unmarshal(config)
}

func TestConfigFile(t *testing.T) {
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	for id, check := range map[string]func(*Config){
		"status_page": func(c *Config) {
			assert.Equal(t, "localhost:8686", c.ServerConfig.NetAddr.Endpoint)
			assert.Equal(t, "http://localhost:9090", c.Prometheus.Endpoint)
			assert.Equal(t, "/etc/otelcol-sre/runbooks", c.Runbooks)
			assert.Equal(t, otlptranslator.UnderscoreEscapingWithSuffixes, c.TranslationStrategy)
			assert.Nil(t, c.Catalog)
			assert.Equal(t, Search{MaxBytes: 128 << 20, MaxAge: 30 * time.Minute, TraceURL: "https://jaeger.example.com/trace/{trace_id}"}, c.Search)
		},
		"status_page/team": func(c *Config) {
			assert.Equal(t, "0.0.0.0:8686", c.ServerConfig.NetAddr.Endpoint)
			assert.True(t, c.ServerConfig.TLS.HasValue())
			assert.Equal(t, component.MustNewID("basicauth"), c.ServerConfig.Auth.Get().Config.AuthenticatorID)
			assert.Equal(t, "https://mimir.example.com/prometheus", c.Prometheus.Endpoint)
			assert.Equal(t, component.MustNewID("bearertokenauth"), c.Prometheus.Auth.Get().AuthenticatorID)
			assert.Equal(t, 10*time.Second, c.Prometheus.Timeout, "the default of what is not set")
			assert.Equal(t, otlptranslator.NoTranslation, c.TranslationStrategy)
			assert.Equal(t, component.MustNewIDWithName("service_catalog", "team"), *c.Catalog)
			assert.Equal(t, Search{MaxBytes: 64 << 20, MaxAge: 15 * time.Minute}, c.Search)
		},
	} {
		t.Run(id, func(t *testing.T) {
			sub, err := conf.Sub("extensions::" + id)
			require.NoError(t, err)
			config := createDefaultConfig().(*Config)
			require.NoError(t, sub.Unmarshal(config))
			require.NoError(t, confmap.Validate(config))
			check(config)
		})
	}
}

// The README shows the very file that TestConfigFile loads.
func TestReadmeShowsTheConfigFile(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	example, err := os.ReadFile(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	assert.Contains(t, string(readme), "```yaml\n"+string(example)+"```\n")
}

func TestClientsAreURLsOrKeys(t *testing.T) {
	for name, value := range map[string]any{
		"URL": "http://prometheus:9090", "keys": map[string]any{"endpoint": "http://prometheus:9090"},
	} {
		config, err := load(t, map[string]any{"prometheus": value, "alertmanager": value})
		require.NoError(t, err, name)
		assert.Equal(t, "http://prometheus:9090", config.Prometheus.Endpoint, name)
		assert.Equal(t, 10*time.Second, config.Prometheus.Timeout, name)
		assert.Equal(t, "http://prometheus:9090", config.Alertmanager.Endpoint, name)
	}
}

func TestConfigRefusesUnknownKeys(t *testing.T) {
	_, err := load(t, map[string]any{"runbook": "x"})
	require.ErrorContains(t, err, "runbook")
	_, err = load(t, map[string]any{"prometheus": map[string]any{"url": "x"}})
	require.ErrorContains(t, err, "url")
}

func TestValidate(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"default":      {func(*Config) {}, ""},
		"no endpoint":  {func(c *Config) { c.ServerConfig.NetAddr.Endpoint = "" }, "endpoint: is empty; set host:port"},
		"no URL":       {func(c *Config) { c.Prometheus.Endpoint = "localhost:9090" }, "prometheus::endpoint: is not a URL; set the base URL"},
		"other scheme": {func(c *Config) { c.Prometheus.Endpoint = "file:///etc/passwd" }, "prometheus::endpoint: is not a URL"},
		"password":     {func(c *Config) { c.Prometheus.Endpoint = "http://a:b@c" }, "prometheus::endpoint: contains a user name; name an authentication extension"},
		"query":        {func(c *Config) { c.Prometheus.Endpoint = "http://c/?token=x" }, "prometheus::endpoint: has a query or fragment"},
		"clear text": {func(c *Config) {
			c.Prometheus.Endpoint = "http://prometheus.example.com"
			c.Prometheus.Auth = configoptional.Some(configauth.Config{AuthenticatorID: component.MustNewID("bearertokenauth")})
		}, "prometheus::endpoint: would send the credentials of prometheus::auth in clear text; use https"},
		"clear text on this machine": {func(c *Config) {
			c.Prometheus.Auth = configoptional.Some(configauth.Config{AuthenticatorID: component.MustNewID("bearertokenauth")})
		}, ""},
		"an Alertmanager": {func(c *Config) { c.Alertmanager.Endpoint = "https://alertmanager.example.com" }, ""},
		"its password":    {func(c *Config) { c.Alertmanager.Endpoint = "http://a:b@c" }, "alertmanager::endpoint: contains a user name; name an authentication extension in alertmanager::auth"},
		"its clear text": {func(c *Config) {
			c.Alertmanager.Endpoint = "http://alertmanager.example.com"
			c.Alertmanager.Auth = configoptional.Some(configauth.Config{AuthenticatorID: component.MustNewID("bearertokenauth")})
		}, "alertmanager::endpoint: would send the credentials of alertmanager::auth in clear text; use https"},
		"no search":        {func(c *Config) { c.Search.MaxBytes = 0 }, ""},
		"too small":        {func(c *Config) { c.Search.MaxBytes = 1000 }, "search::max_bytes: is 1000; set 1048576 or more, or 0"},
		"a negative size":  {func(c *Config) { c.Search.MaxBytes = -1 }, "search::max_bytes: is -1; set"},
		"nothing is young": {func(c *Config) { c.Search.MaxAge = 0 }, "search::max_age: is 0s; set it above 0"},
		"a trace backend":  {func(c *Config) { c.Search.TraceURL = "https://grafana.example.com/explore?trace={trace_id}" }, ""},
		"a path":           {func(c *Config) { c.Search.TraceURL = "/trace/{trace_id}" }, "search::trace_url: is not a URL; set that of a trace"},
		"a script":         {func(c *Config) { c.Search.TraceURL = "javascript:alert({trace_id})" }, "search::trace_url: is not a URL"},
		"no ID":            {func(c *Config) { c.Search.TraceURL = "https://jaeger.example.com/trace/" }, "search::trace_url: does not say where the ID is; write {trace_id}"},
		"its user":         {func(c *Config) { c.Search.TraceURL = "https://a:b@jaeger.example.com/trace/{trace_id}" }, "search::trace_url: contains a user name"},
		"a strategy":       {func(c *Config) { c.TranslationStrategy = "NoTranslation" }, ""},
		"other names":      {func(c *Config) { c.TranslationStrategy = "none" }, `translation_strategy: is "none"; set that of the Prometheus, one of [UnderscoreEscapingWithSuffixes`},
		"no timeout":       {func(c *Config) { c.Prometheus.Timeout = 0 }, "prometheus::timeout: is 0s; set it above 0"},
	} {
		t.Run(name, func(t *testing.T) {
			config := createDefaultConfig().(*Config)
			test.change(config)
			err := config.Validate()
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), "a:b", "no password in an error")
		})
	}
	both := Config{Prometheus: confighttp.ClientConfig{Endpoint: "x"}}
	err := both.Validate()
	require.ErrorContains(t, err, "endpoint: is empty")
	require.ErrorContains(t, err, "prometheus::endpoint: is not a URL")
	require.ErrorContains(t, err, "prometheus::timeout: is 0s")
}
