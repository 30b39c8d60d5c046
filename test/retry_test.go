// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// refusing is a backend in the pipeline that counts, without a queue: what it refuses is refused to the client.
const refusing = `yaml:
exporters:
  otlp_http/refusing: {endpoint: %q, compression: none, sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}
service:
  pipelines:
    traces: {exporters: [otlp_http/refusing]}`

// A backend that cannot take a request makes the client send it again. The backend gets it in the end, and it counts once.
func TestWhatABackendRefusesCountsOnce(t *testing.T) {
	t.Parallel()
	const refusals = 5
	var asked, taken atomic.Int64
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1)%(refusals+1) != 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		taken.Add(1)
	}))
	defer backend.Close()
	catalog := writeCatalog(t, map[string]string{"checkout": service("checkout", slos[0])})
	// What waits for its correlation ID has been accepted, and is not sent again: see the README of the correlation processor.
	c := prepareCollector(t, "standalone", catalog, "OTELCOL_SRE_STORE=false", "OTELCOL_SRE_CORRELATION_WAIT=0s")
	c.args = append(c.args, "--config", fmt.Sprintf(refusing, backend.URL))
	c.start()
	var sent [2]float64
	const requests = 10
	for range requests {
		body, good, bad := spanRequest(t, "checkout", time.Now(), 100)
		attempts := 1
		for !c.post(http.DefaultClient, body) {
			attempts++
			require.Less(t, attempts, 100)
		}
		assert.Equal(t, refusals+1, attempts)
		sent[0] += good
		sent[1] += bad
	}
	assert.Equal(t, int64(requests), taken.Load())
	require.EventuallyWithT(t, func(collect *assert.CollectT) { assert.Equal(collect, sent, c.events("checkout")) }, patience, 100*time.Millisecond)
	recognized, _ := sum(c.own(), "otelcol_connector_sli_events_deduplicated")
	assert.Equal(t, float64(requests*refusals*100), recognized)
	c.stop()
}
