// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package month

import (
	"math"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
)

const (
	week = 7 * 24 * time.Hour
	// openHours is how many hours before the present are not in the last week yet: those whose events may still arrive. The slo processor has the same.
	openHours = 3
)

// A Period is that of an error budget, at a time within it.
type Period struct {
	Start, End time.Time
	// From is where the budget begins, which is after the start if it was reset; At is the present.
	From, At time.Time
	// Gaps are the times between them that were not measured.
	Gaps []Gap
	// Excluded is for how long from the one time to the other events do not count.
	Excluded func(from, to time.Time) time.Duration
}

// A Gap is a time that was not measured. The cause is known where the collector's own history is read.
type Gap struct {
	From, To time.Time
	Cause    ledger.Cause
}

// Share is which part of the events of the whole period were in the measured time, as the slo processor projects it: its share of the time in which events
// count; and if the week before was measured as a whole, its share of the traffic, supposed that each hour of a week is like the one in the last.
func (p Period) Share(e Events) float64 {
	shape := weekBefore(p.At, e, p.Excluded)
	if shape == nil {
		length := max(p.End.Sub(p.Start)-p.Excluded(p.Start, p.End), time.Minute)
		return min(float64(e.Measured(p.From, p.At))/float64(length), 1)
	}
	in := shape.until(p.At) - shape.until(p.From) - p.missed(shape.until)
	return min(max(in, 0)/(shape.until(p.End)-shape.until(p.Start)), 1)
}

// Missed is which part of the events of the whole period were in the gaps, supposed the same.
func (p Period) Missed(e Events) float64 {
	if shape := weekBefore(p.At, e, p.Excluded); shape != nil {
		return p.missed(shape.until) / (shape.until(p.End) - shape.until(p.Start))
	}
	length := max(p.End.Sub(p.Start)-p.Excluded(p.Start, p.End), time.Minute)
	return p.missed(func(t time.Time) float64 { return float64(t.Sub(p.Start)) }) / float64(length)
}

// missed is what there was in the gaps, by a function that says what there was until a time.
func (p Period) missed(until func(time.Time) float64) (sum float64) {
	for _, g := range p.Gaps {
		from, to := g.From, g.To
		if from.Before(p.From) {
			from = p.From
		}
		if to.After(p.At) {
			to = p.At
		}
		if from.Before(to) { // what does not count was missed by nobody
			sum += (until(to) - until(from)) * (1 - float64(p.Excluded(from, to))/float64(to.Sub(from)))
		}
	}
	return sum
}

// A weekShape is the traffic of a week.
type weekShape struct {
	start time.Time
	total float64
	e     Events
}

// weekBefore is nil if the week was not measured as a whole, or has no traffic.
func weekBefore(at time.Time, e Events, excluded func(from, to time.Time) time.Duration) *weekShape {
	end := at.UTC().Truncate(time.Hour).Add(-(openHours - 1) * time.Hour)
	s := &weekShape{start: end.Add(-week), e: e}
	if e.Measured(s.start, end)+excluded(s.start, end) < week-time.Minute {
		return nil
	}
	if _, s.total = e.Between(s.start, end); s.total <= 0 {
		return nil
	}
	return s
}

// until is the traffic from the beginning of the week to t, if all weeks are like it.
func (s *weekShape) until(t time.Time) float64 {
	weeks := math.Floor(float64(t.Sub(s.start)) / float64(week))
	rest := t.Sub(s.start) - time.Duration(weeks)*week
	hour := rest.Truncate(time.Hour)
	_, n := s.e.Between(s.start, s.start.Add(hour))
	_, last := s.e.Between(s.start.Add(hour), s.start.Add(hour+time.Hour))
	return weeks*s.total + n + last*float64(rest-hour)/float64(time.Hour)
}
