// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A record of the release that kept rings: three days with 100 good events a minute, and in the hour that begins 20 hours after their beginning 5 bad
// ones, too. It becomes a history of minutes: totals are as they were, and each is where it was to a step of the ring that reached back to it.
func TestUpgradeFromRings(t *testing.T) {
	text, err := os.ReadFile("testdata/rings.base64")
	require.NoError(t, err)
	record, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
	require.NoError(t, err)
	now := noon.Add(3 * day)
	s := &shard{slos: make(map[key]*tracked)}
	require.NoError(t, s.decode(record, key{"shop", "checkout", "availability"}.shard(), now.UnixNano()))
	service := checkout()
	tracked := s.slos[key{"shop", "checkout", "availability"}]
	tracked.adopt(service, service.SLOs[0], now.UnixNano())
	i, o := tracked.instance("production"), tracked.objective
	require.Equal(t, sum{3 * 24 * 60 * 100 * oneEvent, 300 * oneEvent}, i.total())
	require.Equal(t, measured{{noon.UnixNano(), now.UnixNano()}}, i.measured)

	var exact exactHistory
	for n := range 3 * 24 * 60 {
		one := exactIncrease{from: noon.Add(time.Duration(n) * minute).UnixNano(), to: noon.Add(time.Duration(n+1) * minute).UnixNano(), n: [outcomes]float64{100, 0}}
		if n/60 == 20 {
			one.n[bad] = 5
		}
		exact = append(exact, one)
	}
	check := func(now time.Time) {
		for w, window := range burnWindows {
			old := (window.length + oldSteps - 1) / oldSteps
			requireWithinOneStep(t, exact, i.history.last(w, window.length), now.UnixNano()-window.length, now.UnixNano(), old, window.name)
		}
	}
	check(now)
	require.Equal(t, i.total(), inWindow(o, i.history))
	v, _ := i.compute(o, now.UnixNano(), 5*minute)
	require.InDelta(t, 0.1, v.coverage, 1e-3)
	require.InDelta(t, 1-300./(3*24*60*100+300)/0.001*0.1, v.remaining, 1e-3)
	require.Equal(t, "ok", v.state.String())

	// It counts on, and is saved as minutes.
	i.history.advance(now.Add(hour).UnixNano(), o)
	i.history.add(now.UnixNano(), now.Add(hour).UnixNano(), good, 6000*oneEvent)
	exact = append(exact, exactIncrease{from: now.UnixNano(), to: now.Add(hour).UnixNano(), n: [outcomes]float64{6000, 0}})
	check(now.Add(hour))
	saved, _ := s.encode()
	again, _, err := decodeSLOs(saved, now.UnixNano())
	require.NoError(t, err)
	require.Equal(t, i.history.total, again[0].instances[0].history.total)
	require.Equal(t, i.measured, again[0].instances[0].measured)
	for w, window := range burnWindows {
		require.Equal(t, i.history.last(w, window.length), again[0].instances[0].history.last(w, window.length), window.name)
	}
}
