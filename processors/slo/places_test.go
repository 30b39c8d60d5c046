// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// The counters of clusters add up to those of the SLO: all gauges are as if one cluster had had all events, also after a restart.
func TestClustersAddUp(t *testing.T) {
	for seed := range uint64(5) {
		random := rand.New(rand.NewPCG(seed, 3))
		rigOf := func(dir string, clock time.Time) *rig {
			return newRigWith(t, stored(), clock, openStorage(t, dir), checkout())
		}
		one, several := t.TempDir(), t.TempDir()
		whole, apart := rigOf(one, noon), rigOf(several, noon)
		all, in := newCounter(noon), map[string]*counter{}
		for step := range 200 {
			before := whole.clock
			const d = 5 * time.Second
			whole.pass(d)
			apart.pass(d)
			for range 3 {
				cluster := []string{"", "eu", "us"}[random.IntN(3)]
				if in[cluster] == nil {
					in[cluster] = newCounter(before)
				}
				g, b := float64(random.IntN(50)), float64(random.IntN(3))
				all.add(g, b)
				in[cluster].add(g, b)
			}
			for cluster, c := range in {
				if cluster == "" {
					apart.take(c.metrics(apart.clock))
				} else {
					apart.take(c.in(apart.clock, semconv.ClusterName, cluster))
				}
			}
			whole.send(all)
			want, got := whole.flushed(), apart.flushed()
			require.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got)))
			for name, value := range want {
				// The window's edge cuts each counter's last increase, and rounds.
				if strings.Contains(name, " 5m ") {
					require.InDelta(t, value, got[name], 1e-3*value, "seed %d, step %d: %s", seed, step, name)
				} else {
					require.Equal(t, value, got[name], "seed %d, step %d: %s", seed, step, name)
				}
			}
			if random.IntN(70) == 0 {
				require.NoError(t, whole.shutdown(t.Context()))
				require.NoError(t, apart.shutdown(t.Context()))
				whole, apart = rigOf(one, whole.clock), rigOf(several, apart.clock)
			}
		}
	}
}

// What a counter is known by in saved state is as it was before there were places: without one, and where the cluster is a group's attribute.
func TestIdentityOfCounters(t *testing.T) {
	for name, test := range map[string]struct {
		service *catalog.Service
		place   []string
		fields  []string
	}{
		"no place":            {checkout(), nil, nil},
		"grouped by clusters": {checkout(groupedBy(10, semconv.ClusterName)), []string{semconv.ClusterName, "eu"}, []string{"eu"}},
		"cluster":             {checkout(), []string{semconv.ClusterName, "eu"}, []string{semconv.ClusterName, "eu"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, test.service)
			c := newCounter(r.clock)
			r.pass(time.Second)
			r.take(c.add(1, 0).in(r.clock, test.place...))
			var identity []byte
			for _, field := range append(append([]string{"otelcol-sre", c.instance, c.namespace, c.service, c.slo, c.environment, c.version}, test.fields...), semconv.Good) {
				identity = appendField(identity, field)
			}
			var found int
			for _, of := range *r.slos.Load() {
				for _, i := range of.instances {
					if _, ok := i.streams.find(hash(identity)); ok {
						found++
					}
				}
			}
			require.Equal(t, 1, found)
		})
	}
}
