// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// scheduled are times when events count, in the catalog.
var scheduled = map[string]string{
	"hours":            "operatingHours: [{every: 'weekday 08:00-18:00 Europe/Madrid'}]",
	"two hours":        "operatingHours: [{every: 'mon,wed-fri 08:00-12:00 America/New_York'}, {every: 'sat 22:30-02:30 America/New_York'}]",
	"hours from then":  "operatingHours: [{every: 'day 06:30-22:00 Asia/Kathmandu', start: 2026-03-20T00:00:00Z}]",
	"changed hours":    "operatingHours: [{every: 'day 06:00-22:00 UTC', end: 2026-03-29T00:00:00Z}, {every: 'weekend 10:00-12:00 Europe/Madrid', start: 2026-03-29T00:00:00Z}]",
	"sundays":          "maintenance: [{every: 'sunday 01:30-03:30 Europe/Madrid'}]",
	"first monday":     "maintenance: [{every: 'FREQ=MONTHLY;BYDAY=1MO,-1SU 22:00-06:00 Australia/Lord_Howe', start: 2026-01-01T00:00:00Z}, {start: 2026-03-29T12:00:00Z, end: 2026-03-29T12:02:00Z}]",
	"ends of months":   "maintenance: [{every: 'FREQ=MONTHLY;BYMONTHDAY=-1,1 00:00-24:00 UTC', end: 2027-01-01T00:00:00Z}, {every: 'FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=29 12:00-13:00 America/St_Johns'}]",
	"corrected hours":  "operatingHours: [{every: 'weekday 08:00-18:00 Europe/Madrid'}]\n  corrections: [{start: 2026-03-28T10:00:00Z, end: 2026-03-28T12:00:00Z, as: counted, by: a, reason: b}, {start: 2026-03-28T11:00:00Z, end: 2026-03-28T11:30:00Z, as: excluded, by: a, reason: b}]",
	"only corrections": "corrections: [{start: 2026-03-28T10:00:00Z, end: 2026-03-28T12:00:00Z, as: excluded, by: a, reason: b}, {start: 2026-03-28T11:00:00Z, end: 2026-03-28T11:30:00Z, as: bad, by: a, reason: b}]",
}

// The recorded series says of each step what the schedule says of its minutes, also where clocks change: a step counts if all of it does, and what a correction says
// of a part of it holds for all of it.
func TestRecordedCounting(t *testing.T) {
	engine := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery)
	storage := promqltest.LoadedStorage(t, "")
	for name, text := range scheduled {
		t.Run(name, func(t *testing.T) {
			service := one(t, text+"\n  slos: [{name: a, objective: 99, sli: {availability: {}}}]")
			f, _ := Generate(service, DefaultOptions())
			expr := ""
			for _, g := range f.Groups {
				for _, r := range g.Rules {
					if r.Record == recordCounts {
						expr = r.Expr
					}
				}
			}
			require.NotEmpty(t, expr)
			schedule := service.Schedule(service.SLOs[0])
			corrections := schedule.Corrections
			schedule.Corrections = nil
			want := func(at time.Time) bool {
				counts := true
				for back := range 6 {
					counts = counts && schedule.At(at.Add(-time.Duration(back)*time.Minute)) != catalog.Excluded
				}
				for _, c := range corrections {
					if !at.Before(c.Start) && at.Before(c.End.Add(step)) {
						counts = c.As != catalog.Excluded
					}
				}
				return counts
			}
			check := func(at time.Time) {
				query, err := engine.NewInstantQuery(t.Context(), storage, nil, expr, at)
				require.NoError(t, err)
				defer query.Close()
				got, err := query.Exec(t.Context()).Vector()
				require.NoError(t, err)
				require.Len(t, got, 1)
				require.Equal(t, want(at), got[0].F == 1, "%v: %v", at, got)
			}
			r := rand.New(rand.NewPCG(1, uint64(len(text))))
			begin := time.Date(2026, 3, 27, 0, 0, 0, 0, time.UTC)
			for range 60 {
				check(begin.Add(time.Duration(r.IntN(6*24*60)) * time.Minute))
			}
			for _, span := range service.Schedule(service.SLOs[0]).Spans(begin.AddDate(0, 0, 1), begin.AddDate(0, 0, 3)) {
				for _, n := range []int{-1, 0, 1, 4, 5, 6} {
					check(span.Start.Add(time.Duration(n) * time.Minute))
					check(span.End.Add(time.Duration(n) * time.Minute))
				}
			}
			for range 30 { // any year
				check(time.Date(2021+r.IntN(19), 1, 1, 0, r.IntN(365*24*60), 0, 0, time.UTC))
			}
		})
	}
}

// Recorded events are those that count, and as the corrections have them.
func TestRecordedEventsCount(t *testing.T) {
	for name, test := range map[string]struct {
		schedule   string
		total, bad string // at 00:30, of 5 events in 5 minutes, 1 of them bad
	}{
		"always":    {"description: x", "5", "1"},
		"closed":    {"operatingHours: [{every: 'day 00:00-00:15 UTC'}]", "", ""},
		"good":      {"corrections: [{start: 1970-01-01T00:20:00Z, end: 1970-01-01T01:00:00Z, as: good, by: a, reason: b}]", "5", "0"},
		"bad":       {"corrections: [{start: 1970-01-01T00:20:00Z, end: 1970-01-01T01:00:00Z, as: bad, by: a, reason: b}]", "5", "5"},
		"not":       {"corrections: [{start: 1970-01-01T00:20:00Z, end: 1970-01-01T01:00:00Z, as: excluded, by: a, reason: b}]", "", ""},
		"after all": {"operatingHours: [{every: 'day 00:00-00:15 UTC'}]\n  corrections: [{start: 1970-01-01T00:20:00Z, end: 1970-01-01T01:00:00Z, as: counted, by: a, reason: b}]", "5", "1"},
	} {
		for kind, sli := range map[string]string{"counted": "availability: {}", "queried": "prometheus: {" + rates + "}"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				f, _ := Generate(one(t, test.schedule+"\n  slos: [{name: a, objective: 99, sli: {"+sli+"}}]"), DefaultOptions())
				rules := map[string]string{}
				for _, g := range f.Groups {
					for _, r := range g.Rules {
						if r.Record != "" {
							rules[r.Record] = strings.ReplaceAll(r.Expr, "\n", " ")
						}
					}
				}
				counts := "1"
				if test.total == "" {
					counts = "0"
				}
				script := "load 1m\n" +
					`  slo_events_total{service_name="checkout", slo_name="a", slo_outcome="good"} 0+0.8x60` + "\n" +
					`  slo_events_total{service_name="checkout", slo_name="a", slo_outcome="bad"} 0+0.2x60` + "\n" +
					"  " + recordCounts + `{service_name="checkout", slo_name="a"} ` + counts + "x60\n" +
					"  " + recordQueried + `{service_name="checkout", slo_name="a"} 1x60` + "\n" +
					"  " + recordQueriedTotal + `{service_name="checkout", slo_name="a"} 5x60` + "\n"
				if test.total != "" {
					script += "  " + recordTotal + `{service_name="checkout", slo_name="a"} 5x60` + "\n"
				}
				for record, want := range map[string]string{recordTotal: test.total, recordBad: test.bad} {
					script += "\neval instant at 30m round(sum(" + rules[record] + "), 0.001)\n"
					if want != "" {
						script += "  {} " + want + "\n"
					}
				}
				if counting := rules[recordCounts]; counting != "" {
					script += "\neval instant at 30m " + counting + "\n  {} " + counts + "\n"
				}
				promqltest.RunTest(t, script, promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery))
			})
		}
	}
}

// The budget of what may be changed for the past is the collector's, and rules of other SLIs say what they cannot do.
// Rules have no place for numbers of the past: they leave out the time of a correction that has some, as that of one which excludes.
func TestNumbersAreLeftOut(t *testing.T) {
	recorded := func(as string) (all []string) {
		service := one(t, "environments: [production]\n  slos: [{name: a, objective: 99, sli: {availability: {}}, corrections: [{start: 2026-03-28T10:00:00Z, end: 2026-03-28T12:00:00Z, "+as+", by: a, reason: b}]}]")
		f, _ := Generate(service, DefaultOptions())
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				if r.Alert != "RulesOutdated" { // it knows the digest of the catalog
					all = append(all, r.Record+r.Alert+r.Expr)
				}
			}
		}
		return all
	}
	assert.Equal(t, recorded("as: excluded"), recorded("as: set, good: 10, bad: 2"))
	assert.NotEqual(t, recorded("as: counted"), recorded("as: set, good: 10, bad: 2"))
}

func TestWhoKnowsThePast(t *testing.T) {
	for text, remaining := range scheduled {
		_ = text
		service := one(t, remaining+"\n  slos:\n    - {name: a, objective: 99, sli: {availability: {}}}\n    - {name: b, objective: 99, sli: {prometheus: {"+rates+"}}}")
		f, warnings := Generate(service, DefaultOptions())
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				if r.Record == recordRemaining {
					assert.Equal(t, r.Labels["slo_name"] == "a", strings.Contains(r.Expr, "slo_error_budget_remaining_ratio"), r.Expr)
				}
				if r.Record == recordCoverage {
					assert.Contains(t, r.Expr, recordCounts)
				}
			}
		}
		assert.True(t, slices.ContainsFunc(warnings, func(w Warning) bool { return strings.HasPrefix(w.Message, "SLO b: its operating hours") && w.Budget }), "%v", warnings)
	}
}

// Slices of SLIs that the collector counts are recorded as of the counters: the share of bad events in a slice, once, with the weight of a slice.
func TestCountedSlices(t *testing.T) {
	for budgeting, want := range map[string]map[string]string{ // the share, the weight and the bad part of it
		"{method: timeslices, slice: 1m, target: 95}": {"29m": "0 5 0", "30m": "0 5 0", "31m": "1 5 5", "33m": "1 5 5", "34m": "0 5 0", "35m": "0.04 5 0", "50m": "0 5 0"},
		"{method: timeslices, slice: 5m, target: 95}": {"30m": "0 5 0", "31m": "0.2 0 0", "35m": "0.608 5 5", "40m": "0 5 0", "50m": "0 5 0"},
		"{method: ratioTimeslices, slice: 5m}":        {"30m": "0 5 0", "35m": "0.608 5 3.04", "36m": "0.408 0 0", "50m": "0 5 0"},
	} {
		f, _ := Generate(one(t, "slos: [{name: a, objective: 99, sli: {availability: {}}, budgeting: "+budgeting+"}]"), DefaultOptions())
		rules := map[string]string{}
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				if r.Record != "" {
					rules[r.Record] = strings.ReplaceAll(r.Expr, "\n", " ")
				}
			}
		}
		for at, text := range want {
			values := strings.Fields(text)
			script := "load 1m\n" + // 100 events a minute; of those after 30m, all are bad, then 4, and after 40m there are none
				`  slo_events_total{service_name="checkout", slo_name="a", slo_outcome="good"} 0+100x30 3000 3000 3000 3100 3196 3296 3396 3496 3596 3696x60` + "\n" +
				`  slo_events_total{service_name="checkout", slo_name="a", slo_outcome="bad"} 0x30 100 200 300 300 304 304x60` + "\n" +
				"  " + recordQueried + `{service_name="checkout", slo_name="a"} ` + values[0] + "x60\n"
			for i, record := range []string{recordQueried, recordTotal, recordBad} {
				script += "\neval instant at " + at + " round(sum(" + rules[record] + "), 0.001)\n  {} " + values[i] + "\n"
			}
			promqltest.RunTest(t, script, promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery))
		}
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				assert.NotContains(t, r.Expr, "9.5", "no guard that counts events: %s", r.Alert)
			}
		}
	}
}
