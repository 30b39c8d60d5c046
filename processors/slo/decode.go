package slo

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// errDamaged says that a record's content makes no sense. Lengths in it are never trusted: what is
// made from a record is bounded by the record's own size.
var errDamaged = errors.New("content does not make sense")

// maxRings is the most rings a history can have.
const maxRings = 16

// decode fills the shard, which is number n, from its record. Streams are taken as seen now: that they
// were silent while nobody listened means nothing.
func (s *shard) decode(record []byte, n int, now int64) error {
	d := decoder{rest: record, now: now}
	s.forgotten = d.time()
	for range d.length(1) {
		t := d.slo()
		if d.failed {
			break
		}
		if _, twice := s.slos[t.key]; twice || t.key.shard() != n {
			return fmt.Errorf("%w: an SLO that does not belong there", errDamaged)
		}
		t.shard = s
		s.slos[t.key] = t
	}
	if d.failed || len(d.rest) > 0 {
		return fmt.Errorf("%w, %d bytes from its end", errDamaged, len(d.rest))
	}
	return nil
}

// A decoder reads a record from its beginning. Once it has failed, all that it reads is zero.
type decoder struct {
	rest   []byte
	now    int64
	failed bool
}

func (d *decoder) fail() { d.rest, d.failed = nil, true }

// require fails unless the content is as it must be.
func (d *decoder) require(sound bool) {
	if !sound {
		d.fail()
	}
}

func (d *decoder) uint(most uint64) uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 || v > most {
		d.fail()
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) bytes(n int) []byte {
	if n > len(d.rest) {
		d.fail()
		return make([]byte, n)
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

// length is a number of things that take at least size bytes each.
func (d *decoder) length(size int) int { return int(d.uint(uint64(len(d.rest) / size))) }

func (d *decoder) time() int64            { return int64(d.uint(math.MaxInt64)) }
func (d *decoder) count(most count) count { return count(d.uint(uint64(most))) }
func (d *decoder) sum(most sum) sum       { return sum{d.count(most[good]), d.count(most[bad])} }
func (d *decoder) text() string           { return string(d.bytes(d.length(1))) }

func (d *decoder) mark(most sum) mark { return mark{at: d.time(), total: d.sum(most)} }

func (d *decoder) id() streamID {
	b := d.bytes(16)
	return streamID{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
}

func (d *decoder) slo() *tracked {
	t := &tracked{key: key{d.text(), d.text(), d.text()}, removed: d.time(), audited: d.time()}
	for range d.length(1) {
		i := d.instance()
		if d.failed {
			break
		}
		d.require(t.instance(i.environment) == nil)
		t.instances = append(t.instances, i)
	}
	return t
}

func (d *decoder) instance() *instance {
	i := &instance{
		environment: d.text(),
		created:     d.time(),
		received:    d.time(),
		forgotten:   d.time(),
		maintenance: d.sum(sum{maxCount, maxCount}),
	}
	d.require(len(i.environment) <= maxEnvironmentName)
	const least = 19 // bytes a stream takes
	n := d.length(least)
	i.streams = make(streams, 0, n)
	for range n {
		s := d.stream()
		if last := len(i.streams) - 1; last >= 0 {
			d.require(i.streams[last].id.compare(s.id) < 0)
		}
		i.streams = append(i.streams, s)
	}
	if d.uint(1) == 1 {
		i.history = d.history()
	}
	return i
}

func (d *decoder) stream() stream {
	s := stream{id: d.id(), seen: d.now}
	s.Start = pcommon.Timestamp(d.uint(math.MaxUint64))
	s.Time = pcommon.Timestamp(d.uint(math.MaxInt64))
	s.Value = d.count(count(maxValue) * oneEvent).events()
	d.require(s.Time != 0 && s.Start <= s.Time)
	return s
}

func (d *decoder) history() *history {
	h := &history{now: d.time(), total: d.sum(sum{maxCount, maxCount})}
	n := d.length(2 * boundaries)
	d.require(n >= 1 && n <= maxRings)
	for range n {
		if d.failed {
			return nil
		}
		h.rings = append(h.rings, d.ring(h.now, h.total))
	}
	h.period = d.mark(h.total)
	h.reset = d.mark(h.total)
	return h
}

func (d *decoder) ring(now int64, later sum) ring {
	r := ring{step: d.time(), head: d.time()}
	d.require(r.step > 0 && r.head == now/max(r.step, 1))
	for k := r.head; k >= r.oldest(); k-- {
		later = later.minus(d.sum(later))
		*r.slot(k) = later
	}
	return r
}
