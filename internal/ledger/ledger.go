// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package ledger is the minute history of SLOs as others than its keeper, the slo processor, read it: in the same process, or as a stream of lines of JSON
// over the status page.
package ledger

import (
	"time"
)

// Day is how much is read at a time.
const Day = 24 * time.Hour

// MinutesPerDay is the most that a day has.
const MinutesPerDay = int(Day / time.Minute)

// Reach is how far back anything is asked for: longer than the longest period.
const Reach = 370 * Day

// An SLO is named by its service and its own name.
type SLO struct{ Namespace, Service, Name string }

// A Span is the time from a moment up to another.
type Span struct{ From, To time.Time }

// A Place is an SLO in one environment, or a group of it.
type Place struct {
	Environment string
	// Group are the values of the attributes by which the SLO is grouped; nil without any.
	Group map[string]string
	// Measured are the times for which counters say what happened, in order and apart.
	Measured []Span
	// Unmeasured are the times of which it is not known what happened, or not any more, as far back as the SLO's windows reach, in order.
	Unmeasured []Gap
}

// A Minute has the events that ended in it. Start is a Unix time in minutes.
type Minute struct {
	Start     int64
	Good, Bad float64
}

// A Keeper has the minutes of SLOs. Each call takes a short time, so that counting does not wait for readers.
type Keeper interface {
	// Places are where the SLO has been counted, and false if it is not followed here.
	Places(of SLO) ([]Place, bool)
	// Minutes are those with events in a day of UTC, in order. With counted, events are as the catalog says that they count: without those in
	// maintenance, corrected, or as slices of time, each of which is one event.
	Minutes(of SLO, at Place, day time.Time, counted bool) []Minute
}

// A Shelf is an extension that shows the minutes of keepers.
type Shelf interface {
	Keep(k Keeper)
}

// Both is the time that is in both; it ends before it begins if there is none.
func Both(a, b Span) Span {
	if b.From.After(a.From) {
		a.From = b.From
	}
	if b.To.Before(a.To) {
		a.To = b.To
	}
	return a
}

// Overlap is how long both last at the same time.
func Overlap(a, b Span) time.Duration {
	both := Both(a, b)
	return max(both.To.Sub(both.From), 0)
}

// A Cause is why it is not known what happened in a time; "" if that is not known either.
type Cause string

// The causes.
const (
	// Stopped: the collector that counts did not run.
	Stopped Cause = "collector_stopped"
	// NoCounters: no counter covers the time. Its senders, or the way from them, were interrupted, and others began afterwards.
	NoCounters Cause = "no_counters"
	// NotFollowed: it was before the first counter arrived, and there is nowhere to read the past.
	NotFollowed Cause = "not_followed"
	// Filling: it was before the first counter arrived, and is about to be read elsewhere.
	Filling Cause = "backfill_pending"
	// NotFilled: it was before the first counter arrived, and the place where the past is read has nothing of it.
	NotFilled Cause = "not_in_history"
	// Damaged: it was measured, and what was saved of it cannot be read. How many events there were in each hour may be known.
	Damaged Cause = "damaged"
)

// A Gap is a time of which it is not known what happened.
type Gap struct {
	Span
	Cause Cause
}

// Text says the cause in words; whatever else it is, that is not known.
func (c Cause) Text() string {
	switch c {
	case Stopped:
		return "the collector that counts did not run"
	case NoCounters:
		return "no counters arrived: nothing sent them, or the connection was broken"
	case NotFollowed:
		return "before the first counter arrived"
	case Filling:
		return "before the first counter arrived; the past is still to be read"
	case NotFilled:
		return "before the first counter arrived; where the past is read, nothing is known of it"
	case Damaged:
		return "what was saved is damaged"
	}
	return "the cause is not known"
}

// Sound is the cause, "" if there is no such cause.
func (c Cause) Sound() Cause {
	switch c {
	case Stopped, NoCounters, NotFollowed, Filling, NotFilled, Damaged:
		return c
	}
	return ""
}
