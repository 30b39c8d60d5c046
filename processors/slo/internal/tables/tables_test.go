// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tables

import (
	"errors"
	"maps"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
)

var (
	noon     = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	checkout = Place{"shop", "checkout", "availability", "production", ""}
	cart     = Place{"shop", "cart", "latency", "production", ""}
	roomy    = Limits{Place: 8 << 20, Total: 64 << 20}
)

// rows is a table with so many bad events of one route, and others.
func rows(bad int, route string) []byte {
	t := attribution.New(attribution.Counting)
	for i := range bad {
		t.Bad(attribution.Row{Time: noon, Attributes: []attribution.Attribute{{Name: "http.route", Value: route}, {Name: "k8s.pod.name", Value: strconv.Itoa(i)}}}, 1)
	}
	return t.AppendTo(nil)
}

// sent is the table of a collector that begins with a minute, as of so long after.
func sent(sender uint64, minute time.Time, after time.Duration, bad int) Sent {
	return Sent{Sender: sender, Start: minute, End: minute.Add(after), Rows: rows(bad, "/pay")}
}

func everywhere(Place) bool { return true }

// booked are the bad events of all tables of a time.
func booked(t testing.TB, s *Store, match func(Place) bool, from, to time.Time) (sum float64) {
	t.Helper()
	for _, table := range s.Find(match, from, to) {
		for _, b := range table.Rows {
			read, err := attribution.Read(b)
			require.NoError(t, err)
			sum += read.Booked()
		}
	}
	return sum
}

func all(t testing.TB, s *Store) float64 {
	return booked(t, s, everywhere, time.Unix(0, 0), noon.AddDate(10, 0, 0))
}

func TestALaterTableTakesThePlaceOfTheOneBefore(t *testing.T) {
	s := New(roomy)
	now := noon.Add(30 * time.Second)
	require.Equal(t, Taken, s.Take(checkout, sent(1, noon, 5*time.Second, 10), now))
	require.Equal(t, Taken, s.Take(checkout, sent(1, noon, 10*time.Second, 25), now))
	require.Equal(t, Old, s.Take(checkout, sent(1, noon, 5*time.Second, 10), now), "a retry that was overtaken")
	require.Equal(t, Taken, s.Take(checkout, sent(1, noon, 10*time.Second, 25), now), "one that was answered and not heard")
	require.Equal(t, 25., all(t, s))
	require.Equal(t, Taken, s.Take(checkout, sent(2, noon, 10*time.Second, 5), now), "another collector")
	require.Equal(t, Taken, s.Take(checkout, sent(1, noon.Add(20*time.Second), 10*time.Second, 3), now), "the first, after a restart within the minute")
	require.Equal(t, Taken, s.Take(cart, sent(1, noon, 10*time.Second, 7), now))
	require.Equal(t, 33., booked(t, s, func(p Place) bool { return p == checkout }, noon, noon.Add(time.Minute)))
	require.Equal(t, 40., all(t, s))
}

func TestAMinuteIsMergedWhenItsSendersAreDone(t *testing.T) {
	s := New(roomy)
	now := noon.Add(70 * time.Second)
	s.Take(checkout, sent(1, noon, time.Minute, 10), now)
	s.Take(checkout, sent(2, noon, time.Minute, 20), now)
	s.Take(checkout, sent(3, noon, 55*time.Second, 30), now)
	s.Advance(now)
	require.Len(t, s.Find(everywhere, noon, now)[0].Rows, 2, "the third may still send")
	require.Equal(t, 60., all(t, s))
	require.Equal(t, Old, s.Take(checkout, sent(1, noon, time.Minute, 10), now))
	require.Equal(t, Taken, s.Take(checkout, sent(3, noon, time.Minute, 35), now))
	s.Advance(now)
	require.Len(t, s.Find(everywhere, noon, now)[0].Rows, 1)
	require.Equal(t, 65., all(t, s))

	s.Take(checkout, sent(4, noon, 30*time.Second, 1), now) // and is never heard of again
	s.Advance(noon.Add(12 * time.Minute))
	require.Len(t, s.Find(everywhere, noon, now)[0].Rows, 1)
	require.Equal(t, 66., all(t, s))
}

func TestWhatIsNoTable(t *testing.T) {
	s := New(roomy)
	good := sent(1, noon, time.Second, 1)
	for name, change := range map[string]func(*Sent){
		"bytes":           func(t *Sent) { t.Rows = []byte("no table") },
		"none":            func(t *Sent) { t.Rows = nil },
		"half":            func(t *Sent) { t.Rows = t.Rows[:len(t.Rows)/2] },
		"too long":        func(t *Sent) { t.Rows = make([]byte, maxRows+1) },
		"before its time": func(t *Sent) { t.End = t.Start.Add(-1) },
		"the future":      func(t *Sent) { t.Start, t.End = t.Start.Add(time.Hour), t.End.Add(time.Hour) },
		"no time":         func(t *Sent) { t.Start = time.Unix(-100, 0) },
	} {
		bad := good
		change(&bad)
		assert.Equal(t, Invalid, s.Take(checkout, bad, noon), name)
	}
	late := sent(1, noon.Add(-2*time.Hour), time.Minute, 1)
	require.Equal(t, Late, s.Take(checkout, late, noon))
	require.Empty(t, s.Places())
	bytes, _ := s.Size()
	require.Zero(t, bytes)
}

func TestMinutesBecomeHoursAndDays(t *testing.T) {
	s := New(roomy)
	now := noon
	lengths := func() map[time.Duration]int {
		found := map[time.Duration]int{}
		for _, table := range s.Find(everywhere, time.Unix(0, 0), now) {
			found[table.To.Sub(table.From)]++
		}
		return found
	}
	for i := range 4 * 24 * 60 { // four days, with a bad event in every third minute
		now = noon.Add(time.Duration(i) * time.Minute)
		if i%3 == 0 {
			require.Equal(t, Taken, s.Take(checkout, sent(1, now, time.Minute, 1), now))
		}
		if i%60 == 0 {
			s.Advance(now)
		}
	}
	s.Advance(now)
	require.Equal(t, 4*24*20., all(t, s))
	found := lengths()
	require.LessOrEqual(t, found[time.Minute], 40)
	require.GreaterOrEqual(t, found[time.Minute], 20)
	require.LessOrEqual(t, found[time.Hour], 72)
	require.GreaterOrEqual(t, found[time.Hour], 47)
	require.GreaterOrEqual(t, found[24*time.Hour], 1)

	s.Keep(func(Place) (time.Duration, bool) { return 60 * time.Hour, true })
	s.Advance(now)
	require.Less(t, all(t, s), 4*24*20.)
	oldest := s.Find(everywhere, time.Unix(0, 0), now)[0]
	require.False(t, oldest.To.Before(now.Add(-60*time.Hour)))
	s.Keep(func(Place) (time.Duration, bool) { return 0, false })
	require.Empty(t, s.Places())
	bytes, dropped := s.Size()
	require.Zero(t, bytes)
	require.Zero(t, dropped)
}

// What burned least goes first, its oldest tables before others.
func TestBounds(t *testing.T) {
	one := part{senders: []sender{{1, 1}}, rows: rows(10, "/pay")}
	size := one.size() + overhead
	s := New(Limits{Place: 4 * size, Total: 6 * size})
	minute := func(i int) time.Time { return noon.Add(time.Duration(i) * time.Minute) }
	now := minute(10)
	for i := range 6 {
		require.Equal(t, Taken, s.Take(checkout, sent(1, minute(i), time.Minute, 10), now))
	}
	require.Equal(t, minute(2), s.Find(everywhere, noon, now)[0].From, "there is room for four")
	for i := range 3 {
		require.Equal(t, Taken, s.Take(cart, sent(1, minute(i), time.Minute, 10), now))
	}
	only := func(want Place) func(Place) bool { return func(p Place) bool { return p == want } }
	require.Equal(t, 40., booked(t, s, only(checkout), noon, now))
	require.Equal(t, 20., booked(t, s, only(cart), noon, now))
	require.Equal(t, minute(1), s.Find(only(cart), noon, now)[0].From)
	bytes, dropped := s.Size()
	require.LessOrEqual(t, bytes, int64(6*size))
	require.EqualValues(t, 3, dropped)

	for sender := range uint64(20) { // a minute of more senders than there is room for
		s.Take(checkout, sent(sender+10, minute(7), 10*time.Second, 10), now)
	}
	bytes, dropped = s.Size()
	require.LessOrEqual(t, bytes, int64(9*size))
	require.Greater(t, dropped, int64(3))
}

// memory is storage, of which some writes fail.
type memory struct {
	records map[string][]byte
	damage  map[string]bool
}

func (m *memory) save(s *Store, fails bool) {
	records := s.Records()
	if !fails {
		for _, r := range records {
			if r.Payload == nil {
				delete(m.records, r.Key)
			} else {
				m.records[r.Key] = r.Payload
			}
		}
	}
	s.Saved(!fails)
}

func (m *memory) load(key string) ([]byte, error) {
	if m.damage[key] {
		return nil, checkpoint.ErrDamaged
	}
	return m.records[key], nil
}

func (m *memory) restored(t *testing.T) (s *Store, damaged int) {
	s = New(roomy)
	require.NoError(t, s.Restore(m.load, func(error) { damaged++ }))
	return s, damaged
}

// Collectors send tables that grow, several times or never, while minutes pass, saves fail and the process restarts: what is kept is the last of each.
func TestSumsAreThoseOfTheLastTables(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 3))
		m := &memory{records: map[string][]byte{}}
		s := New(roomy)
		type open struct {
			start time.Time
			bad   int
		}
		now := noon
		var want float64
		collectors := make([]open, 5)
		for range 400 {
			i := r.IntN(len(collectors))
			c := &collectors[i]
			if minuteOf(c.start) != minuteOf(now) {
				if c.bad > 0 && r.IntN(2) == 0 { // the end of the last minute
					s.Take(checkout, Sent{uint64(i), c.start, timeOf(minuteOf(c.start) + 1), rows(c.bad, "/pay")}, now) // it may be late: it is the same
				}
				*c = open{start: now}
			}
			c.bad++
			want++
			for range 1 + r.IntN(2) {
				require.Equal(t, Taken, s.Take(checkout, Sent{uint64(i), c.start, now, rows(c.bad, "/pay")}, now))
			}
			switch r.IntN(10) {
			case 0:
				s.Advance(now)
			case 1:
				m.save(s, r.IntN(3) == 0)
			case 2:
				m.save(s, false)
				s, _ = m.restored(t)
			}
			now = now.Add(time.Duration(r.IntN(40)) * time.Second)
		}
		require.Equal(t, want, all(t, s))
		s.Advance(now.Add(5 * 24 * time.Hour))
		require.Equal(t, want, all(t, s), "after it has become days")
		m.save(s, false)
		again, _ := m.restored(t)
		require.Equal(t, want, all(t, again))
		before, _ := s.Size()
		after, _ := again.Size()
		require.Equal(t, before, after)
		s.Keep(func(Place) (time.Duration, bool) { return 0, false })
		m.save(s, false)
		for key, payload := range m.records {
			require.Contains(t, key, "ledger/index/", "nothing else is left")
			require.Len(t, payload, 1)
		}
	}
}

func TestADamagedRecordLosesOnlyItself(t *testing.T) {
	s := New(roomy)
	m := &memory{records: map[string][]byte{}}
	for i := range 10 {
		s.Take(checkout, sent(1, noon.Add(time.Duration(i)*time.Minute), time.Minute, 1<<i), noon.Add(10*time.Minute))
	}
	m.save(s, false)
	for key, payload := range maps.Clone(m.records) {
		for _, damage := range []func(){
			func() { m.damage = map[string]bool{key: true} },
			func() { m.records[key] = payload[:len(payload)/2] },
			func() { m.records[key] = append([]byte{9}, payload[1:]...) },
		} {
			damage()
			again, damaged := m.restored(t)
			assert.Equal(t, 1, damaged, key)
			if len(again.Places()) > 0 {
				assert.Len(t, again.Find(everywhere, noon, noon.Add(time.Hour)), 9, key)
			} else {
				assert.Contains(t, key, "index")
			}
			m.damage, m.records[key] = nil, payload
		}
	}
	s = New(roomy)
	require.Error(t, s.Restore(func(string) ([]byte, error) { return nil, errors.New("no disk") }, nil))
}

// What was seen in storage is bounded and does not panic.
func FuzzRestore(f *testing.F) {
	s := New(roomy)
	s.Take(checkout, sent(1, noon, time.Minute, 3), noon)
	for _, r := range s.Records() {
		f.Add(r.Payload)
	}
	f.Fuzz(func(_ *testing.T, payload []byte) {
		_ = New(roomy).Restore(func(string) ([]byte, error) { return payload, nil }, func(error) {})
	})
}

// Tables arrive, are merged, saved and asked for at the same time.
func TestConcurrent(t *testing.T) {
	s := New(Limits{Place: 200 << 10, Total: 300 << 10})
	m := &memory{records: map[string][]byte{}}
	var group sync.WaitGroup
	for sender := range uint64(4) {
		group.Go(func() {
			for i := range 100 {
				now := noon.Add(time.Duration(i) * 20 * time.Second)
				at := checkout
				at.Group = strconv.Itoa(i % 3)
				s.Take(at, sent(sender, now.Truncate(time.Minute), time.Duration(i%3+1)*20*time.Second, 1+i), now)
			}
		})
	}
	for _, do := range []func(now time.Time){
		s.Advance,
		func(time.Time) { m.save(s, false) },
		func(now time.Time) { s.Find(everywhere, noon, now); s.Size(); s.Places() },
		func(time.Time) { s.Keep(func(p Place) (time.Duration, bool) { return time.Hour, p.Group != "2" }) },
	} {
		group.Go(func() {
			for i := range 50 {
				do(noon.Add(time.Duration(i) * time.Minute))
			}
		})
	}
	group.Wait()
	m.save(s, false)
	again, damaged := m.restored(t)
	require.Zero(t, damaged)
	require.Equal(t, all(t, s), all(t, again))
	bytes, _ := s.Size()
	require.LessOrEqual(t, bytes, int64(300<<10))
	s.Keep(func(Place) (time.Duration, bool) { return 0, false })
	m.save(s, false)
	require.LessOrEqual(t, len(m.records), indexes, "no page is left behind")
	bytes, _ = s.Size()
	require.Zero(t, bytes)
}
