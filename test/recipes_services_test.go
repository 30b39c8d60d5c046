// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/npm"
)

// sdkEnvironment makes a service's SDK send to the collector.
func (c correlator) sdkEnvironment(service string) []string {
	return append(os.Environ(),
		"OTEL_SERVICE_NAME="+service,
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://"+c.otlpHTTP,
		"OTEL_METRICS_EXPORTER=none",
	)
}

// startGo starts examples/correlation/go.
func startGo(t *testing.T, c correlator) *server {
	t.Helper()
	program := filepath.Join(t.TempDir(), "shop")
	out, err := exec.Command("go", "build", "-o", program, examples+"go").CombinedOutput()
	require.NoError(t, err, "%s", out)
	cmd := exec.Command(program)
	cmd.Env = c.sdkEnvironment("shop")
	return startServer(t, "", cmd)
}

// startNodeJS starts examples/correlation/nodejs, which asks the upstream before it answers.
func startNodeJS(t *testing.T, c correlator, upstream string) *server {
	t.Helper()
	require.NoError(t, npm.Install(examples+"nodejs"))
	cmd := exec.Command(needs(t, "node", "nodejs"), "--import", "./telemetry.js", "server.js")
	cmd.Dir = examples + "nodejs"
	cmd.Env = append(c.sdkEnvironment("storefront"), "UPSTREAM="+upstream)
	return startServer(t, "", cmd)
}

// A request to the Node.js storefront goes on to the Go shop: all that both send of it has its ID.
func TestOneIDThroughNodeJSAndGo(t *testing.T) {
	t.Parallel()
	c := newCorrelator(t, "nginx/collector.yaml", "{}")
	shop := startGo(t, c)
	storefront := startNodeJS(t, c, shop.url+"/buy")
	storefront.buy("/buy", requestID)
	shop.stop()
	storefront.stop()

	arrivals := c.waitFor(5)
	var senders []string
	for _, a := range arrivals {
		senders = append(senders, sender(a))
		assert.Equal(t, requestID, a.correlation(), sender(a))
		assert.Equal(t, arrivals[0].trace, a.trace, sender(a))
	}
	assert.ElementsMatch(t, []string{"storefront span", "storefront span", "storefront log", "shop span", "shop log"}, senders)
}
