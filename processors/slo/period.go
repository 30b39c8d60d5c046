// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import "time"

const week = 7 * 24 * hourLength

// newFor is how long an SLO is new: until its counters have been followed for the hour that its burn rate is of.
const newFor = time.Hour

// A period is the whole period of an error budget, of which a part has not been or was not measured.
type period struct {
	start, end int64
	// from is where the budget begins, which is after the start if it was reset; to is the present, rounded down so that values do not change
	// all the time.
	from, to  int64
	measured  measured
	timetable *timetable
	// changes is when the present is rounded to another moment; never if all is measured.
	changes int64
}

// periodOf is the period at now.
func (o *objective) periodOf(now int64, h *history, m measured) period {
	at := func(now int64) period {
		p := period{start: now - int64(o.slo.Window.Rolling), end: now, to: now, measured: m, timetable: o.timetable, changes: never}
		if o.slo.Window.Calendar != nil {
			p.start, p.end = o.period(now)
		}
		p.from = p.start
		if h != nil {
			p.from = max(p.from, h.reset.at)
		}
		return p
	}
	p := at(now)
	if p.time(p.from) >= p.end-p.start {
		return p
	}
	step := minuteLength
	for p.time(p.start) >= 1000*step { // three digits are enough
		step *= 10
	}
	present := now - now%step
	start, end := p.start, p.end
	if p = at(present); o.slo.Window.Calendar != nil {
		p.start, p.end = start, end
		p.from = max(p.from, start)
	}
	p.changes = present + step
	return p
}

// time is how much was measured since from.
func (p *period) time(from int64) int64 { return p.measured.length(from, p.to) }

// coverage is the share of the period that was measured.
func (p *period) coverage() float64 { return float64(p.time(p.start)) / float64(p.end-p.start) }

// share is which part of the events of the whole period were in the measured time: its share of the time in which events count; and if the last week is known,
// its share of the traffic, supposed that each hour of a week is like the one in the last. It may be another one from the time on.
func (p *period) share(h *history) (_ float64, changes int64) {
	if p.changes == never {
		return 1, never
	}
	shape := h.weekShape(p.measured)
	if shape == nil {
		var counting int64
		for _, m := range p.measured {
			counting += p.timetable.counting(max(m.start, p.from), min(m.end, p.to))
		}
		return float64(counting) / float64(max(p.timetable.counting(p.start, p.end), 1)), p.changes
	}
	var in float64
	for _, m := range p.measured {
		if a, b := max(m.start, p.from), min(m.end, p.to); a < b {
			in += shape.until(b) - shape.until(a)
		}
	}
	return min(in/(shape.until(p.end)-shape.until(p.start)), 1), min(p.changes, shape.end+openHours*hourLength)
}

// A weekShape has the traffic of the last week that is sealed.
type weekShape struct {
	minutes *minutes
	end     int64
	first   int // of the hours
	total   float64
}

// weekShape is nil if the week was not measured as a whole, or without traffic.
func (h *history) weekShape(measured measured) *weekShape {
	const hours = int(week / hourLength)
	m := &h.minutes
	s := &weekShape{minutes: m, end: m.openMinute() * minuteLength, first: m.hours[good].n - hours}
	if s.first < 0 || measured.length(s.end-week, s.end) < week {
		return nil
	}
	s.total = s.events(hours)
	if s.total == 0 {
		return nil
	}
	return s
}

// events are those of the first hours of the week.
func (s *weekShape) events(hours int) (n float64) {
	for o := range outcomes {
		n += s.minutes.hours[o].sum(s.first, s.first+hours).events()
	}
	return n
}

// until is the traffic up to t, counted from the end of the week, if all weeks are like it.
func (s *weekShape) until(t int64) float64 {
	weeks := (t - s.end) / week
	rest := (t - s.end) % week
	if rest < 0 {
		weeks, rest = weeks-1, rest+week
	}
	hour := int(rest / hourLength)
	n := float64(weeks)*s.total + s.events(hour)
	if part := rest % hourLength; part > 0 {
		for o := range outcomes {
			n += s.minutes.hours[o].at(s.first+hour).events() * float64(part) / float64(hourLength)
		}
	}
	return n
}
