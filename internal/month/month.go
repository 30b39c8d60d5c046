// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package month says what became of an SLO in a calendar month: whether it was kept, what its budget was spent on, and hour by hour what happened. The
// report of srectl and the status page both show it.
package month

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// WorstHours are how many hours of an SLO are shown as the worst.
const WorstHours = 5

// Events are those of an SLO in one environment and group, as they count. Times are whole minutes.
type Events interface {
	// Between are the bad events and all events in (from, to].
	Between(from, to time.Time) (bad, total float64)
	// Measured is how long in (from, to] they were counted.
	Measured(from, to time.Time) time.Duration
	// Gaps are the times in (from, to] in which it is not known what happened.
	Gaps(from, to time.Time) []Gap
	// Unmeasured are the gaps with their causes, and the times of which it was known once.
	Unmeasured(from, to time.Time) []Gap
}

// A Month is one of a time zone, as far as it has passed.
type Month struct {
	// Name is its year and number, such as 2026-10.
	Name     string
	From, To time.Time
	// Running: it is not over.
	Running bool
}

// Since is from when events are needed: of a month that is not over, the week before the present says what is still to come.
func (m Month) Since() time.Time {
	if before := m.To.Add(-week - (openHours+1)*time.Hour); m.Running && before.Before(m.From) {
		return before
	}
	return m.From
}

// Parse reads the name of a month, and of its time zone. The errors have a fix; they speak of the month and the zone as the caller calls them.
func Parse(name, zone string, now time.Time, monthKey, zoneKey string) (m Month, err error) {
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "" || zone == "Local" {
		return m, fmt.Errorf("%s %.60q is not known: write one such as UTC or Europe/Madrid", zoneKey, zone)
	}
	from, err := time.ParseInLocation("2006-01", name, location)
	if err != nil {
		return m, fmt.Errorf("%s %.60q is not a month: write one such as 2026-10", monthKey, name)
	}
	if !from.Before(now.Truncate(time.Minute)) {
		return m, fmt.Errorf("%s %s has not begun: write one of the past", monthKey, name)
	}
	m = Month{Name: name, From: from, To: from.AddDate(0, 1, 0)}
	if m.To.After(now) {
		m.To, m.Running = now.In(location).Truncate(time.Minute), true
	}
	return m, nil
}

// A Summary is what became of an SLO. Shares are from 0 to 1, and NaN without events.
type Summary struct {
	Events, Bad float64
	Good        float64
	// Kept says whether the share of good events is the objective or more; nil without events.
	Kept *bool
	// Spent is the share of the budget of the month's events: of a month that is not over, of those that it will have.
	Spent float64
	// AtWorst is that share if everything failed in the gaps since the first measured time; NaN without such gaps.
	AtWorst float64
	// Measured is the share of the month in which events were counted, as far as that is still known, and Excluded how long they did not count.
	Measured float64
	Excluded time.Duration
	// Unmeasured are the longest of the times that were not measured, though events count; More are left out.
	Unmeasured []Gap
	More       int
	// Hours are all, in order; Worst are those with the most bad events.
	Hours, Worst []Hour
}

// An Hour of an SLO; the last one of a month that is not over is shorter.
type Hour struct {
	Start, End  time.Time
	Events, Bad float64
	// Spent is the share of the month's budget.
	Spent float64
	// Measured is how long events were counted in it.
	Measured time.Duration
}

// Summarize computes the month of an SLO.
func (m Month) Summarize(service *catalog.Service, slo *catalog.SLO, e Events) Summary {
	length := m.To.Sub(m.From)
	s := Summary{Measured: min(float64(e.Measured(m.From, m.To))/float64(length), 1), Excluded: Excluded(service, slo, m.From, m.To), Good: math.NaN()}
	s.Bad, s.Events = e.Between(m.From, m.To)
	missing := m.missing(service, slo, e)
	s.Unmeasured, s.More = longest(missing)
	s.Measured -= float64(damagedIn(e, missing)) / float64(length)
	excluded := func(from, to time.Time) time.Duration { return Excluded(service, slo, from, to) }
	p := Period{Start: m.From, End: m.From.AddDate(0, 1, 0), From: m.From, At: m.To, Gaps: e.Gaps(m.From, m.To), Excluded: excluded}
	share, allowed := p.Share(e), s.Events*slo.ErrorBudget()
	spent := func(bad float64) float64 {
		if allowed <= 0 {
			return math.NaN()
		}
		if m.Running {
			return bad / allowed * share
		}
		return bad / allowed
	}
	s.Spent, s.AtWorst = spent(s.Bad), math.NaN()
	if s.Events > 0 {
		if len(p.Gaps) > 0 && !p.Gaps[0].From.After(m.From) && e.Measured(time.Unix(0, 0), m.From) == 0 { // it was not followed yet
			p.Gaps = p.Gaps[1:]
		}
		p.Gaps = slices.DeleteFunc(slices.Clone(p.Gaps), func(g Gap) bool {
			if g.To.After(m.To) {
				g.To = m.To
			}
			return g.To.Sub(g.From) < shortGap
		})
		if missed := p.Missed(e); missed > 1e-6 {
			s.AtWorst = s.Bad/allowed*share + missed/slo.ErrorBudget()
		}
	}
	if s.Events > 0 {
		kept := s.Bad <= allowed*(1+1e-9)
		s.Good, s.Kept = 1-s.Bad/s.Events, &kept
	}
	for start := m.From; start.Before(m.To); start = start.Add(time.Hour) {
		end := start.Add(time.Hour)
		if end.After(m.To) {
			end = m.To
		}
		h := Hour{Start: start, End: end, Measured: e.Measured(start, end)}
		h.Bad, h.Events = e.Between(start, end)
		h.Spent = spent(h.Bad)
		s.Hours = append(s.Hours, h)
		if h.Bad >= 0.5 {
			s.Worst = append(s.Worst, h)
		}
	}
	slices.SortStableFunc(s.Worst, func(a, b Hour) int { return cmp.Compare(b.Bad, a.Bad) })
	s.Worst = s.Worst[:min(WorstHours, len(s.Worst))]
	return s
}

// shortGap is the least that counts as one at worst: the newest events are recorded some minutes later.
const shortGap = 5 * time.Minute

// Excluded is for how long from the one time to the other events do not count.
func Excluded(service *catalog.Service, slo *catalog.SLO, from, to time.Time) (sum time.Duration) {
	for _, span := range service.Schedule(slo).Spans(from, to) {
		if span.As != catalog.Excluded {
			continue
		}
		start, end := span.Start, span.End
		if start.Before(from) {
			start = from
		}
		if end.After(to) {
			end = to
		}
		sum += end.Sub(start)
	}
	return sum
}

// HoursPerDay are those that a clock shows.
const HoursPerDay = 24

// A Day has its hours by the clock on the wall. Where the clock is set back, two hours have one place, and where it is set forward, one place has none.
type Day struct {
	Date  time.Time
	Hours [HoursPerDay]*Hour
}

// Days puts the hours of a summary in a calendar.
func (s *Summary) Days() (days []Day) {
	for i := range s.Hours {
		h := s.Hours[i]
		y, month, d := h.Start.Date()
		date := time.Date(y, month, d, 0, 0, 0, 0, h.Start.Location())
		if len(days) == 0 || !days[len(days)-1].Date.Equal(date) {
			days = append(days, Day{Date: date})
		}
		place := &days[len(days)-1].Hours[h.Start.Hour()]
		if *place == nil {
			*place = &h
			continue
		}
		was := *place
		was.End, was.Events, was.Bad, was.Spent, was.Measured = h.End, was.Events+h.Events, was.Bad+h.Bad, was.Spent+h.Spent, was.Measured+h.Measured
	}
	return days
}
