// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
)

// A packed list is what a list of whole counts is, whatever it keeps of them.
func TestPacked(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 17))
		var p packed
		var want []count
		for range 300 {
			switch r.IntN(5) {
			case 0:
				n := r.IntN(20)
				p.push(n)
				want = append(want, make([]count, n)...)
			case 1:
				n := r.IntN(len(want)/4 + 1)
				p.drop(n)
				want = want[n:]
			case 2:
				n := len(want) - r.IntN(len(want)/8+1)
				p.cut(n)
				want = want[:n]
			default:
				if len(want) > 0 {
					i, v := r.IntN(len(want)), count(r.Int64N(1<<r.IntN(60)+1))
					p.add(i, v)
					want[i] += v
				}
			}
			require.Equal(t, len(want), p.n)
			var sum count
			for i, v := range want {
				require.Equal(t, v, p.at(i))
				sum += v
			}
			require.Equal(t, sum, p.sum(0, p.n))
		}
	}
}

func TestHourOfMinutes(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 18))
		var h hourOfMinutes
		for i := range h {
			if r.IntN(3) > 0 {
				h[i] = sum{count(r.Int64N(1 << r.IntN(50))), count(r.Int64N(300))}
			}
		}
		again, err := decodeHour(h.encode())
		require.NoError(t, err)
		require.Equal(t, h, again)

		total := h.all()
		more := sum{total[good] + count(r.Int64N(1000)), total[bad] + 59}
		again.fill(more)
		require.Equal(t, more, again.all(), "all of it")
		for i := range h {
			require.GreaterOrEqual(t, again[i][good], h[i][good])
			require.InDelta(t, 59./60, float64(again[i][bad]-h[i][bad]), 1, "evenly")
		}
		again.fill(sum{total[good] / 2, 0})
		require.Equal(t, sum{total[good] / 2, 0}, again.all())
	}
}

func FuzzDecodeHour(f *testing.F) {
	h := hourOfMinutes{3: {1, 2}, 59: {maxCount, 1 << 40}}
	f.Add(h.encode())
	f.Add([]byte{chunkFormat, 0, 59, 0, 59})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, chunk []byte) {
		h, err := decodeHour(chunk)
		if err != nil {
			require.Equal(t, hourOfMinutes{}, h)
			return
		}
		again, err := decodeHour(h.encode())
		require.NoError(t, err)
		require.Equal(t, h, again)
	})
}

// An asker is an SLO that has counted from the start with one objective, and is asked with another.
type asker struct {
	*instance
	objective *objective
}

func newAsker(service *catalog.Service, now int64, a *archive) *asker {
	return &asker{&instance{environment: "production", created: now, archive: a}, newObjective(service, service.SLOs[0])}
}

func (a *asker) count(from, to int64, out outcome, n count) {
	if a.history == nil {
		a.history = newHistory(to, a.objective)
		a.history.minutes.archive = a.archive
	}
	a.history.advance(to, a.objective)
	a.spread(from, to, out, n, a.objective)
	a.measured.cover(from, to, minuteLength)
	a.received = to
}

// Any question, of another window, objective, zone, reset, maintenance, operating hours, corrections or slices of time, has the answer that it would have had, asked from the start: not about, but
// exactly.
func TestAskedLaterIsAskedFromTheStart(t *testing.T) {
	windows := map[string]catalog.Window{
		"30d": {Rolling: 30 * day}, "7d": {Rolling: 7 * day}, "3d": {Rolling: 3 * day}, "90m": {Rolling: 90 * minute}, "1h": {Rolling: hour},
		"Madrid": calendar(t, catalog.Month, "Europe/Madrid"), "New York": calendar(t, catalog.Week, "America/New_York"),
		"Kathmandu": calendar(t, catalog.Quarter, "Asia/Kathmandu"), "Lord Howe": calendar(t, catalog.Month, "Australia/Lord_Howe"),
	}
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 19))
		began := noon.Add(-time.Duration(r.Int64N(int64(80 * day)))) // with and without a change of the clocks
		var store *archive                                           // without one, for as long as all chunks are in memory
		steps := 600
		if seed%2 == 0 {
			store, steps = archiveOf(t), 2500
		}
		first := newAsker(checkout(windowOf(catalog.Window{Rolling: 92 * day})), began.UnixNano(), store)
		askers := map[string]*asker{}
		for name, window := range windows {
			reset := catalog.Reset{At: began.Add(time.Duration(r.IntN(40*24*60)) * minute).Truncate(minute), By: "x", Reason: "y"}
			askers[name] = newAsker(checkout(windowOf(window), objectiveOf([]float64{99, 99.9, 95}[r.IntN(3)]), resets(reset), anySchedule(r, began), anyBudgeting(r)), began.UnixNano(), store)
		}
		all := []*asker{first}
		for _, a := range askers {
			all = append(all, a)
		}
		for now, n := began.UnixNano(), 0; n < steps; n++ {
			to := now + 1 + r.Int64N(int64(50*minute))
			if r.IntN(200) == 0 {
				to += r.Int64N(int64(12 * hour))
			}
			counted := sum{count(r.IntN(100000)), count(r.IntN(500))}
			for out, events := range counted {
				for _, a := range all {
					a.count(now, to, outcome(out), events)
				}
			}
			if r.IntN(10) == 0 { // late
				at, n := now-r.Int64N(int64(40*day)), count(r.IntN(1000))
				for _, a := range all {
					a.spread(at, at+int64(minute), bad, n, a.objective)
				}
			}
			if now = to; r.IntN(30) != 0 {
				continue
			}
			for _, a := range all {
				saveHours(t, store, a)
			}
			for name, a := range askers {
				asked := *first.instance
				asked.history = first.history.clone()
				asked.history.fit(a.objective)
				asked.maintenance = a.maintenance // which are counted as they arrive
				want, _ := a.compute(a.objective, now, 5*minute)
				got, _ := asked.compute(a.objective, now, 5*minute)
				require.Equal(t, want, got, "seed %d, %s at %v", seed, name, time.Unix(0, now))
			}
		}
	}
}

// anySchedule is one that says of some of 40 days that their events do not count as what they are; in one of four cases none.
func anySchedule(r *rand.Rand, began time.Time) func(*catalog.Service, *catalog.SLO) {
	return func(service *catalog.Service, slo *catalog.SLO) {
		if r.IntN(4) == 0 {
			return
		}
		moment := func() time.Time { return began.Add(time.Duration(r.IntN(40*24*60)) * minute) }
		for range r.IntN(3) {
			start := moment()
			service.Maintenance = append(service.Maintenance, catalog.Maintenance{Start: start, End: start.Add(time.Duration(r.IntN(600)) * minute)})
		}
		for range r.IntN(4) {
			start := moment()
			c := catalog.Correction{Start: start, End: start.Add(time.Duration(1+r.IntN(3000)) * minute)}
			c.As = []catalog.Counting{catalog.Counted, catalog.Excluded, catalog.AllGood, catalog.AllBad, catalog.Set, catalog.Set}[r.IntN(6)]
			if c.As == catalog.Set {
				c.Good, c.Bad = float64(r.IntN(100_000)), float64(r.IntN(500))/2
			}
			slo.Corrections = append(slo.Corrections, c)
		}
		if r.IntN(2) == 0 {
			every := []string{"weekday 08:30-18:00 Europe/Madrid", "day 06:00-22:07 America/St_Johns", "FREQ=MONTHLY;BYDAY=1SU,-1MO 23:00-23:00 Asia/Kathmandu"}[r.IntN(3)]
			slo.OperatingHours = append(slo.OperatingHours, catalog.OperatingHours{Every: recurrence(every)})
		}
	}
}

// recurrence is what the catalog reads.
func recurrence(every string) *catalog.Recurrence {
	c, problems := catalog.Parse("a.yaml", []byte("apiVersion: "+catalog.APIVersion+"\nkind: Service\nmetadata: {name: a}\nspec: {operatingHours: [{every: '"+every+"'}]}"))
	if problems.Err() != nil {
		panic(problems.Err())
	}
	return c.Services[0].OperatingHours[0].Every
}

func anyBudgeting(r *rand.Rand) func(*catalog.Service, *catalog.SLO) {
	return func(_ *catalog.Service, slo *catalog.SLO) {
		slice := []time.Duration{minute, 5 * minute, 12 * minute, hour}[r.IntN(4)]
		slo.Budgeting = []catalog.Budgeting{{}, {}, {Method: catalog.TimeSlices, Slice: slice, Target: 99.5}, {Method: catalog.RatioTimeSlices, Slice: slice}}[r.IntN(4)]
	}
}

// archiveOf is a store of its own.
func archiveOf(t testing.TB) *archive {
	t.Helper()
	host := catalogHost()
	host.extensions[fileStorage] = openStorage(t, t.TempDir())
	store, err := checkpoint.Open(t.Context(), host, &fileStorage, component.KindProcessor, component.MustNewID("slo"), checkpointVersion)
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close(t.Context()) })
	return &archive{store, func(err error) { require.NoError(t, err) }}
}

func saveHours(t testing.TB, a *archive, of *asker) {
	t.Helper()
	if a == nil || of.history == nil {
		return
	}
	require.NoError(t, a.store.Save(t.Context(), of.history.minutes.records()...))
	of.history.minutes.saved(true)
}

// A damaged day loses what is in it: which minute of their hour its events belong to. The totals of the hours, the other days and the budget are as
// they were.
func TestDamagedHour(t *testing.T) {
	for name, damage := range map[string][]byte{"garbage": []byte("garbage"), "cut short": []byte("osre\x01abc"), "lost": nil} {
		t.Run(name, func(t *testing.T) {
			disk := openStorage(t, t.TempDir())
			r := newRigWith(t, stored(), noon, disk, checkout())
			c := newCounter(noon)
			for n := range 30 * 60 {
				r.pass(minute)
				r.send(c.add(100, float64(n%60/50)))
			}
			want := r.flushed()
			before := r.history(t)
			number := noon.UnixNano()/hourLength + 4
			var hours []hourOfMinutes
			next := number + 16 // of the next day
			for _, n := range []int64{next, number, next + 1} {
				hours = append(hours, before.minutes.hour(n))
			}
			key := dayKey(before.minutes.id, number)
			require.NotEqual(t, key, dayKey(before.minutes.id, next))
			require.NoError(t, r.shutdown(t.Context()))
			client := rawClient(t, disk, r.id)
			saved, err := client.Get(t.Context(), key)
			require.NoError(t, err)
			require.NotEmpty(t, saved)
			if damage == nil {
				require.NoError(t, client.Delete(t.Context(), key))
			} else {
				require.NoError(t, client.Set(t.Context(), key, damage))
			}
			require.NoError(t, client.Close(t.Context()))

			r = newRigWith(t, stored(), r.clock, disk, checkout())
			r.send(c)
			got := r.flushed()
			require.Equal(t, want["slo.error_budget.remaining{ shop checkout production availability }"], got.of(t, "slo.error_budget.remaining"))
			coverage := want["slo.period.coverage{ shop checkout production availability }"]
			midnight := time.Unix(0, (next-next%hoursPerDay)*hourLength).UTC()
			if damage != nil { // what is lost of the day is said
				coverage -= float64(midnight.Sub(noon)) / float64(30*day)
			}
			require.InDelta(t, coverage, got.of(t, "slo.period.coverage"), 1e-9)
			after := r.history(t)
			require.Equal(t, hours[0], after.minutes.hour(next))
			require.Equal(t, hours[2], after.minutes.hour(next+1))
			broken := after.minutes.hour(number)
			require.NotEqual(t, hours[1], broken)
			require.Equal(t, hours[1].all(), broken.all(), "the total is known")
			require.InDelta(t, 10./60, broken[0][bad].events(), 0.01, "evenly")
			require.EqualValues(t, min(len(damage), 1), r.stats.damaged.Load())
			if damage == nil {
				return
			}
			gaps := r.gaps()
			require.Len(t, gaps, 2)
			require.Equal(t, gapOf(noon.Truncate(hour), midnight, ledger.Damaged), gaps[1])
			require.NoError(t, r.shutdown(t.Context()))
			r = newRigWith(t, stored(), r.clock, disk, checkout())
			require.Equal(t, gaps, r.gaps(), "also after a restart, when nothing is there to be read")
		})
	}
}

// The record of a shard is damaged, and the one from when an hour was sealed is read: senders' counters say what has happened since.
func TestSpareRecord(t *testing.T) {
	disk := openStorage(t, t.TempDir())
	r := newRigWith(t, stored(), noon, disk, checkout())
	c := newCounter(noon)
	for range 6*60 + 30 {
		r.pass(minute)
		r.send(c.add(100, 1))
		r.checkpoint(t.Context(), r.clock, false)
	}
	hour := r.history(t).minutes.hour(noon.UnixNano()/hourLength + 1)
	want := r.flushed()
	require.NoError(t, r.shutdown(t.Context()))
	number := key{"shop", "checkout", "availability"}.shard()
	client := rawClient(t, disk, r.id)
	require.NoError(t, client.Set(t.Context(), recordKey(number), []byte("garbage")))
	require.NoError(t, client.Close(t.Context()))

	r = newRigWith(t, stored(), r.clock, disk, checkout())
	require.EqualValues(t, 1, r.stats.damaged.Load())
	r.send(c)
	r.requireTotal(39000, 390)
	require.Equal(t, hour, r.history(t).minutes.hour(noon.UnixNano()/hourLength+1), "history is there")
	require.Equal(t, want["slo.error_budget.remaining{ shop checkout production availability }"], r.flushed().of(t, "slo.error_budget.remaining"))
}

// Whatever is killed when, no event is lost or counted twice, and sealed hours are as if nothing had been killed, but for the hours in
// which it was.
func TestKilledAnywhere(t *testing.T) {
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 23))
		disk := openStorage(t, t.TempDir())
		r, whole := newRigWith(t, stored(), noon, disk, checkout()), newRig(t, checkout())
		c := newCounter(noon)
		killed := map[int64]bool{}
		for range 40 * 60 {
			pass(minute, r, whole)
			c.add(float64(random.IntN(200)), float64(random.IntN(3)))
			r.send(c)
			whole.send(c)
			r.checkpoint(t.Context(), r.clock, false)
			if random.IntN(400) == 0 {
				for back := range 3 {
					killed[r.clock.Add(-time.Duration(back)*minute).UnixNano()/hourLength] = true
				}
				killed[r.clock.Add(minute).UnixNano()/hourLength] = true
				r.kill()
				r = newRigWith(t, stored(), r.clock, disk, checkout())
			}
		}
		require.Equal(t, whole.total("production"), r.total("production"))
		a, b := whole.history(t), r.history(t)
		same := 0
		for n := noon.UnixNano() / hourLength; n < a.minutes.openHour(); n++ {
			if !killed[n] {
				require.Equal(t, a.minutes.hour(n), b.minutes.hour(n), "seed %d, hour %d", seed, n)
				same++
			}
		}
		require.Greater(t, same, 15)
	}
}

// Chunks that no window needs any more leave storage, and those of an SLO that is forgotten.
func TestExpiredHours(t *testing.T) {
	disk := openStorage(t, t.TempDir())
	r := newRigWith(t, stored(), noon, disk, checkout(windowOf(catalog.Window{Rolling: 3 * day})))
	c := newCounter(noon)
	var id uint64
	for range 5 * 24 * 4 {
		r.pass(15 * minute)
		r.send(c.add(10, 1))
		r.checkpoint(t.Context(), r.clock, false)
	}
	id = r.history(t).minutes.id
	has := func(n int64) bool { return chunkIn(r.archive, id, noon.UnixNano()/hourLength+n) != nil }
	require.False(t, has(1))
	require.False(t, has(20))
	require.True(t, has(5*24-3*24+2))
	require.True(t, has(5*24-4))
	r.catalog.swap()
	r.pass(25 * hour)
	r.checkpoint(t.Context(), r.clock, true)
	r.checkpoint(t.Context(), r.clock, true)
	for n := range int64(5*24 + 3) {
		require.False(t, has(n), strconv.FormatInt(n, 10))
	}
}

func FuzzDecodeDay(f *testing.F) {
	d := dayOfHours{3: {1, 2}, 23: {}}
	f.Add(d.encode())
	f.Add([]byte{24, 0})
	f.Fuzz(func(t *testing.T, record []byte) {
		d, err := decodeDay(record)
		if err != nil {
			require.Equal(t, dayOfHours{}, d)
			return
		}
		again, err := decodeDay(d.encode())
		require.NoError(t, err)
		require.Equal(t, d, again)
	})
}
