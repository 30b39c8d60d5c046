// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package mtls

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configtls"
)

// Config is the configuration of the mtls extension: the keys of a server's tls.
type Config struct {
	configtls.ServerConfig `mapstructure:",squash"`
	// ClientCertificates says whether clients need one: required or none.
	ClientCertificates string `mapstructure:"client_certificates"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// The values of client_certificates.
const (
	required = "required"
	none     = "none"
)

var _ component.Config = (*Config)(nil)

// Validate reports every key that is missing. Without client_ca_file anybody would be let in.
func (c *Config) Validate() error {
	var errs []error
	switch {
	case c.ClientCertificates != required && c.ClientCertificates != none:
		errs = append(errs, fmt.Errorf("client_certificates: is %.60q; set required or none", c.ClientCertificates))
	case c.ClientCertificates == required && c.ClientCAFile == "":
		errs = append(errs, errors.New("client_ca_file: is empty; name the file of the certificate authority of the clients' certificates"))
	case c.ClientCertificates == none && c.ClientCAFile != "":
		errs = append(errs, errors.New("client_ca_file: is set, but client_certificates: none lets clients in without a certificate; remove one of the two"))
	}
	if c.CertFile == "" && c.CertPem == "" {
		errs = append(errs, errors.New("cert_file: is empty; name the file of the server's certificate"))
	}
	if c.KeyFile == "" && c.KeyPem == "" {
		errs = append(errs, errors.New("key_file: is empty; name the file of the certificate's key"))
	}
	return errors.Join(errs...)
}
