// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"slices"
	"time"
)

// A Maintenance window is a planned time, whose events do not count against error budgets: from Start up to End, or
// whenever Every says so, from Start up to End if they are set.
type Maintenance struct {
	Start, End time.Time
	Every      *Recurrence
	Reason     string
}

// OperatingHours are a time in which events count. Where there are some, no others do: from Start up to End, if they are set.
type OperatingHours struct {
	Every      *Recurrence
	Start, End time.Time
}

// A Correction says how the events from Start up to End count, whatever maintenance and operating hours say. By and Reason are kept here,
// in version control.
type Correction struct {
	Start, End time.Time
	As         Counting
	// Good and Bad are the events of the whole time, spread evenly over it, if As is Set.
	Good, Bad  float64
	By, Reason string
}

// Counting is how events count.
type Counting string

const (
	// Counted events count as what they are.
	Counted Counting = "counted"
	// Excluded events do not count.
	Excluded Counting = "excluded"
	// AllGood events all count as good.
	AllGood Counting = "good"
	// AllBad events all count as bad.
	AllBad Counting = "bad"
	// Set events are the numbers of the correction, whatever was counted.
	Set Counting = "set"
)

// A Schedule says when the events of an SLO count. Its zero value is always. A minute counts as a whole: a time that begins or ends within one has all of it.
type Schedule struct {
	Hours       []OperatingHours
	Maintenance []Maintenance
	// Corrections count more, the last one most.
	Corrections []Correction
}

// Schedule is that of an SLO of the service: its own operating hours, or else those of the service, and maintenance and corrections of both.
func (s *Service) Schedule(slo *SLO) Schedule {
	hours := slo.OperatingHours
	if len(hours) == 0 {
		hours = s.OperatingHours
	}
	return Schedule{
		Hours: hours, Maintenance: slices.Concat(s.Maintenance, slo.Maintenance), Corrections: slices.Concat(s.Corrections, slo.Corrections),
	}
}

// IsZero reports whether all events count, always, as what they are.
func (s Schedule) IsZero() bool { return len(s.Hours)+len(s.Maintenance)+len(s.Corrections) == 0 }

// Recurs reports whether a part of it comes again and again.
func (s Schedule) Recurs() bool {
	return len(s.Hours) > 0 || slices.ContainsFunc(s.Maintenance, func(m Maintenance) bool { return m.Every != nil })
}

// valid reports whether t is from start up to end, each if it is set.
func valid(start, end, t time.Time) bool {
	return (start.IsZero() || !t.Before(FullMinute(start))) && (end.IsZero() || t.Before(NextMinute(end)))
}

// FullMinute is the beginning of the minute of t.
func FullMinute(t time.Time) time.Time { return t.UTC().Truncate(time.Minute) }

// NextMinute is t at a full minute, and else the next one.
func NextMinute(t time.Time) time.Time {
	if whole := FullMinute(t); !whole.Equal(t) {
		return whole.Add(time.Minute)
	}
	return t.UTC()
}

// Covers reports whether t is in the window.
func (m Maintenance) Covers(t time.Time) bool {
	return valid(m.Start, m.End, t) && (m.Every == nil || m.Every.Covers(t))
}

// At is how the events of the minute at t count.
func (s Schedule) At(t time.Time) Counting {
	as, _ := s.at(t)
	return as
}

// at has the correction, too, if the minute counts by one.
func (s Schedule) at(t time.Time) (Counting, *Correction) {
	t = FullMinute(t)
	for i := range slices.Backward(s.Corrections) {
		if c := &s.Corrections[i]; valid(c.Start, c.End, t) {
			return c.As, c
		}
	}
	if slices.ContainsFunc(s.Maintenance, func(m Maintenance) bool { return m.Covers(t) }) || s.closed(t) {
		return Excluded, nil
	}
	return Counted, nil
}

// closed reports whether t is outside of the operating hours.
func (s Schedule) closed(t time.Time) bool {
	closed := false
	for _, h := range s.Hours {
		if valid(h.Start, h.End, t) {
			if h.Every.Covers(t) {
				return false
			}
			closed = true
		}
	}
	return closed
}

// A Span is a time whose events count in some other way than as what they are. It begins and ends at full minutes.
type Span struct {
	Start, End time.Time
	As         Counting
	// Numbers is the correction that has them, if As is Set.
	Numbers *Correction
}

// Spans are those in [from, to), in order and apart.
func (s Schedule) Spans(from, to time.Time) (spans []Span) {
	from, to = FullMinute(from), NextMinute(to)
	cuts := []time.Time{from}
	add := func(start, end time.Time, every *Recurrence) {
		a, b := from, to
		if !start.IsZero() && FullMinute(start).After(a) {
			a = FullMinute(start)
		}
		if !end.IsZero() && NextMinute(end).Before(b) {
			b = NextMinute(end)
		}
		if !a.Before(b) {
			return
		}
		cuts = append(cuts, a, b)
		if every != nil {
			cuts = append(cuts, every.cuts(a, b)...)
		}
	}
	for _, h := range s.Hours {
		add(h.Start, h.End, h.Every)
	}
	for _, m := range s.Maintenance {
		add(m.Start, m.End, m.Every)
	}
	for _, c := range s.Corrections {
		add(c.Start, c.End, nil)
	}
	slices.SortFunc(cuts, time.Time.Compare)
	cuts = slices.CompactFunc(cuts, time.Time.Equal)
	for i, start := range cuts {
		end := to
		if i+1 < len(cuts) {
			end = cuts[i+1]
		}
		as, numbers := s.at(start)
		if as != Set {
			numbers = nil
		}
		if as == Counted || !start.Before(to) {
			continue
		}
		if last := len(spans) - 1; last >= 0 && spans[last].End.Equal(start) && spans[last].As == as && spans[last].Numbers == numbers {
			spans[last].End = end
		} else {
			spans = append(spans, Span{start, end, as, numbers})
		}
	}
	return spans
}
