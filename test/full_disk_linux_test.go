// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"golang.org/x/sys/unix"
)

// limitFiles makes every write of the collector fail that would make a file longer, as on a full disk.
func (c *collector) limitFiles(bytes uint64) {
	c.t.Helper()
	require.NoError(c.t, unix.Prlimit(c.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}, nil))
}

// While nothing can be written the store refuses, and says so: spans are counted, the scrape endpoint shows it, queries are answered.
// When there is room again it goes on, and what was acknowledged is there, before and after a restart.
func TestFullDiskStopsTheStoreOnly(t *testing.T) {
	t.Parallel()
	catalog := writeCatalog(t, map[string]string{"checkout": service("checkout", "{name: availability, objective: 99, sli: {availability: {}}}")})
	c := newCollector(t, "standalone", catalog)
	refused := func() float64 {
		total, _ := sum(c.own(), "otelcol_exporter_send_failed_metric_points", "exporter", "prometheus_store")
		return total
	}
	newest := func() time.Time {
		samples := c.samples(`queue_depth[10m]`)
		if len(samples) == 0 {
			return time.Time{}
		}
		return samples[len(samples)-1].Timestamp.Time()
	}

	var q queue
	stop := q.report(t, c)
	require.Eventually(t, func() bool { return len(c.samples(`queue_depth[10m]`)) > 4 }, patience, 100*time.Millisecond)
	require.Zero(t, refused())
	segments, err := filepath.Glob(filepath.Join(c.store, "wal", "0*"))
	require.NoError(t, err)
	require.Len(t, segments, 1)
	segment, err := os.Stat(segments[0])
	require.NoError(t, err)
	c.limitFiles(uint64(segment.Size()))
	require.Eventually(t, func() bool { return refused() > 0 }, patience, 100*time.Millisecond)

	// Spans are taken and counted, and what is kept can be asked for.
	spans := newTracerProvider(t, c, "grpc", attribute.String("service.name", "checkout"))
	for range 10 {
		serve(t, spans, time.Millisecond, codes.Error)
	}
	require.NoError(t, spans.ForceFlush(t.Context()))
	require.NoError(t, spans.Shutdown(t.Context()))
	require.Eventually(t, func() bool {
		bad, _ := sum(c.scrape(), "slo_events_total", "slo_outcome", "bad")
		return bad == 10
	}, patience, 100*time.Millisecond)
	assert.NotZero(t, newest())
	for _, address := range []string{c.health, c.page} {
		response, err := http.Get("http://" + address)
		require.NoError(t, err)
		_ = response.Body.Close()
		assert.Equal(t, http.StatusOK, response.StatusCode)
	}

	c.limitFiles(unix.RLIM_INFINITY)
	room := time.Now()
	require.Eventually(t, func() bool { return newest().After(room) }, patience, 100*time.Millisecond)
	stop()
	kept := q.acknowledged.Load()
	assert.GreaterOrEqual(t, int64(len(c.samples(`queue_depth[10m]`))), kept)
	c.stop()
	c.start()
	assert.GreaterOrEqual(t, int64(len(c.samples(`queue_depth[10m]`))), kept)
	c.stop()
}

// While nothing can be written at all, events are counted and shown, and the failure of the journal is counted. What was counted then is saved when
// there is room again.
func TestFullDiskDoesNotStopCounting(t *testing.T) {
	t.Parallel()
	c, _ := exactCollector(t, "standalone")
	send := func() (counts [2]float64) {
		body, good, bad := spanRequest(t, "checkout", time.Now(), 100)
		require.True(t, c.post(http.DefaultClient, body))
		return [2]float64{good, bad}
	}
	var sent [2]float64
	shown := func() {
		require.EventuallyWithT(t, func(collect *assert.CollectT) { assert.Equal(collect, sent, c.events("checkout")) }, patience, 100*time.Millisecond)
	}
	more := func() {
		for range 10 {
			counts := send()
			sent[0] += counts[0]
			sent[1] += counts[1]
		}
		shown()
	}
	failures := func(stage string) float64 {
		n, _ := sum(c.own(), "otelcol_connector_sli_flush_failures", "stage", stage)
		return n
	}
	more()
	c.limitFiles(1)
	more()
	assert.GreaterOrEqual(t, failures("journal"), 10.0)
	require.Eventually(t, func() bool { return failures("save") > 0 }, patience, 100*time.Millisecond)

	checkpoints, err := filepath.Glob(filepath.Join(filepath.Dir(c.store), "connector_sli_*"))
	require.NoError(t, err)
	require.Len(t, checkpoints, 1)
	room := time.Now()
	c.limitFiles(unix.RLIM_INFINITY)
	require.Eventually(t, func() bool {
		checkpoint, err := os.Stat(checkpoints[0])
		return err == nil && checkpoint.ModTime().After(room)
	}, patience, 100*time.Millisecond)
	c.kill()
	c.start()
	shown()
	c.stop()
}
