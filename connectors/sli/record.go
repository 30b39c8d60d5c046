// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"encoding/binary"
	"errors"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/connectors/sli/internal/journal"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
)

// A record in the journal is the time of the request, then entries that each begin with their kind, then the hashes of the
// events, 8 bytes each.
const (
	entryEnd = iota
	// entrySeries gives a series a number in this segment: number, service's namespace and name, SLO, environment, version with its place, start.
	entrySeries
	// entryAddition adds to a series: number, when, good, bad.
	entryAddition
	// entryPast adds to the counter of a time in the past of a series: number, from, length, start, good, bad.
	entryPast
)

// append writes the request to the journal, and returns the number of the segment; 0 without a journal.
func (c *core) append(r *request) (segment uint64, err error) {
	if c.journal == nil {
		return 0, nil
	}
	w := &r.record
	*w = append((*w)[:0], make([]byte, journal.Frame)...)
	w.Time(r.now)
	head := len(*w)
	current := c.journal.Current()
	for i := range r.parts {
		c.encodePart(w, &r.parts[i], r.now, current)
	}
	w.Uint(entryEnd)
	for i := range r.parts {
		r.parts[i].encodeHashes(w)
	}
	if len(*w) == head+1 {
		return 0, nil // nothing new
	}
	return c.journal.Append(*w)
}

func (c *core) encodePart(w *checkpoint.Writer, p *part, now time.Time, segment uint64) {
	s := p.service.service
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range p.tallies[:p.used] {
		t := &p.tallies[i]
		if !t.any() {
			continue
		}
		s.current(t, now)
		pair := s.at(p.into, t.slo, now)
		if pair == nil {
			continue
		}
		if pair.number == 0 {
			pair.number = c.numbers.Add(1)
		}
		if pair.declared != segment {
			w.Uint(entrySeries)
			w.Uint(pair.number)
			w.Text(s.namespace)
			w.Text(s.name)
			w.Text(t.slo.id)
			w.Text(p.into.environment)
			w.Text(p.into.id)
			w.Uint(uint64(pair.start))
		}
		for when, n := range t.counts {
			if n != (outcomes{}) {
				w.Uint(entryAddition)
				w.Uint(pair.number)
				w.Uint(uint64(when))
				w.Float(n.good)
				w.Float(n.bad)
			}
		}
		t.placePast(pair, now)
		for _, e := range t.past {
			if e.start == 0 {
				continue
			}
			w.Uint(entryPast)
			w.Uint(pair.number)
			w.Uint(uint64(e.counter.From))
			w.Uint(uint64(e.counter.Length))
			w.Uint(uint64(e.start))
			w.Float(e.good)
			w.Float(e.bad)
		}
	}
}

// encodeHashes writes the hashes of the events that are new.
func (b *batch) encodeHashes(w *checkpoint.Writer) {
	for i, id := range b.ids {
		if id != 0 && (b.recognized == 0 || !b.skip[i]) {
			*w = binary.LittleEndian.AppendUint64(*w, id)
		}
	}
}

// A replay reads a segment.
type replay struct {
	core *core
	// from is where the checkpoint ends: earlier records have counted.
	from   *journal.Position
	series map[uint64]seriesKey
	// counted is the number of records that the checkpoint did not have.
	counted int
}

type seriesKey struct {
	service                   serviceKey
	slo, environment, version string
	start                     pcommon.Timestamp
}

// record takes in a record. c.registry.mu must be held.
func (p *replay) record(after journal.Position, payload []byte) error {
	r := reader{checkpoint.NewReader(payload)}
	at := r.Time()
	counts := p.from != nil && (after.Segment > p.from.Segment || after.Segment == p.from.Segment && after.Offset > p.from.Offset)
	if counts {
		p.counted++
	}
	for kind := r.uint(); kind != entryEnd; kind = r.uint() {
		switch kind {
		case entrySeries:
			number := r.uint()
			key := seriesKey{service: serviceKey{namespace: r.Text(), name: r.Text()}, slo: r.Text(), environment: r.Text(), version: r.Text(), start: pcommon.Timestamp(r.uint())}
			p.series[number] = key
		case entryAddition:
			key, ok := p.series[r.uint()]
			when, n := r.Uint(whens-1), outcomes{r.count(), r.count()}
			if !ok {
				r.Fail("an addition to an unknown series")
			}
			if counts && !r.Failed() {
				p.core.registry.replay(key, int(when), n, at)
			}
		case entryPast:
			key, ok := p.series[r.uint()]
			c := r.pastCounter()
			if !ok {
				r.Fail("an addition to an unknown series")
			}
			if counts && !r.Failed() {
				if pair := p.core.registry.pairOf(key, at); pair != nil {
					pair.countPast(c.Interval, c.start, pcommon.NewTimestampFromTime(at), c.outcomes)
				}
			}
		default:
			r.Fail("an entry of an unknown kind")
		}
	}
	rest := r.Bytes(r.Rest())
	if len(rest)%8 != 0 {
		r.Fail("half a hash")
	}
	if err := r.End(); err != nil {
		return errors.Join(errUnsound, err)
	}
	for ; len(rest) > 0; rest = rest[8:] {
		p.core.remember(binary.LittleEndian.Uint64(rest), at)
	}
	return nil
}

var errUnsound = errors.New("a record of the journal makes no sense")

// remember takes up a hash that was seen before the restart.
func (c *core) remember(hash uint64, at time.Time) {
	if c.seen == nil || hash == 0 {
		return
	}
	for !c.seen.Reserve(1, at) {
		c.seen.Advance(1, at)
	}
	if !c.seen.Add(hash) {
		c.seen.Release(1)
	}
}

// replay adds what the journal has to the pair, which is made if the checkpoint does not have it, or has an older one that
// was given up. r.mu must be held.
func (r *registry) replay(key seriesKey, when int, n outcomes, at time.Time) {
	if pair := r.pairOf(key, at); pair != nil {
		pair.addOutcomes(when, n)
	}
}

// pairOf is the series that the journal names, made at the time if there is none; nil if it was given up.
func (r *registry) pairOf(key seriesKey, at time.Time) *series {
	s := r.service(key.service)
	s.dirty = true
	e := s.environment(key.environment)
	v := e.versions[key.version]
	if v == nil {
		v = newSlot(e.name, key.version)
		e.versions[v.id] = v
	}
	e.lastSeen, v.lastSeen = latest(e.lastSeen, at), latest(v.lastSeen, at)
	o := s.slo(key.slo)
	o.touched = max(o.touched, at.UnixNano())
	pair := s.at(v, o, at)
	switch {
	case pair.start == key.start:
	case pair.start > key.start && !pair.fresh():
		return nil // it was given up
	default:
		*pair = series{start: key.start, zeroAt: key.start, emitted: true}
	}
	return pair
}

// fresh reports whether nothing has been counted, as in a pair that was just made.
func (s *series) fresh() bool { return s.good == 0 && s.bad == 0 && s.late == nil }

// addOutcomes adds outcomes of events that were on time or not.
func (s *series) addOutcomes(when int, n outcomes) {
	if when == int(onTime) {
		s.good += n.good
		s.bad += n.bad
		return
	}
	late := &s.lateCounts().outcomes[when]
	late.good += n.good
	late.bad += n.bad
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
