// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A standalone collector as make run starts it, with telemetry that also goes to a file, is stopped while clients send, again and again. Each
// time it exits by itself without an error in its log. In the end everything that was acknowledged was counted once, is in its store, and
// each bad trace is in the file.
func TestStopsUnderLoad(t *testing.T) {
	t.Parallel()
	catalog := writeCatalog(t, map[string]string{"checkout": service("checkout", slos[0])})
	file := filepath.Join(t.TempDir(), "telemetry.json")
	c := prepareCollector(t, "standalone", catalog, "OTELCOL_SRE_CORRELATION_WAIT=1s", "OTELCOL_SRE_SAMPLING_PERCENTAGE=0")
	c.args = append(c.args, "--config", "../examples/file.yaml", "--config", fmt.Sprintf("yaml:exporters: {file: {path: %q}}", file),
		"--config", "yaml:{exporters: {file/sampled: {path: "+file+".sampled, append: true}}, processors: {trace_sampler: {wait: 2s}}, "+
			"service: {pipelines: {traces: {exporters: [forward/sampled]}, traces/sampled: {receivers: [forward/sampled], processors: [trace_sampler], exporters: [file, file/sampled]}}}}")
	c.start()
	clients := startSenders(t, c, 2, 20)
	for range 10 {
		clients.more(100)
		c.stop() // it fails if the collector does
		c.start()
	}
	sent := clients.stop()
	require.Positive(t, clients.unanswered.Load(), "clients sent during a stop")
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		assert.Equal(t, sent, c.events("checkout"))
		for i, outcome := range []string{"good", "bad"} {
			stored := c.samples(fmt.Sprintf(`sum(slo_events_total{service_name="checkout", slo_outcome=%q})[1m:1s]`, outcome))
			if assert.NotEmpty(t, stored) {
				assert.EqualValues(t, sent[i], stored[len(stored)-1].Value, "stored")
			}
		}
	}, patience, 200*time.Millisecond)
	c.stop()
	require.Len(t, kept(t, file+".sampled"), int(sent[1]), "each bad trace")

	log, err := os.ReadFile(c.log)
	require.NoError(t, err)
	for line := range strings.Lines(string(log)) {
		require.NotContains(t, line, "\terror\t")
		require.NotContains(t, line, "panic")
		require.NotContains(t, line, "Samples cannot be stored")
	}
}
