// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// credentials are files that a collector reads again and again: tokens, and a certificate with its key.
type credentials struct{ tokens, cert, key string }

// newCredentials writes the files into a new folder.
func newCredentials(folder string) (credentials, error) {
	c := credentials{filepath.Join(folder, "tokens"), filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return c, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return c, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return c, err
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return c, err
	}
	return c, errors.Join(
		os.WriteFile(c.tokens, []byte("secret\n"), 0o600),
		os.WriteFile(c.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600),
		os.WriteFile(c.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
}

// extensions is the YAML of the extensions that read them, bearertokenauth/lost and mtls/lost.
func (c credentials) extensions() string {
	return fmt.Sprintf(`bearertokenauth/lost: {filename: %q, reload_interval: 1s}, mtls/lost: {client_certificates: none, cert_file: %q, key_file: %q, reload_interval: 1s}`,
		c.tokens, c.cert, c.key)
}

// lose removes the tokens and the key.
func (c credentials) lose() error { return errors.Join(os.Remove(c.tokens), os.Remove(c.key)) }
