// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package keypair

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configtls"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair makes a certificate with a serial number, and its key.
func pair(t *testing.T, serial int64) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "x"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

func TestTheLastGoodPairStays(t *testing.T) {
	folder := t.TempDir()
	certFile, keyFile := filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	write := func(cert, key []byte) {
		require.NoError(t, os.WriteFile(certFile, cert, 0o600))
		require.NoError(t, os.WriteFile(keyFile, key, 0o600))
	}
	_, err := Read(certFile, keyFile)
	require.ErrorIs(t, err, os.ErrNotExist)
	cert1, key1 := pair(t, 1)
	cert2, key2 := pair(t, 2)
	write(cert1, key2)
	_, err = Read(certFile, keyFile)
	require.ErrorContains(t, err, "are no pair")

	write(cert1, key1)
	p, err := Read(certFile, keyFile)
	require.NoError(t, err)
	serial := func() int64 {
		current, err := p.Certificate(nil)
		require.NoError(t, err)
		return current.Leaf.SerialNumber.Int64()
	}
	assert.EqualValues(t, 1, serial())
	for _, step := range []struct {
		cert, key []byte
		changed   bool
		fails     bool
		serial    int64
	}{
		{cert1, key1, false, false, 1}, {cert2, key1, false, true, 1}, {cert2, nil, false, true, 1}, {cert2, key2[:40], false, true, 1}, {cert2, key2, true, false, 2},
		{nil, key2, false, true, 2}, {cert2, key2, false, false, 2}, {cert1, key1, true, false, 1},
	} {
		write(step.cert, step.key)
		changed, err := p.Reload()
		assert.Equal(t, step.changed, changed)
		assert.Equal(t, step.serial, serial())
		assert.Equal(t, step.fails, err != nil)
	}
	require.NoError(t, os.Remove(keyFile))
	_, err = p.Reload()
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.EqualValues(t, 1, serial())
}

func TestReloads(t *testing.T) {
	config := &configtls.ServerConfig{Config: configtls.Config{CertFile: "a", KeyFile: "b"}}
	assert.False(t, Reloads(config), "no interval")
	config.ReloadInterval = time.Minute
	assert.True(t, Reloads(config))
	config.KeyFile = ""
	assert.False(t, Reloads(config), "the key is in the config")
}
