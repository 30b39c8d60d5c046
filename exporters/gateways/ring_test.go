// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gateways

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"
)

func seedsOf(endpoints ...string) []uint64 {
	var seeds []uint64
	for _, e := range endpoints {
		seeds = append(seeds, seed(e))
	}
	return seeds
}

func key(n int) uint64 { return xxhash.Sum64String(strconv.Itoa(n)) }

func endpointsOf(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("10.0.0.%d:4317", i+1))
	}
	slices.Sort(list)
	return list
}

// Each gateway gets its share, within a tenth of it.
func TestRingIsEven(t *testing.T) {
	const keys = 100_000
	for _, n := range []int{1, 2, 3, 5, 10, 30} {
		seeds := seedsOf(endpointsOf(n)...)
		counts := make([]int, n)
		for k := range keys {
			counts[owner(seeds, key(k))]++
		}
		for _, c := range counts {
			require.InEpsilon(t, keys/n, c, 0.1, "%v", counts)
		}
	}
}

// When a gateway goes, only what it had moves; when it comes back, it gets the same again.
func TestRingMovesOnlyAShare(t *testing.T) {
	const keys = 10_000
	all := endpointsOf(5)
	for without := range all {
		fewer := slices.Delete(slices.Clone(all), without, without+1)
		gets := map[string]int{}
		for k := range keys {
			before, after := all[owner(seedsOf(all...), key(k))], fewer[owner(seedsOf(fewer...), key(k))]
			if before == all[without] {
				gets[after]++
			} else {
				require.Equal(t, before, after)
			}
		}
		for _, n := range gets {
			require.InEpsilon(t, keys/5/4, n, 0.25, "%v", gets)
		}
	}
}

// The hash is a contract between agents of all releases: another one would split the counters of an SLO while agents are upgraded.
func TestRingIsTheSameInEveryRelease(t *testing.T) {
	seeds := seedsOf("a:4317", "b:4317", "c:4317")
	var got []int
	for k := range 16 {
		got = append(got, owner(seeds, key(k)))
	}
	require.Equal(t, []int{2, 1, 2, 1, 0, 0, 0, 1, 1, 0, 2, 0, 2, 0, 1, 2}, got)
}

func BenchmarkOwner(b *testing.B) {
	for _, n := range []int{1, 3, 10, 100} {
		b.Run(fmt.Sprint("gateways=", n), func(b *testing.B) {
			b.ReportAllocs()
			seeds := seedsOf(endpointsOf(n)...)
			for k := uint64(0); b.Loop(); k += 0x9e3779b97f4a7c15 {
				owner(seeds, k)
			}
		})
	}
}
