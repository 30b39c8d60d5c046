// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"slices"
	"time"
)

// maxStepBack is how far the clock may step back before the rings are rewound.
const maxStepBack = int64(time.Minute)

// A mark is the total at a moment that matters, kept exactly: late events before it are added.
// At is 0 when there is none.
type mark struct {
	at    int64
	total sum
}

func (m *mark) add(from, to int64, o outcome, n count) {
	if m.at > from {
		m.total[o] += part(n, from, to, m.at)
	}
}

// A history is what is known of an SLO's events over time: the total, and the totals at
// earlier moments.
type history struct {
	// now is the time the history was advanced to; no event is later.
	now   int64
	total sum
	// rings has one ring for each of objective.steps.
	rings []ring
	// period is the start of the calendar window; periodEnd is when the next one starts.
	period    mark
	periodEnd int64
	// reset is the newest reset of the error budget.
	reset mark
}

func newHistory(now int64, o *objective) *history {
	h := &history{now: now, rings: make([]ring, len(o.steps))}
	for i, step := range o.steps {
		h.rings[i] = newRing(step, now)
	}
	h.fit(o)
	return h
}

// advance brings the history to now.
func (h *history) advance(now int64, o *objective) {
	if now <= h.now {
		if h.now-now > maxStepBack {
			h.rewind(now)
			h.fit(o)
		}
		return
	}
	h.place(now, o)
	for i := range h.rings {
		h.rings[i].advance(now, h.total)
	}
	h.now = now
}

// place sets the marks as of now. It must run before h.now moves: at a moment after h.now the total
// is still the present one.
func (h *history) place(now int64, o *objective) {
	if now >= h.periodEnd {
		start, end := o.period(now)
		h.set(&h.period, start)
		h.periodEnd = end
	}
	if reset := o.resetAt(now); reset != h.reset.at {
		h.set(&h.reset, reset)
	}
}

func (h *history) set(m *mark, at int64) {
	switch at {
	case m.at:
	case 0:
		*m = mark{}
	default:
		*m = mark{at: at, total: h.totalAt(at)}
	}
}

// add counts n events that happened evenly over (from, to]; from is before to, and to not after h.now.
func (h *history) add(from, to int64, o outcome, n count) {
	if n = min(n, maxCount-h.total[o]); n == 0 {
		return
	}
	for i := range h.rings {
		h.rings[i].add(from, to, o, n, h.total[o])
	}
	h.total[o] += n
	h.period.add(from, to, o, n)
	h.reset.add(from, to, o, n)
}

// last is how many events ring i has in the window (now − length, now].
func (h *history) last(i int, length int64) sum {
	return h.total.minus(h.rings[i].totalAt(h.now-length, h.now, h.total))
}

// changes is the time from which ring i's window has another share of bad events than now, if none are added. Events are
// those in the window now: without a bad one among them, the share stays 0.
func (h *history) changes(i int, length int64, events sum) int64 {
	if events[bad] == 0 {
		return never
	}
	return max(h.rings[i].leaves(h.now-length, h.total)+length, h.now)
}

// empty is the time at which the last event of ring i's window leaves it, if none are added.
func (h *history) empty(i int, length int64) int64 { return h.rings[i].newest(h.total) + length }

// totalAt is the total at t, from the finest ring that reaches back to it.
func (h *history) totalAt(t int64) sum {
	if t >= h.now {
		return h.total
	}
	best := &h.rings[0]
	for i := range h.rings {
		r := &h.rings[i]
		bestReaches, reaches := best.oldest()*best.step <= t, r.oldest()*r.step <= t
		switch {
		case reaches && (!bestReaches || r.step < best.step), !reaches && !bestReaches && r.step > best.step:
			best = r
		}
	}
	return best.totalAt(t, h.now, h.total)
}

// fit makes the history one of the objective, which may have another window than before. What a new
// ring needs is read from the old ones; what they do not reach back to counts as before it.
func (h *history) fit(o *objective) {
	if !slices.EqualFunc(h.rings, o.steps, func(r ring, step int64) bool { return r.step == step }) {
		rings := make([]ring, len(o.steps))
		for i, step := range o.steps {
			if j := slices.IndexFunc(h.rings, func(r ring) bool { return r.step == step }); j >= 0 {
				rings[i] = h.rings[j]
			} else {
				rings[i] = h.resample(step, h.now)
			}
		}
		h.rings = rings
	}
	h.periodEnd = 0
	h.place(h.now, o)
}

// resample is a ring of the step as of now, read from those there are.
func (h *history) resample(step, now int64) ring {
	r := newRing(step, now)
	for k := r.oldest(); k <= r.head; k++ {
		r.set(k, h.totalAt(k*step), h.total)
	}
	return r
}

// rewind sets the history back to now, after the clock was ahead. The events that were counted
// meanwhile are taken as of now; boundaries that have left the rings cannot come back.
func (h *history) rewind(now int64) {
	rings := make([]ring, len(h.rings))
	for i := range rings {
		rings[i] = h.resample(h.rings[i].step, now)
	}
	h.rings, h.now = rings, now
}
