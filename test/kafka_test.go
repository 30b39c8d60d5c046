// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"

	"github.com/otelcol-sre/otelcol-sre/test/gotool"
)

var kfake = gotool.Module{
	Path: "github.com/twmb/franz-go/pkg/kfake", Version: "v0.0.0-20260421215025-4e7a1e1569ac",
	Sum: "h1:6Dn8at7J4+5A8H7NgVLcPj4dfVm4pRtUZMHxXmBKxJ4=", GoModSum: "h1:6ofUZL6jAhajJ5WAaJTX9rK3B1ozGDOwKyZczdGK8uE=",
}

// startKafka starts one that knows one user, and returns its address.
func startKafka(t *testing.T, user string) string {
	t.Helper()
	program, err := gotool.BuildWith(kfake, "testdata/kafka")
	require.NoError(t, err)
	address := freeAddress(t)
	startServer(t, "http://"+address, exec.CommandContext(t.Context(), program, address, user))
	return address
}

// Kafka stands between an agent and two gateways. What the agent could not write, because its password was wrong, it writes once it is
// right; what no gateway was there to read is read in the end: the span and the log line with their ID, and the counter, by one gateway.
func TestKafkaBetweenAgentAndGateways(t *testing.T) {
	t.Parallel()
	catalog := writeCatalog(t, map[string]string{"checkout": service("checkout", "{name: availability, objective: 99, sli: {availability: {}}}")})
	env := []string{"OTELCOL_SRE_KAFKA=" + startKafka(t, "otelcol:secret"), "OTELCOL_SRE_KAFKA_INSECURE=true", "OTELCOL_SRE_KAFKA_USER=otelcol"}
	throughKafka := func(role, fragment, password string) *collector {
		c := prepareCollector(t, role, catalog, append(slices.Clone(env), "OTELCOL_SRE_KAFKA_PASSWORD="+password)...)
		c.args = append(c.args, "--config", "builtin:"+fragment, "--config", "builtin:kafka-sasl")
		return c
	}
	agent := throughKafka("agent", "kafka-out", "wrong")
	agent.start()
	provider := newTracerProvider(t, agent, "grpc", attribute.String("service.name", "checkout"))
	trace := fail(t, agent, provider, "order-1")
	require.Eventually(t, func() bool { return contains(t, agent.log, "Exporting failed. Will retry") }, patience, 100*time.Millisecond)
	agent.kill()
	agent.env = append(agent.env, "OTELCOL_SRE_KAFKA_PASSWORD=secret")
	agent.start()

	var gateways []*collector
	handed := filepath.Join(t.TempDir(), "handed.jsonl")
	for range 2 {
		gateway := throughKafka("gateway", "kafka-in", "secret")
		gateway.args = append(gateway.args, "--config", "yaml:"+fmt.Sprintf(
			`{exporters: {file: {path: %q, append: true, flush_interval: 100ms}}, service: {pipelines: {traces: {exporters: [file]}, logs: {exporters: [file]}}}}`, handed))
		gateway.start()
		gateways = append(gateways, gateway)
	}
	for _, part := range []string{trace, `"card refused"`, `"order-1"`} {
		assert.Eventually(t, func() bool { return contains(t, handed, part) }, patience, 100*time.Millisecond, part)
	}
	const more = 20
	for n := range more {
		fail(t, agent, provider, fmt.Sprintf("order-%d", n+2))
	}
	require.NoError(t, provider.Shutdown(t.Context()))
	assert.Eventually(t, func() bool {
		var counts []float64
		for _, gateway := range gateways {
			if bad, found := sum(gateway.scrape(), "slo_events_total", "slo_outcome", "bad"); found {
				counts = append(counts, bad)
			}
		}
		return slices.Equal(counts, []float64{1 + more})
	}, patience, 200*time.Millisecond, "one gateway has the counter, and all of it")
}

// contains reports whether the file is there and has the text.
func contains(t *testing.T, file, text string) bool {
	t.Helper()
	content, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return false
	}
	require.NoError(t, err)
	return strings.Contains(string(content), text)
}
