// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package past names the times in which late events ended. The sli connector counts by them, and the slo processor books
// the events into the minutes of its history.
//
// A time is an interval as ISO 8601 writes it, from its start and with its length: 2026-11-26T10:42:00Z/PT1M. It is a minute, or where there are too many
// of them an hour or a day, of UTC.
package past

import (
	"cmp"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// The lengths of intervals, in minutes.
const (
	aMinute int64 = 1
	anHour        = 60 * aMinute
	// Day is the longest.
	Day = 24 * anHour
)

// Lengths are those of intervals, finest first.
var Lengths = [...]int64{aMinute, anHour, Day}

var suffixes = map[int64]string{aMinute: "/PT1M", anHour: "/PT1H", Day: "/P1D"}

const (
	// Most is how many minutes, and how many hours, one counter is split into before the next coarser length is taken.
	Most = 64
	// memory is how far back events are counted by time: longer than the longest period.
	memory = 370 * 24 * time.Hour
)

// An Interval is from a Unix time, in minutes, and so many minutes long.
type Interval struct{ From, Length int64 }

// Minute is the Unix minute of a time.
func Minute(t pcommon.Timestamp) int64 { return int64(t / pcommon.Timestamp(time.Minute)) }

// Of is the interval of that length that has the minute.
func Of(minute, length int64) Interval { return Interval{minute - minute%length, length} }

// Reaches reports whether the minute is not too long ago to be counted apart from others.
func Reaches(minute int64, now pcommon.Timestamp) bool {
	return minute >= Minute(now)-int64(memory/time.Minute)
}

// Compare orders by length, then by time.
func (i Interval) Compare(other Interval) int {
	return cmp.Or(cmp.Compare(i.Length, other.Length), cmp.Compare(i.From, other.From))
}

// Bounds are Unix nanoseconds: after from, up to to.
func (i Interval) Bounds() (from, to int64) {
	return i.From * int64(time.Minute), (i.From + i.Length) * int64(time.Minute)
}

const layout = "2006-01-02T15:04:05Z"

// String is the interval as ISO 8601.
func (i Interval) String() string {
	return time.Unix(i.From*60, 0).UTC().Format(layout) + suffixes[i.Length]
}

// Parse reads what String writes.
func Parse(text string) (Interval, bool) {
	start, _, _ := strings.Cut(text, "/")
	t, err := time.Parse(layout, start)
	if err != nil || t.Unix() < 0 || t.Unix()%60 != 0 || t.Year() > 2200 {
		return Interval{}, false
	}
	for _, length := range Lengths {
		if i := Of(t.Unix()/60, length); i.String() == text {
			return i, true
		}
	}
	return Interval{}, false
}
