// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/cumulative"
	"github.com/otelcol-sre/otelcol-sre/internal/past"
)

// skewTolerance is how far ahead a point may be without being reported. Clocks differ: a point that is ahead counts at
// the present moment.
const skewTolerance = 10 * time.Second

// A verdict says what became of a point.
type verdict uint8

const (
	counted verdict = iota
	clockSkew
	restarted
	duplicate
	outOfOrder
	regressed
	forgotten
	tooOld
	invalid
	unknownSLO
	overflow
	ended
	verdicts
)

func (v verdict) String() string {
	return [verdicts]string{
		"counted", "clock_skew", "reset", "duplicate", "out_of_order", "regressed",
		"forgotten", "too_old", "invalid", "unknown_slo", "overflow", "ended",
	}[v]
}

// An instance is an SLO in one environment, or a group of it.
type instance struct {
	environment string
	// group is "" for an SLO without groups; see groups.go.
	group string
	// created is when the counting began here: with the first counter, or before it with the catalog.
	created int64
	// received is when the last point arrived; 0 is never.
	received int64
	// forgotten is the time of the newest point of a counter that is no longer followed. A counter that is
	// new here and started before may be that one, and its value have been counted.
	forgotten int64
	// maintenance are the events that did not count when they arrived.
	maintenance sum
	streams     streams
	measured    measured
	losses      losses
	// filled is the time from which on the past is known or was looked for elsewhere; 0 if that has not begun.
	filled int64
	// history is nil until there is an event, so that an SLO without any costs next to nothing. Its sealed hours are in the archive; nil without
	// storage.
	history *history
	archive *archive
	// view is the history as it counts; nil if that is as it is.
	view *view
	// shown is what was emitted; refused: the last of it was not taken.
	shown   shown
	refused bool
	// look is when to look at the instance next; until is the time from which its values change even if no counter arrives.
	look, until int64
	// moved: counters have increased since the last look. answered is when the last look was that followed an increase.
	moved    bool
	answered int64
	// since is when counters began to arrive, after they had not for some time.
	since int64
	// owned: no peer has a stronger claim.
	owned bool
}

// take counts what is new in the point of a stream. The events happened in the time since the point before, or in the past
// that is given.
func (i *instance) take(id streamID, p cumulative.Point, out outcome, past past.Interval, now int64, o *objective, maxStreams int) verdict {
	if p.Value > maxValue || int64(p.Time) < 0 {
		return invalid
	}
	p.Value = round(p.Value)
	at, known := i.streams.find(id)
	if !known {
		if len(i.streams) >= maxStreams {
			return overflow
		}
		return i.meet(at, stream{id: id, seen: now, fresh: true, delta: p.Delta, outcome: out}, p, out, past, now, o)
	}
	s := &i.streams[at]
	if ahead := now + int64(skewTolerance); int64(s.Time) > ahead && int64(p.Time) <= ahead {
		s.rewind(p)
	}
	increase, v := s.Advance(p)
	if v == cumulative.Invalid {
		return invalid
	}
	s.seen, i.received = now, now
	s.fresh, s.delta, s.outcome = true, p.Delta, out
	s.belong(past)
	switch v {
	case cumulative.Reset:
		return i.count(increase, out, restarted, past, now, o)
	case cumulative.Duplicate:
		return duplicate
	case cumulative.OutOfOrder:
		return outOfOrder
	case cumulative.Regressed:
		return regressed
	default:
		return i.count(increase, out, counted, past, now, o)
	}
}

// meet takes the first point of a stream that was not known. All that it holds is new, unless the stream
// may be one that was forgotten or does not say when it started: then it only tells where to go on from.
func (i *instance) meet(at int, s stream, p cumulative.Point, out outcome, past past.Interval, now int64, o *objective) verdict {
	s.belong(past)
	increase, v := s.Advance(p)
	if v == cumulative.Invalid {
		return invalid
	}
	if i.received == 0 {
		i.created = now
	}
	i.received = now
	i.streams = slices.Insert(i.streams, at, s)
	startUnknown := p.Start == 0 || p.Start == p.Time
	if !p.Delta && p.Value > 0 && (startUnknown || int64(p.Start) <= i.forgotten) {
		return forgotten
	}
	return i.count(increase, out, counted, past, now, o)
}

// count adds an increase to the history. It returns v, or what was odd about the increase's time.
func (i *instance) count(increase cumulative.Increase, out outcome, v verdict, past past.Interval, now int64, o *objective) verdict {
	from, to := int64(increase.From), int64(increase.To)
	if past.Length != 0 {
		from, to = past.Bounds()
	}
	if to > now {
		if to > now+int64(skewTolerance) && v == counted {
			v = clockSkew
		}
		to = now
	}
	if to <= now-o.horizon {
		return tooOld
	}
	if from < to && past.Length == 0 {
		i.measured.cover(max(from, now-o.horizon), to, minuteLength)
		if i.history != nil {
			i.history.changed = min(i.history.changed, from)
		}
	}
	n := count(increase.Value * float64(oneEvent))
	if n == 0 {
		return v
	}
	i.remember(now, o)
	i.spread(min(from, to-1), to, out, n, o)
	return v
}

// remember makes sure that there is a history, as of now.
func (i *instance) remember(now int64, o *objective) {
	if i.history == nil {
		i.history = newHistory(now, o)
		i.history.minutes.archive = i.archive
	}
	i.history.advance(now, o)
}

// spread adds n events that happened evenly over (from, to], and notes how many of them do not count.
func (i *instance) spread(from, to int64, out outcome, n count, o *objective) {
	i.history.add(from, to, out, n)
	i.maintenance[out] = min(i.maintenance[out]+o.timetable.excluded(from, to, n), maxCount)
}
