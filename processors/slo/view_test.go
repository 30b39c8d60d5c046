// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A minuteModel is the plainest account of an SLO: the events of each minute, and which of them were measured.
type minuteModel struct {
	events   map[int64]sum
	measured map[int64]bool
}

// judged are the events of the minute as the catalog says that they count, and whether any of the time counts.
func (m *minuteModel) judged(minute int64, schedule catalog.Schedule) (sum, catalog.Counting) {
	at := time.Unix(0, minute*minuteLength)
	as := schedule.At(at)
	if as != catalog.Set {
		return span{as: as}.judge(m.events[minute], 0, 0), as
	}
	var c catalog.Correction // the last one that covers the minute
	for _, one := range schedule.Corrections {
		if !at.Before(catalog.FullMinute(one.Start)) && at.Before(catalog.NextMinute(one.End)) {
			c = one
		}
	}
	m.measured[minute] = true
	first, last := catalog.FullMinute(c.Start).UnixNano()/minuteLength, catalog.NextMinute(c.End).UnixNano()/minuteLength
	share := func(n float64, until int64) count { return part(count(n*float64(oneEvent)), first, last, until) }
	return sum{share(c.Good, minute+1) - share(c.Good, minute), share(c.Bad, minute+1) - share(c.Bad, minute)}, as
}

// ratio is the share of bad events in the minutes from one to another, as events or as slices of time.
func (m *minuteModel) ratio(from, to int64, slo *catalog.SLO, schedule catalog.Schedule) float64 {
	var all sum
	if slo.Budgeting.Method == catalog.Occurrences {
		for k := from; k < to; k++ {
			events, _ := m.judged(k, schedule)
			all[good], all[bad] = all[good]+events[good], all[bad]+events[bad]
		}
		return all.errorRatio()
	}
	length := int64(slo.Budgeting.Slice / time.Minute)
	for last := from; last < to; last++ { // a slice is in its last minute
		if (last+1)%length != 0 {
			continue
		}
		var events sum
		counts, measured, failed := false, false, false
		for k := last - length + 1; k <= last; k++ {
			one, as := m.judged(k, schedule)
			events[good], events[bad] = events[good]+one[good], events[bad]+one[bad]
			counts, measured, failed = counts || as != catalog.Excluded, measured || m.measured[k], failed || as == catalog.AllBad
		}
		switch share := events.errorRatio(); {
		case !counts || !measured:
		case events == sum{} && failed, slo.Budgeting.Method == catalog.TimeSlices && share > 1-slo.Budgeting.Target/100+1e-12:
			all[bad] += oneSlice
		case slo.Budgeting.Method == catalog.TimeSlices:
			all[good] += oneSlice
		default:
			n := count(share*float64(oneSlice) + 0.5)
			all[bad], all[good] = all[bad]+n, all[good]+oneSlice-n
		}
	}
	return all.errorRatio()
}

// What the catalog says afterwards of maintenance, operating hours, corrections and slices counts as the plainest account of the minutes has it, and exactly
// as in a collector that was configured so from the start; also after a restart.
func TestToldAfterwards(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 31))
		began := time.Date(2026, 3, 24+r.IntN(3), r.IntN(24), 0, 0, 0, time.UTC) // the clocks of Madrid change on the 29th
		if seed%2 == 0 {
			began = time.Date(2026, 10, 21+r.IntN(3), r.IntN(24), 0, 0, 0, time.UTC)
		}
		schedule, budgeting := anySchedule(r, began.Add(-30*day)), anyBudgeting(r)
		if seed%3 > 0 { // nearer
			schedule = anySchedule(r, began.Add(-time.Duration(r.IntN(int(30*day)))))
		}
		service := checkout(schedule, budgeting)
		slo := service.SLOs[0]
		disk := openStorage(t, t.TempDir())
		start, after := newRigWith(t, createDefaultConfig().(*Config), began, nil, service), newRigWith(t, stored(), began, disk, checkout())
		model := minuteModel{map[int64]sum{}, map[int64]bool{}}
		c := newCounter(began)
		pass(minute, start, after)
		for range 6 * 24 * 60 {
			n, failed := float64(r.IntN(200)), float64(0)
			if r.IntN(5) == 0 {
				failed = float64(r.IntN(3))
			}
			if r.IntN(40) == 0 {
				n, failed = 0, 0
			}
			now := start.clock.UnixNano() / minuteLength
			model.events[now-1] = sum{count(n) * oneEvent, count(failed) * oneEvent}
			model.measured[now-1] = true
			c.add(n, failed)
			start.send(c)
			after.send(c)
			if r.IntN(30) == 0 {
				after.checkpoint(t.Context(), after.clock, false)
			}
			if r.IntN(1000) == 0 {
				_ = start.flushed()
				require.NoError(t, after.shutdown(t.Context()))
				after = newRigWith(t, stored(), after.clock, disk, checkout())
			}
			pass(minute, start, after)
		}
		start.clock, after.clock = start.clock.Add(-minute), after.clock.Add(-minute) // the last minute is over now
		after.catalog.swap(service)
		read := func(r *rig) values {
			tracked := (*r.slos.Load())[key{"shop", "checkout", "availability"}]
			v, _ := tracked.instance("production").compute(tracked.objective, r.clock.UnixNano(), 5*minute)
			v.maintenance = sum{} // which are counted as they arrive
			return v
		}
		want, got := read(start), read(after)
		require.Equal(t, want, got, "seed %d", seed)
		now := start.clock.UnixNano() / minuteLength
		for w := range burnWindows {
			require.InDelta(t, model.ratio(now-burnWindows[w].length/minuteLength, now, slo, service.Schedule(slo)), got.errorRatio[w], 1e-12, "seed %d, %s: %+v", seed, burnWindows[w].name, slo.Budgeting)
		}
		ratio := model.ratio(now-int64(30*day)/minuteLength, now, slo, service.Schedule(slo))
		require.InDelta(t, ratio, got.errorRatio[7], 1e-12, "seed %d", seed)
		var counting, measured float64
		known := now - now%10 // rounded, above 1000 minutes
		for k := known - int64(30*day)/minuteLength; k < known; k++ {
			if service.Schedule(slo).At(time.Unix(0, k*minuteLength)) != catalog.Excluded {
				counting++
				if model.measured[k] {
					measured++
				}
			}
		}
		if counting > 0 {
			require.InDelta(t, 1-ratio/0.001*measured/counting, got.remaining, 1e-9, "seed %d", seed)
		}
	}
}

// A minute of an outage after the hours of operation costs nothing, and one within costs as much more as there is less time.
func TestOperatingHours(t *testing.T) {
	hours := func(_ *catalog.Service, slo *catalog.SLO) {
		slo.OperatingHours = []catalog.OperatingHours{{Every: recurrence("day 12:00-18:00 UTC")}}
	}
	noon := noon.Truncate(hour)
	r := newRigWith(t, createDefaultConfig().(*Config), noon, nil, checkout(hours, windowOf(catalog.Window{Rolling: 3 * day})))
	c := newCounter(noon)
	for n := range 12 * 60 {
		r.pass(minute)
		failed := 0.
		if n == 30 || n > 7*60 {
			failed = 100
		}
		r.send(c.add(100-failed, failed))
	}
	g := r.flushed()
	require.InDelta(t, 1./360, g.of(t, "slo.error_ratio", "3d"), 1e-9)
	require.InDelta(t, 1-1./(3*360)/0.001, g.of(t, "slo.error_budget.remaining"), 1e-9, "a minute of three days of six hours")
	require.InDelta(t, 0.5/3, g.of(t, "slo.period.coverage"), 1e-3)
}

// An hour in which one event failed is one bad slice of sixty, or as bad as its share, whatever the traffic; without events it is good.
func TestTimeSlices(t *testing.T) {
	for method, want := range map[catalog.BudgetingMethod]float64{catalog.TimeSlices: 1. / 24, catalog.RatioTimeSlices: 0.5 / 24} {
		b := catalog.Budgeting{Method: method, Slice: hour}
		if method == catalog.TimeSlices {
			b.Target = 95
		}
		noon := noon.Truncate(hour)
		r := newRigWith(t, createDefaultConfig().(*Config), noon, nil, checkout(windowOf(catalog.Window{Rolling: 3 * day}), func(_ *catalog.Service, slo *catalog.SLO) { slo.Budgeting = b }))
		c := newCounter(noon)
		for n := range 24*60 + 1 {
			switch {
			case n == 0:
			case (n-1)/60 == 3:
				c.add(0.5/60, 0.5/60)
			case (n-1)/60 < 12:
				c.add(1000, 0)
			}
			r.send(c)
			r.pass(minute)
		}
		g := r.flushed()
		require.InDelta(t, want, g.of(t, "slo.error_ratio", "3d"), 1e-6)
		require.InDelta(t, 1-want/3/0.001, g.of(t, "slo.error_budget.remaining"), 1e-2, "of the slices of three days")
		require.Equal(t, 1., g.of(t, "slo.state", "exhausted"))
	}
}
