// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspage

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"

	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/webserver"
)

// Config is the configuration of the status_page extension.
type Config struct {
	// ServerConfig configures the HTTP server of the pages.
	ServerConfig confighttp.ServerConfig `mapstructure:",squash"`
	// Keys protect it.
	Keys webserver.Keys `mapstructure:",squash"`
	// Prometheus is the client of a Prometheus-compatible API; its endpoint is the base URL, without /api/v1. A plain
	// URL is enough.
	Prometheus confighttp.ClientConfig `mapstructure:"prometheus"`
	// TranslationStrategy is the strategy by which that Prometheus translates names of OTLP, one of Prometheus' four.
	TranslationStrategy otlptranslator.TranslationStrategyOption `mapstructure:"translation_strategy"`
	// Catalog is the service_catalog extension. If it is not set, service_catalog is taken if it runs.
	Catalog *component.ID `mapstructure:"catalog"`
	// Tracker is the deployment_tracker extension that learns the verdicts on deployments. If it is not set, deployment_tracker is taken if it runs.
	Tracker *component.ID `mapstructure:"tracker"`
	// Runbooks is the folder of runbooks; without one, alerts lead to their own runbook_url.
	Runbooks string `mapstructure:"runbooks"`
	// Storage is the storage extension that keeps the history of alerts and incidents; without one it is read from Prometheus after a start.
	Storage *component.ID `mapstructure:"storage"`
	// Alertmanager is the base URL of one, to which pages link; without one they do not.
	Alertmanager string `mapstructure:"alertmanager"`
	// Search bounds the telemetry that is kept for the search.
	Search Search `mapstructure:"search"`
}

// Search bounds the recent spans and log records that can be searched.
type Search struct {
	// MaxBytes is their maximum size; 0 keeps nothing.
	MaxBytes int `mapstructure:"max_bytes"`
	// MaxAge is how long each is kept.
	MaxAge time.Duration `mapstructure:"max_age"`
}

// minSearchBytes holds a batch or two of usual size.
const minSearchBytes = 1 << 20

// Unmarshal accepts a URL instead of the client's keys.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	if endpoint, ok := conf.Get("prometheus").(string); ok {
		keys := confmap.NewFromStringMap(map[string]any{"prometheus": map[string]any{"endpoint": endpoint}})
		if err := conf.Merge(keys); err != nil {
			return err
		}
	}
	return conf.Unmarshal(c)
}

func createDefaultConfig() component.Config {
	client := confighttp.NewDefaultClientConfig()
	client.Endpoint = "http://localhost:9090"
	client.Timeout = 10 * time.Second
	return &Config{
		ServerConfig: webserver.NewDefaultServerConfig("localhost:8686"), Keys: webserver.NewDefaultKeys(), Prometheus: client, TranslationStrategy: otlptranslator.UnderscoreEscapingWithSuffixes,
		Search: Search{MaxBytes: 64 << 20, MaxAge: 15 * time.Minute},
	}
}

// Validate reports every invalid key with its fix.
func (c *Config) Validate() error {
	var errs []error
	if c.ServerConfig.NetAddr.Endpoint == "" {
		errs = append(errs, errors.New("endpoint: is empty; set host:port of the pages, such as localhost:8686"))
	}
	client := &c.Prometheus
	errs = append(errs, validateURL(client.Endpoint, client.Auth.HasValue() && !client.TLS.Insecure))
	if client.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("prometheus::timeout: is %v; set it above 0, so that pages do not wait forever", client.Timeout))
	}
	if !slices.Contains(promname.Strategies, c.TranslationStrategy) {
		errs = append(errs, fmt.Errorf("translation_strategy: is %.60q; set that of the Prometheus, one of %v", c.TranslationStrategy, promname.Strategies))
	}
	if c.Alertmanager != "" {
		if u, err := url.Parse(c.Alertmanager); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			errs = append(errs, errors.New("alertmanager: is not a base URL without a password, query and fragment; set that of its pages, such as https://alertmanager.example.com"))
		}
	}
	if size := c.Search.MaxBytes; size != 0 && size < minSearchBytes {
		errs = append(errs, fmt.Errorf("search::max_bytes: is %d; set %d or more, or 0 to keep nothing", size, minSearchBytes))
	}
	if c.Search.MaxAge <= 0 {
		errs = append(errs, fmt.Errorf("search::max_age: is %v; set it above 0; to keep nothing set search::max_bytes: 0", c.Search.MaxAge))
	}
	return errors.Join(errs...)
}

// validateURL requires a base URL without secrets: pages show it.
func validateURL(endpoint string, secret bool) error {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("prometheus::endpoint: is not a URL; set the base URL of a Prometheus, such as http://localhost:9090")
	case u.User != nil:
		return errors.New("prometheus::endpoint: contains a user name; name an authentication extension in prometheus::auth instead")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("prometheus::endpoint: has a query or fragment; set only the base URL")
	case secret && u.Scheme == "http" && !local(u.Hostname()):
		return errors.New("prometheus::endpoint: would send the credentials of prometheus::auth in clear text; use https, or set prometheus::tls::insecure: true")
	}
	return nil
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
