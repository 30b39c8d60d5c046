// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package layers places the nodes of a directed graph in layers, so that edges lead from one layer to a later one, and cross seldom. The
// same graph always has the same places.
package layers

import (
	"cmp"
	"math"
	"slices"
)

// An Edge leads from one node to another, by their numbers.
type Edge struct{ From, To int }

// A Layout has the places of nodes.
type Layout struct {
	// Layer is that of each node, from 0, and Row where it is in its layer: a number of rows from the top, which need not be whole.
	Layer []int
	Row   []float64
	// Layers and Rows are how much room is needed.
	Layers int
	Rows   float64
	// Bends are the places of each edge between those of its nodes: one in each layer that it passes, in its direction.
	Bends [][]Place
}

// A Place is a layer and a row.
type Place struct {
	Layer int
	Row   float64
}

// sweeps are how often the layers are put into order, and passes how often rows are shifted.
const (
	sweeps = 12
	passes = 6
)

// New places nodes that are numbered from 0. An edge of a node to itself has no effect.
func New(nodes int, edges []Edge) Layout {
	forward := acyclic(nodes, edges)
	layer := longest(nodes, forward)
	d := drawing{layer: layer, before: make([][]int, nodes), after: make([][]int, nodes)}
	chains := make([][]int, len(edges)) // of bends, from the lower layer to the higher
	for i, e := range forward {
		if e.From == e.To {
			continue
		}
		at := e.From
		for l := d.layer[e.From] + 1; l < d.layer[e.To]; l++ {
			bend := d.bend(l)
			d.join(at, bend)
			chains[i] = append(chains[i], bend)
			at = bend
		}
		d.join(at, e.To)
	}
	d.arrange()
	row := d.shift()

	l := Layout{Layer: layer[:nodes:nodes], Row: row[:nodes:nodes], Layers: len(d.rows), Bends: make([][]Place, len(edges))}
	for _, r := range row {
		l.Rows = max(l.Rows, r+1)
	}
	for i, chain := range chains {
		for _, bend := range chain {
			l.Bends[i] = append(l.Bends[i], Place{d.layer[bend], row[bend]})
		}
		if edges[i] != forward[i] {
			slices.Reverse(l.Bends[i])
		}
	}
	return l
}

// A drawing is a graph while it is put into layers. Beyond the nodes, it has a bend for each layer that an edge passes.
type drawing struct {
	layer  []int
	rows   [][]int // by layer, in their order
	before [][]int // neighbors in the layer before
	after  [][]int
}

// acyclic are the edges, of which some are turned around so that there is no circle: those that lead back to a node on the way to them.
func acyclic(nodes int, edges []Edge) []Edge {
	leaving := make([][]int, nodes)
	for i, e := range edges {
		leaving[e.From] = append(leaving[e.From], i)
	}
	const (
		unseen = iota
		open
		done
	)
	state := make([]int, nodes)
	turned := slices.Clone(edges)
	var visit func(int)
	visit = func(n int) {
		state[n] = open
		for _, i := range leaving[n] {
			switch to := edges[i].To; state[to] {
			case unseen:
				visit(to)
			case open:
				if to != n {
					turned[i] = Edge{to, n}
				}
			}
		}
		state[n] = done
	}
	// Nodes that nothing leads to are first, as they are at the beginning.
	entered := make([]bool, nodes)
	for _, e := range edges {
		entered[e.To] = entered[e.To] || e.From != e.To
	}
	for _, first := range []bool{false, true} {
		for n := range nodes {
			if entered[n] == first && state[n] == unseen {
				visit(n)
			}
		}
	}
	return turned
}

// longest is the layer of each node: one more than that of any node before it.
func longest(nodes int, edges []Edge) []int {
	layer, waits := make([]int, nodes), make([]int, nodes)
	leaving := make([][]int, nodes)
	for _, e := range edges {
		if e.From != e.To {
			leaving[e.From] = append(leaving[e.From], e.To)
			waits[e.To]++
		}
	}
	var ready []int
	for n := range nodes {
		if waits[n] == 0 {
			ready = append(ready, n)
		}
	}
	for len(ready) > 0 {
		n := ready[0]
		ready = ready[1:]
		for _, to := range leaving[n] {
			layer[to] = max(layer[to], layer[n]+1)
			if waits[to]--; waits[to] == 0 {
				ready = append(ready, to)
			}
		}
	}
	return layer
}

func (d *drawing) bend(layer int) int {
	d.layer = append(d.layer, layer)
	d.before, d.after = append(d.before, nil), append(d.after, nil)
	return len(d.layer) - 1
}

func (d *drawing) join(from, to int) {
	d.after[from] = append(d.after[from], to)
	d.before[to] = append(d.before[to], from)
}

// arrange puts each layer into the order in which its neighbors are, to and fro, and keeps the order with the fewest crossings.
func (d *drawing) arrange() {
	for n, layer := range d.layer {
		for len(d.rows) <= layer {
			d.rows = append(d.rows, nil)
		}
		d.rows[layer] = append(d.rows[layer], n)
	}
	best, fewest := clone(d.rows), d.crossings()
	for sweep := range sweeps {
		if fewest == 0 {
			break
		}
		neighbors, order := d.before, slices.Clone(d.rows)
		if sweep%2 == 1 {
			neighbors = d.after
			slices.Reverse(order)
		}
		at := d.places()
		for _, layer := range order {
			center := map[int]float64{}
			for i, n := range layer {
				center[n] = mean(neighbors[n], at, float64(i))
			}
			slices.SortStableFunc(layer, func(a, b int) int { return cmp.Compare(center[a], center[b]) })
			for i, n := range layer {
				at[n] = float64(i)
			}
		}
		if found := d.crossings(); found < fewest {
			best, fewest = clone(d.rows), found
		}
	}
	d.rows = best
}

func clone(rows [][]int) [][]int {
	all := make([][]int, len(rows))
	for i, layer := range rows {
		all[i] = slices.Clone(layer)
	}
	return all
}

// places are where each node is in its layer.
func (d *drawing) places() []float64 {
	at := make([]float64, len(d.layer))
	for _, layer := range d.rows {
		for i, n := range layer {
			at[n] = float64(i)
		}
	}
	return at
}

func mean(of []int, at []float64, none float64) float64 {
	if len(of) == 0 {
		return none
	}
	sum := 0.0
	for _, n := range of {
		sum += at[n]
	}
	return sum / float64(len(of))
}

// crossings counts pairs of edges between two layers that cross: inversions of where they end, in the order in which they begin.
func (d *drawing) crossings() (count int) {
	at := d.places()
	for _, layer := range d.rows {
		var ends []float64
		for _, n := range layer {
			own := make([]float64, 0, len(d.after[n]))
			for _, to := range d.after[n] {
				own = append(own, at[to])
			}
			slices.Sort(own)
			ends = append(ends, own...)
		}
		_, found := inversions(ends)
		count += found
	}
	return count
}

// inversions sorts numbers, and counts pairs that were in the wrong order.
func inversions(of []float64) (sorted []float64, count int) {
	if len(of) < 2 {
		return of, 0
	}
	left, some := inversions(of[:len(of)/2])
	right, more := inversions(of[len(of)/2:])
	count = some + more
	sorted = make([]float64, 0, len(of))
	for len(left) > 0 && len(right) > 0 {
		if left[0] <= right[0] {
			sorted, left = append(sorted, left[0]), left[1:]
		} else {
			sorted, right = append(sorted, right[0]), right[1:]
			count += len(left)
		}
	}
	return append(append(sorted, left...), right...), count
}

// shift gives each node a row near those of its neighbors, at least one below the node above it.
func (d *drawing) shift() []float64 {
	at := d.places()
	for pass := range passes {
		for i := range d.rows {
			layer := d.rows[i]
			if pass%2 == 1 {
				layer = d.rows[len(d.rows)-1-i]
			}
			d.settle(layer, at)
		}
	}
	top := math.Inf(1)
	for _, row := range at {
		top = min(top, row)
	}
	for n := range at {
		at[n] -= top
	}
	return at
}

// settle moves the nodes of a layer to where they would be, without changing their order. Nodes that would overlap are a block around
// the middle of where they would be.
func (d *drawing) settle(layer []int, at []float64) {
	type block struct {
		first, count int
		sum          float64 // of where each would have the first be
	}
	var blocks []block
	for i, n := range layer {
		wish := mean(slices.Concat(d.before[n], d.after[n]), at, at[n])
		blocks = append(blocks, block{i, 1, wish})
		for len(blocks) > 1 {
			last, above := blocks[len(blocks)-1], blocks[len(blocks)-2]
			if above.sum/float64(above.count)+float64(above.count) <= last.sum/float64(last.count) {
				break
			}
			above.sum += last.sum - float64(last.count*above.count)
			above.count += last.count
			blocks = append(blocks[:len(blocks)-2], above)
		}
	}
	for _, b := range blocks {
		for i := range b.count {
			at[layer[b.first+i]] = b.sum/float64(b.count) + float64(i)
		}
	}
}
