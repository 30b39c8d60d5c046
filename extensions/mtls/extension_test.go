// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package mtls

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/otelcol-sre/otelcol-sre/extensions/mtls/internal/metadatatest"
)

// An authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return authority{certificate, key}
}

// sign makes a certificate that is valid until then.
func (a authority) sign(t *testing.T, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "gateway"}, DNSNames: []string{"gateway"},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func write(t *testing.T, file, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), file)
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return path
}

// Who has a certificate of the authority is served; who has not is refused, and counted by why.
func TestHandshakesAreCounted(t *testing.T) {
	ours, foreign := newAuthority(t), newAuthority(t)
	soon := time.Now().Add(time.Hour)
	server := ours.sign(t, soon)
	key, err := x509.MarshalPKCS8PrivateKey(server.PrivateKey)
	require.NoError(t, err)
	config := createDefaultConfig().(*Config)
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"client_ca_file": write(t, "ca.crt", "CERTIFICATE", ours.certificate.Raw),
		"cert_file":      write(t, "tls.crt", "CERTIFICATE", server.Certificate[0]),
		"key_file":       write(t, "tls.key", "PRIVATE KEY", key),
	}).Unmarshal(config))
	require.NoError(t, config.Validate())
	telemetry := componenttest.NewTelemetry()
	set := extensiontest.NewNopSettings(NewFactory().Type())
	set.TelemetrySettings = telemetry.NewTelemetrySettings()
	e, err := createExtension(t.Context(), set, config)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))

	options, err := e.(*mtls).GetGRPCServerOptions(t.Context())
	require.NoError(t, err)
	grpcServer := grpc.NewServer(options...)
	healthpb.RegisterHealthServer(grpcServer, health.NewServer())
	listener, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	served := make(chan error)
	go func() { served <- grpcServer.Serve(listener) }()

	roots := x509.NewCertPool()
	roots.AddCert(ours.certificate)
	ask := func(certificates ...tls.Certificate) error {
		connection, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
			RootCAs: roots, ServerName: "gateway", MinVersion: tls.VersionTLS13,
			// Whatever authorities the server asks for.
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				return &append(certificates, tls.Certificate{})[0], nil
			},
		})))
		require.NoError(t, err)
		_, err = healthpb.NewHealthClient(connection).Check(t.Context(), &healthpb.HealthCheckRequest{})
		require.NoError(t, connection.Close())
		return err
	}
	assert.NoError(t, ask(ours.sign(t, soon)))
	assert.Error(t, ask())
	assert.Error(t, ask(ours.sign(t, time.Now().Add(-time.Hour))))
	assert.Error(t, ask(foreign.sign(t, soon)))
	plain, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	_, err = plain.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	require.NoError(t, err)
	_, _ = plain.Read(make([]byte, 100)) // returns when the server has closed
	require.NoError(t, plain.Close())

	// A client knows that it is refused before the server has counted it, and tries again by itself: there may be several of each.
	outcomes := func() (seen int) {
		metric, err := telemetry.GetMetric("otelcol_extension_mtls_handshakes")
		require.NoError(t, err)
		return len(metric.Data.(metricdata.Sum[int64]).DataPoints)
	}
	require.Eventually(t, func() bool { return outcomes() == 5 }, 10*time.Second, time.Millisecond)
	metadatatest.AssertEqualExtensionMtlsHandshakes(t, telemetry, []metricdata.DataPoint[int64]{
		{Attributes: attribute.NewSet(attribute.String("outcome", "accepted")), Value: 1},
		{Attributes: attribute.NewSet(attribute.String("outcome", "no_certificate"))},
		{Attributes: attribute.NewSet(attribute.String("outcome", "expired"))},
		{Attributes: attribute.NewSet(attribute.String("outcome", "unknown_authority"))},
		{Attributes: attribute.NewSet(attribute.String("outcome", "other"))},
	}, metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreValue())

	grpcServer.Stop()
	require.NoError(t, <-served)
	require.NoError(t, e.Shutdown(t.Context()))
	require.NoError(t, telemetry.Shutdown(t.Context()))
}

// While only one of the two files is replaced, clients are served with the pair before. TLS without client certificates is the same.
func TestHalfWrittenPair(t *testing.T) {
	ours := newAuthority(t)
	folder := t.TempDir()
	crt, key := filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	write := func(path, kind string, der []byte) {
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	}
	keyOf := func(pair tls.Certificate) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
		require.NoError(t, err)
		return der
	}
	first, second := ours.sign(t, time.Now().Add(time.Hour)), ours.sign(t, time.Now().Add(2*time.Hour))
	write(crt, "CERTIFICATE", first.Certificate[0])
	write(key, "PRIVATE KEY", keyOf(first))
	config := createDefaultConfig().(*Config)
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"client_certificates": "none", "cert_file": crt, "key_file": key, "reload_interval": "1ms"}).Unmarshal(config))
	require.NoError(t, config.Validate())
	telemetry := componenttest.NewTelemetry()
	set := extensiontest.NewNopSettings(NewFactory().Type())
	set.TelemetrySettings = telemetry.NewTelemetrySettings()
	e, err := createExtension(t.Context(), set, config)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	options, err := e.(*mtls).GetGRPCServerOptions(t.Context())
	require.NoError(t, err)
	server := grpc.NewServer(options...)
	listener, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()
	roots := x509.NewCertPool()
	roots.AddCert(ours.certificate)
	shown := func() []byte {
		connection, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{RootCAs: roots, ServerName: "gateway", MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}})
		require.NoError(t, err)
		defer func() { require.NoError(t, connection.Close()) }()
		return connection.ConnectionState().PeerCertificates[0].Raw
	}
	counted := func(outcome string) (n int64) {
		if metric, err := telemetry.GetMetric("otelcol_extension_mtls_reloads"); err == nil {
			for _, point := range metric.Data.(metricdata.Sum[int64]).DataPoints {
				if value, _ := point.Attributes.Value("outcome"); value.AsString() == outcome {
					n = point.Value
				}
			}
		}
		return n
	}
	assert.Equal(t, first.Certificate[0], shown())
	for i, broken := range []func(){
		func() { write(crt, "CERTIFICATE", second.Certificate[0]) },
		func() { require.NoError(t, os.WriteFile(crt, []byte("-----BEGIN CERT"), 0o600)) },
		func() { require.NoError(t, os.Remove(crt)) },
	} {
		before := counted("failed")
		broken()
		require.Eventually(t, func() bool { return counted("failed") > before }, 30*time.Second, time.Millisecond, i)
		assert.Equal(t, first.Certificate[0], shown(), i)
	}
	write(crt, "CERTIFICATE", second.Certificate[0])
	write(key, "PRIVATE KEY", keyOf(second))
	require.Eventually(t, func() bool { return counted("changed") == 1 }, 30*time.Second, time.Millisecond)
	assert.Equal(t, second.Certificate[0], shown())

	server.Stop()
	require.NoError(t, <-served)
	require.NoError(t, e.Shutdown(t.Context()))
	require.NoError(t, telemetry.Shutdown(t.Context()))
}

func TestValidateNamesWhatIsMissing(t *testing.T) {
	err := createDefaultConfig().(*Config).Validate()
	assert.ErrorContains(t, err, "client_ca_file: is empty; name the file")
	assert.ErrorContains(t, err, "cert_file: is empty; name the file")
	assert.ErrorContains(t, err, "key_file: is empty; name the file")
	assert.ErrorContains(t, (&Config{ClientCertificates: "maybe"}).Validate(), `client_certificates: is "maybe"; set required or none`)
	config := &Config{ClientCertificates: none}
	config.ClientCAFile = "ca.crt"
	assert.ErrorContains(t, config.Validate(), "client_ca_file: is set, but client_certificates: none")
}

func TestFilesThatAreNotThere(t *testing.T) {
	config := &Config{}
	config.ClientCAFile, config.CertFile, config.KeyFile = "/nowhere/ca.crt", "/nowhere/tls.crt", "/nowhere/tls.key"
	e, err := createExtension(t.Context(), extensiontest.NewNopSettings(NewFactory().Type()), config)
	require.NoError(t, err)
	_, err = e.(*mtls).GetGRPCServerOptions(t.Context())
	assert.ErrorContains(t, err, "/nowhere/")
	config.ReloadInterval = time.Minute
	assert.ErrorContains(t, e.Start(t.Context(), componenttest.NewNopHost()), "cert_file, key_file: open /nowhere/tls.crt")
	require.NoError(t, e.Shutdown(t.Context()))
}
