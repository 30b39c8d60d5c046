// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusscrape

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"

	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/webserver"
)

// Config is the configuration of the prometheus_scrape exporter.
type Config struct {
	confighttp.ServerConfig `mapstructure:",squash"`
	webserver.Keys          `mapstructure:",squash"`
	// MetricExpiration is how long a series is served after its last point.
	MetricExpiration time.Duration `mapstructure:"metric_expiration"`
	// TranslationStrategy says how metrics and attributes are called in Prometheus.
	TranslationStrategy otlptranslator.TranslationStrategyOption `mapstructure:"translation_strategy"`

	// prevent unkeyed literal initialization
	_ struct{}
}

func createDefaultConfig() component.Config {
	server := webserver.NewDefaultServerConfig("localhost:9464")
	server.ReadHeaderTimeout, server.ReadTimeout = 5*time.Second, 10*time.Second
	keys := webserver.NewDefaultKeys()
	keys.AllowedHosts = []string{"*"} // scrapers use names of their own for the collector
	return &Config{ServerConfig: server, Keys: keys, MetricExpiration: 5 * time.Minute, TranslationStrategy: promname.Strategies[0]}
}

// Validate reports every invalid key with its fix.
func (c *Config) Validate() error {
	var errs []error
	if err := c.Keys.Validate(); err != nil {
		errs = append(errs, err)
	}
	if c.NetAddr.Endpoint == "" {
		errs = append(errs, errors.New("endpoint: is empty; set the host:port to serve /metrics on"))
	}
	if c.MetricExpiration < time.Second {
		errs = append(errs, fmt.Errorf("metric_expiration: is %v; set it to 1s or more, and above the time between two points of a series", c.MetricExpiration))
	}
	if !slices.Contains(promname.Strategies, c.TranslationStrategy) {
		errs = append(errs, fmt.Errorf("translation_strategy: is %.100q; set one of %q", c.TranslationStrategy, promname.Strategies))
	}
	return errors.Join(errs...)
}
