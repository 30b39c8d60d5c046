// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"math/rand/v2"
	"time"
)

// maxStepBack is how far the clock may step back before the history is rewound.
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

// fineWindows is how many of the burn windows have a ring: 5m, 30m and 1h, for which a minute is coarse. The rings have
// the same totals as the minutes, at more moments.
const fineWindows = 3

// A history is what is known of an SLO's events over time: the total, the events of each minute, and the totals at
// earlier moments.
type history struct {
	// now is the time the history was advanced to; no event is later.
	now     int64
	total   sum
	rings   [fineWindows]ring
	minutes minutes
	// length is how many sealed hours are remembered.
	length int
	// period is the start of the calendar window; periodEnd is when the next one starts.
	period, periodEnd int64
	// reset is the newest reset of the error budget.
	reset mark
	// changed is the time from which events were added since a view was last made of it.
	changed int64
}

func newHistory(now int64, o *objective) *history {
	h := &history{now: now, length: o.hours(), minutes: newMinutes(now, o.hours())}
	h.minutes.id = rand.Uint64()
	for i := range h.rings {
		h.rings[i] = newRing(stepOf(burnWindows[i].length), now)
	}
	h.fit(o)
	return h
}

// hours is how many sealed hours the windows reach back to.
func (o *objective) hours() int { return int((o.horizon+hourLength-1)/hourLength) + 1 }

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
	h.minutes.advance(now, h.length)
	h.now = now
}

// place sets the marks as of now. It must run before h.now moves: at a moment after h.now the total
// is still the present one.
func (h *history) place(now int64, o *objective) {
	if now >= h.periodEnd {
		h.period, h.periodEnd = o.period(now)
	}
	switch reset := o.resetAt(now); reset {
	case h.reset.at:
	case 0:
		h.reset = mark{}
	default:
		h.reset = mark{at: reset, total: h.totalAt(reset)}
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
	h.minutes.add(from, to, o, n)
	h.changed = min(h.changed, from)
	h.total[o] += n
	h.reset.add(from, to, o, n)
}

// edge is where window w, which has no ring, begins.
func (h *history) edge(w int) *edge {
	if h.minutes.edges == nil {
		h.minutes.edges = make([]edge, maxWindows-fineWindows)
	}
	return &h.minutes.edges[w-fineWindows]
}

// startOf is the total at t, where window w begins.
func (h *history) startOf(w int, t int64) sum {
	if w < fineWindows {
		return h.rings[w].totalAt(t, h.now, h.total)
	}
	return h.minutes.totalAt(t, h.now, h.total, h.edge(w))
}

// sinceReset are the events since the reset. One at a full minute is read from the minutes, as every other question; one within a minute from its mark.
func (h *history) sinceReset(o *objective) sum {
	if h.reset.at%minuteLength == 0 {
		return h.total.minus(h.startOf(o.own, h.reset.at))
	}
	return h.total.minus(h.reset.total)
}

// last is how many events there are in window w, (now − length, now].
func (h *history) last(w int, length int64) sum {
	return h.total.minus(h.startOf(w, h.now-length))
}

// changes is the time from which window w has another share of bad events than now, if none are added. Events are
// those in the window now: without a bad one among them, the share stays 0.
func (h *history) changes(w int, length int64, events sum) int64 {
	if events[bad] == 0 {
		return never
	}
	leaves := int64(0)
	if w < fineWindows {
		leaves = h.rings[w].leaves(h.now-length, h.total)
	} else {
		leaves = h.minutes.leaves(h.now-length, h.total, h.edge(w))
	}
	return max(leaves+length, h.now)
}

// empty is the time at which the last event of window w, which has a ring, leaves it, if none are added.
func (h *history) empty(w int, length int64) int64 { return h.rings[w].newest(h.total) + length }

// totalAt is the total at t, from the finest steps that reach back to it.
func (h *history) totalAt(t int64) sum {
	for i := range h.rings {
		if r := &h.rings[i]; r.oldest()*r.step <= t {
			return r.totalAt(t, h.now, h.total)
		}
	}
	return h.minutes.totalAt(t, h.now, h.total, &edge{})
}

// fit makes the history one of the objective, which may have another window than before. What was forgotten before a longer
// one counts as before it.
func (h *history) fit(o *objective) {
	h.length = o.hours()
	h.minutes.advance(h.now, h.length)
	h.periodEnd = 0
	h.place(h.now, o)
}

// rewind sets the history back to now, after the clock was ahead. The events that were counted
// meanwhile are taken as of now.
func (h *history) rewind(now int64) {
	rings := h.rings
	for i := range rings {
		rings[i] = resample(rings[i].step, now, h.total, h.totalAt)
	}
	var e edge
	h.minutes.rewind(now, h.length, h.total, func(t int64) sum { return h.minutes.totalAt(t, h.now, h.total, &e) })
	h.rings, h.now, h.changed = rings, now, 0
}

// resample is a ring of the step as of now, read from totals.
func resample(step, now int64, total sum, totalAt func(int64) sum) ring {
	r := newRing(step, now)
	var last sum
	for k := r.oldest(); k <= r.head; k++ {
		last = last.atLeast(totalAt(k * step))
		r.set(k, last, total)
	}
	return r
}
