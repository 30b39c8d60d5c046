// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"math"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A state is what an SLO's budget and traffic come to. One holds at a time: the first that fits.
type state uint8

const (
	// noData: no counter of the SLO has arrived for some time, not even one without an increase.
	noData state = iota
	// burningFast: a pair of burn windows that pages is above its factor.
	burningFast
	// neverSeen: no event was ever counted.
	neverSeen
	// fresh: the counters have been followed for less than an hour.
	fresh
	// burningSlow: a pair of burn windows that opens a ticket is above its factor.
	burningSlow
	// exhausted: the error budget of the whole period is spent.
	exhausted
	// idle: there was no event in the last hour.
	idle
	// healthy: none of the above.
	healthy
	states
)

func (s state) String() string {
	return string([states]semconv.State{semconv.StateNoData, semconv.StateBurningFast, semconv.StateNeverSeen, semconv.StateNew,
		semconv.StateBurningSlow, semconv.StateExhausted, semconv.StateIdle, semconv.StateOK}[s])
}

// silence is how long no counter may arrive before there is no data.
func silence(flushInterval time.Duration) time.Duration { return max(5*time.Minute, 10*flushInterval) }

// idleWindow is the index of the 1h window.
const idleWindow = 2

// A stateSet is some of the states, a bit for each.
type stateSet uint8

func (s state) set() stateSet { return 1 << s }

const allStates stateSet = 1<<states - 1

func (s stateSet) has(one state) bool { return s&one.set() != 0 }

// maxWindows is how many windows an SLO has at most: the burn windows and its own.
const maxWindows = 8

// Values are what is computed of an SLO in one environment.
type values struct {
	// errorRatio is by window, as objective.steps has them. An own window that is also a burn window has one value, which
	// follows resets as the error budget does.
	errorRatio [maxWindows]float64
	// coverage is the share of the period that was measured, and is still known.
	coverage    float64
	remaining   float64
	exhaustion  time.Duration
	state       state
	maintenance sum
}

// never is the time of what does not happen.
const never = math.MaxInt64

// An outlook says from when the values of an instance can be others although no counter arrives: little by little, as events leave
// windows, from slides on; and all at once, as a period ends or a state begins, at turns.
type outlook struct{ slides, turns int64 }

func (o outlook) until() int64 { return min(o.slides, o.turns) }

// compute computes the instance's values at now, and what time alone makes of them.
func (i *instance) compute(o *objective, now int64, silence time.Duration) (v values, next outlook) {
	v = values{remaining: 1, maintenance: i.maintenance}
	next = outlook{slides: never, turns: o.nextReset(now)}
	if i.history != nil {
		i.history.advance(now, o)
	}
	known := i.known(o, now, silence)
	counted := i.counted(o, known)
	period := o.periodOf(now, counted, known)
	v.coverage = period.coverage()
	next.slides = min(period.changes, o.nextSlice(now))
	if lost := i.losses.damaged(known, period.start, period.to); lost > 0 {
		v.coverage -= float64(lost) / float64(period.end-period.start)
		next.slides = min(next.slides, now-now%minuteLength+minuteLength)
	}
	var rate [maxWindows]float64
	var lastHour count
	switch h := counted; {
	case h != nil:
		for w := range burnWindows {
			events := h.last(w, burnWindows[w].length)
			v.errorRatio[w] = events.errorRatio()
			rate[w] = v.errorRatio[w] / o.budget
			if w == idleWindow {
				lastHour = i.history.last(w, burnWindows[w].length).all()
			}
			next.slides = min(next.slides, h.changes(w, burnWindows[w].length, events))
		}
		if lastHour > 0 {
			next.turns = min(next.turns, i.history.empty(idleWindow, burnWindows[idleWindow].length))
		}
		events, changes := o.inWindow(h)
		v.errorRatio[o.own] = events.errorRatio()
		if events[bad] > 0 {
			share, other := period.share(h)
			v.remaining = 1 - v.errorRatio[o.own]/o.budget*share
			next.slides = min(next.slides, other)
		}
		next.slides, next.turns = min(next.slides, changes), min(next.turns, h.periodEnd)
	case o.slo.Window.Calendar != nil:
		_, end := o.period(now)
		next.turns = min(next.turns, end)
	}
	v.exhaustion = exhaustion(v.remaining, rate[idleWindow], o.length(now))
	silent := now - i.received // for how long
	missing := int64(newFor) - known.length(0, now)
	switch page, ticket := o.burning(rate[:]); {
	case i.received == 0 || silent > int64(silence):
		v.state = noData
	case page:
		v.state = burningFast
	case i.history == nil:
		v.state = neverSeen
	case missing > 0:
		v.state = fresh
	case ticket:
		v.state = burningSlow
	case v.remaining <= 0:
		v.state = exhausted
	case lastHour == 0:
		v.state = idle
	default:
		v.state = healthy
	}
	if missing > 0 {
		next.turns = min(next.turns, now+missing)
	}
	if v.state != noData {
		next.turns = min(next.turns, now+int64(silence)-max(silent, 0)+1)
	}
	return v, next
}

// exhaustion is how long the rest of the budget lasts at the burn rate, at most the period: what
// burns slower never spends it within one.
func exhaustion(remaining, burnRate float64, period time.Duration) time.Duration {
	switch {
	case remaining <= 0:
		return 0
	case remaining >= burnRate:
		return period
	default:
		return time.Duration(remaining * float64(period) / burnRate)
	}
}

// burning reports whether any pair of windows that pages, or that opens a ticket, is above its factor.
func (o *objective) burning(rate []float64) (page, ticket bool) {
	for _, p := range o.pairs {
		if rate[p.long] > p.factor && rate[p.short] > p.factor {
			page, ticket = page || p.page, ticket || !p.page
		}
	}
	return page, ticket
}
