// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tables

import (
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
)

// Advance merges what does not change any more: the tables of a minute, minutes to hours, and hours to days; and drops days that are over for longer than the period.
// Tables are merged while others may be taken.
func (s *Store) Advance(now time.Time) {
	for _, p := range s.all() {
		s.settle(p, now)
		s.roll(p, 60, minuteOf(now.Add(-minutesFor)))
		s.roll(p, 24*60, minuteOf(now.Add(-hoursFor)))
		s.expire(p, now)
	}
}

// settle merges the tables of the minutes whose senders are done with them.
func (s *Store) settle(p *place, now time.Time) {
	s.mu.Lock()
	pages := slices.Clone(p.pages)
	s.mu.Unlock()
	for _, page := range pages {
		s.mu.Lock()
		version := page.version
		over := timeOf(page.end()).Add(settled).Before(now)
		var done, rest []part
		for _, one := range page.parts {
			if one.merged || over || one.end >= timeOf(page.end()).UnixNano() {
				done = append(done, one)
			} else {
				rest = append(rest, one)
			}
		}
		s.mu.Unlock()
		if len(done) == 0 || len(done) == 1 && done[0].merged {
			continue
		}
		merged := merge(done)
		s.mu.Lock()
		if page.version == version && p.has(page) {
			s.replace(p, page, append([]part{merged}, rest...))
		}
		s.mu.Unlock()
	}
}

func (p *place) has(one *page) bool { return slices.Contains(p.pages, one) }

// replace sets the parts of a page. s.mu must be held.
func (s *Store) replace(p *place, one *page, parts []part) {
	before := one.size()
	one.parts = parts
	one.version++
	s.grow(p, one.size()-before)
}

// merge is one table instead of several. One alone stays as it is.
func merge(parts []part) (m part) {
	m.merged = true
	for _, one := range parts {
		m.senders = append(m.senders, one.senders...)
		m.booked += one.booked
	}
	if len(parts) == 1 {
		m.rows = parts[0].rows
		return m
	}
	limits := keeping
	limits.Seed = uint64(len(m.senders)) + uint64(m.booked)
	table := attribution.New(limits)
	for _, one := range parts {
		if t, err := attribution.Read(one.rows); err == nil { // it was read before
			table.Merge(t)
		}
	}
	m.rows, m.booked = table.AppendTo(nil), table.Booked()
	return m
}

// roll makes one page of all shorter ones of the same hour or day, if it ended before.
func (s *Store) roll(p *place, length, before int64) {
	s.mu.Lock()
	groups := map[int64][]*page{}
	for _, page := range p.pages {
		if start := page.start - page.start%length; page.length < length && start+length <= before {
			groups[start] = append(groups[start], page)
		}
	}
	s.mu.Unlock()
	for start, pages := range groups {
		var parts []part
		s.mu.Lock()
		if at, found := p.find(start, length); found {
			pages = append(pages, p.pages[at])
		}
		for _, page := range pages {
			parts = append(parts, page.parts...)
		}
		s.mu.Unlock()
		merged := merge(parts) // nothing is added to pages of that time any more
		merged.senders = nil
		s.mu.Lock()
		dropped := false
		for _, one := range pages {
			dropped = dropped || !p.has(one)
		}
		if dropped {
			s.mu.Unlock()
			continue
		}
		for _, one := range pages {
			s.remove(p, slices.Index(p.pages, one))
		}
		at, _ := p.find(start, length)
		whole := &page{start: start, length: length, parts: []part{merged}, version: 1, saved: -1}
		p.pages = slices.Insert(p.pages, at, whole)
		p.booked += merged.booked
		s.grow(p, whole.size())
		s.mu.Unlock()
	}
}

func (s *Store) expire(p *place, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(p.pages) > 0 && timeOf(p.pages[0].end()).Before(now.Add(-p.period)) {
		s.remove(p, 0)
	}
	if len(p.pages) == 0 {
		s.forget(p)
	}
}
