// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package keypair reads a certificate and its key again while a server runs, and keeps the last pair that fits. The Collector's own
// reading fails new connections while only one of the two files is replaced.
package keypair

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/config/configtls"
)

// A Pair is a certificate and its key.
type Pair struct {
	certFile, keyFile string
	cert, key         []byte // of the pair in use
	current           atomic.Pointer[tls.Certificate]
}

// Reloads reports whether a config asks for files to be read again.
func Reloads(c *configtls.ServerConfig) bool {
	return c.ReloadInterval > 0 && c.CertFile != "" && c.KeyFile != ""
}

// Read reads both files.
func Read(certFile, keyFile string) (*Pair, error) {
	p := &Pair{certFile: certFile, keyFile: keyFile}
	_, err := p.Reload()
	return p, err
}

// Certificate is for [tls.Config.GetCertificate].
func (p *Pair) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return p.current.Load(), nil
}

// Reload reads both files again and uses them, if they fit. It reports whether they changed. One goroutine at a time calls it.
func (p *Pair) Reload() (changed bool, err error) {
	cert, err := os.ReadFile(p.certFile)
	if err != nil {
		return false, err
	}
	key, err := os.ReadFile(p.keyFile)
	if err != nil {
		return false, err
	}
	if bytes.Equal(cert, p.cert) && bytes.Equal(key, p.key) {
		return false, nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return false, fmt.Errorf("%s and %s are no pair: %w", p.certFile, p.keyFile, err)
	}
	p.cert, p.key = cert, key
	p.current.Store(&pair)
	return true, nil
}

// Watch reads the files at every interval until the context ends, and reports what changed or failed.
func (p *Pair) Watch(ctx context.Context, interval time.Duration, report func(err error)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if changed, err := p.Reload(); changed || err != nil {
				report(err)
			}
		case <-ctx.Done():
			return
		}
	}
}
