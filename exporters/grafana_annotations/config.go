// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanaannotations

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/otelcol-sre/otelcol-sre/internal/baseurl"
)

// Config is the configuration of the grafana_annotations exporter.
type Config struct {
	// ClientConfig is how to reach Grafana; its endpoint is Grafana's base URL.
	ClientConfig confighttp.ClientConfig                                  `mapstructure:",squash"`
	QueueConfig  configoptional.Optional[exporterhelper.QueueBatchConfig] `mapstructure:"sending_queue"`
	RetryConfig  configretry.BackOffConfig                                `mapstructure:"retry_on_failure"`
	// Tags are added to every annotation.
	Tags []string `mapstructure:"tags"`
	// Links are added to the text of deployments.
	Links Links `mapstructure:"links"`
	// Events select further log records.
	Events []Event `mapstructure:"events"`
}

// Links are templates of URLs. {service}, {namespace}, {environment}, {version} and {id} are replaced by the deployment's,
// escaped for a URL. Not ${service}: that is an environment variable to the collector.
type Links struct {
	Dashboard string `mapstructure:"dashboard"`
}

// Event is a kind of log record that becomes an annotation.
type Event struct {
	// Condition is an OTTL condition over log records.
	Condition string `mapstructure:"condition"`
	// Text is an OTTL value expression; by default the record's body, or else its event name.
	Text string `mapstructure:"text"`
	// Tags are added to the annotation; by default event.
	Tags []string `mapstructure:"tags"`
}

const (
	maxEvents     = 32
	maxConfigTags = 10
	maxConfigSize = 200 // of the tags together, which leaves room for the exporter's own
	maxExpression = 4096
)

func createDefaultConfig() component.Config {
	client := confighttp.NewDefaultClientConfig()
	client.Timeout = 10 * time.Second
	retry := configretry.NewDefaultBackOffConfig()
	retry.MaxElapsedTime = time.Hour // longer than an upgrade of Grafana takes
	return &Config{
		ClientConfig: client,
		QueueConfig:  configoptional.Some(exporterhelper.NewDefaultQueueConfig()),
		RetryConfig:  retry,
	}
}

// Validate reports every invalid key with its fix.
func (c *Config) Validate() error {
	errs := []error{validateEndpoint(c.ClientConfig.Endpoint, c.ClientConfig.TLS.Insecure), validateTags("tags", c.Tags)}
	if c.ClientConfig.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("timeout: is %v; set it above 0, so that the exporter does not wait forever", c.ClientConfig.Timeout))
	}
	if c.ClientConfig.Compression.IsCompressed() {
		errs = append(errs, fmt.Errorf("compression: is %.20q; remove it, because Grafana does not read compressed requests", c.ClientConfig.Compression))
	}
	if c.Links.Dashboard != "" {
		errs = append(errs, validateTemplate(c.Links.Dashboard))
	}
	if len(c.Events) > maxEvents {
		errs = append(errs, fmt.Errorf("events: are %d; have %d or fewer", len(c.Events), maxEvents))
	} else {
		_, err := compileRules(c.Events)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func validateEndpoint(endpoint string, insecure bool) error {
	if endpoint == "" {
		return errors.New("endpoint: is empty; set Grafana's base URL, such as https://grafana.example.com")
	}
	u, err := baseurl.Parse(endpoint)
	switch {
	case errors.Is(err, baseurl.ErrNoURL):
		return errors.New("endpoint: is not a URL; set Grafana's base URL, such as https://grafana.example.com")
	case errors.Is(err, baseurl.ErrUser):
		return errors.New("endpoint: contains a user name; name an authentication extension in auth instead")
	case err != nil:
		return errors.New("endpoint: has a query or fragment; set only Grafana's base URL")
	case strings.Contains(u.Path+"/", "/api/"):
		return errors.New("endpoint: contains a path of the API; remove /api and the rest of the path")
	case u.Scheme == "http" && !insecure && !local(u.Hostname()):
		return errors.New("endpoint: would send the token in clear text; use https, or set tls.insecure: true")
	}
	return nil
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func validateTags(key string, tags []string) error {
	if len(tags) > maxConfigTags {
		return fmt.Errorf("%s: are %d; have %d or fewer", key, len(tags), maxConfigTags)
	}
	if size := len(strings.Join(tags, "")); size > maxConfigSize {
		return fmt.Errorf("%s: are %d bytes together; shorten them to %d", key, size, maxConfigSize)
	}
	var errs []error
	for i, tag := range tags {
		name, value, pair := strings.Cut(tag, ":")
		fixed := plainTag(name)
		if pair {
			fixed = pairTag(name, value)
		}
		switch {
		case tag == "" || tag != fixed:
			errs = append(errs, fmt.Errorf("%s[%d]: is %.120q; make it a word or key:value, printable, up to %d bytes, with one colon at most", key, i, tag, maxTag))
		case name == keyDeployID || name == keyEventID:
			errs = append(errs, fmt.Errorf("%s[%d]: %s is the exporter's own; take another", key, i, name))
		}
	}
	return errors.Join(errs...)
}
