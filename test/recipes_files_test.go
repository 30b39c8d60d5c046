// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startNginx starts nginx with examples/correlation/nginx/shop.conf, in front of the upstream.
func startNginx(t *testing.T, accessLog, upstream string) *server {
	t.Helper()
	text, err := os.ReadFile(examples + "nginx/shop.conf")
	require.NoError(t, err)
	address, dir := freeAddress(t), t.TempDir()
	site := string(text)
	for example, own := range map[string]string{
		"listen 127.0.0.1:8080":            "listen " + address,
		"http://127.0.0.1:8081":            upstream,
		"access_log /var/log/nginx/access": "access_log " + strings.TrimSuffix(accessLog, ".log"),
	} {
		require.Equal(t, 1, strings.Count(site, example), example)
		site = strings.Replace(site, example, own, 1)
	}
	config := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events {}
http {
client_body_temp_path %[1]s/1; proxy_temp_path %[1]s/2; fastcgi_temp_path %[1]s/3; uwsgi_temp_path %[1]s/4; scgi_temp_path %[1]s/5;
%[2]s}
`, dir, site)
	file := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	return startServer(t, "http://"+address, exec.Command(needs(t, "nginx", "nginx-light"), "-p", dir, "-e", "stderr", "-c", file))
}

// The line of nginx's access log has the ID that the Go shop's telemetry has, whoever gave it.
func TestOneIDThroughNginxAndGo(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "access.log")
	c := newCorrelator(t, "nginx/collector.yaml", fmt.Sprintf(`
receivers: {file_log/nginx: {include: [%s]}}
service: {pipelines: {logs/nginx: {exporters: [file]}}}
`, log))
	shop := startGo(t, c)
	nginx := startNginx(t, log, shop.url)
	nginx.buy("/buy", requestID)
	nginx.buy("/buy?request_id=forged&correlation_id=forged", "")
	nginx.buy("/buy", "no \"ID\" request_id=forged")
	nginx.stop()
	shop.stop()

	senders := map[string][]string{}
	for _, a := range c.waitFor(9) {
		senders[a.correlation()] = append(senders[a.correlation()], sender(a))
	}
	assert.Len(t, senders, 3)
	assert.Contains(t, senders, requestID)
	for id, got := range senders {
		assert.ElementsMatch(t, []string{"nginx log", "shop log", "shop span"}, got, id)
		if id != requestID {
			assert.Regexp(t, `^[0-9a-f]{32}$`, id, "nginx made it")
		}
	}
}

// What Logback wrote, which Record.java beside it shows, has the ID of its line. A line without one has that of its trace, and
// what other lines say is not enough to know it.
func TestOneIDThroughLogback(t *testing.T) {
	t.Parallel()
	log, err := filepath.Abs("testdata/logback/shop.log")
	require.NoError(t, err)
	c := newCorrelator(t, "java/collector.yaml", fmt.Sprintf(`
receivers: {file_log/java: {include: [%s], start_at: beginning}}
service: {pipelines: {logs/java: {exporters: [file]}}}
`, log))

	arrivals := c.waitFor(5)
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	for i, want := range []struct{ text, id, trace string }{
		{"Shop - open", "", ""},
		{"Shop - bought", requestID, trace},
		{"Shop - bought", "order-4711", ""},
		{"Shop - card declined\njava.lang.IllegalStateException: no money\n\tat Shop.buy(", "order-4711", ""},
		{"Shop - bought", trace, trace},
	} {
		assert.Contains(t, arrivals[i].name, want.text)
		assert.Equal(t, want.id, arrivals[i].correlation(), want.text)
		assert.Equal(t, want.trace, arrivals[i].trace, want.text)
		assert.Equal(t, "shop log", sender(arrivals[i]))
	}
}
