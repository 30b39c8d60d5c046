// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
)

// pair makes a certificate with a serial number, and its key.
func pair(t *testing.T, serial int64) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

// While a certificate and its key do not fit, both servers continue with the pair before, and take the new one when it is whole.
func TestHalfWrittenCertificate(t *testing.T) {
	folder := t.TempDir()
	certFile, keyFile := filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	cert1, key1 := pair(t, 1)
	cert2, key2 := pair(t, 2)
	require.NoError(t, os.WriteFile(certFile, cert1, 0o600))
	require.NoError(t, os.WriteFile(keyFile, key1, 0o600))
	k := keys(t)
	for _, protocol := range []string{"grpc", "http"} {
		k["protocols"].(map[string]any)[protocol].(map[string]any)["tls"] = map[string]any{"cert_file": certFile, "key_file": keyFile, "reload_interval": "10ms"}
	}
	in := listen(t, configured(t, k), nil, func(context.Context, plog.Logs) error { return nil })
	serial := func(address string) int64 {
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		require.NoError(t, err)
		defer func() { require.NoError(t, conn.Close()) }()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	for _, address := range []string{in.grpc, in.http} {
		assert.EqualValues(t, 1, serial(address), address)
	}
	require.NoError(t, os.WriteFile(certFile, cert2, 0o600))
	require.Eventually(t, func() bool { return in.logs.FilterMessageSnippet("the pair before stays in use").Len() >= 2 }, 30*time.Second, time.Millisecond)
	for _, address := range []string{in.grpc, in.http} {
		assert.EqualValues(t, 1, serial(address), address)
	}
	require.NoError(t, os.WriteFile(keyFile, key2, 0o600))
	require.Eventually(t, func() bool { return serial(in.grpc) == 2 && serial(in.http) == 2 }, 30*time.Second, 10*time.Millisecond)
}
