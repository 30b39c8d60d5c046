// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const day = 24 * time.Hour

// ask makes a check that has 10 seconds.
func ask(t *testing.T, p *Prober, check catalog.Check) Result {
	t.Helper()
	if check.Name == "" {
		check.Name = "home"
	}
	if check.Timeout == 0 {
		check.Timeout = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(t.Context(), check.Timeout)
	defer cancel()
	r := p.Probe(ctx, &Question{Check: &check, TraceID: [16]byte{1}, SpanID: [8]byte{2}})
	assert.False(t, r.Start.IsZero())
	assert.False(t, r.End.Before(r.Start))
	return r
}

func web(check catalog.HTTPCheck) catalog.Check {
	if check.Method == "" {
		check.Method = http.MethodGet
	}
	if check.Status == nil {
		check.Status = []int{http.StatusOK}
	}
	return catalog.Check{HTTP: &check}
}

func newProber(t *testing.T, secrets, authorities string) *Prober {
	t.Helper()
	p, err := New(secrets, authorities)
	require.NoError(t, err)
	return p
}

func TestHTTP(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, strings.Join([]string{r.Method, r.URL.String(), r.Header.Get("User-Agent"), r.Header.Get("Traceparent"), r.Header.Get("Authorization"), r.Host, string(body)}, "|"))
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/ok", http.StatusFound)
		case "/down":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/large":
			_, _ = io.WriteString(w, strings.Repeat("x", maxBody)+"needle")
		case "/hangs":
			<-r.Context().Done()
		case "/halfway":
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "half")
		case "/headers":
			w.Header().Set("X-Long", strings.Repeat("x", 2*maxHeaders))
		default:
			_, _ = io.WriteString(w, "all is well")
		}
	}))
	t.Cleanup(server.Close)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "token"), []byte("hunter2\n"), 0o600))
	t.Setenv("OTELCOL_SRE_CHECK_USER", "ada")
	p := newProber(t, folder, "")
	for name, c := range map[string]struct {
		check     catalog.HTTPCheck
		step, why string
	}{
		"well":             {catalog.HTTPCheck{URL: server.URL + "/ok", Pattern: "all is w.ll", Within: time.Minute, CertificateFor: 365 * day}, "", ""},
		"expected":         {catalog.HTTPCheck{URL: server.URL + "/down", Status: []int{200, 503}}, "", ""},
		"down":             {catalog.HTTPCheck{URL: server.URL + "/down"}, StepStatus, "it is 503, not 200"},
		"two ways":         {catalog.HTTPCheck{URL: server.URL + "/down", Status: []int{200, 204}}, StepStatus, "it is 503, not 200 or 204"},
		"not followed":     {catalog.HTTPCheck{URL: server.URL + "/moved"}, StepStatus, "it is 302, not 200"},
		"another body":     {catalog.HTTPCheck{URL: server.URL + "/ok", Pattern: "^broken$"}, StepBody, "it does not match"},
		"bounded":          {catalog.HTTPCheck{URL: server.URL + "/large", Pattern: "needle"}, StepBody, "it does not match"},
		"half":             {catalog.HTTPCheck{URL: server.URL + "/halfway"}, StepBody, "unexpected EOF"},
		"long headers":     {catalog.HTTPCheck{URL: server.URL + "/headers"}, StepBody, "exceeded"},
		"slow":             {catalog.HTTPCheck{URL: server.URL + "/ok", Within: 1}, StepDuration, "more than 1ns"},
		"refused":          {catalog.HTTPCheck{URL: closed.URL}, StepConnect, "connection refused"},
		"clouds' metadata": {catalog.HTTPCheck{URL: "http://169.254.169.254/latest/"}, StepConnect, "link-local"},
		"in another form":  {catalog.HTTPCheck{URL: "http://[::ffff:169.254.169.254]/"}, StepConnect, "link-local"},
		"any address":      {catalog.HTTPCheck{URL: "http://0.0.0.0:1/"}, StepConnect, "of no single host"},
		"no TLS":           {catalog.HTTPCheck{URL: strings.Replace(server.URL, "http:", "https:", 1)}, StepTLS, "HTTP response to HTTPS"},
		"no variable":      {catalog.HTTPCheck{URL: server.URL, Headers: map[string]string{"a": "${env:OTELCOL_SRE_CHECK_NONE}"}}, StepSecret, "OTELCOL_SRE_CHECK_NONE is not set"},
		"no file":          {catalog.HTTPCheck{URL: server.URL, Headers: map[string]string{"a": "${file:none}"}}, StepSecret, "none cannot be opened"},
	} {
		r := ask(t, p, web(c.check))
		assert.Equal(t, c.step, r.Step, "%s: %s", name, r.Why)
		assert.Contains(t, r.Why, c.why, name)
	}

	asked = nil
	check := web(catalog.HTTPCheck{URL: server.URL + "/pay?card=1#x", Method: http.MethodPost, Body: "{}", Headers: map[string]string{"authorization": "${env:OTELCOL_SRE_CHECK_USER}:${file:token}", "host": "shop.example.com"}})
	r := ask(t, p, check)
	require.Empty(t, r.Step, r.Why)
	assert.Equal(t, []string{"POST|/pay?card=1|otelcol-sre-check/1 (home)|00-01000000000000000000000000000000-0200000000000000-01|ada:hunter2|shop.example.com|{}"}, asked)
	assert.Equal(t, server.URL+"/pay", r.URL, "a query may have secrets")
	assert.Equal(t, "127.0.0.1", r.Host)
	assert.Equal(t, http.StatusOK, r.Status)
	var steps []string
	for _, step := range r.Steps {
		steps = append(steps, step.Name)
	}
	assert.Equal(t, []string{StepConnect, StepRequest, StepResponse, StepBody}, steps)

	hangs := web(catalog.HTTPCheck{URL: server.URL + "/hangs"})
	hangs.Timeout = 100 * time.Millisecond
	r = ask(t, p, hangs)
	assert.Equal(t, StepResponse, r.Step)
	assert.Equal(t, "no end within the timeout of 100ms", r.Why)

	r = ask(t, newProber(t, "", ""), web(catalog.HTTPCheck{URL: server.URL, Headers: map[string]string{"a": "${file:token}"}}))
	assert.Equal(t, StepSecret, r.Step)
	assert.Contains(t, r.Why, "secrets_directory is not set")
}

func TestCertificates(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	p := newProber(t, "", file)
	left := time.Until(server.Certificate().NotAfter)
	assert.Empty(t, ask(t, p, web(catalog.HTTPCheck{URL: server.URL, CertificateFor: left - day})).Step)
	r := ask(t, p, web(catalog.HTTPCheck{URL: server.URL, CertificateFor: left + day}))
	assert.Equal(t, StepCertificate, r.Step)
	r = ask(t, newProber(t, "", ""), web(catalog.HTTPCheck{URL: server.URL}))
	assert.Equal(t, StepTLS, r.Step, r.Why)

	_, err := New("", filepath.Join(t.TempDir(), "none"))
	require.ErrorContains(t, err, "ca_file")
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	_, err = New("", empty)
	require.ErrorContains(t, err, "has no certificate")
}

func TestTCP(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := newProber(t, "", "")
	check := catalog.Check{TCP: &catalog.TCPCheck{Address: listener.Addr().String()}}
	assert.Empty(t, ask(t, p, check).Step)
	require.NoError(t, listener.Close())
	r := ask(t, p, check)
	assert.Equal(t, StepConnect, r.Step)
	assert.Contains(t, r.Why, "refused")
}

func TestDNS(t *testing.T) {
	p := newProber(t, "", "")
	local := func(addresses ...string) catalog.Check {
		return catalog.Check{DNS: &catalog.DNSCheck{Name: "127.0.0.1", Addresses: addresses}}
	}
	assert.Empty(t, ask(t, p, local()).Step)
	assert.Empty(t, ask(t, p, local("127.0.0.1")).Step)
	r := ask(t, p, local("192.0.2.1"))
	assert.Equal(t, StepAddresses, r.Step)
	assert.Equal(t, "192.0.2.1 is not among the 1 addresses", r.Why)

	p.resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no server") }}
	r = ask(t, p, catalog.Check{DNS: &catalog.DNSCheck{Name: "shop.example.com"}})
	assert.Equal(t, StepResolve, r.Step)
	assert.Contains(t, r.Why, "no server")
}

func TestGRPC(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	healthy := health.NewServer()
	healthy.SetServingStatus("sick", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	grpc_health_v1.RegisterHealthServer(server, healthy)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	p := newProber(t, "", "")
	check := func(service string) catalog.Check {
		return catalog.Check{GRPC: &catalog.GRPCCheck{Address: listener.Addr().String(), Service: service}}
	}
	assert.Empty(t, ask(t, p, check("")).Step)
	r := ask(t, p, check("sick"))
	assert.Equal(t, StepStatus, r.Step)
	assert.Equal(t, "it is NOT_SERVING, not SERVING", r.Why)
	r = ask(t, p, check("none"))
	assert.Equal(t, StepResponse, r.Step)
	assert.Contains(t, r.Why, "unknown service")
	server.Stop()
	require.NoError(t, <-ended)
	r = ask(t, p, check(""))
	assert.Equal(t, StepConnect, r.Step)
	assert.Contains(t, r.Why, "refused")
	r = ask(t, p, catalog.Check{GRPC: &catalog.GRPCCheck{Address: "169.254.169.254:80"}})
	assert.Equal(t, StepConnect, r.Step)
	assert.Contains(t, r.Why, "link-local")
}
