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

// A Calendar window is the day, week, month, quarter or year that holds the moment, in a time zone.
type Calendar struct {
	Unit     CalendarUnit
	Location *time.Location
	// Start is the local time at which one of the periods begins, as a time in UTC; the others follow from it.
	// Zero is midnight of a Monday, or of the first of January.
	Start time.Time
}

// CalendarUnit is a length of a calendar window.
type CalendarUnit string

// The calendar units.
const (
	Day     CalendarUnit = "day"
	Week    CalendarUnit = "week"
	Month   CalendarUnit = "month"
	Quarter CalendarUnit = "quarter"
	Year    CalendarUnit = "year"
)

// A unitLength is the length of a period in days or months.
type unitLength struct{ days, months int }

var unitLengths = map[CalendarUnit]unitLength{Day: {days: 1}, Week: {days: 7}, Month: {months: 1}, Quarter: {months: 3}, Year: {months: 12}}

// firstStart begins a day, a week (a Monday), a month, a quarter and a year.
var firstStart = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)

// begin is the start of the n-th period after the one that begins at Start. A day that a month does not have
// is the month's last.
func (c *Calendar) begin(n int) time.Time {
	start, length := c.Start, unitLengths[c.Unit]
	if start.IsZero() {
		start = firstStart
	}
	y, m, d := start.Date()
	m += time.Month(n * length.months)
	d = min(d, time.Date(y, m+1, 0, 0, 0, 0, 0, time.UTC).Day()) + n*length.days
	return time.Date(y, m, d, start.Hour(), start.Minute(), start.Second(), 0, c.Location)
}

// Bounds are the window's first moment and the moment after its last, as seen at now:
// (now − length, now] for rolling windows, the whole calendar period for the others.
// Times of day are those of the calendar's location, so a period may be an hour longer or
// shorter where clocks change.
func (w Window) Bounds(now time.Time) (start, end time.Time) {
	c := w.Calendar
	if c == nil {
		return now.Add(-w.Rolling), now
	}
	n := int(now.Sub(c.begin(0)) / w.MaxLength()) // or some more
	for c.begin(n).After(now) {
		n--
	}
	for !c.begin(n + 1).After(now) {
		n++
	}
	return c.begin(n), c.begin(n + 1)
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
	return map[CalendarUnit]time.Duration{Day: day, Week: 7 * day, Month: 31 * day, Quarter: 92 * day, Year: 366 * day}[w.Calendar.Unit] + clockChange
}

// Nominal is the length from which burn rates are computed: that of a calendar period does not change from one month to
// the next.
func (w Window) Nominal() time.Duration {
	if w.Calendar == nil {
		return w.Rolling
	}
	const day = 24 * time.Hour
	return map[CalendarUnit]time.Duration{Day: day, Week: 7 * day, Month: 30 * day, Quarter: 90 * day, Year: 365 * day}[w.Calendar.Unit]
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
