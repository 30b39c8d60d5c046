// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
)

// Config is the configuration of the otlp receiver: the keys of the Collector's own, and limits.
type Config struct {
	// Protocols are the servers, grpc and http.
	Protocols otlpreceiver.Protocols `mapstructure:"protocols"`
	// MaxConnections are open at a time on each port; others wait.
	MaxConnections int `mapstructure:"max_connections"`
	// HandshakeTimeout bounds the time until a connection can take requests.
	HandshakeTimeout time.Duration `mapstructure:"handshake_timeout"`
	// RequestTimeout bounds the time until a gRPC request is received and answered.
	RequestTimeout time.Duration `mapstructure:"request_timeout"`
	// ShutdownTimeout bounds the time for unfinished requests when the collector stops.
	ShutdownTimeout time.Duration `mapstructure:"shutdown_timeout"`
	// RetryAfter is when an HTTP client should send a refused request again.
	RetryAfter time.Duration `mapstructure:"retry_after"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// maxRequest is how large a request may be over either protocol, in MiB.
const maxRequest = 64

func createDefaultConfig() component.Config {
	config := &Config{
		Protocols:      otlpreceiver.NewFactory().CreateDefaultConfig().(*otlpreceiver.Config).Protocols,
		MaxConnections: 10_000, HandshakeTimeout: 5 * time.Second, RequestTimeout: time.Minute, ShutdownTimeout: 3 * time.Second, RetryAfter: 5 * time.Second,
	}
	grpc := value(&config.Protocols.GRPC)
	grpc.MaxRecvMsgSizeMiB = maxRequest
	grpc.MaxConcurrentStreams = 256
	grpc.ReadBufferSize = 64 << 10 // each connection over TLS has one of its own
	idle := configgrpc.NewDefaultKeepaliveServerParameters()
	idle.MaxConnectionIdle = 2 * time.Minute
	alive := configgrpc.NewDefaultKeepaliveServerConfig()
	alive.ServerParameters = configoptional.Some(idle)
	grpc.Keepalive = configoptional.Some(alive)
	config.Protocols.GRPC = configoptional.Default(grpc)

	http := value(&config.Protocols.HTTP)
	http.ServerConfig.MaxRequestBodySize = maxRequest << 20
	http.ServerConfig.ReadHeaderTimeout = 5 * time.Second
	http.ServerConfig.ReadTimeout = time.Minute
	http.ServerConfig.IdleTimeout = 2 * time.Minute
	config.Protocols.HTTP = configoptional.Default(http)
	return config
}

// value is the value of a key, or what it has by default.
func value[T any](key *configoptional.Optional[T]) T {
	set := *key
	return *set.GetOrInsertDefault()
}

// Validate reports every invalid key with its fix.
func (c *Config) Validate() error {
	var errs []error
	if !c.Protocols.GRPC.HasValue() && !c.Protocols.HTTP.HasValue() {
		errs = append(errs, errors.New("protocols: has neither grpc nor http; add one of them, such as protocols: {grpc: {}, http: {}}"))
	}
	if c.MaxConnections <= 0 {
		errs = append(errs, fmt.Errorf("max_connections: is %d; set it above 0", c.MaxConnections))
	}
	if c.HandshakeTimeout <= 0 {
		errs = append(errs, fmt.Errorf("handshake_timeout: is %v; set it above 0, or connections that send nothing stay open", c.HandshakeTimeout))
	}
	if c.RequestTimeout <= 0 {
		errs = append(errs, fmt.Errorf("request_timeout: is %v; set it above 0, or requests that never end stay open", c.RequestTimeout))
	}
	if c.ShutdownTimeout <= 0 {
		errs = append(errs, fmt.Errorf("shutdown_timeout: is %v; set it above 0, so that clients can finish what they send", c.ShutdownTimeout))
	}
	if c.RetryAfter < time.Second {
		errs = append(errs, fmt.Errorf("retry_after: is %v; set 1s or more, because the header Retry-After has whole seconds", c.RetryAfter))
	}
	return errors.Join(errs...)
}
