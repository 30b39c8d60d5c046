// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A span is a time, of full minutes, whose events count in some other way than as what they are.
type span struct {
	interval
	as catalog.Counting
	// set are the numbers that replace what was counted, if as is Set: those of the whole time, of which the interval may be a part.
	set numbers
}

// numbers are events that are spread evenly over a time.
type numbers struct {
	interval
	events sum
}

func numbersOf(c *catalog.Correction) (n numbers) {
	if c == nil {
		return n
	}
	return numbers{
		interval{nanos(catalog.FullMinute(c.Start)), nanos(catalog.NextMinute(c.End))},
		sum{count(math.Round(c.Good * float64(oneEvent))), count(math.Round(c.Bad * float64(oneEvent)))},
	}
}

// between are those after from, up to to.
func (n numbers) between(from, to int64) (events sum) {
	for o, all := range n.events {
		events[o] = part(all, n.start, n.end, to) - part(all, n.start, n.end, from)
	}
	return events
}

// A timetable is when the events of an SLO count, as far as it was asked; nil is always. The lock of the SLO's shard guards it.
type timetable struct {
	schedule catalog.Schedule
	from, to int64
	spans    []span
}

// newTimetable is nil if all events count as what they are.
func newTimetable(s catalog.Schedule) *timetable {
	if s.IsZero() {
		return nil
	}
	return &timetable{schedule: s}
}

// same reports whether events count at the same times.
func (t *timetable) same(other *timetable) bool {
	if t == nil || other == nil || t == other {
		return t == other
	}
	return reflect.DeepEqual(t.schedule, other.schedule)
}

// ahead is how much more than what is asked is worked out.
const ahead = 24 * hourLength

// in are the spans that overlap [from, to], and perhaps others before and after them.
func (t *timetable) in(from, to int64) []span {
	if t == nil {
		return nil
	}
	if from < t.from || to >= t.to {
		begin := from
		if t.to != 0 {
			begin = min(from, t.from)
		}
		t.from, t.to = begin-begin%hourLength, max(to+ahead, t.to)
		t.spans = t.spans[:0]
		for _, s := range t.schedule.Spans(time.Unix(0, t.from), time.Unix(0, t.to)) {
			t.spans = append(t.spans, span{interval{nanos(s.Start), nanos(s.End)}, s.As, numbersOf(s.Numbers)})
		}
	}
	first, _ := slices.BinarySearchFunc(t.spans, from, func(s span, from int64) int {
		if s.end <= from {
			return -1
		}
		return 1
	})
	return t.spans[first:]
}

// counting is how much of (from, to] has events that count.
func (t *timetable) counting(from, to int64) int64 {
	length := max(to-from, 0)
	for _, s := range t.in(from, to) {
		if s.start >= to {
			break
		}
		if s.as == catalog.Excluded {
			length -= max(min(s.end, to)-max(s.start, from), 0)
		}
	}
	return length
}

// excluded is how many of n events, spread evenly over (from, to], do not count.
func (t *timetable) excluded(from, to int64, n count) (out count) {
	for _, s := range t.in(from, to) {
		if s.start >= to {
			break
		}
		if s.as == catalog.Excluded {
			out += part(n, from, to, s.end) - part(n, from, to, s.start)
		}
	}
	return out
}

// known adds the times whose numbers the catalog has to those that were measured.
func (t *timetable) known(m measured, from, now int64) measured {
	if t == nil || !slices.ContainsFunc(t.schedule.Corrections, func(c catalog.Correction) bool { return c.As == catalog.Set }) {
		return m
	}
	m = slices.Clone(m)
	for _, s := range t.in(from, now) {
		if start, end := max(s.start, from), min(s.end, now); s.as == catalog.Set && start < end {
			m.cover(start, end, 0)
		}
	}
	return m
}

// judge is what the events in (from, to] count as.
func (s span) judge(events sum, from, to int64) sum {
	switch s.as {
	case catalog.Set:
		return s.set.between(from, to)
	case catalog.Excluded:
		return sum{}
	case catalog.AllGood:
		return sum{events.all(), 0}
	case catalog.AllBad:
		return sum{0, events.all()}
	default:
		return events
	}
}

// next is the span at t, or one that says nothing. The spans are in order, and times are asked in order: those that are over are left out.
func next(spans *[]span, t int64) span {
	for len(*spans) > 0 && (*spans)[0].end <= t {
		*spans = (*spans)[1:]
	}
	if len(*spans) > 0 && (*spans)[0].start <= t {
		return (*spans)[0]
	}
	return span{as: catalog.Counted}
}

// oneSlice is a slice of time in a view: so much that shares of it are exact to a millionth.
const oneSlice count = 1 << 20

// A view is a history as the catalog says that it counts: without what is excluded, with what was corrected, or as slices of time, each of which is one
// event in its last minute. It depends on nothing but the history, the times that were measured, and the catalog. So what the catalog says of the past counts
// as if it had said so from the start.
type view struct {
	history
	of        *history
	timetable *timetable
	budgeting catalog.Budgeting
	// tolerated is the share of bad events in a good slice.
	tolerated float64
	// known are the times that were measured, for slices.
	known measured
}

// next is the span at t. A minute that is not over has no numbers yet.
func (v *view) next(spans *[]span, t int64) span {
	s := next(spans, t)
	if s.as == catalog.Set && t-t%minuteLength+minuteLength > v.now {
		return span{as: catalog.Counted}
	}
	return s
}

// plain reports whether the history itself is what counts.
func (o *objective) plain() bool {
	return o.timetable == nil && o.slo.Budgeting.Method == catalog.Occurrences
}

// counted is the history, at its present, as it counts.
func (i *instance) counted(o *objective, known measured) *history {
	if i.history == nil || o.plain() {
		i.view = nil
		return i.history
	}
	v := i.view
	if v == nil || v.of != i.history || v.budgeting != o.slo.Budgeting || v.minutes.first > i.history.minutes.first ||
		!v.timetable.same(o.timetable) {
		v = &view{of: i.history, budgeting: o.slo.Budgeting}
		v.minutes.source = v.hour
		i.view, i.history.changed = v, 0
	}
	v.timetable, v.tolerated = o.timetable, (&catalog.SLO{Objective: o.slo.Budgeting.Target}).ErrorBudget()
	v.update(known)
	return &v.history
}

// update makes the view that of the history now.
func (v *view) update(known measured) {
	raw, m, changed := v.of, &v.minutes, v.of.changed
	v.known, v.now, v.length, v.period, v.periodEnd = known, raw.now, raw.length, raw.period, raw.periodEnd
	if changed < raw.minutes.first*hourLength || m.hours[good].n == 0 || raw.minutes.first-m.first > int64(m.hours[good].n) { // all of it
		changed = 0
		m.first = raw.minutes.first
		for o := range outcomes {
			m.hours[o] = packed{n: raw.minutes.hours[o].n}
		}
	}
	if drop := int(raw.minutes.first - m.first); drop > 0 {
		for o := range outcomes {
			m.hours[o].drop(drop)
		}
		m.first, m.edges = raw.minutes.first, nil
	}
	if changed < m.openMinute()*minuteLength {
		m.edges = nil
	}
	from := min(max(changed/hourLength, m.first), m.openHour()) // what was open may be sealed now
	for o := range outcomes {
		m.hours[o].push(raw.minutes.hours[o].n - m.hours[o].n)
		m.open[o] = packed{n: openHours * minutesPerHour}
	}
	v.total = sum{}
	for number := from; number < m.openHour(); number++ {
		m.setHour(int(number-m.first), v.hourTotal(number))
	}
	for n := range openHours {
		hour := v.openHour(n)
		for k, events := range hour {
			for o, c := range events {
				m.open[o].set(n*minutesPerHour+k, c)
			}
		}
	}
	for o := range outcomes {
		v.total[o] = m.hours[o].sum(0, m.hours[o].n) + m.open[o].sum(0, m.open[o].n)
	}
	for i := range m.edges {
		m.edges[i].known, m.edges[i].next = false, 0
	}
	for i := range v.rings {
		v.ring(i)
	}
	if v.reset = (mark{at: raw.reset.at}); v.reset.at != 0 {
		v.reset.total = m.totalAt(v.reset.at, v.now, v.total, &edge{})
	}
	raw.changed = math.MaxInt64
}

// ring makes a ring. Where events are counted, each step of the history's is in one minute, and counts as that does.
func (v *view) ring(i int) {
	raw := &v.of.rings[i]
	if v.budgeting.Method != catalog.Occurrences {
		var e edge
		v.rings[i] = resample(raw.step, v.now, v.total, func(t int64) sum { return v.minutes.totalAt(t, v.now, v.total, &e) })
		return
	}
	r := newRing(raw.step, v.now)
	spans := v.timetable.in(r.oldest()*r.step, v.now)
	var steps [boundaries]sum // after each boundary
	for k := r.oldest(); k <= r.head; k++ {
		end := v.of.total
		if k < r.head {
			end = raw.total(k+1, v.of.total)
		}
		steps[k-r.oldest()] = v.next(&spans, k*r.step).judge(end.minus(raw.total(k, v.of.total)), k*r.step, (k+1)*r.step)
	}
	later := v.total
	for k := r.head; k >= r.oldest(); k-- {
		later = later.minus(steps[k-r.oldest()])
		r.set(k, later, v.total)
	}
	v.rings[i] = r
}

// hourTotal is all of a sealed hour. Its minutes are read only if that is not enough.
func (v *view) hourTotal(number int64) sum {
	start, i := number*hourLength, int(number-v.of.minutes.first)
	events := sum{v.of.minutes.hours[good].at(i), v.of.minutes.hours[bad].at(i)}
	if v.budgeting.Method == catalog.Occurrences {
		spans := v.timetable.in(start, start+hourLength)
		one := next(&spans, start)
		switch {
		case len(spans) == 0, one.as == catalog.Counted && spans[0].start >= start+hourLength:
			return events
		case one.as != catalog.Counted && one.end >= start+hourLength:
			return one.judge(events, start, start+hourLength)
		case events == sum{} && !slices.ContainsFunc(spans, func(s span) bool { return s.as == catalog.Set && s.start < start+hourLength }):
			return events
		}
	}
	hour := v.hour(number)
	return hour.all()
}

// hour is a sealed hour.
func (v *view) hour(number int64) hourOfMinutes {
	h := v.of.minutes.hour(number)
	v.judge(number, &h)
	return h
}

// openHour is the n-th hour whose minutes are in memory.
func (v *view) openHour(n int) (h hourOfMinutes) {
	for k := range h {
		for o := range outcomes {
			h[k][o] = v.of.minutes.open[o].at(n*minutesPerHour + k)
		}
	}
	v.judge(v.of.minutes.openHour()+int64(n), &h)
	return h
}

// judge makes the hour one as it counts.
func (v *view) judge(number int64, h *hourOfMinutes) {
	start := number * hourLength
	spans := v.timetable.in(start, start+hourLength)
	var as [minutesPerHour]catalog.Counting
	for k := range h {
		minute := start + int64(k)*minuteLength
		s := v.next(&spans, minute)
		as[k], h[k] = s.as, s.judge(h[k], minute, minute+minuteLength)
	}
	if v.budgeting.Method == catalog.Occurrences {
		return
	}
	length := int(v.budgeting.Slice / time.Minute)
	for first := 0; first < minutesPerHour; first += length {
		minutes := h[first : first+length]
		slice := v.slice(start+int64(first)*minuteLength, minutes, as[first:first+length])
		clear(minutes)
		minutes[length-1] = slice
	}
}

// slice judges a slice of time by its minutes, and by how they count. It has none of oneSlice if it is not over, was not measured, or does not count.
func (v *view) slice(start int64, minutes []sum, as []catalog.Counting) (slice sum) {
	end := start + int64(len(minutes))*minuteLength
	if end > v.now || v.known.length(start, end) == 0 || !slices.ContainsFunc(as, func(c catalog.Counting) bool { return c != catalog.Excluded }) {
		return slice
	}
	var events sum
	for _, m := range minutes {
		events[good] += m[good]
		events[bad] += m[bad]
	}
	failed := events.errorRatio()
	if events.all() == 0 && slices.Contains(as, catalog.AllBad) {
		failed = 1
	}
	if v.budgeting.Method == catalog.TimeSlices {
		failed = b2f(failed > v.tolerated)
	}
	slice[bad] = count(math.Round(failed * float64(oneSlice)))
	slice[good] = oneSlice - slice[bad]
	return slice
}

func b2f(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// nextSlice is when the next slice is over; never if there are none.
func (o *objective) nextSlice(now int64) int64 {
	if o.slo.Budgeting.Method == catalog.Occurrences {
		return never
	}
	slice := int64(o.slo.Budgeting.Slice)
	return now - now%slice + slice
}
