// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"math"
	"slices"
	"time"
)

// A Phase is a time of even traffic.
type Phase struct {
	For       time.Duration
	PerMinute float64
	// Bad is the share of the events that are bad, 0 to 1.
	Bad float64
}

// A Span is a time from its beginning to its end, both counted from the start of the scenario.
// An End of 0 is the end of the scenario.
type Span struct{ Begin, End time.Duration }

func (s Span) holds(at time.Duration) bool {
	return at >= s.Begin && (s.End == 0 || at < s.End)
}

// A Stream is what one collector counts of one version of the service: two counters, one of good
// events and one of bad.
type Stream struct {
	// Version and Instance are the service's version and the collector that counts.
	Version, Instance string
	// Cluster is where the service runs; empty if its telemetry does not say.
	Cluster string
	// Life is when the counters exist. They begin at 0.
	Life Span
	// Traffic follows phase by phase from the beginning of Life; there is none after the last.
	Traffic []Phase
	// Hidden is how long the counters count before anybody reads them: the first value that
	// is scraped is not 0.
	Hidden time.Duration
	// Sparse counters of bad events appear with the first bad event: not what our collector does, but
	// what most applications do.
	Sparse bool
	// Resets are when the counters begin again at 0, as after a restart without storage.
	Resets []time.Duration
	// Gaps are scrapes that fail.
	Gaps []Span
	// Ahead is by how much the clock of the collector that counts is fast.
	Ahead time.Duration
}

// until counts the events from the start of the scenario to at. Events are whole: one counts when
// it is complete, so that one event a minute is one at the end of each minute.
func (s *Stream) until(at time.Duration) (good, bad float64) {
	if s.Life.End != 0 {
		at = min(at, s.Life.End)
	}
	at -= s.Life.Begin
	var total float64
	for _, p := range s.Traffic {
		if at <= 0 {
			break
		}
		n := min(at, p.For).Minutes() * p.PerMinute
		total, bad = total+n, bad+n*p.Bad
		at -= p.For
	}
	return whole(total - bad), whole(bad) // both only grow
}

// whole cuts off what is not yet a whole event; the little that is added makes up for rounding.
func whole(n float64) float64 { return math.Floor(n + 1e-6) }

// A Reading is what the two counters of a stream say, and since when they count.
type Reading struct {
	Since     time.Duration
	Good, Bad float64
}

// Read is what a scrape at that time finds, if it finds anything.
func (s *Stream) Read(at time.Duration) (Reading, bool) {
	if !s.Life.holds(at) || at < s.Life.Begin+s.Hidden || s.gap(at) {
		return Reading{}, false
	}
	r := Reading{Since: s.Life.Begin}
	for _, reset := range s.Resets {
		if reset <= at {
			r.Since = max(r.Since, reset)
		}
	}
	good, bad := s.until(at)
	lostGood, lostBad := s.until(r.Since)
	r.Good, r.Bad = good-lostGood, bad-lostBad
	return r, true
}

func (s *Stream) gap(at time.Duration) bool {
	return slices.ContainsFunc(s.Gaps, func(g Span) bool { return g.holds(at) })
}
