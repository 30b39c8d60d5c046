// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
)

// probed runs the command as main does.
func probed(args ...string) (code int, out string, err error) {
	r := commandtest.Run(NewCommand(), nil, append([]string{"probe"}, args...)...)
	return r.Code, r.Stdout + r.Stderr, r.Err
}

// answering is a health check that answers with status.
func answering(t *testing.T, status int) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "http://127.0.0.1:1/")
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestProbe(t *testing.T) {
	for name, c := range map[string]struct {
		status, code int
		out          string
	}{
		"healthy":     {http.StatusOK, exit.OK, "healthy\n"},
		"unavailable": {http.StatusServiceUnavailable, exit.NotOK, "not healthy: "},
		"elsewhere":   {http.StatusFound, exit.NotOK, "answers HTTP status 302\n"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, _ := probed(answering(t, c.status))
			assert.Equal(t, c.code, code)
			assert.Contains(t, out, c.out)
		})
	}
}

// In a container the collector listens on every address; the same variable tells the probe which port.
func TestProbeAsksWhereTheCollectorListens(t *testing.T) {
	_, port, err := net.SplitHostPort(strings.TrimPrefix(answering(t, http.StatusOK), "http://"))
	require.NoError(t, err)
	t.Setenv(healthVariable, "0.0.0.0:"+port)
	code, _, err := probed()
	require.NoError(t, err)
	assert.Equal(t, exit.OK, code)
}

func TestHealthURL(t *testing.T) {
	for _, c := range []struct{ given, listens, want string }{
		{"", "", "http://localhost:13133/"},
		{"", "localhost:1", "http://localhost:1/"},
		{"", "0.0.0.0:1", "http://localhost:1/"},
		{"", ":1", "http://localhost:1/"},
		{"", "[::]:1", "http://localhost:1/"},
		{"", "10.1.2.3:1", "http://10.1.2.3:1/"},
		{"gateway:13133", "0.0.0.0:1", "http://gateway:13133/"},
		{"https://gateway/health", "", "https://gateway/health"},
	} {
		got, err := healthURL(c.given, c.listens)
		require.NoError(t, err, c)
		assert.Equal(t, c.want, got.String(), c)
	}
}

func TestProbeThatCannotAskSaysTheFix(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	hung, err := net.Listen("tcp", "localhost:0") // takes the connection and says nothing
	require.NoError(t, err)
	t.Cleanup(func() { _ = hung.Close() })

	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"down":     {[]string{closed.URL}, "does not answer: "},
		"hung":     {[]string{"http://" + hung.Addr().String(), "--timeout", "50ms"}, "deadline exceeded; check that the collector runs"},
		"scheme":   {[]string{"ftp://x"}, `URL "ftp://x" is not an address`},
		"hostile":  {[]string{"http://a\x1b[31m"}, "is not an address"},
		"timeout":  {[]string{"--timeout", "0s"}, "--timeout is 0s: must be above 0"},
		"two":      {[]string{"a", "b"}, "accepts at most 1 arg"},
		"password": {[]string{"http://me:secret@" + strings.TrimPrefix(closed.URL, "http://")}, "http://me:xxxxx@"},
	} {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			code, _, err := probed(c.args...)
			require.ErrorContains(t, err, c.want)
			assert.Equal(t, exit.Usage, code)
			assert.NotContains(t, err.Error(), "\x1b")
			assert.NotContains(t, err.Error(), "secret")
			assert.Less(t, time.Since(begun), 10*time.Second)
		})
	}
}
