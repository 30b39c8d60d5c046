// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"encoding/binary"
	"slices"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
)

// The format of a shard's record; u is an unsigned varint, times are Unix nanoseconds, counts are
// in units of 1/256 event:
//
//	shard     forgotten:u  n:u  SLO...
//	SLO       namespace:text  service:text  name:text  removed:u  audited:u  n:u  instance...
//	instance  place:text  created:u  received:u  forgotten:u  maintenance:sum  n:u  stream...  what follows:u  losses  measured  history  chunks
//	stream    id:16 bytes  start:u  time:u  value:u
//	measured  filled:u  n:u  (start:u  length:u)...
//	losses    n:u  (start:u  length:u  cause:u)...  what follows:u
//	history   id:u  now:u  total:sum  ring  ring  ring  first hour:i  n:u  hours:list  hours:list  n:u  minutes:list  minutes:list  reset:mark
//	ring      step:u  head:u  boundary:sum..., newest first, each as what is to be subtracted for it
//	list      counts, of good or of bad: u..., after a 0 how many more there are:u
//	chunks    n:u  (hour:i  n:u  bytes)...
//	mark      at:u  total:sum
//	sum       good:u  bad:u
//	text      n:u  bytes
//
// Totals only grow, so the differences are small and never negative. The chunks of sealed hours are records of their own; they are part of
// this one only on the way to a peer. History and measured times of earlier releases are read as decode_rings.go says.
const (
	followsNothing = iota // of an earlier release
	followsRings          // of an earlier release
	followsMeasured
	followsHistory
	followsChunks
	followsLosses // and then what follows them
)

// encode is the shard's record, and those of the hours of its SLOs that are not saved. The lock is taken for one SLO at a time, so that
// points do not wait for a whole shard; each SLO is whole in itself.
func (s *shard) encode() (_ []byte, hours []checkpoint.Record) {
	s.mu.Lock()
	all := make([]*tracked, 0, len(s.slos))
	for _, t := range s.slos {
		all = append(all, t)
	}
	b := encoder{Writer: make(checkpoint.Writer, 0, s.size)}
	b.time(s.forgotten)
	hours, s.removing = slices.Clone(s.garbage), len(s.garbage)
	s.mu.Unlock()
	b.Length(len(all))
	for _, t := range all {
		s.mu.Lock()
		b.slo(t)
		for _, i := range t.instances {
			if i.history != nil {
				hours = append(hours, i.history.minutes.records()...)
			}
		}
		s.mu.Unlock()
	}
	s.size = len(b.Writer) + len(b.Writer)/8
	return b.Writer, hours
}

type encoder struct {
	checkpoint.Writer
	// chunks: the sealed hours go along.
	chunks bool
}

func (b *encoder) time(v int64)  { b.Uint(uint64(max(v, 0))) }
func (b *encoder) count(v count) { b.Uint(uint64(v)) }
func (b *encoder) sum(v sum)     { b.count(v[good]); b.count(v[bad]) }
func (b *encoder) mark(v mark)   { b.time(v.at); b.sum(v.total) }
func (b *encoder) id(v streamID) {
	b.Writer = binary.LittleEndian.AppendUint64(b.Writer, v[0])
	b.Writer = binary.LittleEndian.AppendUint64(b.Writer, v[1])
}

func (b *encoder) key(k key) {
	b.Text(k.namespace)
	b.Text(k.service)
	b.Text(k.slo)
}

func (b *encoder) slo(t *tracked) {
	b.key(t.key)
	b.time(t.removed)
	b.time(t.audited)
	b.Length(len(t.instances))
	for _, i := range t.instances {
		b.instance(i)
	}
}

func (b *encoder) instance(i *instance) {
	b.Text(i.place())
	b.time(i.created)
	b.time(i.received)
	b.time(i.forgotten)
	b.sum(i.maintenance)
	b.Length(len(i.streams))
	for _, s := range i.streams {
		b.id(s.id)
		b.Uint(uint64(s.Start))
		b.Uint(uint64(s.Time))
		b.count(count(s.Value * float64(oneEvent)))
	}
	if len(i.losses) > 0 {
		b.losses(i.losses)
	}
	follows := uint64(followsMeasured)
	switch {
	case i.history != nil && b.chunks:
		follows = followsChunks
	case i.history != nil:
		follows = followsHistory
	}
	b.Uint(follows)
	b.time(i.filled)
	b.Length(len(i.measured))
	for _, m := range i.measured {
		b.time(m.start)
		b.time(m.end - m.start)
	}
	if i.history != nil {
		b.history(i.history)
	}
}

func (b *encoder) losses(all losses) {
	b.Uint(followsLosses)
	b.Length(len(all))
	for _, l := range all {
		b.time(l.start)
		b.time(l.end - l.start)
		b.Uint(uint64(l.cause))
	}
}

func (b *encoder) history(h *history) {
	b.Uint(h.minutes.id)
	b.time(h.now)
	b.sum(h.total)
	for i := range h.rings {
		b.ring(&h.rings[i], h.total)
	}
	m := &h.minutes
	b.Int(m.first)
	b.lists(&m.hours)
	b.lists(&m.open)
	b.mark(h.reset)
	if !b.chunks {
		return
	}
	var sealed []int64
	for i := range m.hours[good].n {
		if m.hours[good].at(i)+m.hours[bad].at(i) != 0 {
			sealed = append(sealed, m.first+int64(i))
		}
	}
	b.Length(len(sealed))
	for _, number := range sealed {
		hour := m.hour(number)
		chunk := hour.encode()
		b.Int(number)
		b.Length(len(chunk))
		b.Bytes(chunk)
	}
}

func (b *encoder) lists(l *[outcomes]packed) {
	b.Length(l[good].n)
	for o := range l {
		for i := 0; i < l[o].n; i++ {
			v := l[o].at(i)
			b.count(v)
			if v != 0 {
				continue
			}
			same := 0
			for i+1 < l[o].n && l[o].at(i+1) == 0 {
				i, same = i+1, same+1
			}
			b.Length(same)
		}
	}
}

func (b *encoder) ring(r *ring, now sum) {
	later := now
	b.time(r.step)
	b.time(r.head)
	for k := r.head; k >= r.oldest(); k-- {
		at := r.total(k, now)
		b.sum(later.minus(at))
		later = at
	}
}
