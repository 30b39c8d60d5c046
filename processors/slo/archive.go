// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"context"
	"errors"
	"fmt"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
)

// An archive has the sealed hours that are in storage.
type archive struct {
	store *checkpoint.Store
	// failed reports an hour that cannot be read. Its total is known all the same.
	failed func(error)
}

// chunkKey is the key of an hour of a history. Those of one hour are next to each other, as they are written together.
func chunkKey(history uint64, hour int64) string {
	return fmt.Sprintf("minutes/%06x/%016x", hour, history)
}

// chunk reads an hour as it is kept; nil if there is none.
func (a *archive) chunk(history uint64, hour int64) []byte {
	if a == nil {
		return nil
	}
	chunk, err := a.store.Load(context.Background(), chunkKey(history, hour))
	if err != nil {
		a.failed(err)
		return nil
	}
	return chunk
}

// hour reads an hour, which is one without events if there is none.
func (a *archive) hour(history uint64, hour int64) hourOfMinutes {
	chunk := a.chunk(history, hour)
	if chunk == nil {
		return hourOfMinutes{}
	}
	h, err := decodeHour(chunk)
	if err != nil {
		key := chunkKey(history, hour)
		a.failed(errors.Join(fmt.Errorf("%w %q: %w", checkpoint.ErrDamaged, key, err), a.store.SetAside(context.Background(), key)))
	}
	return h
}

// records are what to save of the minutes: chunks that storage does not have, and those that it need not have any more.
func (m *minutes) records() (records []checkpoint.Record) {
	if m.archive == nil {
		return nil
	}
	for i := range m.kept {
		k := &m.kept[i]
		data := k.data
		if k.addition {
			h := m.archive.hour(m.id, k.hour)
			if added, err := decodeHour(data); err == nil { // it was encoded here
				h.add(&added)
			}
			data = h.encode()
		}
		k.data, k.addition, k.saving = data, false, true
		records = append(records, checkpoint.Record{Key: chunkKey(m.id, k.hour), Payload: data})
	}
	for _, hour := range m.expired {
		records = append(records, checkpoint.Record{Key: chunkKey(m.id, hour)})
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
	for i := range m.hours[good].n {
		if m.hours[good].at(i)+m.hours[bad].at(i) != 0 {
			records = append(records, checkpoint.Record{Key: chunkKey(m.id, m.first+int64(i))})
		}
	}
	for _, hour := range m.expired {
		records = append(records, checkpoint.Record{Key: chunkKey(m.id, hour)})
	}
	return records
}
