// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"encoding/binary"
	"errors"
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
)

// maxRings is the most rings a history can have.
const maxRings = 16

// decode fills the shard, which is number n, from its record. Streams are taken as seen now: that they
// were silent while nobody listened means nothing.
func (s *shard) decode(record []byte, n int, now int64) error {
	slos, forgotten, err := decodeSLOs(record, now)
	if err != nil {
		return err
	}
	s.forgotten = forgotten
	for _, t := range slos {
		if _, twice := s.slos[t.key]; twice || t.key.shard() != n {
			return errors.New("content does not make sense: an SLO that does not belong there")
		}
		t.shard = s
		s.slos[t.key] = t
	}
	return nil
}

func decodeSLOs(record []byte, now int64) (slos []*tracked, forgotten int64, _ error) {
	d := decoder{checkpoint.NewReader(record), now}
	forgotten = d.time()
	for range d.Length(1) {
		t := d.slo()
		if d.Failed() {
			break
		}
		slos = append(slos, t)
	}
	return slos, forgotten, d.End()
}

// A decoder reads a record.
type decoder struct {
	checkpoint.Reader
	now int64
}

func (d *decoder) time() int64            { return int64(d.Uint(math.MaxInt64)) }
func (d *decoder) count(most count) count { return count(d.Uint(uint64(most))) }
func (d *decoder) sum(most sum) sum       { return sum{d.count(most[good]), d.count(most[bad])} }

func (d *decoder) mark(most sum) mark { return mark{at: d.time(), total: d.sum(most)} }

func (d *decoder) id() streamID {
	b := d.Bytes(16)
	if b == nil {
		return streamID{}
	}
	return streamID{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
}

func (d *decoder) slo() *tracked {
	t := &tracked{key: key{d.Text(), d.Text(), d.Text()}, removed: d.time(), audited: d.time()}
	for range d.Length(1) {
		i := d.instance()
		if d.Failed() {
			break
		}
		d.Require(t.instance(i.environment) == nil)
		t.instances = append(t.instances, i)
	}
	return t
}

func (d *decoder) instance() *instance {
	i := &instance{
		environment: d.Text(),
		created:     d.time(),
		received:    d.time(),
		forgotten:   d.time(),
		maintenance: d.sum(sum{maxCount, maxCount}),
	}
	d.Require(len(i.environment) <= maxEnvironmentName)
	const least = 19 // bytes a stream takes
	n := d.Length(least)
	i.streams = make(streams, 0, n)
	for range n {
		s := d.stream()
		if last := len(i.streams) - 1; last >= 0 {
			d.Require(i.streams[last].id.compare(s.id) < 0)
		}
		i.streams = append(i.streams, s)
	}
	if d.Uint(1) == 1 {
		i.history = d.history()
	}
	return i
}

func (d *decoder) stream() stream {
	s := stream{id: d.id(), seen: d.now}
	s.Start = pcommon.Timestamp(d.Uint(math.MaxUint64))
	s.Time = pcommon.Timestamp(d.Uint(math.MaxInt64))
	s.Value = d.count(count(maxValue) * oneEvent).events()
	d.Require(s.Time != 0 && s.Start <= s.Time)
	return s
}

func (d *decoder) history() *history {
	h := &history{now: d.time(), total: d.sum(sum{maxCount, maxCount})}
	n := d.Length(2 * boundaries)
	d.Require(n >= 1 && n <= maxRings)
	for range n {
		if d.Failed() {
			return nil
		}
		h.rings = append(h.rings, d.ring(h.now, h.total))
	}
	h.period = d.mark(h.total)
	h.reset = d.mark(h.total)
	return h
}

func (d *decoder) ring(now int64, total sum) ring {
	r, later := ring{step: d.time(), head: d.time()}, total
	d.Require(r.step > 0 && r.head == now/max(r.step, 1))
	for k := r.head; k >= r.oldest(); k-- {
		later = later.minus(d.sum(later))
		r.set(k, later, total)
	}
	return r
}
