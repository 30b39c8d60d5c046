// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package ownmetrics

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/extension"

	"github.com/otelcol-sre/otelcol-sre/extensions/own_metrics/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/extensions/own_metrics/telemetry"
	"github.com/otelcol-sre/otelcol-sre/internal/webserver"
)

// Config is the configuration of the own_metrics extension.
type Config struct {
	confighttp.ServerConfig `mapstructure:",squash"`
	webserver.Keys          `mapstructure:",squash"`

	// prevent unkeyed literal initialization
	_ struct{}
}

func createDefaultConfig() component.Config {
	server := webserver.NewDefaultServerConfig("localhost:8888")
	server.ReadHeaderTimeout, server.ReadTimeout = 5*time.Second, 10*time.Second
	keys := webserver.NewDefaultKeys()
	keys.AllowedHosts = []string{"*"} // scrapers use names of their own for the collector
	return &Config{ServerConfig: server, Keys: keys}
}

// Validate reports every invalid key with its fix.
func (c *Config) Validate() error {
	err := c.Keys.Validate()
	if c.NetAddr.Endpoint == "" {
		err = errors.Join(errors.New("endpoint: is empty; set the host:port to serve /metrics on"), err)
	}
	return err
}

// NewFactory returns the factory of the own_metrics extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type, createDefaultConfig,
		func(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
			return &metrics{config: cfg.(*Config), telemetry: set.TelemetrySettings}, nil
		}, metadata.ExtensionStability)
}

type metrics struct {
	config    *Config
	telemetry component.TelemetrySettings
	server    *webserver.Server
}

// Start serves the metrics.
func (m *metrics) Start(ctx context.Context, host component.Host) (err error) {
	if telemetry.Gatherer() == nil {
		m.telemetry.Logger.Warn("There are no own metrics to serve: service::telemetry::metrics::level is none, or the collector was built without the telemetry module of own_metrics")
	}
	m.server, err = webserver.Listen(ctx, webserver.Settings{
		Component: "own_metrics", Server: &m.config.ServerConfig, Keys: m.config.Keys, Host: host, Telemetry: m.telemetry, MaxHeaderBytes: 64 << 10,
	}, func(net.Addr) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", promhttp.HandlerFor(prometheus.GathererFunc(gather), promhttp.HandlerOpts{}))
		return mux
	})
	return err
}

func gather() ([]*dto.MetricFamily, error) {
	if g := telemetry.Gatherer(); g != nil {
		return g.Gather()
	}
	return nil, nil
}

// Shutdown ends the server.
func (m *metrics) Shutdown(ctx context.Context) error {
	if m.server == nil {
		return nil
	}
	return m.server.Shutdown(ctx)
}
