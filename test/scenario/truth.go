// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// Truth counts the raw events, without PromQL and without samples.
type Truth struct{ *Scenario }

// Events counts what happened after from and until to, over all streams.
func (t Truth) Events(from, to time.Duration) (good, bad float64) {
	for i := range t.Streams {
		g1, b1 := t.Streams[i].until(to)
		g0, b0 := t.Streams[i].until(max(from, 0))
		good, bad = good+g1-g0, bad+b1-b0
	}
	return good, bad
}

// Only is the truth about some of the streams.
func (t Truth) Only(these func(*Stream) bool) Truth {
	s := *t.Scenario
	s.Streams = nil
	for i := range t.Streams {
		if these(&t.Streams[i]) {
			s.Streams = append(s.Streams, t.Streams[i])
		}
	}
	return Truth{&s}
}

// Counted reports whether any scrape after from and until to found counters.
func (t Truth) Counted(from, to time.Duration) bool {
	for at := to; at > from && at >= 0; at -= t.Interval() {
		for i := range t.Streams {
			if _, ok := t.Streams[i].Read(at); ok {
				return true
			}
		}
	}
	return false
}

// ErrorRatio is the share of bad events in the window that ends at to; 0 without events.
func (t Truth) ErrorRatio(window, to time.Duration) float64 {
	good, bad := t.Events(to-window, to)
	return ratio(good, bad)
}

// Period are the events of the budget at that time: those of the SLO's own window,
// since the last reset.
func (t Truth) Period(at time.Duration) (good, bad float64) { return t.Events(t.periodBegan(at), at) }

func (t Truth) periodBegan(at time.Duration) time.Duration {
	now := t.Start.Add(at)
	begin, _ := t.SLO.Window.Bounds(now)
	for _, reset := range t.SLO.Resets {
		if !reset.At.After(now) && reset.At.After(begin) {
			begin = reset.At
		}
	}
	return t.Until(begin)
}

// PeriodErrorRatio is the share of bad events in the SLO's own window, as seen at to.
func (t Truth) PeriodErrorRatio(to time.Duration) float64 { return ratio(t.Period(to)) }

// BudgetRemaining is the share of the whole period's error budget that is left, as seen at to, supposed that the time of the period that was not
// measured has as much traffic; below 0 when overspent. Nothing is measured before the scenario begins.
func (t Truth) BudgetRemaining(to time.Duration) float64 {
	measured := float64(to-max(t.periodBegan(to), 0)) / float64(t.SLO.Window.Length(t.Start.Add(to)))
	return 1 - t.PeriodErrorRatio(to)/t.SLO.ErrorBudget()*min(measured, 1)
}

func ratio(good, bad float64) float64 {
	if good+bad == 0 {
		return 0
	}
	return bad / (good + bad)
}

// A Condition is what an alert waits for, at a moment.
type Condition func(at time.Duration) bool

// Burning is the condition of a pair: both windows burn faster than its factor.
func (t Truth) Burning(p catalog.BurnPair) Condition {
	threshold := p.Factor * t.SLO.ErrorBudget()
	return func(at time.Duration) bool {
		return t.ErrorRatio(p.Long, at) > threshold && t.ErrorRatio(p.Short, at) > threshold
	}
}

// Failed is the condition that at least so many events of the window are bad.
func (t Truth) Failed(atLeast float64, window time.Duration) Condition {
	return func(at time.Duration) bool {
		_, bad := t.Events(at-window, at)
		return bad >= atLeast
	}
}

// And is the condition that both hold.
func (c Condition) And(other Condition) Condition {
	return func(at time.Duration) bool { return c(at) && other(at) }
}

// resolution is how closely conditions are looked at.
const resolution = 10 * time.Second

// Firing are the times within the watch at which an alert on the condition fires, when it must hold for
// so long first. Like an alert, it knows nothing of what held before. A time that lasts to the end
// has no End.
func (t Truth) Firing(holds Condition, wait time.Duration) []Span {
	var spans []Span
	length := t.end().Sub(t.Start)
	begin := time.Duration(-1)
	for at := t.Watch.Begin; at < length; at += resolution {
		switch now := holds(at); {
		case now && begin < 0:
			begin = at
		case !now && begin >= 0:
			if begin+wait < at {
				spans = append(spans, Span{begin + wait, at})
			}
			begin = -1
		}
	}
	if begin >= 0 && begin+wait < length {
		spans = append(spans, Span{Begin: begin + wait})
	}
	return spans
}
