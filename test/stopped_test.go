// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
)

// measuredTimes reads from the status page which times of an SLO were measured, and which were not.
func (c *collector) measuredTimes(t require.TestingT, of ledger.SLO) (at ledger.Place) {
	query := url.Values{"namespace": {of.Namespace}, "service": {of.Service}, "slo": {of.Name}}
	response, err := http.Get("http://" + c.page + "/ledger/minutes?" + query.Encode())
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.NoError(t, ledger.Read(response.Body, func(_ string, place ledger.Place) error {
		at = place
		return nil
	}, func([]ledger.Minute) error { return nil }))
	return at
}

// Whether a standalone collector is stopped or killed: the time until it runs again is not measured, and no event is lost or counted twice.
func TestStoppedCollectorMeasuresNothing(t *testing.T) {
	t.Parallel()
	dir := writeCatalog(t, map[string]string{"checkout": service("checkout", slos...)})
	c := newCollector(t, "standalone", dir)
	sent := send(t, c, "grpc", "checkout", "1.0.0", 200, 1)
	assert.EventuallyWithT(t, func(collect *assert.CollectT) { compareCounts(collect, c, sent) }, patience, 100*time.Millisecond)
	for n, stop := range []func(){c.stop, c.kill} {
		stop()
		stopped := time.Now()
		time.Sleep(65 * time.Second) // less than a minute is no gap
		resumed := time.Now()
		c.start()
		sent.add(send(t, c, "grpc", "checkout", "1.0.0", 200, uint64(n)+2))
		assert.EventuallyWithT(t, func(collect *assert.CollectT) {
			compareCounts(collect, c, sent)
			at := c.measuredTimes(collect, ledger.SLO{Service: "checkout", Name: "availability"})
			require.Len(collect, at.Measured, n+2)
			last := at.Unmeasured[len(at.Unmeasured)-1]
			assert.Equal(collect, ledger.Stopped, last.Cause)
			assert.WithinDuration(collect, stopped, last.From, 15*time.Second)
			assert.WithinDuration(collect, resumed, last.To, 30*time.Second)
			assert.Greater(collect, last.To.Sub(last.From), 60*time.Second)
		}, patience, 200*time.Millisecond)
		assert.EventuallyWithT(t, func(collect *assert.CollectT) { // the pause is saved with the next flush
			saves, _ := sum(c.own(), "otelcol_processor_slo_checkpoint_saves")
			assert.Positive(collect, saves)
		}, patience, 200*time.Millisecond)
	}
}
