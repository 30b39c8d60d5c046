// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// talk sends a request with headers, given as name, value, name, value; Host is a header here.
func talk(t *testing.T, method, url, body string, headers ...string) (status int, header http.Header, text string) {
	t.Helper()
	made, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			made.Host = headers[i+1]
			continue
		}
		made.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(made)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, response.Header, string(answer)
}

// One fragment covers every listener that can ask for a token, and a token that is taken away does not work any more.
func TestOneTokenForEveryListener(t *testing.T) {
	t.Parallel()
	tokens := filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(tokens, []byte("right\n"), 0o600))
	c := prepareCollector(t, "standalone", t.TempDir(), "OTELCOL_SRE_BEARER_FILE="+tokens)
	c.args = append(c.args, "--config", "builtin:bearer")
	c.start()
	otlp := func(token string) int {
		status, _, _ := talk(t, http.MethodPost, "http://"+c.otlpHTTP+"/v1/traces", "{}", "Content-Type", "application/json", "Authorization", "Bearer "+token)
		return status
	}
	read := func(url string, headers ...string) int {
		status, _, _ := talk(t, http.MethodGet, "http://"+url, "", headers...)
		return status
	}
	page, api, scrape, own := c.page+"/", c.api+"/api/v1/labels", c.prometheus+"/metrics", c.telemetry+"/metrics"
	for _, url := range []string{page, api, scrape, own} {
		// A request that a proxy forwards comes from elsewhere.
		assert.Equal(t, http.StatusUnauthorized, read(url, "X-Forwarded-For", "192.0.2.1"), url)
		assert.Equal(t, http.StatusUnauthorized, read(url, "X-Forwarded-For", "192.0.2.1", "Authorization", "Bearer wrong"), url)
		assert.Equal(t, http.StatusOK, read(url, "X-Forwarded-For", "192.0.2.1", "Authorization", "Bearer right"), url)
	}
	assert.Equal(t, http.StatusOK, read(page), "from this machine")
	assert.Equal(t, http.StatusOK, read(api), "from this machine")
	assert.Equal(t, http.StatusOK, read(own), "from this machine")
	assert.Equal(t, http.StatusUnauthorized, read(scrape))
	assert.Equal(t, http.StatusOK, otlp("right"))
	assert.Equal(t, http.StatusUnauthorized, otlp("new"))

	require.NoError(t, os.Remove(tokens))
	require.NoError(t, os.WriteFile(tokens, []byte("new\n"), 0o600))
	require.Eventually(t, func() bool { return otlp("new") == http.StatusOK }, time.Minute, 100*time.Millisecond, "a file that is created again")
	assert.Equal(t, http.StatusUnauthorized, otlp("right"))
	require.NoError(t, os.WriteFile(tokens, nil, 0o600))
	require.Eventually(t, func() bool { return otlp("new") == http.StatusUnauthorized }, time.Minute, 100*time.Millisecond, "an emptied file")
	c.stop()
}

// A page of another site neither reads through another name nor sends, and a page that may send does.
func TestPagesOfOtherSites(t *testing.T) {
	t.Parallel()
	c := newCollector(t, "standalone", t.TempDir(), "OTELCOL_SRE_ALLOWED_HOSTS=sre.example.com", "OTELCOL_SRE_CORS_ORIGINS=https://shop.example.com")
	for _, url := range []string{"http://" + c.page + "/", "http://" + c.api + "/api/v1/labels"} {
		for host, want := range map[string]int{"evil.example": http.StatusMisdirectedRequest, "localhost": http.StatusOK, "sre.example.com": http.StatusOK} {
			status, _, text := talk(t, http.MethodGet, url, "", "Host", host)
			assert.Equal(t, want, status, "%s as %s: %s", url, host, text)
		}
	}
	status, _, text := talk(t, http.MethodPost, "http://"+c.api+"/api/v1/query", "query=up", "Origin", "https://evil.example", "Content-Type", "application/x-www-form-urlencoded")
	assert.Equal(t, http.StatusForbidden, status, text)
	for origin, allowed := range map[string]string{"https://shop.example.com": "https://shop.example.com", "https://evil.example": ""} {
		_, header, _ := talk(t, http.MethodOptions, "http://"+c.otlpHTTP+"/v1/traces", "", "Origin", origin,
			"Access-Control-Request-Method", http.MethodPost, "Access-Control-Request-Headers", "content-type")
		assert.Equal(t, allowed, header.Get("Access-Control-Allow-Origin"), origin)
	}
	c.stop()
}

// A request above the limit is refused with the limit, and one below it, which is more than the receiver's default, is not.
func TestLargeRequests(t *testing.T) {
	t.Parallel()
	c := newCollector(t, "gateway", t.TempDir())
	zipped := func(size int) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err := fmt.Fprintf(w, `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":%q}}]}]}]}`, strings.Repeat("A", size))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return b.String()
	}
	for size, want := range map[int]int{40 << 20: http.StatusOK, 65 << 20: http.StatusRequestEntityTooLarge} {
		status, _, text := talk(t, http.MethodPost, "http://"+c.otlpHTTP+"/v1/logs", zipped(size), "Content-Type", "application/json", "Content-Encoding", "gzip")
		assert.Equal(t, want, status, "%d: %.300s", size, text)
		if want != http.StatusOK {
			assert.Contains(t, text, "more than 67108864 bytes after decompression")
		}
	}
	c.stop()
}

// Clients that do not finish what they send do not keep the collector from stopping.
func TestStopsWhileRequestsAreUnfinished(t *testing.T) {
	t.Parallel()
	c := newCollector(t, "standalone", t.TempDir())
	for address, sent := range map[string][]string{
		c.otlpGRPC:   {"", "PRI * HTTP/2.0\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"},
		c.otlpHTTP:   {"", "POST /v1/tra", "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 1000000\r\n\r\nabc"},
		c.prometheus: {"", "GET /metrics HTTP/1.1\r\nHost"}, c.page: {"", "GET / HTTP/1.1\r\nHost: localhost\r\n"},
		c.api:    {"", "GET /api HTTP/1.1\r\nHost", "POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nabc"},
		c.health: {"", "GET / HT"}, c.telemetry: {"", "GET / HT"},
	} {
		for _, text := range sent {
			connection, err := net.Dial("tcp", address)
			require.NoError(t, err)
			t.Cleanup(func() { _ = connection.Close() })
			_, err = io.WriteString(connection, text)
			require.NoError(t, err)
		}
	}
	begin := time.Now()
	c.stop()
	assert.Less(t, time.Since(begin), 20*time.Second)
}
