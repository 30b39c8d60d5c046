// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package certificates tests make-certificates with the handshakes that agents and gateways do.
package certificates

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

type secret struct {
	Type     string
	Metadata struct{ Name, Namespace string }
	Data     map[string]string
}

func makeCertificates(t *testing.T, folder string, args ...string) (agent, gateway secret) {
	t.Helper()
	out, err := exec.Command("sh", append(append([]string{"make-certificates"}, args...), folder)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.NotContains(t, string(out), "PRIVATE", "no key is printed")
	for file, into := range map[string]*secret{"agent.yaml": &agent, "gateway.yaml": &gateway} {
		text, err := os.ReadFile(filepath.Join(folder, file))
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(text, into))
		for key, value := range into.Data {
			decoded, err := base64.StdEncoding.DecodeString(value)
			require.NoError(t, err)
			into.Data[key] = string(decoded)
		}
	}
	return agent, gateway
}

func (s secret) certificate(t *testing.T) tls.Certificate {
	t.Helper()
	certificate, err := tls.X509KeyPair([]byte(s.Data["tls.crt"]), []byte(s.Data["tls.key"]))
	require.NoError(t, err)
	return certificate
}

func (s secret) authority() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(s.Data["ca.crt"]))
	return pool
}

// handshake says what the agent learns when it calls the gateway by the name and waits for an answer.
func handshake(t *testing.T, agent, gateway *tls.Config, name string) error {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", gateway)
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if conn, err := listener.Accept(); err == nil {
			_, _ = conn.Write([]byte("a")) // refused clients are closed instead
			_ = conn.Close()
		}
	}()
	defer func() { require.NoError(t, listener.Close()); <-done }()
	plain, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = plain.Close() }()
	require.NoError(t, plain.SetDeadline(time.Now().Add(10*time.Second)))
	agent.ServerName, agent.MinVersion = name, tls.VersionTLS13
	_, err = io.ReadAll(tls.Client(plain, agent))
	return err
}

func TestHandshake(t *testing.T) {
	folder := t.TempDir()
	agent, gateway := makeCertificates(t, folder, "-n", "shop", "-p", "mine-otelcol-sre")
	_, stranger := makeCertificates(t, t.TempDir())
	assert.Equal(t, secret{Type: "kubernetes.io/tls", Metadata: struct{ Name, Namespace string }{"mine-otelcol-sre-agent-tls", "shop"}, Data: agent.Data}, agent)
	assert.Equal(t, "mine-otelcol-sre-gateway-tls", gateway.Metadata.Name)

	server := func(s secret) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{s.certificate(t)}, ClientCAs: gateway.authority(), ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13}
	}
	client := func(s secret) *tls.Config {
		certificate := s.certificate(t) // shown whatever the server asks for
		return &tls.Config{GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }, RootCAs: agent.authority()}
	}
	for _, name := range []string{
		"mine-otelcol-sre-gateway", "mine-otelcol-sre-gateway.shop", "mine-otelcol-sre-gateway.shop.svc",
		"mine-otelcol-sre-gateway-headless", "mine-otelcol-sre-gateway-headless.shop.svc.cluster.local",
	} {
		assert.NoError(t, handshake(t, client(agent), server(gateway), name))
	}

	const name = "mine-otelcol-sre-gateway"
	assert.ErrorContains(t, handshake(t, client(agent), server(gateway), "elsewhere"), "not elsewhere")
	assert.ErrorContains(t, handshake(t, &tls.Config{RootCAs: agent.authority()}, server(gateway), name), "certificate required")
	assert.ErrorContains(t, handshake(t, client(stranger), server(gateway), name), "unknown certificate authority")
	assert.NoError(t, handshake(t, client(gateway), server(gateway), "mine-otelcol-sre-gateway-headless"), "gateways are peers of each other")
	assert.ErrorContains(t, handshake(t, client(agent), server(agent), name), "not mine-otelcol-sre-gateway", "an agent is no gateway")

	renewed, _ := makeCertificates(t, folder, "-n", "shop", "-p", "mine-otelcol-sre", "-d", "30")
	assert.NotEqual(t, agent.Data["tls.crt"], renewed.Data["tls.crt"])
	assert.NoError(t, handshake(t, client(renewed), server(gateway), name), "those of before are still accepted")
	leaf, err := x509.ParseCertificate(renewed.certificate(t).Certificate[0])
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now().AddDate(0, 0, 30), leaf.NotAfter, time.Hour)
}

func TestOnlyTheOwnerReadsKeys(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new")
	makeCertificates(t, folder)
	for _, file := range []string{"ca.key", "agent.yaml", "gateway.yaml"} {
		info, err := os.Stat(filepath.Join(folder, file))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode(), file)
	}
}

func TestRefused(t *testing.T) {
	for name, args := range map[string][]string{
		"no folder":           {},
		"an unknown option":   {"-x", "folder"},
		"a name with a quote": {"-n", `a"b`, "folder"},
		"no days":             {"-d", "0", "folder"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("sh", append([]string{"make-certificates"}, args...)...)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit)
			assert.Equal(t, 2, exit.ExitCode())
			assert.NotEmpty(t, out)
		})
	}
}
