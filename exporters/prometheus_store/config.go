// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusstore

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/units"
	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/internal/baseurl"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/webserver"
)

// Config is the configuration of the prometheus_store exporter.
type Config struct {
	// ServerConfig is where Prometheus' HTTP API is served.
	ServerConfig confighttp.ServerConfig `mapstructure:",squash"`
	// Keys protect it.
	Keys webserver.Keys `mapstructure:",squash"`

	// Directory holds blocks and write-ahead log. One process uses it at a time.
	Directory string `mapstructure:"directory"`
	// Retention is how long samples are kept, and RetentionSize how many bytes of them; 0 is no limit.
	Retention     model.Duration   `mapstructure:"retention"`
	RetentionSize units.Base2Bytes `mapstructure:"retention_size"`
	// OutOfOrderWindow is how much older than its series' newest a sample may be.
	OutOfOrderWindow model.Duration `mapstructure:"out_of_order_window"`
	// TranslationStrategy is how OTLP names become Prometheus names, one of Prometheus' four.
	TranslationStrategy otlptranslator.TranslationStrategyOption `mapstructure:"translation_strategy"`
	// PromoteResourceAttributes become labels of every series of their resource.
	PromoteResourceAttributes []string `mapstructure:"promote_resource_attributes"`
	// RemoteWriteReceiver takes samples by Prometheus' remote write, too, at /api/v1/write.
	RemoteWriteReceiver bool `mapstructure:"remote_write_receiver"`
	// ExternalLabels are added to alerts, and to what is read from afar: federation and remote read.
	ExternalLabels map[string]string `mapstructure:"external_labels"`
	// ExternalURL is where people reach the API, for links in alerts.
	ExternalURL string `mapstructure:"external_url"`

	// Catalog is the service_catalog extension whose services get their rules without a file; nil is none.
	Catalog *component.ID `mapstructure:"catalog"`
	// RunbookURL, DashboardURL and IncidentURL begin the links of these rules; without the last one there is no link to incidents.
	RunbookURL   string `mapstructure:"runbook_url"`
	DashboardURL string `mapstructure:"dashboard_url"`
	IncidentURL  string `mapstructure:"incident_url"`
	// RuleFiles are globs of Prometheus rule files. They are read again when they change.
	RuleFiles []string `mapstructure:"rule_files"`
	// EvaluationInterval is that of rule groups that have none.
	EvaluationInterval model.Duration `mapstructure:"evaluation_interval"`
	// RuleReloadInterval is how often rule files are looked at.
	RuleReloadInterval model.Duration `mapstructure:"rule_reload_interval"`
	// Alertmanagers are sent what fires.
	Alertmanagers []confighttp.ClientConfig `mapstructure:"alertmanagers"`

	// Query bounds what one query may cost.
	Query QueryConfig `mapstructure:"query"`
}

// QueryConfig bounds queries, those of rules and those of the API.
type QueryConfig struct {
	Timeout       model.Duration `mapstructure:"timeout"`
	MaxSamples    int            `mapstructure:"max_samples"`
	MaxConcurrent int            `mapstructure:"max_concurrent"`
	LookbackDelta model.Duration `mapstructure:"lookback_delta"`
}

func createDefaultConfig() component.Config {
	server := webserver.NewDefaultServerConfig("localhost:9090")
	server.CompressionAlgorithms = []string{"", "snappy"} // those of Prometheus' clients
	return &Config{
		ServerConfig:        server,
		Keys:                webserver.NewDefaultKeys(),
		Directory:           "/var/lib/otelcol-sre/prometheus",
		Retention:           model.Duration(40 * 24 * time.Hour), // longer than the usual period of an SLO
		OutOfOrderWindow:    model.Duration(30 * time.Minute),
		TranslationStrategy: otlptranslator.UnderscoreEscapingWithSuffixes,
		RunbookURL:          alerts.DefaultOptions().RunbookURL,
		DashboardURL:        alerts.DefaultOptions().DashboardURL,
		IncidentURL:         alerts.DefaultOptions().IncidentURL,
		EvaluationInterval:  model.Duration(time.Minute),
		RuleReloadInterval:  model.Duration(15 * time.Second),
		Query: QueryConfig{
			Timeout: model.Duration(2 * time.Minute), MaxSamples: 50_000_000, MaxConcurrent: 20, LookbackDelta: model.Duration(5 * time.Minute),
		},
	}
}

// Validate reports every invalid key with its fix.
func (c *Config) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Directory == "" {
		wrong("directory: is empty; name a folder for the samples")
	}
	if c.ServerConfig.NetAddr.Endpoint == "" {
		wrong("endpoint: is empty; set host:port of the HTTP API, such as localhost:9090")
	}
	if c.RemoteWriteReceiver && !c.ServerConfig.Auth.HasValue() && !loopback(c.ServerConfig.NetAddr.Endpoint) {
		wrong("remote_write_receiver: everyone who reaches %s could write, the counters of SLOs, too; set auth, or a loopback endpoint", c.ServerConfig.NetAddr.Endpoint)
	}
	if c.Retention <= 0 && c.RetentionSize <= 0 {
		wrong("retention: is 0 and so is retention_size; set one of them, or the disk fills up")
	}
	if c.RetentionSize < 0 {
		wrong("retention_size: is %d; set it to 0 or above", int64(c.RetentionSize))
	}
	for key, value := range map[string]model.Duration{
		"evaluation_interval": c.EvaluationInterval, "rule_reload_interval": c.RuleReloadInterval,
		"query.timeout": c.Query.Timeout, "query.lookback_delta": c.Query.LookbackDelta,
	} {
		if value <= 0 {
			wrong("%s: is %v; set it above 0", key, value)
		}
	}
	for key, value := range map[string]int{"query.max_samples": c.Query.MaxSamples, "query.max_concurrent": c.Query.MaxConcurrent} {
		if value <= 0 {
			wrong("%s: is %d; set it above 0", key, value)
		}
	}
	if !slices.Contains(promname.Strategies, c.TranslationStrategy) {
		wrong("translation_strategy: is %.60q; set one of %v", c.TranslationStrategy, promname.Strategies)
	}
	for name := range c.ExternalLabels {
		if !model.UTF8Validation.IsValidLabelName(name) || strings.HasPrefix(name, "__") {
			wrong("external_labels: %.60q cannot be a label; use letters, digits and _", name)
		}
	}
	for i, glob := range c.RuleFiles {
		if _, err := filepath.Match(glob, ""); err != nil || glob == "" {
			wrong("rule_files[%d]: %.200q is not a path or glob; write one such as /etc/otelcol-sre/alerts/*.yaml", i, glob)
		}
	}
	for i, am := range c.Alertmanagers {
		if _, err := baseurl.Parse(am.Endpoint); err != nil {
			wrong("alertmanagers[%d].endpoint: is not a base URL; set one such as http://localhost:9093, and put credentials into auth", i)
		}
	}
	links := map[string]string{"runbook_url": c.RunbookURL, "dashboard_url": c.DashboardURL}
	if c.IncidentURL != "" {
		links["incident_url"] = c.IncidentURL
	}
	for key, link := range links {
		if _, err := baseurl.Parse(link); err != nil || strings.ContainsAny(link, "{}") {
			wrong("%s: %.200q cannot begin links; set an address such as https://sre.example.com/runbooks", key, link)
		}
	}
	if c.ExternalURL != "" {
		if u, err := url.Parse(c.ExternalURL); err != nil || u.Host == "" || u.User != nil {
			wrong("external_url: is not a URL; set the public address of the API, such as https://prometheus.example.com")
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// loopback reports whether only this machine reaches the address.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
}

// externalURL is where people reach the API.
func (c *Config) externalURL() *url.URL {
	if c.ExternalURL != "" {
		if u, err := url.Parse(strings.TrimRight(c.ExternalURL, "/")); err == nil {
			return u
		}
	}
	scheme := "http"
	if c.ServerConfig.TLS.HasValue() {
		scheme = "https"
	}
	return &url.URL{Scheme: scheme, Host: c.ServerConfig.NetAddr.Endpoint}
}
