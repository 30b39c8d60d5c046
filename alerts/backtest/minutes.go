// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package backtest

import (
	"sort"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/month"

	"github.com/prometheus/prometheus/promql"
)

// overlap is in how many samples of a step each event is: the rules record, every minute, the events of five.
const overlap = 5

// lag is how much later than an event the samples are that it is in, on average.
const lag = 150 * time.Second

// minutes are the recorded events of an SLO in one environment and group, with running sums: the Number of events in any
// window costs two searches.
type minutes struct {
	at []int64 // Unix milliseconds of the evaluations, ascending
	// bad and total are sums of all events until at.
	bad, total []float64
	// unknown are the times without evaluations; nil if that was not asked yet.
	unknown []month.Gap
}

// newMinutes joins the recorded bad events with all events of the same evaluations.
func newMinutes(bad, total []promql.FPoint) *minutes {
	m := &minutes{at: make([]int64, 0, len(total)), bad: make([]float64, 0, len(total)), total: make([]float64, 0, len(total))}
	var failed, all float64
	for _, p := range total {
		for len(bad) > 0 && bad[0].T < p.T {
			bad = bad[1:]
		}
		if len(bad) > 0 && bad[0].T == p.T {
			failed += bad[0].F / overlap
		}
		all += p.F / overlap
		m.at, m.bad, m.total = append(m.at, p.T), append(m.bad, failed), append(m.total, all)
	}
	return m
}

// until is how many evaluations there were until a time, inclusive.
func (m *minutes) until(t time.Time) int {
	limit := t.UnixMilli()
	return sort.Search(len(m.at), func(i int) bool { return m.at[i] > limit })
}

func sumUntil(sums []float64, n int) float64 {
	if n == 0 {
		return 0
	}
	return sums[n-1]
}

// events are the bad events and all events in (from, to].
func (m *minutes) events(from, to time.Time) (bad, total float64) {
	a, b := m.until(from), m.until(to)
	return sumUntil(m.bad, b) - sumUntil(m.bad, a), sumUntil(m.total, b) - sumUntil(m.total, a)
}

// measured is how long in (from, to] events were recorded, zero or more.
func (m *minutes) measured(from, to time.Time) time.Duration {
	return time.Duration(m.until(to)-m.until(from)) * time.Minute
}

// gaps are the times without evaluations, from long ago until they end.
func (m *minutes) gaps() []month.Gap {
	if m.unknown == nil {
		last := time.Unix(0, 0)
		for _, at := range m.at {
			t := time.UnixMilli(at)
			if t.Sub(last) > time.Minute {
				m.unknown = append(m.unknown, month.Gap{From: last, To: t.Add(-time.Minute)})
			}
			last = t
		}
		m.unknown = append(m.unknown, month.Gap{From: last, To: last.Add(1 << 62)})
	}
	return m.unknown
}

// step is the error ratio of an evaluation, of the five minutes before it.
func (m *minutes) step(i int) float64 {
	bad, total := m.bad[i], m.total[i]
	if i > 0 {
		bad, total = bad-m.bad[i-1], total-m.total[i-1]
	}
	if total <= 0 {
		return 0
	}
	return bad / total
}

// began is when the burn began for which an alert fired: the first minute, in its long window, from which on the error ratio of five minutes
// was above the threshold and never below it for longer than the short window. It is firing if no minute was.
func (m *minutes) began(firing time.Time, long, short time.Duration, threshold float64) time.Time {
	began := firing
	for i := m.until(firing) - 1; i >= 0; i-- {
		at := time.UnixMilli(m.at[i])
		if at.Before(firing.Add(-long)) || began.Sub(at) > short {
			break
		}
		if m.step(i) > threshold {
			began = at
		}
	}
	return began
}

// worst is the largest Number of bad events in a window that ends in [from, to].
func (m *minutes) worst(window time.Duration, from, to time.Time) (most float64) {
	for i := max(m.until(from)-1, 0); i < len(m.at) && m.at[i] <= to.UnixMilli(); i++ {
		at := time.UnixMilli(m.at[i])
		bad, _ := m.events(at.Add(-window), at)
		most = max(most, bad)
	}
	return most
}
