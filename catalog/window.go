// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"strings"
	"time"
)

// A Window is the period of an objective: Rolling (a length) or Calendar.
type Window struct {
	Rolling  time.Duration
	Calendar *Calendar
}

// A Calendar window is the month, quarter or ISO week that holds the moment, in a time zone.
type Calendar struct {
	Unit     CalendarUnit
	Location *time.Location
}

// CalendarUnit is a length of a calendar window.
type CalendarUnit string

// The calendar units. A week begins on Monday (ISO 8601).
const (
	Week    CalendarUnit = "week"
	Month   CalendarUnit = "month"
	Quarter CalendarUnit = "quarter"
)

// Bounds are the window's first moment and the moment after its last, as seen at now:
// (now − length, now] for rolling windows, the whole calendar period for the others.
// Midnights are those of the calendar's location, so a period may be an hour longer or
// shorter where clocks change.
func (w Window) Bounds(now time.Time) (start, end time.Time) {
	if w.Calendar == nil {
		return now.Add(-w.Rolling), now
	}
	t := now.In(w.Calendar.Location)
	y, m, d := t.Date()
	at := func(y int, m time.Month, d int) time.Time {
		return time.Date(y, m, d, 0, 0, 0, 0, w.Calendar.Location)
	}
	switch w.Calendar.Unit {
	case Week:
		d -= (int(t.Weekday()) + 6) % 7
		return at(y, m, d), at(y, m, d+7)
	case Quarter:
		m -= (m - 1) % 3
		return at(y, m, 1), at(y, m+3, 1)
	default:
		return at(y, m, 1), at(y, m+1, 1)
	}
}

// Length is the length of the window at now.
func (w Window) Length(now time.Time) time.Duration {
	start, end := w.Bounds(now)
	return end.Sub(start)
}

// MaxLength is the maximum length of the window.
func (w Window) MaxLength() time.Duration {
	const day, clockChange = 24 * time.Hour, time.Hour
	if w.Calendar == nil {
		return w.Rolling
	}
	switch w.Calendar.Unit {
	case Week:
		return 7*day + clockChange
	case Quarter:
		return 92*day + clockChange
	default:
		return 31*day + clockChange
	}
}

// String is the window's name as the slo.window attribute has it: 30d, 36h, month.
func (w Window) String() string {
	if w.Calendar != nil {
		return string(w.Calendar.Unit)
	}
	return FormatDuration(w.Rolling)
}

// FormatDuration writes d as Prometheus does, in its largest even units from days down: 30d, 1h30m.
func FormatDuration(d time.Duration) string {
	if d <= 0 {
		return "0s"
	}
	var b strings.Builder
	for _, u := range []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}} {
		if n := d / u.size; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			d -= n * u.size
		}
	}
	return b.String()
}
