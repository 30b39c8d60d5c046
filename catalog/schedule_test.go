// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/teambition/rrule-go"
)

// anyRecurrence is one that the catalog can say.
func anyRecurrence(r *rand.Rand) string {
	days := []string{
		"day", "weekday", "weekend", "monday", "sat,sun", "mon-thu", "fri-mon", "FREQ=DAILY", "FREQ=DAILY;BYMONTH=3,10",
		"FREQ=WEEKLY;BYDAY=SU", "RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR", "FREQ=MONTHLY;BYDAY=1SU", "FREQ=MONTHLY;BYDAY=-1SU,-1FR", "FREQ=MONTHLY;BYMONTHDAY=1,-1,31",
		"FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
	}
	zones := []string{"Europe/Madrid", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC", "America/St_Johns", "Africa/Casablanca", "Pacific/Apia"}
	from := r.IntN(24 * 60)
	to := (from + 5 + r.IntN(24*60-5)) % (24 * 60)
	return fmt.Sprintf("%s %02d:%02d-%02d:%02d %s", days[r.IntN(len(days))], from/60, from%60, to/60, to%60, zones[r.IntN(len(zones))])
}

// wallDays has, for each day from begin on, whether the rule has it, as the library enumerates them.
func wallDays(t *testing.T, text string, begin time.Time, days int) map[time.Time]bool {
	t.Helper()
	rule := strings.TrimPrefix(strings.Fields(text)[0], "RRULE:")
	switch rule {
	case "day":
		rule = "FREQ=DAILY"
	case "weekday":
		rule = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
	case "weekend", "sat,sun":
		rule = "FREQ=WEEKLY;BYDAY=SA,SU"
	case "monday":
		rule = "FREQ=WEEKLY;BYDAY=MO"
	case "mon-thu":
		rule = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH"
	case "fri-mon":
		rule = "FREQ=WEEKLY;BYDAY=FR,SA,SU,MO"
	}
	option, err := rrule.StrToROption(rule)
	require.NoError(t, err)
	option.Dtstart, option.Until = begin, begin.AddDate(0, 0, days)
	set, err := rrule.NewRRule(*option)
	require.NoError(t, err)
	has := map[time.Time]bool{}
	for _, day := range set.All() {
		has[day.UTC()] = true
	}
	return has
}

// What comes again does so on the days that the rule's own library enumerates, whenever the clock on the wall shows a time in it, minute by
// minute, also where clocks change.
func TestRecurrenceIsWhatTheClockShows(t *testing.T) {
	for seed := range uint64(120) {
		r := rand.New(rand.NewPCG(seed, 1))
		text := anyRecurrence(r)
		every, message, _ := parseRecurrence(text)
		require.Empty(t, message, text)
		// Around a change of the clocks, or any time.
		begin := []time.Time{
			time.Date(2026, 3, 27, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 23, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 6, 0, 0, 0, 0, time.UTC),
			time.Date(2028, 2, 27, 0, 0, 0, 0, time.UTC), time.Date(2026, 4, 3, 0, 0, 0, 0, time.UTC), time.Date(2028, 12, 28, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 1+r.IntN(300), 0, 0, 0, 0, time.UTC),
		}[r.IntN(7)]
		has := wallDays(t, text, begin.AddDate(0, 0, -3), 12)
		spans := Schedule{Maintenance: []Maintenance{{Every: &every}}}.Spans(begin, begin.Add(6*24*time.Hour))
		n := 0
		for at := begin; at.Before(begin.Add(6 * 24 * time.Hour)); at = at.Add(time.Minute) {
			local := at.In(every.Location)
			wall := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), 0, 0, time.UTC)
			want := false
			for back := range 2 {
				day := time.Date(local.Year(), local.Month(), local.Day()-back, 0, 0, 0, 0, time.UTC)
				since := wall.Sub(day.Add(every.Begin))
				want = want || has[day] && since >= 0 && since < every.Length
			}
			if want != every.Covers(at) {
				t.Fatalf("%s at %s, seed %d: want %v", text, local, seed, want)
			}
			for n < len(spans) && !at.Before(spans[n].End) {
				n++
			}
			if want != (n < len(spans) && !at.Before(spans[n].Start)) {
				t.Fatalf("%s at %s, seed %d: want %v, but spans are %v", text, local, seed, want, spans)
			}
		}
	}
}

// Spans say of each minute what the schedule says of it.
func TestSpansAreEveryMinute(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		begin := time.Date(2026, 3, 20+r.IntN(20), r.IntN(24), r.IntN(60), r.IntN(60), 0, time.UTC)
		moment := func() time.Time { return begin.Add(time.Duration(r.Int64N(int64(9 * 24 * time.Hour)))) }
		may := func() (at time.Time) {
			if r.IntN(2) == 0 {
				at = moment()
			}
			return at
		}
		again := func() *Recurrence {
			every, message, _ := parseRecurrence(anyRecurrence(r))
			require.Empty(t, message)
			return &every
		}
		var s Schedule
		for range r.IntN(3) {
			s.Hours = append(s.Hours, OperatingHours{again(), may(), may()})
		}
		for range r.IntN(3) {
			s.Maintenance = append(s.Maintenance, Maintenance{Start: may(), End: may(), Every: again()}, Maintenance{Start: moment(), End: moment()})
		}
		for range r.IntN(4) {
			start := moment()
			s.Corrections = append(s.Corrections, Correction{Start: start, End: start.Add(time.Duration(r.IntN(1e13))), As: []Counting{Counted, Excluded, AllGood, AllBad}[r.IntN(4)]})
		}
		spans := s.Spans(begin, begin.Add(9*24*time.Hour))
		for i, span := range spans {
			require.True(t, span.Start.Before(span.End) && FullMinute(span.Start).Equal(span.Start) && FullMinute(span.End).Equal(span.End))
			if i > 0 {
				require.False(t, span.Start.Before(spans[i-1].End))
			}
		}
		n := 0
		for at := FullMinute(begin); at.Before(begin.Add(9 * 24 * time.Hour)); at = at.Add(time.Minute) {
			for n < len(spans) && !at.Before(spans[n].End) {
				n++
			}
			want := Counted
			if n < len(spans) && !at.Before(spans[n].Start) {
				want = spans[n].As
			}
			if want != s.At(at) {
				t.Fatalf("seed %d at %v: %s, not %s", seed, at, s.At(at), want)
			}
		}
	}
}

func TestScheduleOfAnSLO(t *testing.T) {
	c, problems := Parse("a.yaml", []byte(`
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout}
spec:
  operatingHours: [{every: 'weekday 08:00-18:00 Europe/Madrid'}]
  maintenance: [{start: 2026-03-02T12:00:00Z, end: 2026-03-02T12:00:30Z}]
  slos:
    - {name: office, objective: 99, sli: {availability: {}}, maintenance: [{every: 'FREQ=MONTHLY;BYDAY=1MO 10:00-11:00 UTC', start: 2026-01-01T00:00:00Z}]}
    - name: always
      objective: 99
      sli: {availability: {}}
      operatingHours: [{every: 'day 00:00-24:00 UTC'}]
      corrections: [{start: 2026-03-02T12:00:00Z, end: 2026-03-02T12:01:00Z, as: counted, by: ana, reason: it did not begin}]
`))
	require.NoError(t, problems.Err())
	office, always := c.Services[0].Schedule(c.Services[0].SLOs[0]), c.Services[0].Schedule(c.Services[0].SLOs[1])
	for at, want := range map[string][2]Counting{
		"2026-03-02T06:59:59Z": {Excluded, Counted}, "2026-03-02T07:00:00Z": {Counted, Counted}, // Madrid is an hour ahead
		"2026-03-02T10:30:00Z": {Excluded, Counted}, "2026-03-09T10:30:00Z": {Counted, Counted},
		"2026-03-02T12:00:59Z": {Excluded, Counted}, "2026-03-02T12:01:00Z": {Counted, Counted},
		"2026-03-01T12:00:00Z": {Excluded, Counted}, "2026-07-01T06:00:00Z": {Counted, Counted}, "2026-07-01T16:00:00Z": {Excluded, Counted},
	} {
		moment, err := time.Parse(time.RFC3339, at)
		require.NoError(t, err)
		assert.Equal(t, want, [2]Counting{office.At(moment), always.At(moment)}, at)
	}
}

func TestNotARecurrence(t *testing.T) {
	for text, message := range map[string]string{
		"weekday 08:00-18:00":                                 "does not have",
		"workday 08:00-18:00 UTC":                             "is not a day",
		"weekday 8-18 UTC":                                    "is not a time of day",
		"weekday 08:00-24:01 UTC":                             "is not a time of day",
		"weekday 24:00-06:00 UTC":                             "is not a time of day",
		"weekday 08:00-08:04 UTC":                             "shorter than 5 minutes",
		"weekday 08:00-18:00 Madrid":                          "is not a time zone",
		"weekday 08:00-18:00 Local":                           "is not a time zone",
		"FREQ=HOURLY 08:00-18:00 UTC":                         "FREQ",
		"FREQ=WEEKLY;INTERVAL=2;BYDAY=SU 08:00-18:00 UTC":     "INTERVAL",
		"FREQ=DAILY;COUNT=2 08:00-18:00 UTC":                  "COUNT",
		"FREQ=DAILY;UNTIL=20260101T000000Z 08:00-18:00 UTC":   "UNTIL",
		"FREQ=WEEKLY 08:00-18:00 UTC":                         "day of the week",
		"FREQ=WEEKLY;BYDAY=1SU 08:00-18:00 UTC":               "numbers days",
		"FREQ=MONTHLY 08:00-18:00 UTC":                        "day of the month",
		"FREQ=YEARLY;BYDAY=1SU 08:00-18:00 UTC":               "which month",
		"FREQ=MONTHLY;BYDAY=XX 08:00-18:00 UTC":               "not a rule",
		"FREQ=MONTHLY;BYMONTHDAY=40 08:00-18:00 UTC":          "not a rule",
		"BYDAY=SU 08:00-18:00 UTC":                            "not a rule",
		"FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1 08:00-18:00 UTC":    "BYSETPOS",
		"FREQ=DAILY;BYHOUR=3 08:00-18:00 UTC":                 "BYHOUR",
		"FREQ=YEARLY;BYYEARDAY=1 08:00-18:00 UTC":             "BYYEARDAY",
		"FREQ=YEARLY;BYEASTER=0 08:00-18:00 UTC":              "BYEASTER",
		"FREQ=YEARLY;BYWEEKNO=3;BYDAY=MO 08:00-18:00 UTC":     "BYWEEKNO",
		"FREQ=DAILY;DTSTART=20260101T000000Z 08:00-18:00 UTC": "DTSTART",
	} {
		_, got, fix := parseRecurrence(text)
		assert.Contains(t, got, message, text)
		assert.NotEmpty(t, fix, text)
	}
}

func FuzzRecurrence(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(anyRecurrence(rand.New(rand.NewPCG(seed, 3))))
	}
	f.Fuzz(func(t *testing.T, text string) {
		every, message, fix := parseRecurrence(text)
		if message != "" {
			require.NotEmpty(t, fix)
			return
		}
		again, message, _ := parseRecurrence(every.Text)
		require.Empty(t, message)
		require.Equal(t, every, again)
		begin := time.Date(2026, 10, 24, 0, 0, 0, 0, time.UTC)
		Schedule{Hours: []OperatingHours{{Every: &every}}}.Spans(begin, begin.AddDate(0, 0, 3))
	})
}
