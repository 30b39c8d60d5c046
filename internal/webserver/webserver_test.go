// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package webserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configtls"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a server on a free port.
func serve(t *testing.T, handler http.Handler, change func(*confighttp.ServerConfig, *Keys)) *Server {
	t.Helper()
	config, keys := NewDefaultServerConfig("localhost:0"), NewDefaultKeys()
	change(&config, &keys)
	require.NoError(t, keys.Validate())
	s, err := Listen(t.Context(), Settings{
		Component: "test", Server: &config, Keys: keys, Host: componenttest.NewNopHost(), Telemetry: componenttest.NewNopTelemetrySettings(),
	}, func(net.Addr) http.Handler { return handler })
	require.NoError(t, err)
	return s
}

func dial(t *testing.T, s *Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Address.String())
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

var ok = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })

const get = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

// A client that finishes neither its headers nor its body is disconnected.
func TestSlowClients(t *testing.T) {
	s := serve(t, ok, func(c *confighttp.ServerConfig, _ *Keys) {
		c.ReadHeaderTimeout, c.ReadTimeout, c.IdleTimeout = 20*time.Millisecond, 40*time.Millisecond, 20*time.Millisecond
	})
	for name, sent := range map[string]string{
		"nothing": "", "half a header": "GET / HTTP/1.1\r\nHost", "no more requests": get,
		"half a body": "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx",
	} {
		conn := dial(t, s)
		_, err := io.WriteString(conn, sent)
		require.NoError(t, err, name)
		_, err = io.Copy(io.Discard, conn) // until the server closes
		require.NoError(t, err, name)
	}
	require.NoError(t, s.Shutdown(t.Context()))
}

// A connection above the limit waits until another one ends.
func TestMaxConnections(t *testing.T) {
	s := serve(t, ok, func(_ *confighttp.ServerConfig, k *Keys) { k.MaxConnections = 1 })
	first := dial(t, s)
	_, err := io.WriteString(first, get)
	require.NoError(t, err)
	_, err = http.ReadResponse(bufio.NewReader(first), nil)
	require.NoError(t, err)

	second := dial(t, s)
	_, err = io.WriteString(second, get)
	require.NoError(t, err)
	require.NoError(t, second.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err = second.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, first.Close())
	require.NoError(t, second.SetReadDeadline(time.Now().Add(30*time.Second)))
	answer, err := http.ReadResponse(bufio.NewReader(second), nil)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, answer.StatusCode)
	require.NoError(t, second.Close())
	require.NoError(t, s.Shutdown(t.Context()))
}

// Clients that do not finish do not keep the server.
func TestShutdownWithUnfinishedRequests(t *testing.T) {
	arrived := make(chan struct{})
	s := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		_, _ = io.ReadAll(r.Body)
	}), func(*confighttp.ServerConfig, *Keys) {})
	conn := dial(t, s)
	_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx")
	require.NoError(t, err)
	<-arrived
	ended, end := context.WithCancel(t.Context())
	end() // as if grace were over
	require.ErrorIs(t, s.Shutdown(ended), context.Canceled)
	require.NoError(t, s.server.Close())

	s = serve(t, ok, func(*confighttp.ServerConfig, *Keys) {})
	conn = dial(t, s)
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost")
	require.NoError(t, err)
	begin := time.Now()
	require.NoError(t, s.Shutdown(t.Context()))
	assert.Less(t, time.Since(begin), 10*time.Second)
}

// A name that is not the server's is refused, so that a page of another name cannot become one of the server's.
func TestHosts(t *testing.T) {
	s := serve(t, ok, func(_ *confighttp.ServerConfig, k *Keys) { k.AllowedHosts = []string{"SRE.example.com", "*.internal"} })
	for host, status := range map[string]int{
		"localhost": 200, "localhost:8686": 200, "LocalHost:1": 200, "127.0.0.1:8686": 200, "[::1]:8686": 200, "10.1.2.3": 200, "[fe80::1%25eth0]": 200,
		"sre.example.com": 200, "sre.example.com.:80": 200, "a.internal": 200, "a.b.internal:80": 200,
		"evil.example.com": 421, "localhost.evil.example": 421, "sre.example.com.evil.example": 421, "internal": 421, "xinternal": 421, "127.0.0.1.nip.example": 421,
	} {
		conn := dial(t, s)
		_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
		require.NoError(t, err)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, host)
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		assert.Equal(t, status, answer.StatusCode, host)
		if status != 200 {
			assert.Contains(t, string(text), "add the name to allowed_hosts", host)
		}
	}
	require.NoError(t, s.Shutdown(t.Context()))
}

func TestNames(t *testing.T) {
	keys := Keys{AllowedHosts: []string{"*"}}
	assert.True(t, named(keys.hosts("0.0.0.0:1"), "anything.example"))
	keys = Keys{}
	assert.True(t, named(keys.hosts("sre.example.com:1"), "sre.example.com"))
	assert.False(t, named(keys.hosts(":1"), ""))
	assert.False(t, named(keys.hosts("0.0.0.0:1"), "sre.example.com"))
}

// A page of another origin cannot change anything, unless cors lets it.
func TestOrigins(t *testing.T) {
	s := serve(t, ok, func(c *confighttp.ServerConfig, _ *Keys) {
		c.CORS = configoptional.Some(confighttp.CORSConfig{AllowedOrigins: []string{"https://grafana.example.com", "https://*.team.example"}})
	})
	own := "http://" + s.Address.String()
	for _, test := range []struct {
		method, origin, site string
		status               int
	}{
		{http.MethodGet, "https://evil.example", "cross-site", 200},
		{http.MethodPost, "", "", 200}, // a program
		{http.MethodPost, own, "", 200},
		{http.MethodPost, own, "same-origin", 200},
		{http.MethodPost, "https://grafana.example.com", "cross-site", 200},
		{http.MethodPost, "https://a.team.example", "cross-site", 200},
		{http.MethodPost, "https://evil.example", "cross-site", 403},
		{http.MethodPost, "https://evil.example", "", 403},
		{http.MethodPost, "https://grafana.example.com.evil.example", "", 403},
		{http.MethodPut, "null", "", 403},
		{http.MethodDelete, "", "cross-site", 403},
	} {
		request, err := http.NewRequestWithContext(t.Context(), test.method, own, http.NoBody)
		require.NoError(t, err)
		for name, value := range map[string]string{"Origin": test.origin, "Sec-Fetch-Site": test.site} {
			if value != "" {
				request.Header.Set(name, value)
			}
		}
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		assert.Equal(t, test.status, answer.StatusCode, test)
		if test.status == 403 {
			assert.Contains(t, string(text), "Add the origin to cors::allowed_origins", test)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	require.NoError(t, s.Shutdown(t.Context()))
}

// An authenticator that nobody satisfies.
type refusing struct {
	component.StartFunc
	component.ShutdownFunc
}

func (refusing) Authenticate(ctx context.Context, _ map[string][]string) (context.Context, error) {
	return ctx, errors.New("not you")
}

type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

// With local_without_auth, only requests that this machine itself sends pass without authentication.
func TestLocalWithoutAuth(t *testing.T) {
	id := component.MustNewID("refusing")
	for local, status := range map[bool]int{true: http.StatusOK, false: http.StatusUnauthorized} {
		config, keys := NewDefaultServerConfig("localhost:0"), NewDefaultKeys()
		keys.LocalWithoutAuth = local
		config.Auth = configoptional.Some(confighttp.AuthConfig{Config: configauth.Config{AuthenticatorID: id}})
		s, err := Listen(t.Context(), Settings{
			Component: "test", Server: &config, Keys: keys, Host: host{id: refusing{}}, Telemetry: componenttest.NewNopTelemetrySettings(),
		}, func(net.Addr) http.Handler { return ok })
		require.NoError(t, err)
		for remote, want := range map[string]int{"127.0.0.1:1": status, "[::1]:1": status, "[::ffff:127.0.0.1]:1": status, "10.0.0.1:1": http.StatusUnauthorized, "": http.StatusUnauthorized} {
			request := httptest.NewRequest(http.MethodGet, "http://localhost/", http.NoBody)
			request.RemoteAddr = remote
			answer := httptest.NewRecorder()
			s.server.Handler.ServeHTTP(answer, request)
			assert.Equal(t, want, answer.Code, "%v %s", local, remote)
			request.Header.Set("X-Forwarded-For", "10.0.0.1")
			answer = httptest.NewRecorder()
			s.server.Handler.ServeHTTP(answer, request)
			assert.Equal(t, http.StatusUnauthorized, answer.Code, "%v %s through a proxy", local, remote)
		}
		require.NoError(t, s.Shutdown(t.Context()))
	}
}

// With TLS there is a limit, too, and HTTP/2.
func TestTLS(t *testing.T) {
	given := httptest.NewTLSServer(ok) // for its certificate
	given.Close()
	certificate := given.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	require.NoError(t, err)
	folder := t.TempDir()
	crt, k := filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	require.NoError(t, os.WriteFile(crt, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}), 0o600))
	require.NoError(t, os.WriteFile(k, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
	s := serve(t, ok, func(c *confighttp.ServerConfig, _ *Keys) {
		c.TLS = configoptional.Some(configtls.ServerConfig{Config: configtls.Config{CertFile: crt, KeyFile: k}})
	})
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS13, ServerName: "example.com"}}
	transport.TLSClientConfig.RootCAs.AddCert(given.Certificate())
	answer, err := (&http.Client{Transport: transport}).Get("https://" + s.Address.String())
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	assert.Equal(t, 2, answer.ProtoMajor)
	transport.CloseIdleConnections()
	require.NoError(t, s.Shutdown(t.Context()))

	config := NewDefaultServerConfig("localhost:0")
	config.TLS = configoptional.Some(configtls.ServerConfig{Config: configtls.Config{CertFile: "/nowhere", KeyFile: "/nowhere"}})
	_, err = Listen(t.Context(), Settings{Server: &config, Keys: NewDefaultKeys(), Host: componenttest.NewNopHost(), Telemetry: componenttest.NewNopTelemetrySettings()},
		func(net.Addr) http.Handler { return ok })
	require.ErrorContains(t, err, "tls: ")
}

func TestValidate(t *testing.T) {
	keys := NewDefaultKeys()
	require.NoError(t, keys.Validate())
	keys = Keys{AllowedHosts: []string{"a.example", "*", "*.b.example"}, MaxConnections: 1}
	require.NoError(t, keys.Validate())
	keys = Keys{AllowedHosts: []string{"http://a", "a:80", "", "a.*"}}
	err := keys.Validate()
	for _, want := range []string{"max_connections: is 0; set it above 0", `allowed_hosts[0]: "http://a" is not a host name; write one without scheme and port`, "allowed_hosts[1]", "allowed_hosts[2]", "allowed_hosts[3]"} {
		require.ErrorContains(t, err, want)
	}
}
