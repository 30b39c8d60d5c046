// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
)

// An archive has the sealed hours that are in storage.
type archive struct {
	store *checkpoint.Store
	// failed reports an hour that cannot be read. Its total is known all the same.
	failed func(error)
}

const hoursPerDay = 24

// A dayOfHours has the chunks of a day's hours; nil for those without events. They are one record: to open a file, storage looks at each of its
// pages that begins a record or more, so a month of records for each hour would take long.
type dayOfHours [hoursPerDay][]byte

// dayKey is the key of the day of a history that has the hour. Those of one day are next to each other, as they are written together.
func dayKey(history uint64, hour int64) string {
	return fmt.Sprintf("minutes/%05x/%016x", hour/hoursPerDay, history)
}

// The record of a day; u is an unsigned varint:
//
//	day  (hour:u  n:u  chunk)...
func (d *dayOfHours) encode() []byte {
	var w checkpoint.Writer
	for i, chunk := range d {
		if chunk != nil {
			w.Length(i)
			w.Length(len(chunk))
			w.Bytes(chunk)
		}
	}
	return w
}

func decodeDay(record []byte) (d dayOfHours, _ error) {
	r := checkpoint.NewReader(record)
	for r.Rest() > 0 {
		i := r.Uint(hoursPerDay - 1)
		if chunk := r.Bytes(r.Length(1)); !r.Failed() {
			d[i] = chunk
		}
	}
	if err := r.End(); err != nil {
		return dayOfHours{}, err
	}
	return d, nil
}

// day reads the day that has the hour. The error has been reported.
func (a *archive) day(history uint64, hour int64) (d dayOfHours, err error) {
	if a == nil {
		return d, nil
	}
	key := dayKey(history, hour)
	record, err := a.store.Load(context.Background(), key)
	if err == nil {
		if d, err = decodeDay(record); err != nil {
			err = errors.Join(fmt.Errorf("%w %q: %w", checkpoint.ErrDamaged, key, err), a.store.SetAside(context.Background(), key))
		}
	}
	if err != nil {
		a.failed(err)
	}
	return d, err
}

// errOneHour is damage of one hour only.
var errOneHour = fmt.Errorf("%w: one hour", checkpoint.ErrDamaged)

// hour reads an hour, which is one without events if there is none. The error has been reported.
func (a *archive) hour(history uint64, hour int64) (h hourOfMinutes, _ error) {
	day, err := a.day(history, hour)
	chunk := day[hour%hoursPerDay]
	if err != nil || chunk == nil {
		return h, err
	}
	if h, err = decodeHour(chunk); err != nil {
		a.failed(fmt.Errorf("%w %q: hour %d: %w", checkpoint.ErrDamaged, dayKey(history, hour), hour, err))
		return h, errOneHour
	}
	return h, nil
}

// damaged notes which hours are lost with the one, if the error says that it cannot be read: those of the day that have events, unless they are in memory.
func (m *minutes) damaged(hour int64, err error) {
	if !errors.Is(err, checkpoint.ErrDamaged) {
		return
	}
	first, last := hour-hour%hoursPerDay, hour-hour%hoursPerDay+hoursPerDay
	if errors.Is(err, errOneHour) {
		first, last = hour, hour+1
	}
	for number := max(first, m.first); number < min(last, m.openHour()); number++ {
		i := int(number - m.first)
		if m.hours[good].at(i)+m.hours[bad].at(i) == 0 || slices.Contains(m.lost, number) ||
			slices.ContainsFunc(m.kept, func(k keptChunk) bool { return k.hour == number && !k.addition }) {
			continue
		}
		m.lost = append(m.lost, number)
	}
}

// records are what to save of the minutes: days with chunks that storage does not have, and those that it need not have any more.
func (m *minutes) records() (records []checkpoint.Record) {
	if m.archive == nil {
		return nil
	}
	for i := 0; i < len(m.kept); {
		number := m.kept[i].hour
		day, err := m.archive.day(m.id, number)
		m.damaged(number, err)
		for ; i < len(m.kept) && m.kept[i].hour/hoursPerDay == number/hoursPerDay; i++ {
			k, chunk := &m.kept[i], &day[m.kept[i].hour%hoursPerDay]
			if k.addition && *chunk != nil {
				k.merge(keptChunk{data: *chunk})
			}
			*chunk = k.data
			k.addition, k.saving = false, true
		}
		records = append(records, checkpoint.Record{Key: dayKey(m.id, number), Payload: day.encode()})
	}
	for _, hour := range m.expired {
		records = append(records, checkpoint.Record{Key: dayKey(m.id, hour)})
	}
	m.removing = len(m.expired)
	return records
}

// saved notes what became of the records.
func (m *minutes) saved(done bool) {
	if done {
		m.expired = m.expired[m.removing:]
	}
	m.removing = 0
	var kept []keptChunk
	for _, k := range m.kept {
		if k.saving && done {
			continue
		}
		k.saving = false
		if last := len(kept) - 1; last >= 0 && kept[last].hour == k.hour { // added while the other was being saved
			kept[last].merge(k)
			continue
		}
		kept = append(kept, k)
	}
	m.kept = kept
}

// merge adds what the other chunk of the hour has.
func (k *keptChunk) merge(other keptChunk) {
	a, errA := decodeHour(k.data)
	b, errB := decodeHour(other.data)
	if errA == nil && errB == nil { // they were encoded here
		a.add(&b)
		k.data = a.encode()
	}
	k.addition = k.addition && other.addition
}

// all are the keys of the history in storage.
func (m *minutes) all() (records []checkpoint.Record) {
	if m.archive == nil {
		return nil
	}
	for hour := m.first; hour < m.openHour()+hoursPerDay; hour += hoursPerDay {
		records = append(records, checkpoint.Record{Key: dayKey(m.id, hour)})
	}
	for _, hour := range m.expired {
		records = append(records, checkpoint.Record{Key: dayKey(m.id, hour)})
	}
	return records
}
