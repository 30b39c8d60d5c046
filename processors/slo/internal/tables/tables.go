// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package tables keeps the tables of the budget ledger that collectors send: minutes for an hour, hours for two days, and days for the SLO's period.
package tables

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
)

const (
	// minutesFor and hoursFor is for how long minutes and hours are kept after they are over. Then they are one table with the others of their hour or day.
	minutesFor, hoursFor = time.Hour, 48 * time.Hour
	// settled is how long after its end a minute waits for the last table of a collector.
	settled = 10 * time.Minute
	// ahead is how far the clock of a collector may be ahead.
	ahead = 10 * time.Minute
	// maxRows is the longest table that is taken, in bytes.
	maxRows = 128 << 10
	// overhead is about what a page or a part takes besides its table, in bytes, and perSender what each of its senders does.
	overhead, perSender = 160, 16
)

// keeping are the limits of tables that are merged to be kept.
var keeping = attribution.Limits{Dimensions: 32, Values: 64, Lines: 384, Text: 16 << 10, BadRows: 128, GoodRows: 256}

// A Place is an SLO in an environment, or a group of it.
type Place struct{ Namespace, Service, SLO, Environment, Group string }

// ID is a hash of the place.
func (p Place) ID() uint64 {
	var d xxhash.Digest
	d.Reset()
	for _, s := range []string{p.Namespace, p.Service, p.SLO, p.Environment, p.Group} {
		_, _ = d.WriteString(s)
		_, _ = d.Write([]byte{0})
	}
	return d.Sum64()
}

// A Sent is a table as it arrives. Sender and Start are of one table; with a later End, it takes the place of the one before.
type Sent struct {
	Sender     uint64
	Start, End time.Time
	Rows       []byte
}

// A Verdict is what becomes of a table.
type Verdict uint8

// The verdicts.
const (
	Taken Verdict = iota
	// Old is a table that has been merged already, or is older than one that is here.
	Old
	// Late is one of more than an hour ago.
	Late
	// Full: there is no room for it.
	Full
	// Invalid is what cannot be read.
	Invalid
	Verdicts
)

func (v Verdict) String() string {
	return [Verdicts]string{"taken", "old", "late", "full", "invalid"}[v]
}

// Limits bound what is kept, in bytes.
type Limits struct{ Place, Total int }

// A Store keeps the tables of all places. It can be used concurrently; Advance, Records and Restore by one at a time.
type Store struct {
	limits Limits

	mu     sync.Mutex
	places map[Place]*place
	bytes  int
	// dropped is how many tables had to go to make room.
	dropped int64
	// gone are the pages that storage has and nobody needs.
	gone []string
	// index are the parts of the index that have changed.
	index [indexes]bool
	// saving is what is being saved.
	saving saving
}

type place struct {
	Place
	id     uint64
	period time.Duration
	pages  []*page // in order
	bytes  int
	booked float64
}

// A page has the tables of a minute, an hour or a day.
type page struct {
	// start and length are in minutes.
	start, length int64
	parts         []part
	// version numbers the changes, saved is the version that storage has, and written: it may have one.
	version, saved int
	written        bool
}

// A part is a table of one sender, or merged ones of several.
type part struct {
	senders []sender
	end     int64 // of a table of one sender, in Unix nanoseconds
	merged  bool
	booked  float64
	rows    []byte
}

// A sender is a collector, and when it began the table.
type sender struct {
	id    uint64
	start int64
}

func (p *part) size() int { return overhead + perSender*len(p.senders) + len(p.rows) }

func (p *page) size() (n int) {
	n = overhead
	for i := range p.parts {
		n += p.parts[i].size()
	}
	return n
}

func (p *page) end() int64 { return p.start + p.length }

func minuteOf(t time.Time) int64 { return int64(math.Floor(float64(t.Unix()) / 60)) }

func timeOf(minute int64) time.Time { return time.Unix(minute*60, 0).UTC() }

// New returns an empty store.
func New(limits Limits) *Store {
	return &Store{limits: limits, places: make(map[Place]*place)}
}

// Take takes a table. Its bytes are kept.
func (s *Store) Take(at Place, t Sent, now time.Time) Verdict {
	if len(t.Rows) > maxRows || t.End.Before(t.Start) || t.Start.Unix() < 0 {
		return Invalid
	}
	table, err := attribution.Read(t.Rows)
	if err != nil {
		return Invalid
	}
	start := minuteOf(t.Start)
	switch {
	case t.Start.After(now.Add(ahead)):
		return Invalid
	case timeOf(start + 1).Before(now.Add(-minutesFor)):
		return Late
	}
	arrived := part{senders: []sender{{t.Sender, t.Start.UnixNano()}}, end: t.End.UnixNano(), booked: table.Booked(), rows: t.Rows}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.places[at]
	if p == nil {
		p = &place{Place: at, id: at.ID(), period: 31 * 24 * time.Hour} // until the catalog says another
	}
	return s.put(p, start, arrived)
}

func (s *Store) put(p *place, start int64, arrived part) Verdict {
	at, found := p.find(start, 1)
	i := -1
	if found {
		i = slices.IndexFunc(p.pages[at].parts, func(old part) bool { return slices.Contains(old.senders, arrived.senders[0]) })
		if i >= 0 && (p.pages[at].parts[i].merged || p.pages[at].parts[i].end > arrived.end) {
			return Old
		}
	}
	var before part
	if i >= 0 {
		before = p.pages[at].parts[i]
	}
	if p.bytes+arrived.size() > 2*s.limits.Place && arrived.size() > before.size() {
		s.dropped++
		return Full
	}
	s.places[p.Place] = p
	if !found {
		p.pages = slices.Insert(p.pages, at, &page{start: start, length: 1, saved: -1})
		s.grow(p, overhead)
		s.index[p.id%indexes] = true
	}
	page := p.pages[at]
	if i >= 0 {
		page.parts[i] = arrived
		s.grow(p, arrived.size()-before.size())
	} else {
		page.parts = append(page.parts, arrived)
		s.grow(p, arrived.size())
	}
	p.booked += arrived.booked - before.booked
	page.version++
	s.bound(p)
	return Taken
}

func (s *Store) grow(p *place, bytes int) {
	p.bytes += bytes
	s.bytes += bytes
}

// find is where the page is, or would be.
func (p *place) find(start, length int64) (int, bool) {
	return slices.BinarySearchFunc(p.pages, [2]int64{start, length}, func(one *page, key [2]int64) int {
		return cmp.Or(cmp.Compare(one.start, key[0]), cmp.Compare(one.length, key[1]))
	})
}

// bound drops the oldest page of the place while it has too much, and then of those with the fewest bad events. The newest of a place stays while others can go.
func (s *Store) bound(p *place) {
	for p.bytes > s.limits.Place && len(p.pages) > 1 {
		s.drop(p, 0)
	}
	for s.bytes > s.limits.Total {
		var least *place
		for _, other := range s.places {
			if least == nil || cmp.Or(cmp.Compare(other.booked, least.booked), cmp.Compare(other.id, least.id)) < 0 {
				least = other
			}
		}
		if least == nil || len(least.pages) == 0 {
			return
		}
		s.drop(least, 0)
	}
}

// drop drops a page for want of room.
func (s *Store) drop(p *place, at int) {
	s.dropped += int64(len(p.pages[at].parts))
	s.remove(p, at)
	if len(p.pages) == 0 {
		s.forget(p)
	}
}

// forget forgets a place without pages, if it is not another one by now.
func (s *Store) forget(p *place) {
	if s.places[p.Place] == p {
		delete(s.places, p.Place)
	}
}

func (s *Store) remove(p *place, at int) {
	old := p.pages[at]
	s.grow(p, -old.size())
	for i := range old.parts {
		p.booked -= old.parts[i].booked
	}
	if old.written {
		s.gone = append(s.gone, p.recordKey(old))
	}
	s.index[p.id%indexes] = true
	p.pages = slices.Delete(p.pages, at, at+1)
}

// Keep lets go of the places that are not to be kept, and learns the periods of the others.
func (s *Store) Keep(keep func(Place) (period time.Duration, ok bool)) {
	for _, p := range s.all() {
		period, ok := keep(p.Place)
		s.mu.Lock()
		if ok {
			p.period = period
		} else {
			for len(p.pages) > 0 {
				s.remove(p, len(p.pages)-1)
			}
			s.forget(p)
		}
		s.mu.Unlock()
	}
}

func (s *Store) all() []*place {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sorted()
}

// sorted are all places in an order that does not change. s.mu must be held.
func (s *Store) sorted() []*place {
	all := make([]*place, 0, len(s.places))
	for _, p := range s.places {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *place) int { return cmp.Compare(a.id, b.id) })
	return all
}

// Places are those that have tables.
func (s *Store) Places() (all []Place) {
	for _, p := range s.all() {
		all = append(all, p.Place)
	}
	return all
}

// Size is how many bytes are kept, and how many tables were dropped to make room.
func (s *Store) Size() (bytes, dropped int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(s.bytes), s.dropped
}

// A Table is what is kept of a time.
type Table struct {
	From, To time.Time
	// Rows are encoded tables.
	Rows [][]byte
}

// Find has the tables of the places that match that are of the time, in order. They are whole minutes, hours or days, so they may begin earlier and end later.
func (s *Store) Find(match func(Place) bool, from, to time.Time) (all []Table) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.sorted() {
		if !match(p.Place) {
			continue
		}
		for _, page := range p.pages {
			t := Table{From: timeOf(page.start), To: timeOf(page.end())}
			if !t.From.Before(to) || !t.To.After(from) {
				continue
			}
			for i := range page.parts {
				t.Rows = append(t.Rows, page.parts[i].rows)
			}
			all = append(all, t)
		}
	}
	slices.SortStableFunc(all, func(a, b Table) int { return a.From.Compare(b.From) })
	return all
}
