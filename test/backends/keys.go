// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// gatewayName is what the gateways' certificate is for.
const gatewayName = "otelcol-sre-gateway"

// keys are folders with ca.crt, tls.crt and tls.key, as the fragments want them.
type keys struct {
	gateway, agent string
	// Nobody is let in with these: of another authority, and of ours but over.
	foreign, expired string
}

type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func newKeys(folder string) (keys, error) {
	k := keys{filepath.Join(folder, "gateway"), filepath.Join(folder, "agent"), filepath.Join(folder, "foreign"), filepath.Join(folder, "expired")}
	ours, err := newAuthority("ours")
	if err != nil {
		return k, err
	}
	theirs, err := newAuthority("theirs")
	if err != nil {
		return k, err
	}
	now := time.Now()
	return k, errors.Join(
		ours.issue(k.gateway, gatewayName, now.Add(time.Hour), ours),
		ours.issue(k.agent, "agent", now.Add(time.Hour), ours),
		ours.issue(k.expired, "agent", now.Add(-time.Minute), ours),
		theirs.issue(k.foreign, "agent", now.Add(time.Hour), ours),
	)
}

func newAuthority(name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &authority{certificate, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}, err
}

// issue writes a certificate for the name, its key, and the authority to trust.
func (a *authority) issue(folder, name string, until time.Time, trusted *authority) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.certificate, key.Public(), a.key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	write := func(name string, text []byte) error { return os.WriteFile(filepath.Join(folder, name), text, 0o600) }
	return errors.Join(
		write("ca.crt", trusted.pem),
		write("tls.crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		write("tls.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
	)
}

// clientTLS trusts the folder's authority; it shows the folder's certificate if it is to.
func clientTLS(folder string, show bool) (*tls.Config, error) {
	ca, err := os.ReadFile(filepath.Join(folder, "ca.crt"))
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: gatewayName, MinVersion: tls.VersionTLS13}
	config.RootCAs.AppendCertsFromPEM(ca)
	if show {
		pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"))
		if err != nil {
			return nil, err
		}
		// Shown whatever the server says it trusts: so does who tries.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	return config, nil
}
