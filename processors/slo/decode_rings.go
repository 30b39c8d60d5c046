// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// Before minutes were kept, a history was a ring of 111 totals for each window, and its record:
//
//	history   now:u  total:sum  n:u  ring...  period:mark  reset:mark
//
// Such a history is read once and becomes one of minutes. It is as exact as the rings were: the events between two boundaries, of whatever
// ring, are spread evenly between them.
const (
	oldSteps      = 110
	oldBoundaries = oldSteps + 1
	// maxRings is the most rings a history could have.
	maxRings = 16
)

// oldRings are the totals at the boundaries of all rings, in the order of time. Each is exact.
type oldRings struct {
	now     int64
	total   sum
	points  []mark
	longest int64 // of the windows
}

// totalAt is the total at t, linear between two boundaries.
func (h *oldRings) totalAt(t int64) sum {
	if t >= h.now {
		return h.total
	}
	i, _ := slices.BinarySearchFunc(h.points, t, func(p mark, t int64) int { return cmp.Compare(p.at, t) })
	switch {
	case i == 0:
		return h.points[0].total
	case i == len(h.points):
		return between(h.points[i-1].total, h.total, h.points[i-1].at, h.now, t)
	default:
		return between(h.points[i-1].total, h.points[i].total, h.points[i-1].at, h.points[i].at, t)
	}
}

// history makes it one of minutes.
func (h *oldRings) history() *history {
	made := &history{now: h.now, total: h.total, length: int(h.longest/hourLength) + 2}
	made.minutes = newMinutes(h.now, made.length)
	made.minutes.id = rand.Uint64()
	made.minutes.fillIn(made.minutes.first, h.now, h.total, h.totalAt)
	for i := range made.rings {
		made.rings[i] = resample(stepOf(burnWindows[i].length), h.now, h.total, h.totalAt)
	}
	return made
}

// rings reads a history that was kept as rings.
func (d *decoder) rings() *history {
	h := &oldRings{now: d.time(), total: d.sum(sum{maxCount, maxCount})}
	n := d.Length(2 * oldBoundaries)
	d.Require(n >= 1 && n <= maxRings)
	for range n {
		if d.Failed() {
			return nil
		}
		d.oldRing(h)
	}
	slices.SortStableFunc(h.points, func(a, b mark) int { return cmp.Compare(a.at, b.at) })
	d.mark(h.total) // of the calendar period, whose beginning is that of a minute
	reset := d.mark(h.total)
	if d.Failed() {
		return nil
	}
	made := h.history()
	made.reset = reset
	return made
}

func (d *decoder) oldRing(h *oldRings) {
	const longest = maxHours * hourLength / oldSteps
	step, head, later := d.time(), d.time(), h.total
	if d.Require(step > 0 && step <= longest && head == h.now/max(step, 1)); d.Failed() {
		return
	}
	h.longest = max(h.longest, step*oldSteps)
	for k := head; k > head-oldBoundaries; k-- {
		later = later.minus(d.sum(later))
		h.points = append(h.points, mark{at: k * step, total: later})
	}
}
