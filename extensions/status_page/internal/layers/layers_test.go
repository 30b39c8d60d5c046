// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package layers

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLayers(t *testing.T) {
	for name, test := range map[string]struct {
		nodes int
		edges []Edge
		want  []int
	}{
		"nothing":          {0, nil, nil},
		"alone":            {2, nil, []int{0, 0}},
		"a chain":          {3, []Edge{{2, 1}, {1, 0}}, []int{2, 1, 0}},
		"the longest way":  {3, []Edge{{0, 2}, {0, 1}, {1, 2}}, []int{0, 1, 2}},
		"itself":           {1, []Edge{{0, 0}}, []int{0}},
		"a circle":         {3, []Edge{{0, 1}, {1, 2}, {2, 0}}, []int{0, 1, 2}},
		"a circle, from 2": {4, []Edge{{0, 1}, {1, 0}, {3, 1}}, []int{2, 1, 0, 0}},
		"twice":            {2, []Edge{{0, 1}, {0, 1}}, []int{0, 1}},
	} {
		got := New(test.nodes, test.edges)
		assert.Equal(t, test.want, slices.Concat(got.Layer), name)
	}
}

// Of two ways to draw two pairs, the one without a crossing is taken.
func TestCrossings(t *testing.T) {
	got := New(4, []Edge{{0, 3}, {1, 2}})
	assert.Equal(t, []int{0, 0, 1, 1}, got.Layer)
	assert.Less(t, (got.Row[0]-got.Row[1])*(got.Row[2]-got.Row[3]), 0.0, "they are in the order of their callers")
	assert.Equal(t, got.Row[0], got.Row[3], "and beside them")

	for name, of := range map[string][]float64{"none": {1, 2, 2, 3}, "all": {3, 2, 1}, "some": {2, 1, 4, 3}} {
		_, count := inversions(of)
		assert.Equal(t, map[string]int{"none": 0, "all": 3, "some": 2}[name], count, name)
	}
}

func TestBends(t *testing.T) {
	got := New(4, []Edge{{0, 1}, {1, 2}, {0, 2}, {2, 3}, {3, 0}})
	assert.Equal(t, []int{0, 1, 2, 3}, got.Layer)
	layers := func(of []Place) (all []int) {
		for _, p := range of {
			all = append(all, p.Layer)
		}
		return all
	}
	assert.Empty(t, got.Bends[0])
	assert.Equal(t, []int{1}, layers(got.Bends[2]))
	assert.Equal(t, []int{2, 1}, layers(got.Bends[4]), "an edge back has its bends in its direction")
}

// Whatever the graph, nothing overlaps, edges lead forward but for those that close a circle, and the same graph is drawn alike.
func TestAnyGraph(t *testing.T) {
	for seed := range uint64(300) {
		chance := rand.New(rand.NewPCG(seed, 2))
		nodes := 1 + chance.IntN(30)
		edges := make([]Edge, chance.IntN(60))
		for i := range edges {
			edges[i] = Edge{chance.IntN(nodes), chance.IntN(nodes)}
		}
		got := New(nodes, edges)
		require.Equal(t, got, New(nodes, edges))
		taken := map[int][]float64{}
		for n := range nodes {
			require.Less(t, got.Layer[n], got.Layers)
			taken[got.Layer[n]] = append(taken[got.Layer[n]], got.Row[n])
		}
		for i, e := range edges {
			at := got.Layer[e.From]
			for _, bend := range got.Bends[i] {
				require.Equal(t, 1, abs(bend.Layer-at), "seed %d, edge %v", seed, e)
				at = bend.Layer
				taken[at] = append(taken[at], bend.Row)
			}
			require.Equal(t, e.From != e.To, abs(got.Layer[e.To]-at) == 1, "seed %d, edge %v", seed, e)
		}
		for layer, rows := range taken {
			slices.Sort(rows)
			for i, row := range rows {
				require.GreaterOrEqual(t, row, 0.0)
				require.LessOrEqual(t, row, got.Rows-1+1e-9)
				if i > 0 {
					require.GreaterOrEqual(t, row-rows[i-1], 1-1e-9, "seed %d, layer %d", seed, layer)
				}
			}
		}
	}
}

func abs(n int) int { return max(n, -n) }

// BenchmarkLayout draws services that each call some with a higher number.
func BenchmarkLayout(b *testing.B) {
	for _, nodes := range []int{40, 300} {
		chance := rand.New(rand.NewPCG(1, 1))
		var edges []Edge
		for n := range nodes - 1 {
			for range 3 {
				edges = append(edges, Edge{n, n + 1 + chance.IntN(min(nodes-n-1, 60))})
			}
		}
		b.Run(strconv.Itoa(nodes), func(b *testing.B) {
			for b.Loop() {
				New(nodes, edges)
			}
		})
	}
}
