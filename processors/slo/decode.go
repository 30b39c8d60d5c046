// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
)

// maxHours is how many hours a history can have: more than a year.
const maxHours = 400 * 24

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
		for _, i := range t.instances {
			i.keepIn(s.archive)
		}
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
		d.Require(t.instance(i.place()) == nil)
		t.instances = append(t.instances, i)
	}
	return t
}

func (d *decoder) instance() *instance {
	environment, group := splitPlace(d.Text())
	i := &instance{
		environment: environment, group: group,
		created:     d.time(),
		received:    d.time(),
		forgotten:   d.time(),
		maintenance: d.sum(sum{maxCount, maxCount}),
	}
	d.Require(len(i.environment) <= maxEnvironmentName && len(i.group) <= maxPlace)
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
	follows := d.Uint(followsLosses)
	if follows == followsLosses {
		i.losses = d.losses()
		follows = d.Uint(followsChunks)
	}
	switch follows {
	case followsNothing:
		i.assumeMeasured()
	case followsRings:
		i.history = d.rings()
		i.assumeMeasured()
	default:
		i.filled, i.measured = d.time(), d.measured()
		if follows != followsMeasured {
			i.history = d.history()
		}
		if follows == followsChunks {
			d.chunks(i.history)
		}
	}
	return i
}

// keepIn says where the sealed hours are.
func (i *instance) keepIn(a *archive) {
	i.archive = a
	if i.history != nil {
		i.history.minutes.archive = a
	}
}

// assumeMeasured takes all time as measured since the first counter, as an earlier release did.
func (i *instance) assumeMeasured() {
	if i.received == 0 {
		return
	}
	start := i.created
	for _, s := range i.streams {
		if s.Start != 0 {
			start = min(start, int64(s.Start))
		}
	}
	if start < i.received {
		i.measured = measured{{start, i.received}}
	}
}

func (d *decoder) measured() (m measured) {
	last := int64(-1)
	for range d.Length(2) {
		i := interval{start: d.time()}
		i.end = i.start + d.time()
		d.Require(i.start > last && i.end >= i.start)
		m, last = append(m, i), i.end
	}
	d.Require(len(m) <= maxGaps+1)
	return m
}

func (d *decoder) losses() (all losses) {
	n := d.Length(3)
	d.Require(n <= maxLosses)
	for range n {
		l := loss{interval: interval{start: d.time()}}
		l.end, l.cause = l.start+d.time(), lossCause(d.Uint(uint64(lossCauses-1)))
		if d.Require(l.end > l.start); d.Failed() {
			return nil
		}
		all.add(l.start, l.end, l.cause)
	}
	return all
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
	h := &history{}
	h.minutes.id = d.Uint(math.MaxUint64)
	h.now, h.total = d.time(), d.sum(sum{maxCount, maxCount})
	for i := range h.rings {
		h.rings[i] = d.ring(stepOf(burnWindows[i].length), h.now, h.total)
	}
	m := &h.minutes
	m.first = d.Int(math.MaxInt64 / hourLength)
	left := h.total
	d.lists(&m.hours, maxHours, &left)
	d.lists(&m.open, openHours*minutesPerHour, &left)
	h.length = m.hours[good].n
	d.Require(m.openHour() == h.now/hourLength-(openHours-1))
	d.Require(m.open[good].n == openHours*minutesPerHour)
	h.reset = d.mark(h.total)
	return h
}

// lists reads lists of at most so many counts, which are together not more than what is left of the total.
func (d *decoder) lists(l *[outcomes]packed, most int, left *sum) {
	n := int(d.Uint(uint64(most)))
	for o := range l {
		l[o] = packed{n: n}
		for i := 0; i < n && !d.Failed(); i++ {
			v := d.count(left[o])
			left[o] -= v
			if v == 0 {
				i += int(d.Uint(uint64(n - 1 - i)))
				continue
			}
			l[o].set(i, v)
		}
	}
}

// chunks reads the sealed hours that a peer gives along.
func (d *decoder) chunks(h *history) {
	for range d.Length(2) {
		hour := d.Int(math.MaxInt64 / hourLength)
		chunk := d.Bytes(d.Length(1))
		if d.Failed() {
			return
		}
		_, err := decodeHour(chunk)
		d.Require(err == nil && hour >= h.minutes.first && hour < h.minutes.openHour())
		d.Require(len(h.minutes.kept) == 0 || h.minutes.kept[len(h.minutes.kept)-1].hour < hour)
		h.minutes.kept = append(h.minutes.kept, keptChunk{hour: hour, data: slices.Clone(chunk)})
	}
}

func (d *decoder) ring(step, now int64, total sum) ring {
	r, later := ring{step: d.time(), head: d.time()}, total
	d.Require(r.step == step && r.head == now/step)
	for k := r.head; k >= r.oldest(); k-- {
		later = later.minus(d.sum(later))
		r.set(k, later, total)
	}
	return r
}
