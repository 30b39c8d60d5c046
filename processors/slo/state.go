// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A state is what an SLO's budget and traffic come to. One holds at a time: the first that fits.
type state uint8

const (
	// noData: no counter of the SLO has arrived for some time, not even one without an increase.
	noData state = iota
	// exhausted: the error budget is spent.
	exhausted
	// burningFast: a pair of burn windows that pages is above its factor.
	burningFast
	// burningSlow: a pair of burn windows that opens a ticket is above its factor.
	burningSlow
	// idle: there was no event in the last hour.
	idle
	// healthy: none of the above.
	healthy
	states
)

func (s state) String() string {
	return string([states]semconv.State{semconv.StateNoData, semconv.StateExhausted, semconv.StateBurningFast,
		semconv.StateBurningSlow, semconv.StateIdle, semconv.StateOK}[s])
}

// silence is how long no counter may arrive before there is no data.
func silence(flushInterval time.Duration) time.Duration { return max(5*time.Minute, 10*flushInterval) }

// idleWindow is the index of the 1h window.
const idleWindow = 2

// A reading is all that is said of an SLO in one environment at one moment.
type reading struct {
	key
	objective   *objective
	environment string
	// errorRatio and burnRate are by burn window, and of the own window.
	errorRatio, burnRate       []float64
	ownErrorRatio, ownBurnRate float64
	remaining                  float64
	exhaustion                 time.Duration
	state                      state
	created                    int64
	maintenance                sum
	// ended: the gauges were emitted before and are not any more. They get a last point that says so.
	ended bool
}

// end is the last reading of an instance whose gauges were emitted for o.
func (i *instance) end(k key, o *objective) reading {
	none := make([]float64, len(burnWindows))
	return reading{
		key: k, objective: o, environment: i.environment, errorRatio: none, burnRate: none,
		created: i.created, maintenance: i.maintenance, ended: true,
	}
}

// read computes the instance's reading at now.
func (i *instance) read(k key, o *objective, now int64, silence time.Duration) reading {
	r := reading{
		key: k, objective: o, environment: i.environment, created: i.created, maintenance: i.maintenance,
		errorRatio: make([]float64, len(burnWindows)), burnRate: make([]float64, len(burnWindows)),
		remaining: 1,
	}
	var lastHour count
	if h := i.history; h != nil {
		h.advance(now, o)
		for w := range burnWindows {
			events := h.last(w, burnWindows[w].length)
			r.errorRatio[w] = events.errorRatio()
			r.burnRate[w] = r.errorRatio[w] / o.budget
			if w == idleWindow {
				lastHour = events.all()
			}
		}
		r.ownErrorRatio = o.inWindow(h).errorRatio()
		r.ownBurnRate = r.ownErrorRatio / o.budget
		r.remaining = 1 - r.ownBurnRate
	}
	r.exhaustion = exhaustion(r.remaining, r.burnRate[idleWindow], o.length(now))
	switch page, ticket := o.burning(r.burnRate); {
	case i.received == 0 || now-i.received > int64(silence):
		r.state = noData
	case r.remaining <= 0:
		r.state = exhausted
	case page:
		r.state = burningFast
	case ticket:
		r.state = burningSlow
	case lastHour == 0:
		r.state = idle
	default:
		r.state = healthy
	}
	return r
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
