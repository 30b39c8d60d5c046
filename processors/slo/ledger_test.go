// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
	"github.com/otelcol-sre/otelcol-sre/internal/month"
)

// shelf is an extension that remembers its keepers.
type shelf struct {
	component.StartFunc
	component.ShutdownFunc
	keepers []ledger.Keeper
}

func (s *shelf) Keep(k ledger.Keeper) { s.keepers = append(s.keepers, k) }

// dozen is noon, to the minute.
var dozen = noon.Truncate(time.Minute)

// What others read is what was counted, minute by minute: in memory, sealed, and in storage; as it happened, and as it counts.
func TestLedger(t *testing.T) {
	for name, change := range map[string]func(*catalog.Service, *catalog.SLO){
		"plain": func(*catalog.Service, *catalog.SLO) {},
		"maintenance": func(s *catalog.Service, _ *catalog.SLO) {
			s.Maintenance = []catalog.Maintenance{{Start: dozen.Add(-10 * hour), End: dozen.Add(-8*hour - 30*time.Minute)}}
		},
		"slices": func(_ *catalog.Service, slo *catalog.SLO) {
			slo.Budgeting = catalog.Budgeting{Method: catalog.TimeSlices, Slice: 5 * time.Minute, Target: 95}
		},
	} {
		t.Run(name, func(t *testing.T) {
			id := component.MustNewID("file_storage")
			config := createDefaultConfig().(*Config)
			config.Storage = &id
			r := newRigWith(t, config, dozen.Add(-50*hour), openStorage(t, t.TempDir()), checkout(change))
			of := ledger.SLO{Namespace: "shop", Service: "checkout", Name: "availability"}
			random := rand.New(rand.NewPCG(7, 7))
			c := newCounter(r.clock)
			var model []ledger.Minute
			for r.clock.Before(dozen) {
				one := ledger.Minute{Start: r.clock.Unix() / 60, Good: float64(random.IntN(200)), Bad: float64(random.IntN(3) * random.IntN(12))}
				if random.IntN(4) == 0 {
					one.Good, one.Bad = 0, 0
				}
				r.pass(time.Minute)
				r.send(c.add(one.Good, one.Bad))
				if one.Good+one.Bad > 0 {
					model = append(model, one)
				}
				if one.Start%200 == 0 {
					r.checkpoint(t.Context(), r.clock, true)
				}
			}
			places, ok := r.Places(of)
			require.True(t, ok)
			require.Len(t, places, 1)
			require.Equal(t, "production", places[0].Environment)
			require.Len(t, places[0].Measured, 1)
			require.Equal(t, dozen.Add(-50*hour), places[0].Measured[0].From.UTC())
			read := func(counted bool) (all []ledger.Minute) {
				for day := dozen.Add(-50 * hour).Truncate(ledger.Day); day.Before(dozen); day = day.Add(ledger.Day) {
					all = append(all, r.Minutes(of, places[0], day, counted)...)
				}
				return all
			}
			require.True(t, slices.Equal(model, read(false)))
			require.True(t, slices.Equal(counts(r.catalog.catalog.Services[0], model), read(true)))

			_, ok = r.Places(ledger.SLO{Service: "none"})
			require.False(t, ok)
			require.Empty(t, r.Minutes(of, ledger.Place{Environment: "elsewhere"}, noon.Truncate(ledger.Day), false))
			require.Empty(t, r.Minutes(of, places[0], noon.Add(-400*day), false))
			require.Empty(t, r.Minutes(of, places[0], noon.Add(400*day), true))
			require.NoError(t, r.shutdown(t.Context()))
			_, ok = r.Places(of)
			require.False(t, ok, "nothing is read after the end")
		})
	}
}

// counts are minutes as they count, computed one by one.
func counts(service *catalog.Service, minutes []ledger.Minute) (all []ledger.Minute) {
	slo := service.SLOs[0]
	if slo.Budgeting.Method == catalog.TimeSlices {
		length := int64(slo.Budgeting.Slice / time.Minute)
		first, last := dozen.Add(-50*hour).Unix()/60, dozen.Unix()/60
		for start := first; start+length <= last; start += length {
			var good, bad float64
			for _, m := range minutes {
				if m.Start >= start && m.Start < start+length {
					good, bad = good+m.Good, bad+m.Bad
				}
			}
			one := ledger.Minute{Start: start + length - 1, Good: 1}
			if good+bad > 0 && bad/(good+bad) > 0.05 {
				one.Good, one.Bad = 0, 1
			}
			all = append(all, one)
		}
		return all
	}
	for _, m := range minutes {
		if service.Schedule(slo).At(time.Unix(60*m.Start, 0)) != catalog.Excluded {
			all = append(all, m)
		}
	}
	return all
}

// The groups of an SLO are places of their own.
func TestLedgerOfGroups(t *testing.T) {
	service := checkout(func(_ *catalog.Service, slo *catalog.SLO) { slo.GroupBy = []string{"region"} })
	r := newRigWith(t, createDefaultConfig().(*Config), dozen, nil, service)
	of := ledger.SLO{Namespace: "shop", Service: "checkout", Name: "availability"}
	c := newCounter(dozen.Add(-time.Minute)).add(10, 1)
	r.send(c) // without a region
	places, ok := r.Places(of)
	require.True(t, ok)
	require.Len(t, places, 1)
	require.Equal(t, map[string]string{"region": ""}, places[0].Group)
	require.Equal(t, []ledger.Minute{{Start: dozen.Unix()/60 - 1, Good: 10, Bad: 1}}, r.Minutes(of, places[0], noon.Truncate(ledger.Day), false))
}

// The processor gives its history to the extensions that show it.
func TestKeptForShelves(t *testing.T) {
	s := &shelf{}
	r := newRig(t, checkout())
	r.keepFor(fakeHost{map[component.ID]component.Component{component.MustNewID("status_page"): s, component.MustNewID("other"): nil}})
	require.Len(t, s.keepers, 1)
}

// The month that others compute from the ledger has the budget of the gauges, projected from the shape of the week: also after a gap, and in operating hours.
func TestMonthOfTheLedger(t *testing.T) {
	for name, change := range map[string]func(*catalog.Service, *catalog.SLO){
		"always": func(*catalog.Service, *catalog.SLO) {},
		"maintenance": func(s *catalog.Service, _ *catalog.SLO) {
			s.Maintenance = []catalog.Maintenance{{Start: time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC), End: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Date(2026, 10, 23, 22, 0, 0, 0, time.UTC)
			r := newRigWith(t, createDefaultConfig().(*Config), start, nil, checkout(windowOf(calendar(t, "month", "Europe/Madrid")), change))
			of := ledger.SLO{Namespace: "shop", Service: "checkout", Name: "availability"}
			rate := func(t time.Time) (float64, float64) {
				n := 100.0
				if t.Hour() < 6 {
					n = 10
				}
				return n, n / 1000
			}
			compared := 0
			compare := func() {
				g := r.flushed()
				m, err := month.Parse(r.clock.Format("2006-01"), "Europe/Madrid", r.clock, "", "")
				require.NoError(t, err)
				places, _ := r.Places(of)
				service := r.catalog.catalog.Services[0]
				e, err := m.Read(t.Context(), r, of, places[0], service.Schedule(service.SLOs[0]))
				require.NoError(t, err)
				s := m.Summarize(service, service.SLOs[0], e)
				spent := 1 - g.of(t, "slo.error_budget.remaining")
				require.InEpsilon(t, spent, s.Spent, 0.002, r.clock)
				compared++
			}
			c := newCounter(start)
			r.traffic(c, 24*8+20, rate, func(gauges) {})
			for range 3 { // November 1st, from 18:00
				r.traffic(c, 3, rate, func(gauges) {})
				compare()
			}
			r.pass(5 * hour) // nobody counts
			c = newCounter(r.clock)
			r.traffic(c, 4, rate, func(gauges) {})
			compare()
			require.Equal(t, 4, compared)
		})
	}
}
