// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package serverlimits

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
)

// Config is the configuration of the server_limits extension.
type Config struct {
	// HandshakeTimeout bounds the time until a gRPC connection can take requests.
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

func createDefaultConfig() component.Config {
	return &Config{HandshakeTimeout: 5 * time.Second, RequestTimeout: time.Minute, ShutdownTimeout: 3 * time.Second, RetryAfter: 5 * time.Second}
}

// Validate reports every invalid key with its fix.
func (c *Config) Validate() error {
	var errs []error
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
