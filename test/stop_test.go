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

// A standalone collector as make run starts it, with telemetry that also goes to a file, is stopped under load, again and again. Each time it
// exits by itself without an error in its log, and what it has counted is in its store.
func TestStopsUnderLoad(t *testing.T) {
	catalog := writeCatalog(t, map[string]string{"checkout": service("checkout", slos...)})
	file := filepath.Join(t.TempDir(), "telemetry.json")
	c := prepareCollector(t, "standalone", catalog, "OTELCOL_SRE_CORRELATION_WAIT=3s")
	c.args = append(c.args, "--config", "../examples/file.yaml", "--config", fmt.Sprintf("yaml:exporters: {file: {path: %q}}", file),
		"--config", "yaml:{exporters: {file/sampled: {path: "+file+".sampled}}, processors: {trace_sampler: {wait: 2s}}, "+
			"service: {pipelines: {traces: {exporters: [forward/sampled]}, traces/sampled: {receivers: [forward/sampled], processors: [trace_sampler], exporters: [file, file/sampled]}}}}")
	sent := tally{}
	const stops = 6
	for n := range stops {
		c.start()
		sent.add(send(t, c, "grpc", "checkout", "1.0", 500, uint64(n)))
		c.stop() // it fails if the collector does
	}
	log, err := os.ReadFile(c.log)
	require.NoError(t, err)
	for line := range strings.Lines(string(log)) {
		require.NotContains(t, line, "\terror\t")
		require.NotContains(t, line, "panic")
		require.NotContains(t, line, "Samples cannot be stored")
	}
	c.start()
	for key, want := range sent {
		query := fmt.Sprintf(`slo_events_total{service_name=%q, slo_name=%q, slo_outcome=%q, service_version="1.0"}[1m]`, key[0], key[1], key[2])
		require.EventuallyWithT(t, func(t *assert.CollectT) {
			got := c.samples(query)
			if assert.NotEmpty(t, got) {
				assert.EqualValues(t, want, got[len(got)-1].Value, "%v", key)
			}
		}, 20*time.Second, 200*time.Millisecond)
	}
}
