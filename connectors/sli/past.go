// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/past"
)

// pastIdle is how long the counter of a time in the past is emitted after its last event. A later event begins a new one.
const pastIdle = time.Hour

// A pastCounter has the late events that ended in one time in the past.
type pastCounter struct {
	past.Interval
	outcomes
	// start is when the counter was made, touched when it last counted.
	start, touched pcommon.Timestamp
}

// at returns the counter of the interval; made at the time if there is none.
func (l *lateCounts) at(i past.Interval, now pcommon.Timestamp) *pastCounter {
	at, ok := slices.BinarySearchFunc(l.past, i, func(c pastCounter, i past.Interval) int { return c.Compare(i) })
	if !ok {
		l.past = slices.Insert(l.past, at, pastCounter{Interval: i, start: now})
	}
	l.past[at].touched = now
	return &l.past[at]
}

// place is the counter for events that ended in the minute: that of the minute; if there are too many of those already, that of its hour; or of its day.
func (l *lateCounts) place(minute int64, now pcommon.Timestamp) *pastCounter {
	for _, length := range past.Lengths {
		i := past.Of(minute, length)
		_, known := slices.BinarySearchFunc(l.past, i, func(c pastCounter, i past.Interval) int { return c.Compare(i) })
		if known || length == past.Day || l.count(length) < past.Most {
			return l.at(i, now)
		}
	}
	return nil // a day has room
}

func (l *lateCounts) count(length int64) (n int) {
	for i := range l.past {
		if l.past[i].Length == length {
			n++
		}
	}
	return n
}

// forget drops the counters that have been idle.
func (l *lateCounts) forget(now pcommon.Timestamp) {
	l.past = slices.DeleteFunc(l.past, func(c pastCounter) bool { return c.touched+pcommon.Timestamp(pastIdle) < now })
}

// lateCounts returns those of the series.
func (s *series) lateCounts() *lateCounts {
	if s.late == nil {
		s.late = &lateCounts{}
	}
	return s.late
}

// pastEvents are late events of one request that ended in the same minute. Their counter is chosen when the request is committed.
type pastEvents struct {
	minute int64
	outcomes
	counter past.Interval
	start   pcommon.Timestamp
}

// addPast notes a late event in its minute.
func (t *tally) addPast(ended pcommon.Timestamp, good, bad float64) {
	minute := past.Minute(ended)
	if last := len(t.past) - 1; last < 0 || t.past[last].minute != minute {
		t.past = append(t.past, pastEvents{minute: minute})
	}
	e := &t.past[len(t.past)-1]
	e.good += good
	e.bad += bad
}

// placePast chooses the counters of the late events.
func (t *tally) placePast(pair *series, now time.Time) {
	at := pcommon.NewTimestampFromTime(now)
	for i := range t.past {
		e := &t.past[i]
		if e.start != 0 || !past.Reaches(e.minute, at) {
			continue // it has one, or ended before any period
		}
		c := pair.lateCounts().place(e.minute, at)
		e.counter, e.start = c.Interval, c.start
	}
}

// countPast adds events to the counter that was chosen for them.
func (s *series) countPast(i past.Interval, start, now pcommon.Timestamp, n outcomes) {
	c := s.lateCounts().at(i, now)
	if c.outcomes == (outcomes{}) || c.start < start { // an older one had ended
		c.outcomes, c.start = outcomes{}, start
	}
	c.good += n.good
	c.bad += n.bad
}
