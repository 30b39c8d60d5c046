// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package configs

import (
	"reflect"
	"slices"
	"testing"
	"time"

	prometheusscrape "github.com/otelcol-sre/otelcol-sre/exporters/prometheus_scrape"
	healthcheck "github.com/otelcol-sre/otelcol-sre/extensions/health_check"
	ownmetrics "github.com/otelcol-sre/otelcol-sre/extensions/own_metrics"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-sre/otelcol-sre/internal/webserver"
	"github.com/otelcol-sre/otelcol-sre/receivers/otlp"
)

// intake is the config of the OTLP receiver.
func intake(t *testing.T, conf *confmap.Conf) (configgrpc.ServerConfig, confighttp.ServerConfig) {
	t.Helper()
	keys, err := conf.Sub("receivers::otlp")
	require.NoError(t, err)
	config := otlp.NewFactory().CreateDefaultConfig().(*otlp.Config)
	require.NoError(t, keys.Unmarshal(config))
	return *config.Protocols.GRPC.Get(), config.Protocols.HTTP.Get().ServerConfig
}

// A batch that one protocol takes, the other takes, too; and no client keeps a connection for nothing.
func TestIntakeIsBounded(t *testing.T) {
	for _, uris := range [][]string{{"builtin:agent"}, {"builtin:gateway"}, {"builtin:standalone"}, {"builtin:gateway", "builtin:mtls-server"}, {"builtin:standalone", "builtin:tls-server", "builtin:bearer"}} {
		conf, err := resolve(t, uris...)
		require.NoError(t, err)
		grpc, http := intake(t, conf)
		assert.EqualValues(t, grpc.MaxRecvMsgSizeMiB<<20, http.MaxRequestBodySize, uris)
		assert.Positive(t, grpc.MaxConcurrentStreams, uris)
		assert.Positive(t, grpc.Keepalive.Get().ServerParameters.Get().MaxConnectionIdle, uris)
		assert.Positive(t, http.ReadHeaderTimeout, uris)
		assert.Positive(t, http.ReadTimeout, uris)
		assert.Positive(t, http.IdleTimeout, uris)
	}
}

func TestBrowsersAreLetInByOrigin(t *testing.T) {
	conf, err := resolve(t, "builtin:standalone")
	require.NoError(t, err)
	_, http := intake(t, conf)
	assert.False(t, http.CORS.HasValue(), "no page may send by default")
	t.Setenv("OTELCOL_SRE_CORS_ORIGINS", "https://shop.example.com,https://*.example.org")
	for _, role := range []string{"agent", "gateway", "standalone"} {
		conf, err := resolve(t, "builtin:"+role)
		require.NoError(t, err)
		_, http := intake(t, conf)
		assert.Equal(t, []string{"https://shop.example.com", "https://*.example.org"}, http.CORS.Get().AllowedOrigins, role)
	}
	assert.True(t, slices.Contains(Fragments(), "cors"))
}

// The other listeners do not keep a connection for nothing, and not any number of them.
func TestOtherListenersAreBounded(t *testing.T) {
	conf, err := resolve(t, "builtin:standalone")
	require.NoError(t, err)
	for key, keys := range map[string]any{
		"extensions::health_check":     healthcheck.NewFactory().CreateDefaultConfig(),
		"extensions::own_metrics":      ownmetrics.NewFactory().CreateDefaultConfig(),
		"exporters::prometheus_scrape": prometheusscrape.NewFactory().CreateDefaultConfig(),
	} {
		sub, err := conf.Sub(key)
		require.NoError(t, err)
		require.NoError(t, sub.Unmarshal(keys))
		of := reflect.ValueOf(keys).Elem()
		server, bounds := of.FieldByName("ServerConfig").Interface().(confighttp.ServerConfig), of.FieldByName("Keys").Interface().(webserver.Keys)
		for name, set := range map[string]time.Duration{"read_header_timeout": server.ReadHeaderTimeout, "read_timeout": server.ReadTimeout} {
			assert.LessOrEqual(t, set, 10*time.Second, "%s::%s: the collector waits for it when it stops", key, name)
			assert.Positive(t, set)
		}
		assert.Positive(t, bounds.MaxConnections, key)
	}
}

func TestNamesOfServers(t *testing.T) {
	for value, want := range map[string]any{"": nil, "sre.example.com,*.internal": "sre.example.com,*.internal"} {
		t.Setenv("OTELCOL_SRE_ALLOWED_HOSTS", value)
		conf, err := resolve(t, "builtin:standalone")
		require.NoError(t, err)
		for _, key := range []string{"extensions::status_page", "exporters::prometheus_store"} {
			assert.Equal(t, want, conf.Get(key+"::allowed_hosts"), key)
		}
	}
}

// Each fragment that protects listeners protects the scrape endpoint, too: an exporter of another name would be one that nobody uses.
func TestScrapeEndpointIsProtected(t *testing.T) {
	for _, name := range []string{"OIDC_ISSUER", "OIDC_AUDIENCE"} {
		t.Setenv("OTELCOL_SRE_"+name, "x")
	}
	for fragment, key := range map[string]string{"bearer": "auth", "oidc": "auth", "tls-server": "tls", "mtls-server": "tls"} {
		conf, err := resolve(t, "builtin:gateway", "builtin:"+fragment)
		require.NoError(t, err)
		used := conf.Get("service::pipelines::metrics/cumulative::exporters").([]any)
		require.NotEmpty(t, used)
		for _, exporter := range used {
			assert.NotNil(t, conf.Get("exporters::"+exporter.(string)+"::"+key), "%s: %s", fragment, exporter)
		}
	}
}
