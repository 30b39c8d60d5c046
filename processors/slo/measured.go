// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"slices"
	"time"
)

// Measured are the times for which counters say what happened, in order and apart. A counter that arrives covers the time since its point
// before, or since its start: an hour in which no collector could be reached was measured if the senders went on counting.
type measured []interval

// maxGaps is how many gaps are remembered. Beyond them, the shortest counts as measured.
const maxGaps = 64

// cover adds (from, to]. Gaps that are no longer than the slack do not count.
func (m *measured) cover(from, to, slack int64) {
	if n := len(*m); n > 0 { // nearly always: the newest goes on
		if last := &(*m)[n-1]; from >= last.start && from <= last.end+slack {
			last.end = max(last.end, to)
			return
		}
	}
	first, _ := slices.BinarySearchFunc(*m, from, func(i interval, from int64) int {
		if i.end+slack < from {
			return -1
		}
		return 1
	})
	next := first
	for ; next < len(*m) && (*m)[next].start <= to+slack; next++ {
		from, to = min(from, (*m)[next].start), max(to, (*m)[next].end)
	}
	*m = slices.Replace(*m, first, next, interval{from, to})
	if len(*m) > maxGaps+1 {
		m.closeShortest()
	}
}

func (m *measured) closeShortest() {
	shortest := 1
	for i := 2; i < len(*m); i++ {
		if (*m)[i].start-(*m)[i-1].end < (*m)[shortest].start-(*m)[shortest-1].end {
			shortest = i
		}
	}
	(*m)[shortest-1].end = (*m)[shortest].end
	*m = slices.Delete(*m, shortest, shortest+1)
}

// forget drops what ended before the time.
func (m *measured) forget(before int64) {
	*m = slices.DeleteFunc(*m, func(i interval) bool { return i.end < before })
}

// length is how much of (from, to] was measured.
func (m measured) length(from, to int64) (length int64) {
	for _, i := range m {
		length += max(min(i.end, to)-max(i.start, from), 0)
	}
	return length
}

// measuredUntil is the measured time as of now. Senders send at every flush: until they count as silent, what they do
// not say yet is nothing missed.
func (i *instance) measuredUntil(now int64, silence time.Duration) measured {
	last := len(i.measured) - 1
	if last < 0 || i.received == 0 || now-i.received > int64(silence) || i.measured[last].end >= now || now-i.measured[last].end > int64(silence) {
		return i.measured
	}
	m := slices.Clone(i.measured)
	m[last].end = now
	return m
}

// known is the measured time as of now, and that of which the catalog has the numbers.
func (i *instance) known(o *objective, now int64, silence time.Duration) measured {
	return o.timetable.known(i.measuredUntil(now, silence), now-o.horizon, now)
}
