// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package mtls

import (
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configtls"
)

// Config is the configuration of the mtls extension: the keys of a server's tls.
type Config struct {
	configtls.ServerConfig `mapstructure:",squash"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ component.Config = (*Config)(nil)

// Validate reports every key that is missing. Without client_ca_file anybody would be let in.
func (c *Config) Validate() error {
	var errs []error
	if c.ClientCAFile == "" {
		errs = append(errs, errors.New("client_ca_file: is empty; name the file of the certificate authority of the clients' certificates"))
	}
	if c.CertFile == "" && c.CertPem == "" {
		errs = append(errs, errors.New("cert_file: is empty; name the file of the server's certificate"))
	}
	if c.KeyFile == "" && c.KeyPem == "" {
		errs = append(errs, errors.New("key_file: is empty; name the file of the certificate's key"))
	}
	return errors.Join(errs...)
}
