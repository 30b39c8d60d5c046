// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// recordCounts is 1 when the events of the last step count, and else 0. It is there for SLOs with times that come again, or with corrections; windows
// of maintenance that do not come again are in the rules themselves.
const recordCounts = "slo:sli_counts:bool"

// Changes of a zone's clocks are in the rules for these years. Before and after them, the time is that of the nearest change.
const (
	firstClockYear = 2020
	lastClockYear  = 2040
)

func (o objective) schedule() catalog.Schedule { return o.service.Schedule(o.SLO) }

// recordsCounts reports whether recordCounts is there.
func recordsCounts(s catalog.Schedule) bool { return s.Recurs() || len(s.Corrections) > 0 }

// counting records when events count. A sample holds the events of a step, so what is excluded ends a step later.
func (o objective) counting() []rulefmt.Rule {
	s := o.schedule()
	if !recordsCounts(s) {
		return nil
	}
	expr := "vector(1)"
	if closed := outside(s.Hours, 0); closed != "" {
		expr = unless(expr, closed+"\nor "+outside(s.Hours, step))
	}
	for _, m := range s.Maintenance {
		within := between(m.Start, m.End, step)
		if m.Every != nil {
			within = both(covers(m.Every, 0)+"\nor "+covers(m.Every, step), within)
		}
		expr = unless(expr, within)
	}
	for _, c := range s.Corrections {
		within := between(c.Start, c.End, step)
		if c.As == catalog.Excluded || c.As == catalog.Set { // rules have no numbers of the past
			expr = unless(expr, within)
		} else {
			expr = "(" + expr + ")\nor on () " + within
		}
	}
	return o.identified(rulefmt.Rule{Record: recordCounts, Expr: "0 * count(" + expr + ") + 1\nor vector(0)"})
}

func unless(expr, excluded string) string { return "(" + expr + ")\nunless on () (" + excluded + ")" }

func both(a, b string) string {
	if b == "" {
		return "(" + a + ")"
	}
	return "((" + a + ")\nand on () " + b + ")"
}

// between is there from start up to end and so much later, each if it is set; "" if neither is.
func between(start, end time.Time, later time.Duration) string {
	if start.IsZero() && end.IsZero() {
		return ""
	}
	expr := "vector(time())"
	if !start.IsZero() {
		expr += " >= " + unix(catalog.FullMinute(start))
	}
	if !end.IsZero() {
		expr += " < " + unix(catalog.NextMinute(end).Add(later))
	}
	return "(" + expr + ")"
}

// outside is there when so long ago was outside of the operating hours. Where there are none, it is "".
func outside(hours []catalog.OperatingHours, ago time.Duration) string {
	var valid, open []string
	for _, h := range hours {
		within := between(h.Start, h.End, 0)
		open = append(open, both(covers(h.Every, ago), within))
		if within == "" {
			within = "vector(1)"
		}
		valid = append(valid, within)
	}
	if len(hours) == 0 {
		return ""
	}
	return "((" + strings.Join(slices.Compact(valid), " or on () ") + ")\nunless on () (" + strings.Join(open, "\nor on () ") + "))"
}

// covers is there when the clock on the wall showed, so long ago, a time of the recurrence. It is the time since the recurrence's time of day, which the
// functions of dates take as a day of UTC.
func covers(r *catalog.Recurrence, ago time.Duration) string {
	now := "time()"
	if ago > 0 {
		now = "(time() - " + seconds(ago) + ")"
	}
	wall := "vector(" + now + offset(r.Location, now) + signed(-r.Begin.Seconds()) + ")"
	expr := wall + " % 86400 < " + seconds(r.Length)
	for _, days := range [][]string{months(r.Days, wall), monthDays(r.Days, wall), weekdays(r.Days, wall)} {
		if len(days) > 0 {
			expr = both(expr, "("+strings.Join(days, " or on () ")+")")
		}
	}
	return expr
}

func months(d catalog.Days, wall string) (alternatives []string) {
	for _, m := range d.Months {
		alternatives = append(alternatives, fmt.Sprintf("month(%s) == %d", wall, m))
	}
	return alternatives
}

func monthDays(d catalog.Days, wall string) (alternatives []string) {
	for _, day := range d.MonthDays {
		if day > 0 {
			alternatives = append(alternatives, fmt.Sprintf("day_of_month(%s) == %d", wall, day))
		} else {
			alternatives = append(alternatives, fmt.Sprintf("day_of_month(%s) - on () days_in_month(%s) == %d", wall, wall, day+1))
		}
	}
	return alternatives
}

// weekdays are those days of the week that follow each other in one condition.
func weekdays(d catalog.Days, wall string) (alternatives []string) {
	week := "day_of_week(" + wall + ")"
	var plain []int
	for _, w := range d.Weekdays {
		switch {
		case w.N == 0:
			plain = append(plain, int(w.Day))
		case w.N > 0:
			alternatives = append(alternatives, fmt.Sprintf("(%s == %d and on () day_of_month(%s) > %d <= %d)", week, w.Day, wall, 7*(w.N-1), 7*w.N))
		default:
			alternatives = append(alternatives, fmt.Sprintf("(%s == %d and on () (days_in_month(%s) - on () day_of_month(%s)) >= %d < %d)", week, w.Day, wall, wall, 7*(-w.N-1), -7*w.N))
		}
	}
	slices.Sort(plain)
	for i := 0; i < len(plain); {
		last := i
		for last+1 < len(plain) && plain[last+1] == plain[last]+1 {
			last++
		}
		if first := plain[i]; last == i {
			alternatives = append(alternatives, fmt.Sprintf("%s == %d", week, first))
		} else {
			alternatives = append(alternatives, fmt.Sprintf("%s >= %d <= %d", week, first, plain[last]))
		}
		i = last + 1
	}
	return alternatives
}

// offset is what the clocks of a zone are ahead of UTC.
func offset(zone *time.Location, now string) string {
	at := time.Date(firstClockYear, 1, 1, 0, 0, 0, 0, time.UTC)
	end := time.Date(lastClockYear+1, 1, 1, 0, 0, 0, 0, time.UTC)
	_, ahead := at.In(zone).Zone()
	expr := signed(float64(ahead))
	for {
		change := catalog.ClocksUntil(zone, at)
		if change.IsZero() || !change.Before(end) {
			return expr
		}
		if _, next := change.In(zone).Zone(); next != ahead {
			expr += signed(float64(next-ahead)) + " * (" + now + " >= bool " + unix(change) + ")"
			ahead = next
		}
		at = change
	}
}

// signed is a number to add; "" for 0.
func signed(n float64) string {
	switch {
	case n == 0:
		return ""
	case n < 0:
		return " - " + strconv.FormatFloat(-n, 'f', -1, 64)
	}
	return " + " + strconv.FormatFloat(n, 'f', -1, 64)
}

// judged excludes events that do not count. A sample holds the events of a step, so
// the exclusion ends a step after the window.
func (o objective) judged(expr string) string {
	s := o.schedule()
	if recordsCounts(s) {
		return unless(expr, o.recorded(recordCounts)+" == 0")
	}
	for _, m := range s.Maintenance {
		expr = unless(expr, "vector(time()) >= "+unix(catalog.FullMinute(m.Start))+" < "+unix(catalog.NextMinute(m.End).Add(step)))
	}
	return expr
}

// judgedBad are bad events as the corrections have them.
func (o objective) judgedBad(expr string) string {
	expr = o.judged(expr)
	for _, c := range o.schedule().Corrections {
		within := between(c.Start, c.End, step)
		switch c.As {
		case catalog.AllGood:
			expr = o.corrected(expr, "0 * "+o.recorded(recordTotal), within)
		case catalog.AllBad:
			expr = o.corrected(expr, o.recorded(recordTotal), within)
		case catalog.Excluded, catalog.Counted, catalog.Set:
		}
	}
	return expr
}

// corrected is another value at that time.
func (o objective) corrected(expr, other, within string) string {
	return unless(expr, within) + "\nor " + o.on + " (" + other + "\nand on () " + within + ")"
}

// budgetByCollector reports whether the budget of an SLO comes from the collector. PromQL has no range that
// begins on the first of a month in a time zone, or with a reset, and what rules have recorded of the past stays;
// the collector keeps the events of each minute.
func budgetByCollector(service *catalog.Service, slo *catalog.SLO) bool {
	return slo.SLI.Prometheus == nil && (slo.Window.Calendar != nil || len(slo.Resets) > 0 || recordsCounts(service.Schedule(slo)))
}
