// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"cmp"
	"slices"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/cumulative"
	"github.com/otelcol-sre/otelcol-sre/internal/past"
)

// A streamID tells the counters of senders apart: a 128-bit hash of the sender and the point's
// attributes. It is the same in every process and release.
type streamID [2]uint64

// The seeds must not change: they are part of the checkpoint's format.
const (
	seedLow  = 0x9e3779b97f4a7c15
	seedHigh = 0xc2b2ae3d27d4eb4f
)

// hash is the ID of the stream with this identity; see identify.
func hash(identity []byte) streamID {
	var d xxhash.Digest
	d.ResetWithSeed(seedLow)
	_, _ = d.Write(identity)
	low := d.Sum64()
	d.ResetWithSeed(seedHigh)
	_, _ = d.Write(identity)
	return streamID{low, d.Sum64()}
}

func (id streamID) compare(other streamID) int {
	if c := cmp.Compare(id[0], other[0]); c != 0 {
		return c
	}
	return cmp.Compare(id[1], other[1])
}

// A stream is one counter of one sender.
type stream struct {
	id streamID
	cumulative.Stream
	// seen is when its last point arrived, whatever became of it.
	seen int64
	// fresh: a point has arrived in this process, whose outcome and temporality (delta) are known.
	fresh, delta bool
	outcome      outcome
	// length and from are the past that it counts in, as past.Interval has it; 0 if it counts the present.
	length uint8
	from   int32
	// origin is nil where the collector is the only one: its counters never move away.
	origin *origin
}

// past is the time that the events of the stream belong to; the zero Interval if to that in which they are counted.
func (s *stream) past() (i past.Interval) {
	if s.length > 0 {
		i = past.Interval{From: int64(s.from), Length: past.Lengths[s.length-1]}
	}
	return i
}

func (s *stream) belong(i past.Interval) {
	s.length, s.from = uint8(slices.Index(past.Lengths[:], i.Length)+1), int32(i.From)
}

// rewind sets the stream back to before the point: the clock of its sender was ahead, and has been set right. A
// value that has not fallen goes on; one that has fallen began again.
func (s *stream) rewind(p cumulative.Point) {
	s.Time = p.Time - 1
	switch {
	case p.Delta || p.Value >= s.Value:
		s.Start = min(s.Start, p.Start)
	default:
		s.Start = min(s.Time, p.Start-1)
		s.Value = 0
	}
}

// advanceTo makes it one whose last point was at the time, with the same value.
func (s *stream) advanceTo(t int64) { s.Time = pcommon.Timestamp(t) }

// streams are the counters that add up to one SLO, in the order of their IDs: a slice is a third of a
// map's size, and there are few.
type streams []stream

func (s streams) find(id streamID) (int, bool) {
	return slices.BinarySearchFunc(s, id, func(s stream, id streamID) int { return s.id.compare(id) })
}

// forget drops the streams that were not seen since the time, and returns the time of the newest
// point among them: a counter that started before it may be one of them.
func (s *streams) forget(since int64) (newest int64) {
	*s = slices.DeleteFunc(*s, func(s stream) bool {
		if s.seen >= since {
			return false
		}
		newest = max(newest, int64(s.Time))
		return true
	})
	return newest
}

// newest is the time of the newest point.
func (s streams) newest() (newest int64) {
	for i := range s {
		newest = max(newest, int64(s[i].Time))
	}
	return newest
}

// appendField adds a field to an identity so that no two lists of fields are the same.
func appendField(identity []byte, field string) []byte {
	identity = append(identity, byte(len(field)), byte(len(field)>>8), byte(len(field)>>16), byte(len(field)>>24))
	return append(identity, field...)
}
