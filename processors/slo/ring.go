// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"math"
	"sort"
)

// count is a number of events in fixed point: units of 1/256 event. Sums of it are exact
// whatever the order, so two totals that should be equal are, and what is saved is what is loaded.
// Sampled spans represent fractions of events, and spread increases are cut into fractions;
// each is rounded to 1/256 event once.
type count int64

const (
	oneEvent count = 256
	// maxCount is where totals stop growing: 10^16 events.
	maxCount count = math.MaxInt64 / 4
	// maxValue is the largest value of a counter that is taken: 3.5 × 10^13 events, a century at 10,000/s.
	// Up to it a float64 holds every count exactly.
	maxValue = float64(1 << 45)
)

func (c count) events() float64 { return float64(c) / float64(oneEvent) }

// round returns value rounded to what a count holds.
func round(value float64) float64 {
	return math.Round(value*float64(oneEvent)) / float64(oneEvent)
}

// An outcome reports whether an event was good or bad.
type outcome uint8

const (
	good outcome = iota
	bad
	outcomes
)

func (o outcome) String() string { return [outcomes]string{"good", "bad"}[o] }

// A sum is a number of events by outcome.
type sum [outcomes]count

func (s sum) minus(t sum) sum { return sum{max(s[good]-t[good], 0), max(s[bad]-t[bad], 0)} }

func (s sum) atLeast(t sum) sum { return sum{max(s[good], t[good]), max(s[bad], t[bad])} }

func (s sum) all() count { return s[good] + s[bad] }

// errorRatio is the share of bad events, 0 when there are none at all.
func (s sum) errorRatio() float64 {
	if s.all() == 0 {
		return 0
	}
	return float64(s[bad]) / float64(s.all())
}

// ringSteps is how many steps a short window is cut into: a count over it is off by no more than the
// events of one step, 0.83 % of its length. The steps of 5m, 30m and 1h are then parts of a minute: 2.5 s, 15 s and 30 s.
const (
	ringSteps  = 120
	boundaries = ringSteps + 1
)

// A ring holds an SLO's totals at the last boundaries: the Unix times that are multiples of step.
// The events between two boundaries are the difference of their totals, so a window is read in
// constant time. Times are Unix nanoseconds.
type ring struct {
	step int64
	// head is the number of the newest boundary, whose time is head × step.
	head int64
	// at[o] has, at k mod boundaries, the total of events of the outcome up to boundary k, for the last k's up to head.
	at [outcomes]column
}

func newRing(step, now int64) ring { return ring{step: step, head: now / step} }

// stepOf is the step of a ring for a window of the length.
func stepOf(length int64) int64 { return (length + ringSteps - 1) / ringSteps }

// slot is where boundary k is kept. k is not below -boundaries, even when the clock begins at 1970.
func slot(k int64) int { return int(uint64(k+boundaries) % boundaries) }

// total is the total up to boundary k, of all that there is now.
func (r *ring) total(k int64, now sum) (t sum) {
	for o := range t {
		t[o] = r.at[o].total(slot(k), now[o])
	}
	return t
}

// set sets the total up to boundary k.
func (r *ring) set(k int64, total, now sum) {
	for o := range total {
		r.at[o].set(slot(k), total[o], now[o])
	}
}

// oldest is the number of the oldest boundary.
func (r *ring) oldest() int64 { return r.head - ringSteps }

// advance adds the boundaries up to now. Nothing is known yet of what happened since the last.
func (r *ring) advance(now int64, total sum) {
	if now < (r.head+1)*r.step {
		return
	}
	head := now / r.step
	for k := max(r.head+1, head-ringSteps); k <= head; k++ {
		r.set(k, total, total)
	}
	r.head = head
	for o := range r.at {
		if r.at[o].total(slot(r.oldest()), total[o]) == total[o] {
			r.at[o] = nil // no event is in the ring any more
		}
	}
}

// add counts events that happened evenly over (from, to]. Before is the total of their outcome without them.
func (r *ring) add(from, to int64, o outcome, n, before count) {
	c := &r.at[o]
	c.widen(before-c.total(slot(r.oldest()), before)+n, before)
	for k := r.head; k >= r.oldest() && k*r.step > from; k-- {
		c.add(slot(k), part(n, from, to, k*r.step))
	}
}

// part is how many of n events, spread evenly over (from, to], happened up to t.
func part(n count, from, to, t int64) count {
	switch {
	case t >= to:
		return n
	case t <= from:
		return 0
	default:
		return min(n, count(math.Round(float64(n)*(float64(t-from)/float64(to-from)))))
	}
}

// totalAt is the total at t, linear between two boundaries; of the oldest boundary when t is before it.
// Total is the total at now, the time the ring was advanced to.
func (r *ring) totalAt(t, now int64, total sum) sum {
	k := t / r.step
	switch {
	case t >= now:
		return total
	case k < r.oldest():
		return r.total(r.oldest(), total)
	case k == r.head:
		return between(r.total(k, total), total, k*r.step, now, t)
	default:
		return between(r.total(k, total), r.total(k+1, total), k*r.step, (k+1)*r.step, t)
	}
}

func between(a, b sum, from, to, t int64) sum {
	for o := range a {
		a[o] += part(b[o]-a[o], from, to, t)
	}
	return a
}

// leaves is the earliest time, t or later, after which there is an event; never, as a length of time can be added to, if there
// is none. Totals only grow, so the first that is another one is found by halves.
func (r *ring) leaves(t int64, total sum) int64 {
	first := max(t/r.step, r.oldest())
	if first > r.head {
		return never / 2
	}
	at := r.total(first, total)
	if at == total {
		return never / 2
	}
	same := sort.Search(int(r.head-first), func(n int) bool { return r.total(first+1+int64(n), total) != at })
	return max(t, (first+int64(same))*r.step)
}

// newest is the earliest boundary after which there is no event; in the future if there are events since the last one.
func (r *ring) newest(total sum) int64 {
	n := sort.Search(boundaries, func(n int) bool { return r.total(r.oldest()+int64(n), total) == total })
	return (r.oldest() + int64(n)) * r.step
}
