// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspage

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-sre/otelcol-sre/internal/baseurl"
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
	// Alertmanager is the client of one, which says what is silenced, and to which pages link; without an endpoint there is none. A plain
	// URL is enough.
	Alertmanager confighttp.ClientConfig `mapstructure:"alertmanager"`
	// Search bounds the telemetry that is kept for the search.
	Search Search `mapstructure:"search"`
}

// Search bounds the recent spans and log records that can be searched.
type Search struct {
	// MaxBytes is their maximum size; 0 keeps nothing.
	MaxBytes int `mapstructure:"max_bytes"`
	// MaxAge is how long each is kept.
	MaxAge time.Duration `mapstructure:"max_age"`
	// TraceURL is the URL of a trace in a backend that keeps traces for longer, with {trace_id} in place of the ID.
	TraceURL string `mapstructure:"trace_url"`
}

// minSearchBytes holds a batch or two of usual size.
const minSearchBytes = 1 << 20

// Unmarshal accepts a URL instead of a client's keys.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	for _, client := range []string{"prometheus", "alertmanager"} {
		if endpoint, ok := conf.Get(client).(string); ok {
			keys := confmap.NewFromStringMap(map[string]any{client: map[string]any{"endpoint": endpoint}})
			if err := conf.Merge(keys); err != nil {
				return err
			}
		}
	}
	return conf.Unmarshal(c)
}

func createDefaultConfig() component.Config {
	client, alertmanager := confighttp.NewDefaultClientConfig(), confighttp.NewDefaultClientConfig()
	client.Endpoint = "http://localhost:9090"
	client.Timeout = 10 * time.Second
	alertmanager.Timeout = 2 * time.Second
	return &Config{
		ServerConfig: webserver.NewDefaultServerConfig("localhost:8686"), Keys: webserver.NewDefaultKeys(), Prometheus: client, Alertmanager: alertmanager, TranslationStrategy: otlptranslator.UnderscoreEscapingWithSuffixes,
		Search: Search{MaxBytes: 64 << 20, MaxAge: 15 * time.Minute},
	}
}

// Validate reports every invalid key with its fix.
func (c *Config) Validate() error {
	var errs []error
	if c.ServerConfig.NetAddr.Endpoint == "" {
		errs = append(errs, errors.New("endpoint: is empty; set host:port of the pages, such as localhost:8686"))
	}
	errs = append(errs, validateClient("prometheus", &c.Prometheus))
	if c.Alertmanager.Endpoint != "" {
		errs = append(errs, validateClient("alertmanager", &c.Alertmanager))
	}
	if !slices.Contains(promname.Strategies, c.TranslationStrategy) {
		errs = append(errs, fmt.Errorf("translation_strategy: is %.60q; set that of the Prometheus, one of %v", c.TranslationStrategy, promname.Strategies))
	}
	if size := c.Search.MaxBytes; size != 0 && size < minSearchBytes {
		errs = append(errs, fmt.Errorf("search::max_bytes: is %d; set %d or more, or 0 to keep nothing", size, minSearchBytes))
	}
	if c.Search.MaxAge <= 0 {
		errs = append(errs, fmt.Errorf("search::max_age: is %v; set it above 0; to keep nothing set search::max_bytes: 0", c.Search.MaxAge))
	}
	return errors.Join(append(errs, c.Search.validateTraceURL())...)
}

// validateTraceURL requires a URL that people can follow: pages show it.
func (s *Search) validateTraceURL() error {
	if s.TraceURL == "" {
		return nil
	}
	u, err := url.Parse(strings.ReplaceAll(s.TraceURL, "{trace_id}", "0"))
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("search::trace_url: is not a URL; set that of a trace, such as https://jaeger.example.com/trace/{trace_id}")
	case u.User != nil:
		return errors.New("search::trace_url: contains a user name, which every page would show; remove it")
	case !strings.Contains(s.TraceURL, "{trace_id}"):
		return errors.New("search::trace_url: does not say where the ID is; write {trace_id} in its place, as in https://jaeger.example.com/trace/{trace_id}")
	}
	return nil
}

// validateClient requires a base URL without secrets, because pages show it, and a timeout.
func validateClient(key string, client *confighttp.ClientConfig) error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(key+"::"+format, args...)) }
	secret := client.Auth.HasValue() && !client.TLS.Insecure
	u, err := baseurl.Parse(client.Endpoint)
	switch {
	case errors.Is(err, baseurl.ErrNoURL):
		wrong("endpoint: is not a URL; set the base URL, such as https://%s.example.com", key)
	case errors.Is(err, baseurl.ErrUser):
		wrong("endpoint: contains a user name; name an authentication extension in %s::auth instead", key)
	case err != nil:
		wrong("endpoint: has a query or fragment; set only the base URL")
	case secret && u.Scheme == "http" && !local(u.Hostname()):
		wrong("endpoint: would send the credentials of %[1]s::auth in clear text; use https, or set %[1]s::tls::insecure: true", key)
	}
	if client.Timeout <= 0 {
		wrong("timeout: is %v; set it above 0, so that pages do not wait forever", client.Timeout)
	}
	return errors.Join(errs...)
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
