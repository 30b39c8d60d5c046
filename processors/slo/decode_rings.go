// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import "math/rand/v2"

// Before minutes were kept, a history was a ring of 111 totals for each window, and its record:
//
//	history   now:u  total:sum  n:u  ring...  period:mark  reset:mark
//
// Such a history is read once and becomes one of minutes. It is as exact as the rings were: the events of a minute that lies
// between two boundaries are spread evenly between them.
const (
	oldSteps      = 110
	oldBoundaries = oldSteps + 1
	// maxRings is the most rings a history could have.
	maxRings = 16
)

// oldRings are the rings, finest first or not, and the totals at their boundaries, newest first.
type oldRings struct {
	now   int64
	total sum
	rings []oldRing
}

type oldRing struct {
	step, head int64
	at         [oldBoundaries]sum
}

func (r *oldRing) oldest() int64 { return r.head - oldSteps }

func (r *oldRing) reaches(t int64) bool { return r.oldest()*r.step <= t }

// totalAt is the total at t, from the finest ring that reaches back to it, or the longest.
func (h *oldRings) totalAt(t int64) sum {
	best := &h.rings[0]
	for i := range h.rings {
		r := &h.rings[i]
		if r.reaches(t) && (!best.reaches(t) || r.step < best.step) || !r.reaches(t) && !best.reaches(t) && r.step > best.step {
			best = r
		}
	}
	k := t / best.step
	switch {
	case t >= h.now:
		return h.total
	case k < best.oldest():
		return best.at[oldSteps]
	case k == best.head:
		return between(best.at[0], h.total, k*best.step, h.now, t)
	default:
		i := best.head - k
		return between(best.at[i], best.at[i-1], k*best.step, (k+1)*best.step, t)
	}
}

// history makes it one of minutes.
func (h *oldRings) history() *history {
	longest := int64(hourLength)
	for i := range h.rings {
		longest = max(longest, h.rings[i].step*oldSteps)
	}
	made := &history{now: h.now, total: h.total, length: int(longest/hourLength) + 2}
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
		h.rings = append(h.rings, d.oldRing(h.now, h.total))
	}
	d.mark(h.total) // of the calendar period, whose beginning is that of a minute
	reset := d.mark(h.total)
	if d.Failed() {
		return nil
	}
	made := h.history()
	made.reset = reset
	return made
}

func (d *decoder) oldRing(now int64, total sum) oldRing {
	r, later := oldRing{step: d.time(), head: d.time()}, total
	const longest = maxHours * hourLength / oldSteps
	d.Require(r.step > 0 && r.step <= longest && r.head == now/max(r.step, 1))
	for i := range r.at {
		later = later.minus(d.sum(later))
		r.at[i] = later
	}
	return r
}
