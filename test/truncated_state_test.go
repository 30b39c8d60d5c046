// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// truncateState cuts every state file to half of its length.
func truncateState(t *testing.T, storage string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(storage, "*_"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.NoError(t, os.Truncate(file, info.Size()/2))
	}
}

// State files that were cut off are set aside. The collector starts without them, counts, and stops as always.
func TestTruncatedStateIsSetAside(t *testing.T) {
	t.Parallel()
	var definitions []string
	for n := range 60 {
		definitions = append(definitions, fmt.Sprintf("{name: slo-%d, objective: 50, sli: {availability: {}}}", n))
	}
	catalog := writeCatalog(t, map[string]string{"checkout": service("checkout", definitions...)})
	setAside := func(t *testing.T, storage, component string) {
		t.Helper()
		renamed, err := filepath.Glob(filepath.Join(storage, component+"*damaged*"))
		require.NoError(t, err)
		assert.NotEmpty(t, renamed, component)
	}

	t.Run("gateway", func(t *testing.T) {
		c := newCollector(t, "gateway", catalog)
		report := func(outcome string, value float64) {
			for n := range definitions {
				status, text := postMetrics(t, c, counterOf("agent", "slo.events", value,
					"service.name", "checkout", "slo.name", fmt.Sprint("slo-", n), "slo.outcome", outcome))
				require.Equal(t, http.StatusOK, status, text)
			}
		}
		budgets := func(want float64) {
			t.Helper()
			require.EventuallyWithT(t, func(collect *assert.CollectT) {
				families := c.scrape()
				for n := range definitions {
					burn, _ := sum(families, "slo_burn_rate_ratio", "slo_window", "30d", "slo_name", fmt.Sprint("slo-", n))
					assert.InDelta(collect, 1-want, burn, 1e-9, n)
				}
			}, patience, 100*time.Millisecond)
		}
		report("good", 75)
		report("bad", 25)
		budgets(0.5)
		c.stop()
		storage := filepath.Dir(c.store)
		truncateState(t, storage)
		c.start()
		setAside(t, storage, "processor_slo_")
		assert.True(t, contains(t, c.log, "A state file was damaged and is set aside"))
		report("good", 75)
		report("bad", 25)
		budgets(0.5) // from the counters
		c.stop()
		c.start() // the state is new, and sound
		budgets(0.5)
		c.stop()
	})

	t.Run("standalone", func(t *testing.T) {
		c := newCollector(t, "standalone", catalog, "OTELCOL_SRE_STORE=false")
		send := func(want [2]float64) {
			t.Helper()
			body, good, bad := spanRequest(t, "checkout", time.Now(), 100)
			require.True(t, c.post(http.DefaultClient, body))
			want[0] += good * float64(len(definitions))
			want[1] += bad * float64(len(definitions))
			require.EventuallyWithT(t, func(collect *assert.CollectT) { assert.Equal(collect, want, c.events("checkout")) }, patience, 100*time.Millisecond)
		}
		send([2]float64{})
		c.stop()
		storage := filepath.Dir(c.store)
		truncateState(t, storage)
		c.start()
		setAside(t, storage, "connector_sli_")
		assert.True(t, contains(t, c.log, "A state file was damaged and is set aside"))
		send(c.events("checkout"))
		c.stop()
	})
}
