// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"cmp"
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
)

// A loss is a time of which it is known why it was not measured, or is not known any more.
type loss struct {
	interval
	cause lossCause
}

// A lossCause is why. Its values are part of the checkpoint's format.
type lossCause uint8

const (
	// stopped: what counts did not run, as its counter says.
	stopped lossCause = iota
	// damaged: it was measured, and the minutes that were saved of it cannot be read.
	damaged
	// gone: nothing that was saved of it can be read. Counters may say what happened.
	gone
	lossCauses
)

// maxLosses is how many losses are remembered. Beyond them, the oldest is forgotten, and the cause of the time is not known.
const maxLosses = maxGaps

// losses are in the order of their beginnings. Those of one cause do not overlap.
type losses []loss

// add adds (from, to].
func (l *losses) add(from, to int64, cause lossCause) {
	if from >= to {
		return
	}
	*l = slices.DeleteFunc(*l, func(other loss) bool {
		if other.cause != cause || other.end < from || other.start > to {
			return false
		}
		from, to = min(from, other.start), max(to, other.end)
		return true
	})
	*l = append(*l, loss{interval{from, to}, cause})
	slices.SortFunc(*l, func(a, b loss) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.cause, b.cause)) })
	if n := len(*l) - maxLosses; n > 0 {
		*l = slices.Delete(*l, 0, n)
	}
}

// forget drops what ended before the time.
func (l *losses) forget(before int64) {
	*l = slices.DeleteFunc(*l, func(one loss) bool { return one.end < before })
}

// repair drops what was damaged in the hour.
func (l *losses) repair(hour int64) {
	from, to := hour*hourLength, (hour+1)*hourLength
	for _, one := range slices.Clone(*l) {
		if one.cause != damaged || one.start >= to || one.end <= from {
			continue
		}
		*l = slices.DeleteFunc(*l, func(other loss) bool { return other == one })
		l.add(one.start, from, damaged)
		l.add(to, one.end, damaged)
	}
}

// damaged is how much of (from, to] was measured, and is not known any more.
func (l losses) damaged(m measured, from, to int64) (length int64) {
	for _, one := range l {
		if one.cause == damaged {
			length += m.length(max(one.start, from), min(one.end, to))
		}
	}
	return length
}

// pause notes that the counter says nothing of the time since its last point up to until: what counts did not run. Its next value is of the time after.
func (i *instance) pause(id streamID, until, now int64) (paused bool) {
	at, known := i.streams.find(id)
	if !known {
		return false
	}
	s := &i.streams[at]
	if s.delta || until <= int64(s.Time) || until > now+int64(skewTolerance) {
		return false
	}
	if until-int64(s.Time) > minuteLength { // less is no gap
		i.losses.add(int64(s.Time), until, stopped)
	}
	s.advanceTo(until)
	return true
}

// noteDamage takes up the hours that could not be read. It reports whether there were any.
func (i *instance) noteDamage() bool {
	if i.history == nil || len(i.history.minutes.lost) == 0 {
		return false
	}
	for _, hour := range i.history.minutes.lost {
		i.losses.add(hour*hourLength, (hour+1)*hourLength, damaged)
	}
	i.history.minutes.lost = nil
	return true
}

// unmeasured are the parts of (from, to] that are not in m, or are not known any more, each with its cause, in order. Filling: the past is read elsewhere.
func (i *instance) unmeasured(m measured, from, to int64, filling bool) (all []ledger.Gap) {
	gap := func(start, end int64, cause ledger.Cause) {
		if last := len(all) - 1; last >= 0 && all[last].To.UnixNano() == start && all[last].Cause == cause {
			all[last].To = time.Unix(0, end)
			return
		}
		all = append(all, ledger.Gap{Span: ledger.Span{From: time.Unix(0, start), To: time.Unix(0, end)}, Cause: cause})
	}
	damagedIn := func(start, end int64) {
		for _, l := range i.losses {
			if a, b := max(l.start, start), min(l.end, end); l.cause == damaged && a < b {
				gap(a, b, ledger.Damaged)
			}
		}
	}
	for _, known := range append(slices.Clone(m), interval{to, to}) {
		for start := from; start < min(known.start, to); {
			end, cause := i.cause(start, min(known.start, to), filling)
			gap(start, end, cause)
			start = end
		}
		damagedIn(max(from, known.start), min(known.end, to))
		from = max(from, known.end)
	}
	return all
}

// cause is why the time from start was not measured, and up to when that is why, at most to end.
func (i *instance) cause(start, end int64, filling bool) (int64, ledger.Cause) {
	for _, l := range i.losses {
		if l.start > start {
			end = min(end, l.start)
			break
		}
		if l.end > start {
			return min(end, l.end), [lossCauses]ledger.Cause{ledger.Stopped, ledger.Damaged, ledger.Damaged}[l.cause]
		}
	}
	switch before := i.created; {
	case i.received == 0:
		return end, ledger.NotFollowed
	case start >= before:
		return end, ledger.NoCounters
	case !filling:
		return min(end, before), ledger.NotFollowed
	case i.filled == 0 || start < i.filled:
		if i.filled != 0 {
			before = i.filled
		}
		return min(end, before), ledger.Filling
	default:
		return min(end, before), ledger.NotFilled
	}
}
