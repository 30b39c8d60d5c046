// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"encoding/binary"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
)

// The format of a shard's record; u is an unsigned varint, times are Unix nanoseconds, counts are
// in units of 1/256 event:
//
//	shard     forgotten:u  n:u  SLO...
//	SLO       namespace:text  service:text  name:text  removed:u  audited:u  n:u  instance...
//	instance  environment:text  created:u  received:u  forgotten:u  maintenance:sum  n:u  stream...  n:u  history (n is 0 or 1)
//	stream    id:16 bytes  start:u  time:u  value:u
//	history   now:u  total:sum  n:u  ring...  period:mark  reset:mark
//	ring      step:u  head:u  boundary:sum..., newest first, each as what is to be subtracted for it
//	mark      at:u  total:sum
//	sum       good:u  bad:u
//	text      n:u  bytes
//
// Totals only grow, so the differences are small and never negative.

// encode is the shard's record. The lock is taken for one SLO at a time, so that points do not wait for
// a whole shard; each SLO is whole in itself.
func (s *shard) encode() []byte {
	s.mu.Lock()
	all := make([]*tracked, 0, len(s.slos))
	for _, t := range s.slos {
		all = append(all, t)
	}
	b := encoder{make(checkpoint.Writer, 0, s.size)}
	b.time(s.forgotten)
	s.mu.Unlock()
	b.Length(len(all))
	for _, t := range all {
		s.mu.Lock()
		b.slo(t)
		s.mu.Unlock()
	}
	s.size = len(b.Writer) + len(b.Writer)/8
	return b.Writer
}

type encoder struct{ checkpoint.Writer }

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
	b.Text(i.environment)
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
	if i.history == nil {
		b.Uint(0)
		return
	}
	b.Uint(1)
	b.history(i.history)
}

func (b *encoder) history(h *history) {
	b.time(h.now)
	b.sum(h.total)
	b.Length(len(h.rings))
	for i := range h.rings {
		b.ring(&h.rings[i], h.total)
	}
	b.mark(h.period)
	b.mark(h.reset)
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
