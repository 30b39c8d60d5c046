// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/teambition/rrule-go"
	"go.yaml.in/yaml/v3"
)

// A Recurrence is a time of day that comes again, on days that a rule selects. It goes by the clock on the wall: it lasts while the clocks
// of its zone show a time from Begin on and before the time that is Length later. Where clocks are set back, an hour within it comes twice,
// and where they are set forward, not at all.
type Recurrence struct {
	// Text is how the catalog says it: DAYS HH:MM-HH:MM ZONE.
	Text string
	Days Days
	// Begin is a time of day, and Length how long the clocks go on from it. Past midnight, it belongs to the day on which it began.
	Begin, Length time.Duration
	Location      *time.Location
}

// Days selects days by the calendar: those that every list which is not empty has.
type Days struct {
	Weekdays []NthWeekday
	// MonthDays count from 1; negative ones from the end of the month, whose last day is -1.
	MonthDays []int
	Months    []time.Month
}

// A NthWeekday is a day of the week; if N is not 0, the N-th of the month, from its end if N is negative.
type NthWeekday struct {
	Day time.Weekday
	N   int
}

// shortestRecurrence is longer than a step of the recording rules.
const shortestRecurrence = 5 * time.Minute

const dayLength = 24 * time.Hour

// Has reports whether the rule selects the day, given as a time in UTC.
func (d Days) Has(day time.Time) bool {
	last := time.Date(day.Year(), day.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
	if len(d.Months) > 0 && !slices.Contains(d.Months, day.Month()) {
		return false
	}
	if len(d.MonthDays) > 0 && !slices.Contains(d.MonthDays, day.Day()) && !slices.Contains(d.MonthDays, day.Day()-last-1) {
		return false
	}
	first, end := (day.Day()-1)/7+1, -((last-day.Day())/7 + 1)
	return len(d.Weekdays) == 0 || slices.ContainsFunc(d.Weekdays, func(w NthWeekday) bool {
		return w.Day == day.Weekday() && (w.N == 0 || w.N == first || w.N == end)
	})
}

// Covers reports whether t is within the recurrence.
func (r *Recurrence) Covers(t time.Time) bool {
	_, offset := t.In(r.Location).Zone()
	wall := t.UTC().Add(time.Duration(offset)*time.Second - r.Begin)
	day := wall.Truncate(dayLength)
	return wall.Sub(day) < r.Length && r.Days.Has(day)
}

// cuts are times from which the recurrence may begin or end, in [from, to). Between two changes of the zone's clocks it is arithmetic.
func (r *Recurrence) cuts(from, to time.Time) (cuts []time.Time) {
	for from.Before(to) {
		end := ClocksUntil(r.Location, from)
		if end.IsZero() || end.After(to) {
			end = to
		}
		_, seconds := from.In(r.Location).Zone()
		offset := time.Duration(seconds) * time.Second
		cuts = append(cuts, from)
		day := from.UTC().Add(offset - r.Begin - r.Length).Truncate(dayLength)
		for ; day.Add(r.Begin - offset).Before(end); day = day.Add(dayLength) {
			if !r.Days.Has(day) {
				continue
			}
			for _, t := range [...]time.Time{day.Add(r.Begin - offset), day.Add(r.Begin + r.Length - offset)} {
				if t.After(from) && t.Before(end) {
					cuts = append(cuts, t)
				}
			}
		}
		from = end
	}
	return cuts
}

// ClocksUntil is a time until which the clocks of a zone go on as at t, most often when they are changed next; the zero time if they never are again.
func ClocksUntil(zone *time.Location, t time.Time) time.Time {
	_, end := t.In(zone).ZoneBounds()
	if !end.IsZero() && !end.After(t) { // on the last day of a leap year, by the rules of later years
		end = FullMinute(t).Add(time.Minute)
	}
	return end
}

var weekdayNames = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

const recurrenceFix = "write DAYS HH:MM-HH:MM ZONE, such as weekday 08:00-18:00 Europe/Madrid"

// parseRecurrence reads DAYS HH:MM-HH:MM ZONE.
func parseRecurrence(s string) (r Recurrence, message, fix string) {
	parts := strings.Fields(s)
	if len(parts) != 3 {
		return r, quote(s) + " does not have days, times and a time zone", recurrenceFix
	}
	r.Text = s
	if r.Days, message, fix = parseDays(parts[0]); message != "" {
		return r, message, fix
	}
	begin, end, ok := strings.Cut(parts[1], "-")
	from, okFrom := parseClock(begin)
	to, okTo := parseClock(end)
	if !ok || !okFrom || !okTo || from == dayLength {
		return r, quote(parts[1]) + " is not a time of day", "write two times, such as 08:00-18:00, or 22:00-06:00 for past midnight"
	}
	if to <= from {
		to += dayLength
	}
	if r.Begin, r.Length = from, to-from; r.Length < shortestRecurrence || r.Length > dayLength {
		return r, quote(parts[1]) + " is shorter than 5 minutes, or longer than a day", "write at least 5 minutes: a sample of the recording rules has as many"
	}
	location, err := loadLocation(parts[2])
	if err != nil {
		return r, quote(parts[2]) + " is not a time zone", "write an IANA name, such as Europe/Madrid or UTC"
	}
	r.Location = location
	return r, "", ""
}

func parseClock(s string) (time.Duration, bool) {
	hour, minute, ok := strings.Cut(s, ":")
	h, errHour := strconv.Atoi(hour)
	m, errMinute := strconv.Atoi(minute)
	ok = ok && errHour == nil && errMinute == nil && len(hour) == 2 && len(minute) == 2 && h >= 0 && m >= 0 && m < 60 && h*60+m <= 24*60
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute, ok
}

// parseDays reads day, weekday, weekend, names of days as a list and as ranges, or a rule of RFC 5545.
func parseDays(s string) (d Days, message, fix string) {
	if strings.Contains(s, "=") {
		return parseRule(s)
	}
	for part := range strings.SplitSeq(strings.ToLower(s), ",") {
		switch part {
		case "day":
			part = "monday-sunday"
		case "weekday":
			part = "monday-friday"
		case "weekend":
			part = "saturday-sunday"
		}
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, to := weekdayOf(first), weekdayOf(last)
		if from < 0 || to < 0 {
			return d, quote(part) + " is not a day", "write day, weekday, weekend, names such as monday or mon-thu, or a rule such as FREQ=MONTHLY;BYDAY=1SU"
		}
		for day := from; ; day = (day + 1) % 7 {
			if w := (NthWeekday{Day: time.Weekday(day)}); !slices.Contains(d.Weekdays, w) {
				d.Weekdays = append(d.Weekdays, w)
			}
			if day == to {
				break
			}
		}
	}
	if len(d.Weekdays) == len(weekdayNames) {
		d.Weekdays = nil
	}
	return d, "", ""
}

func weekdayOf(name string) int {
	return slices.IndexFunc(weekdayNames, func(whole string) bool { return name == whole || name == whole[:3] })
}

// parseRule reads a rule of RFC 5545 that selects days by the calendar alone. What counts from a first day (INTERVAL, COUNT), from the beginning of a
// year, or selects times of day, is refused: recording rules cannot say it.
func parseRule(s string) (d Days, message, fix string) {
	o, err := rrule.StrToROption(s)
	if err == nil {
		_, err = rrule.NewRRule(*o)
	}
	if err != nil {
		return d, fmt.Sprintf("%s is not a rule of RFC 5545: %.100s", quote(s), err), "write a rule such as FREQ=MONTHLY;BYDAY=1SU"
	}
	for _, part := range []struct {
		set      bool
		name, do string
	}{
		{o.Interval > 1, "INTERVAL", "write the days as BYDAY, BYMONTHDAY or BYMONTH"},
		{o.Count != 0, "COUNT", "write end beside every"},
		{!o.Until.IsZero(), "UNTIL", "write end beside every"},
		{!o.Dtstart.IsZero(), "DTSTART", "write start beside every"},
		{len(o.Bysetpos) > 0, "BYSETPOS", "write BYDAY with a number, such as BYDAY=-1FR"},
		{len(o.Byyearday) > 0, "BYYEARDAY", "write BYMONTH and BYMONTHDAY"},
		{len(o.Byweekno) > 0, "BYWEEKNO", "write BYMONTH and BYDAY"},
		{len(o.Byeaster) > 0, "BYEASTER", "write the days with start and end"},
		{len(o.Byhour)+len(o.Byminute)+len(o.Bysecond) > 0, "BYHOUR", "write the times after the rule"},
		{o.Freq > rrule.DAILY, "FREQ", "write DAILY, WEEKLY, MONTHLY or YEARLY"},
	} {
		if part.set {
			return d, quote(s) + " has " + part.name + ", which is not supported", part.do
		}
	}
	for _, month := range o.Bymonth {
		d.Months = append(d.Months, time.Month(month))
	}
	d.MonthDays = o.Bymonthday
	for _, w := range o.Byweekday {
		d.Weekdays = append(d.Weekdays, NthWeekday{time.Weekday((w.Day() + 1) % 7), w.N()})
	}
	numbered := slices.ContainsFunc(d.Weekdays, func(w NthWeekday) bool { return w.N != 0 })
	days := len(d.Weekdays) + len(d.MonthDays)
	switch {
	case numbered && (o.Freq == rrule.WEEKLY || o.Freq == rrule.DAILY):
		return d, quote(s) + " numbers days of no month", "write FREQ=MONTHLY"
	case o.Freq == rrule.WEEKLY && (len(d.Weekdays) == 0 || len(d.MonthDays) > 0):
		return d, quote(s) + " does not say by BYDAY on which day of the week", "add BYDAY, such as BYDAY=SU, and no BYMONTHDAY"
	case o.Freq == rrule.MONTHLY && days == 0:
		return d, quote(s) + " does not say on which day of the month", "add BYDAY=1SU or BYMONTHDAY=1"
	case o.Freq == rrule.YEARLY && (days == 0 || len(d.Months) == 0):
		return d, quote(s) + " does not say on which day of which month", "add BYMONTH, and BYDAY or BYMONTHDAY"
	}
	return d, "", ""
}

var recurrence = shape[*Recurrence]{
	name:   "days, times and time zone",
	schema: schema{"type": "string", "minLength": 1, "maxLength": maxName},
	read: func(r *reader, at place, into **Recurrence) bool {
		var s string
		if !line.read(r, at, &s) {
			return false
		}
		parsed, message, fix := parseRecurrence(s)
		if message != "" {
			r.problem(at, message, fix)
			return false
		}
		*into = &parsed
		return true
	},
	write: func(v *Recurrence) *yaml.Node {
		if v == nil {
			return nil
		}
		return textNode(v.Text)
	},
}
