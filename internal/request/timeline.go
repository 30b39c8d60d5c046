// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package request

import (
	"cmp"
	"slices"
	"time"
)

// MaxDepth is how far an item is indented.
const MaxDepth = 16

// A Place is a span that others can be inside of. The zero place is none.
type Place struct{ Trace, Span string }

// An Entry is what a timeline needs to know of an item.
type Entry struct {
	// Is is the item's own place, if it is a span.
	Is Place
	// Around is the span that the item is inside of.
	Around     Place
	Start, End time.Time
}

// A Position is the position of an item in a timeline.
type Position struct {
	// Index is the item's in the list that was arranged.
	Index int
	// Depth is how many spans are around it, as far as they were found.
	Depth int
}

// Arrange puts each item after the span that is around it, and what is inside the same span in order of time. An item
// without a time comes last.
func Arrange(entries []Entry) []Position {
	byTime := make([]int, len(entries))
	spans := map[Place]bool{}
	for i, e := range entries {
		byTime[i] = i
		if e.Is.Span != "" {
			spans[e.Is] = true
		}
	}
	slices.SortStableFunc(byTime, func(i, j int) int {
		a, b := entries[i], entries[j]
		return cmp.Or(ByStart(a.Start, b.Start), b.End.Compare(a.End))
	})
	t := tree{entries: entries, inside: map[Place][]int{}, placed: make([]bool, len(entries))}
	var outermost []int
	for _, i := range byTime {
		if around := entries[i].Around; spans[around] {
			t.inside[around] = append(t.inside[around], i)
		} else {
			outermost = append(outermost, i)
		}
	}
	// Spans that are around each other in a circle have no outermost: the circle begins with the first.
	for _, i := range append(outermost, byTime...) {
		t.put(i, 0)
	}
	return t.order
}

// ByStart compares times of begin. An unknown one, which is zero, comes last.
func ByStart(a, b time.Time) int {
	switch {
	case a.IsZero() == b.IsZero():
		return a.Compare(b)
	case a.IsZero():
		return 1
	}
	return -1
}

// A tree is put in order from the outside in.
type tree struct {
	entries []Entry
	inside  map[Place][]int
	placed  []bool
	order   []Position
}

func (t *tree) put(i, depth int) {
	if t.placed[i] {
		return
	}
	t.placed[i] = true
	t.order = append(t.order, Position{i, min(depth, MaxDepth)})
	if t.entries[i].Is.Span == "" {
		return
	}
	for _, inner := range t.inside[t.entries[i].Is] {
		t.put(inner, depth+1)
	}
}
