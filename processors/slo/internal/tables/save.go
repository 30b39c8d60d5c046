// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tables

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
)

// indexes is over how many records the list of places and pages is spread. It is part of the format.
const indexes = 16

const (
	format = 1
	// longest bounds texts and times of records.
	longestText, longestTime = 1 << 16, 1 << 40
)

func indexKey(n int) string { return fmt.Sprintf("ledger/index/%x", n) }

func (p *place) recordKey(one *page) string {
	return fmt.Sprintf("ledger/%016x/%x-%d", p.id, one.start, one.length)
}

// saving is what is written in one transaction.
type saving struct {
	index [indexes]bool
	gone  []string
	pages []savedPage
}

type savedPage struct {
	*page
	version int
}

// Records are what has changed since the last time that they were saved. Each page is a record; the index says which there are:
//
//	index  format:u  (place  period:u  pages:u  (start:u  length:u)...)...
//	page   format:u  parts:u  (merged:u  end:u  senders:u  (id:u  start:u)...  length:u  table)...
func (s *Store) Records() (records []checkpoint.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saving = saving{index: s.index, gone: s.gone}
	s.index, s.gone = [indexes]bool{}, nil
	removed := make(map[string]bool)
	for _, key := range s.saving.gone {
		removed[key] = true
	}
	for _, p := range s.places {
		for _, one := range p.pages {
			if one.saved == one.version {
				continue
			}
			delete(removed, p.recordKey(one))
			records = append(records, checkpoint.Record{Key: p.recordKey(one), Payload: one.encode()})
			one.written = true
			s.saving.pages = append(s.saving.pages, savedPage{one, one.version})
		}
	}
	for key := range removed {
		records = append(records, checkpoint.Record{Key: key})
	}
	for n, changed := range s.saving.index {
		if changed {
			records = append(records, checkpoint.Record{Key: indexKey(n), Payload: s.encodeIndex(n)})
		}
	}
	slices.SortFunc(records, func(a, b checkpoint.Record) int { return cmp.Compare(a.Key, b.Key) })
	return records
}

// Saved notes what became of the records.
func (s *Store) Saved(done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if done {
		for _, one := range s.saving.pages {
			one.page.saved = max(one.page.saved, one.version)
		}
	} else {
		s.gone = append(s.gone, s.saving.gone...)
		for n, changed := range s.saving.index {
			s.index[n] = s.index[n] || changed
		}
	}
	s.saving = saving{}
}

func (s *Store) encodeIndex(n int) []byte {
	var w checkpoint.Writer
	w.Uint(format)
	places := make([]*place, 0, len(s.places)/indexes)
	for _, p := range s.places {
		if p.id%indexes == uint64(n) {
			places = append(places, p)
		}
	}
	slices.SortFunc(places, func(a, b *place) int { return cmp.Compare(a.id, b.id) })
	for _, p := range places {
		for _, text := range []string{p.Namespace, p.Service, p.SLO, p.Environment, p.Group} {
			w.Text(text)
		}
		w.Uint(uint64(p.period))
		w.Length(len(p.pages))
		for _, one := range p.pages {
			w.Uint(uint64(one.start))
			w.Uint(uint64(one.length))
		}
	}
	return w
}

func (p *page) encode() []byte {
	var w checkpoint.Writer
	w.Uint(format)
	w.Length(len(p.parts))
	for i := range p.parts {
		one := &p.parts[i]
		merged := uint64(0)
		if one.merged {
			merged = 1
		}
		w.Uint(merged)
		w.Uint(uint64(one.end))
		w.Length(len(one.senders))
		for _, sender := range one.senders {
			w.Uint(sender.id)
			w.Uint(uint64(sender.start))
		}
		w.Length(len(one.rows))
		w.Bytes(one.rows)
	}
	return w
}

func decodePage(payload []byte) (parts []part, _ error) {
	r := checkpoint.NewReader(payload)
	r.Require(r.Uint(math.MaxInt64) == format)
	for range r.Length(4) {
		one := part{merged: r.Uint(1) == 1, end: int64(r.Uint(math.MaxInt64))}
		for range r.Length(2) {
			one.senders = append(one.senders, sender{r.Uint(math.MaxUint64), int64(r.Uint(math.MaxInt64))})
		}
		one.rows = slices.Clone(r.Bytes(r.Length(1)))
		if r.Failed() {
			break
		}
		table, err := attribution.Read(one.rows)
		if err != nil {
			return nil, err
		}
		one.booked = table.Booked()
		parts = append(parts, one)
	}
	return parts, r.End()
}

// Restore reads what was saved. Records that cannot be read are reported, and lose only themselves; the error says that storage could not be read at all.
func (s *Store) Restore(load func(key string) ([]byte, error), damaged func(error)) error {
	for n := range indexes {
		payload, err := load(indexKey(n))
		if errors.Is(err, checkpoint.ErrDamaged) {
			damaged(err)
			continue
		}
		if err != nil {
			return err
		}
		if payload == nil {
			continue
		}
		if err := s.restoreIndex(payload, load, damaged); err != nil {
			return err
		}
	}
	for _, p := range s.all() {
		s.mu.Lock()
		s.bound(p)
		s.mu.Unlock()
	}
	return nil
}

func (s *Store) restoreIndex(payload []byte, load func(key string) ([]byte, error), damaged func(error)) error {
	r := checkpoint.NewReader(payload)
	r.Require(r.Uint(math.MaxInt64) == format)
	for r.Rest() > 0 {
		var texts [5]string
		for i := range texts {
			texts[i] = string(r.Bytes(int(min(r.Uint(longestText), longestText))))
		}
		p := &place{Place: Place{texts[0], texts[1], texts[2], texts[3], texts[4]}, period: time.Duration(r.Uint(math.MaxInt64))}
		p.id = p.Place.ID()
		for range r.Length(2) {
			one := &page{start: int64(r.Uint(longestTime)), length: int64(r.Uint(24 * 60)), written: true}
			if r.Failed() {
				break
			}
			p.pages = append(p.pages, one)
		}
		if r.Failed() {
			break
		}
		if err := s.restorePlace(p, load, damaged); err != nil {
			return err
		}
	}
	if err := r.End(); err != nil {
		damaged(fmt.Errorf("%w: list of tables of the budget ledger: %w", checkpoint.ErrDamaged, err))
	}
	return nil
}

func (s *Store) restorePlace(p *place, load func(key string) ([]byte, error), damaged func(error)) error {
	listed := p.pages
	p.pages = nil
	for _, one := range listed {
		key := p.recordKey(one)
		payload, err := load(key)
		if err == nil && payload != nil {
			if one.parts, err = decodePage(payload); err != nil {
				err = fmt.Errorf("%w %q: %w", checkpoint.ErrDamaged, key, err)
			}
		}
		switch {
		case errors.Is(err, checkpoint.ErrDamaged):
			damaged(err)
			s.index[p.id%indexes] = true
			continue
		case err != nil:
			return err
		case payload == nil:
			continue
		}
		if _, twice := p.find(one.start, one.length); twice {
			continue
		}
		p.pages = append(p.pages, one)
		slices.SortFunc(p.pages, func(a, b *page) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.length, b.length)) })
		s.grow(p, one.size())
		for i := range one.parts {
			p.booked += one.parts[i].booked
		}
	}
	if len(p.pages) > 0 {
		s.places[p.Place] = p
	}
	return nil
}
