// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gateways

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
)

// Config is the configuration of the gateways exporter: the keys of otlp_grpc, with a list of endpoints or a DNS name in place of its endpoint.
type Config struct {
	// Endpoints are the gateways, as host or host:port.
	Endpoints []string `mapstructure:"endpoints"`
	// DNS finds the gateways instead.
	DNS configoptional.Optional[DNSConfig] `mapstructure:"dns"`

	ClientConfig configgrpc.ClientConfig `mapstructure:",squash"`
	// TimeoutConfig limits each attempt to send a request.
	TimeoutConfig exporterhelper.TimeoutConfig                             `mapstructure:",squash"`
	QueueConfig   configoptional.Optional[exporterhelper.QueueBatchConfig] `mapstructure:"sending_queue"`
	RetryConfig   configretry.BackOffConfig                                `mapstructure:"retry_on_failure"`
	// Storage is the extension that keeps what a queue in memory could not send until the collector ended, for the next start.
	Storage *component.ID `mapstructure:"storage"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// DNSConfig finds gateways by a name with an address for each, such as a headless Service of Kubernetes.
type DNSConfig struct {
	Hostname string `mapstructure:"hostname"`
	// Port is the same for all gateways.
	Port string `mapstructure:"port"`
	// Interval is how often the name is resolved again.
	Interval time.Duration `mapstructure:"interval"`
	// Timeout limits one resolution.
	Timeout time.Duration `mapstructure:"timeout"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var (
	_ component.Config  = (*Config)(nil)
	_ confmap.Validator = (*Config)(nil)
)

func createDefaultConfig() component.Config {
	client := configgrpc.NewDefaultClientConfig()
	client.Compression = configcompression.TypeSnappy
	client.WriteBufferSize = 512 << 10 // as otlp_grpc
	client.Keepalive = configoptional.None[configgrpc.KeepaliveClientConfig]()

	queue := exporterhelper.NewDefaultQueueConfig()
	queue.Sizer = exporterhelper.RequestSizerTypeBytes
	queue.QueueSize = 16_000_000
	queue.Batch = configoptional.Some(exporterhelper.BatchConfig{
		FlushTimeout: 200 * time.Millisecond, Sizer: exporterhelper.RequestSizerTypeBytes, MinSize: 1_000_000, MaxSize: 3_000_000,
	})

	retry := configretry.NewDefaultBackOffConfig()
	retry.InitialInterval = time.Second
	retry.MaxInterval = 5 * time.Second // a gateway that restarts is back soon
	retry.MaxElapsedTime = 0            // how long data waits is a matter of the queue's size only

	return &Config{
		DNS:           configoptional.Default(DNSConfig{Port: defaultPort, Interval: 5 * time.Second, Timeout: time.Second}),
		ClientConfig:  client,
		TimeoutConfig: exporterhelper.NewDefaultTimeoutConfig(),
		QueueConfig:   configoptional.Some(queue),
		RetryConfig:   retry,
	}
}

// Validate reports every invalid key with its fix.
func (c *Config) Validate() error {
	var errs []error
	if c.ClientConfig.Endpoint != "" {
		errs = append(errs, errors.New("endpoint: this exporter has several; list them in endpoints"))
	}
	endpoints, err := parseEndpoints(c.Endpoints)
	switch {
	case err != nil:
		errs = append(errs, fmt.Errorf("endpoints: %w", err))
	case len(endpoints) == 0 && !c.DNS.HasValue():
		errs = append(errs, errors.New("endpoints: is empty; list the gateways as host:port, or set dns"))
	case len(endpoints) > 0 && c.DNS.HasValue():
		errs = append(errs, errors.New("dns: endpoints is set, too; remove one of them"))
	}
	if c.Storage != nil && (!c.QueueConfig.HasValue() || c.QueueConfig.Get().StorageID != nil) {
		errs = append(errs, errors.New("storage: is for a queue in memory; remove it, or sending_queue::storage"))
	}
	return errors.Join(errs...)
}

// Validate reports every invalid key with its fix.
func (c *DNSConfig) Validate() error {
	if c == nil {
		return nil
	}
	var errs []error
	if c.Hostname == "" {
		errs = append(errs, errors.New("hostname: is empty; set it to a name with the addresses of the gateways"))
	} else if _, err := parseEndpoint(c.Hostname + ":" + c.Port); err != nil {
		errs = append(errs, fmt.Errorf("hostname and port: %w", err))
	}
	for _, key := range []struct {
		name  string
		value time.Duration
	}{{"interval", c.Interval}, {"timeout", c.Timeout}} {
		if key.value <= 0 {
			errs = append(errs, fmt.Errorf("%s: is %s; set it to more than 0", key.name, key.value))
		}
	}
	return errors.Join(errs...)
}
