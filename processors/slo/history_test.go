// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// An exactHistory is the reference: it keeps every increase and adds up what lies in a window.
type exactHistory []exactIncrease

type exactIncrease struct {
	from, to int64
	n        [outcomes]float64
}

// between is how many events there are in (from, to], and how many increases have a part in it.
func (e exactHistory) between(from, to int64, o outcome) (events float64, parts int) {
	for _, i := range e {
		if a, b := max(i.from, from), min(i.to, to); a < b && i.n[o] > 0 {
			events += i.n[o] * float64(b-a) / float64(i.to-i.from)
			parts++
		}
	}
	return events, parts
}

// requireWithinOneStep is the stated bound: a count over a window is off by no more than the events
// of one step of its ring, where the window begins. Each increase is rounded once in each ring.
func requireWithinOneStep(t *testing.T, exact exactHistory, got sum, from, to, step int64, what string) {
	t.Helper()
	for o := range outcomes {
		want, parts := exact.between(from, to, o)
		atStart, _ := exact.between(from-step, from+step, o)
		rounding := float64(parts+1) / float64(oneEvent)
		require.InDelta(t, want, got[o].events(), atStart+rounding, "%s of %s", o, what)
	}
}

// clone is a history of its own that knows the same.
func (h *history) clone() *history {
	c := *h
	for i := range c.rings {
		for o := range outcomes {
			c.rings[i].at[o] = slices.Clone(h.rings[i].at[o])
		}
	}
	for o := range outcomes {
		c.minutes.hours[o].bytes = slices.Clone(h.minutes.hours[o].bytes)
		c.minutes.open[o].bytes = slices.Clone(h.minutes.open[o].bytes)
	}
	c.minutes.kept, c.minutes.edges = slices.Clone(h.minutes.kept), nil
	return &c
}

func inWindow(o *objective, h *history) sum {
	events, _ := o.inWindow(h)
	return events
}

// Random traffic with gaps, late and long increases: every window agrees with the reference.
func TestWindowsAgainstExactModel(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		own := []time.Duration{30 * day, 28 * day, 7 * day, 90 * day, 36*hour + 17*time.Second, 3 * day}[r.IntN(6)]
		o := newObjective(checkout(), checkout(windowOf(catalog.Window{Rolling: own})).SLOs[0])
		now := noon.UnixNano()
		h := newHistory(now, o)
		var exact exactHistory
		pace := []time.Duration{time.Second, time.Minute, hour, 12 * hour}[r.IntN(4)]
		for range 300 {
			now += 1 + r.Int64N(int64(pace))
			if r.IntN(50) == 0 {
				now += r.Int64N(int64(own)) // a gap
			}
			h.advance(now, o)
			for range r.IntN(4) {
				to := now - r.Int64N(int64(pace))
				if r.IntN(10) == 0 {
					to = now - r.Int64N(int64(own)) // late
				}
				from := to - 1 - r.Int64N(int64(pace))
				if r.IntN(20) == 0 {
					from = to - 1 - r.Int64N(int64(own)) // cut off for long
				}
				i := exactIncrease{from: from, to: to}
				for out := range outcomes {
					n := count(r.IntN(1000)) * oneEvent
					if r.IntN(4) == 0 {
						n = count(r.IntN(1000)) // fractions of an event
					}
					i.n[out] = n.events()
					h.add(from, to, out, n)
				}
				exact = append(exact, i)
			}
			if r.IntN(5) != 0 {
				continue
			}
			for w, window := range burnWindows {
				requireWithinOneStep(t, exact, h.last(w, window.length), now-window.length, now, o.steps[w], window.name)
			}
			requireWithinOneStep(t, exact, inWindow(o, h), now-int64(own), now, o.steps[o.own], "own window")
		}
		for out := range outcomes {
			total, _ := exact.between(0, now, out)
			require.Equal(t, total, h.total[out].events(), "totals are exact")
		}
	}
}

// Traffic that is steady over a step is counted almost exactly: between boundaries totals are interpolated.
func TestSteadyTraffic(t *testing.T) {
	o := newObjective(checkout(), checkout().SLOs[0])
	now := noon.UnixNano()
	h := newHistory(now, o)
	for range 20000 {
		now += int64(1300 * time.Millisecond)
		h.advance(now, o)
		h.add(now-int64(1300*time.Millisecond), now, good, 13*oneEvent)
		if h.now-noon.UnixNano() < int64(6*hour)+o.steps[4] {
			continue
		}
		for w, window := range burnWindows[:5] {
			require.InEpsilon(t, time.Duration(window.length).Seconds()*10, h.last(w, window.length)[good].events(), 1e-4, window.name)
		}
	}
}

// When all events have left a window, it is empty to the last fraction.
func TestWindowEmptiesExactly(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	o := newObjective(checkout(), checkout().SLOs[0])
	now := noon.UnixNano()
	h := newHistory(now, o)
	for range 1000 {
		now += r.Int64N(int64(10 * time.Second))
		h.advance(now, o)
		h.add(now-1-r.Int64N(int64(minute)), now, bad, count(r.IntN(1000)))
	}
	for w, window := range burnWindows {
		h.advance(now+window.length+o.steps[w], o)
		require.Equal(t, sum{}, h.last(w, window.length), window.name)
	}
	h.advance(now+int64(31*day), o)
	require.Equal(t, sum{}, inWindow(o, h))
}

func TestClockSetBack(t *testing.T) {
	o := newObjective(checkout(), checkout().SLOs[0])
	now := noon.UnixNano()
	h := newHistory(now, o)
	tick := func(n int) {
		for range n {
			now += int64(5 * time.Second)
			h.advance(now, o)
			h.add(now-int64(5*time.Second), now, good, 5*oneEvent)
		}
	}
	tick(1000)
	before := h.last(0, int64(5*minute)).all()
	require.InDelta(t, 300, before.events(), 5)

	h.advance(now-int64(time.Second), o) // a little: time does not pass
	require.Equal(t, now, h.now)

	h.advance(now+int64(3*hour), o) // the clock was three hours ahead for a moment
	h.advance(now, o)
	require.Equal(t, now, h.now)
	lastDay := h.last(5, int64(day))
	require.InDelta(t, 5000, lastDay.all().events(), 60, "longer windows know as much as before")

	tick(1000)
	require.InDelta(t, 300, h.last(0, int64(5*minute)).all().events(), 5, "and short ones fill again")
}

// Resampling for another window gives what the rings know, within a step of the coarser one.
func TestChangedWindow(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	before := newObjective(checkout(), checkout().SLOs[0])
	now := noon.UnixNano()
	h := newHistory(now, before)
	var exact exactHistory
	for range 3000 {
		now += int64(20 * minute)
		h.advance(now, before)
		i := exactIncrease{from: now - int64(20*minute), to: now, n: [outcomes]float64{float64(r.IntN(100)), float64(r.IntN(10))}}
		exact = append(exact, i)
		for o := range outcomes {
			h.add(i.from, i.to, o, count(i.n[o])*oneEvent)
		}
	}
	for _, own := range []catalog.Window{{Rolling: 7 * day}, {Rolling: 3 * day}, {Rolling: 28 * day}, {Rolling: 30 * day}} {
		after := newObjective(checkout(), checkout(windowOf(own)).SLOs[0])
		fitted := h.clone()
		fitted.fit(after)
		requireWithinOneStep(t, exact, inWindow(after, fitted), now-int64(own.Rolling), now, max(before.steps[before.own], after.steps[after.own]), own.String())
		require.Equal(t, h.last(0, int64(5*minute)), fitted.last(0, int64(5*minute)), "the others stay")
	}
	month := newObjective(checkout(), checkout(windowOf(catalog.Window{Calendar: &catalog.Calendar{Unit: catalog.Month, Location: time.UTC}})).SLOs[0])
	h.fit(month)
	start, _ := month.period(now)
	requireWithinOneStep(t, exact, inWindow(month, h), start, now, before.steps[before.own], "month")
}

func TestSaturation(t *testing.T) {
	o := newObjective(checkout(), checkout().SLOs[0])
	now := noon.UnixNano()
	h := newHistory(now, o)
	for range 2000 {
		now += int64(minute)
		h.advance(now, o)
		h.add(now-int64(minute), now, bad, count(maxValue)*oneEvent)
		h.add(now-int64(minute), now, good, count(maxValue)*oneEvent)
		ratio := inWindow(o, h).errorRatio()
		require.True(t, ratio >= 0 && ratio <= 1 && !math.IsNaN(ratio), ratio)
	}
	require.Equal(t, sum{maxCount, maxCount}, h.total)
}

// Clocks of machines without a battery begin in 1970.
func TestClockBeginsIn1970(t *testing.T) {
	o := newObjective(checkout(), checkout().SLOs[0])
	h := newHistory(0, o)
	h.advance(int64(minute), o)
	h.add(int64(time.Second), int64(minute), bad, 100*oneEvent)
	for w, window := range burnWindows {
		require.Equal(t, 100*oneEvent, h.last(w, window.length)[bad], window.name)
	}
}

func TestSizes(t *testing.T) {
	require.EqualValues(t, 64, unsafe.Sizeof(ring{}), "an allocator's size class")
	for _, w := range catalog.BurnWindows {
		require.Less(t, float64(stepOf(int64(w)))/float64(w), 0.01)
	}
}

// A column is what a list of whole totals is, whatever it keeps of them.
func TestColumn(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 13))
		var c column
		var want [boundaries]count
		now := count(r.Int64N(int64(maxCount) / 2))
		for slot := range want {
			want[slot] = now
		}
		most := count(1) << r.IntN(62)
		for range 500 {
			slot := r.IntN(boundaries)
			switch r.IntN(3) {
			case 0:
				want[slot] = now - count(r.Int64N(int64(min(most, now))+1))
				c.set(slot, want[slot], now)
			case 1:
				n := count(r.Int64N(int64(most)))
				if now+n > maxCount {
					continue
				}
				for _, total := range want { // as a ring does with its oldest, which is the least
					c.widen(now+n-total, now)
				}
				want[slot] += min(n, now+n-want[slot])
				c.add(slot, want[slot]-c.total(slot, now))
				now += n
			default:
				want[slot] = now
				c.set(slot, now, now)
			}
			for slot := range want {
				require.Equal(t, want[slot], c.total(slot, now))
			}
		}
	}
}
