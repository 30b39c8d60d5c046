// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// effects are those that are announced now.
func (b *bench) effects() (all []deployment.Effect) {
	for _, d := range b.Due() {
		all = append(all, d.Effect)
	}
	return all
}

// A verdict is announced when it changes, and once more when it is the last one.
func TestJudge(t *testing.T) {
	b := newBench(Default())
	b.settle(checkout, "v1", "a")
	b.Judge(checkout, "v1", deployment.Effect{SLO: "availability", Times: 2})
	require.Empty(t, b.Due(), "what ran first is no deployment")
	require.Empty(t, b.Unjudged(time.Time{}))
	for range 3 {
		b.settle(checkout, "v2", "b")
	}
	b.Due()
	unjudged := b.Unjudged(time.Time{})
	require.Len(t, unjudged, 1)
	require.Equal(t, "v2", unjudged[0].Version)
	require.Empty(t, b.Unjudged(unjudged[0].Start.Add(time.Second)))

	at := func(low, times float64, final bool) deployment.Effect {
		b.at = b.at.Add(2 * time.Second)
		return deployment.Effect{SLO: "availability", Times: times, Low: low, High: 9, Spent: 60, At: b.at, Final: final}
	}
	first := at(0.5, 2, false)
	b.Judge(checkout, "v2", first)
	require.Equal(t, []deployment.Effect{first}, b.effects())
	b.Judge(checkout, "v2", at(0.6, 2.1, false))
	require.Empty(t, b.effects(), "the same verdict")
	worse := at(1.5, 3, false)
	b.Judge(checkout, "v2", worse)
	require.Equal(t, []deployment.Effect{worse}, b.effects())

	saved := records(t, b.Tracker, true)
	again := New(b.config, b.now)
	for n, record := range saved {
		require.NoError(t, again.Restore(n, record))
	}
	require.Equal(t, saved, records(t, again, true))
	var kept deployment.Effect
	again.Running(func(d *deployment.Deployment, _ int) {
		if d.Version == "v2" {
			kept = d.Effect
		}
	})
	require.True(t, kept.At.Equal(worse.At))
	require.Equal(t, worse.Low, kept.Low)

	last := at(1.6, 3.1, true)
	b.Judge(checkout, "v2", last)
	require.Equal(t, []deployment.Effect{last}, b.effects())
	require.Empty(t, b.Unjudged(time.Time{}))
	b.Judge(checkout, "v2", at(0.1, 1, false))
	require.Empty(t, b.effects(), "the last one stays")
	b.Judge(checkout, "v9", first)
	b.Judge(checkout, "v2", deployment.Effect{})
	b.Judge(checkout, "v2", deployment.Effect{SLO: "a\x1b[2J"})
	require.Empty(t, b.effects())
}

// An SLO counts the events of all clusters, so its verdict is that of each of them.
func TestJudgeInSeveralPlaces(t *testing.T) {
	b := newBench(Default())
	eu, us := checkout, checkout
	eu.Cluster, us.Cluster = "eu", "us"
	for _, version := range []string{"v1", "v2", "v2", "v2"} {
		b.settle(eu, version, "a"+version)
		b.settle(us, version, "b"+version)
	}
	b.Due()
	b.at = b.at.Add(2 * time.Second)
	require.Len(t, b.Unjudged(time.Time{}), 2)
	b.Judge(checkout, "v2", deployment.Effect{SLO: "availability", Times: 4, Low: 2, High: 8})
	require.Len(t, b.effects(), 2)
}
