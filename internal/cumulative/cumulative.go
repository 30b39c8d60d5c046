// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package cumulative tells how many events lie between the points of a monotonic sum.
//
// Code that adds up counters of other processes has to answer the same questions: is this point new,
// a repetition, late, or the first after a restart? They are answered here once, by the rules
// of the OpenTelemetry metrics data model (temporality, resets and gaps): a cumulative stream
// is reset when its start time moves on, and a delta stream never overlaps itself.
package cumulative

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// A Point is one value of a stream. A Start of 0 is unknown.
type Point struct {
	Start, Time pcommon.Timestamp
	Value       float64
	Delta       bool
}

// A Stream is what is remembered of one stream: its last point. The zero Stream has had none.
type Stream struct {
	Start, Time pcommon.Timestamp
	Value       float64
}

// An Increase is a number of events and the time they happened in, after From up to To.
type Increase struct {
	From, To pcommon.Timestamp
	Value    float64
}

// A Verdict says what a point was.
type Verdict uint8

// The verdicts. Only the points of the first three count.
const (
	// Counted: the point goes on from the last one.
	Counted Verdict = iota
	// First: the stream was not known. A cumulative point's increase is all it holds, since its
	// start; whether that was already counted elsewhere is for the caller to know.
	First
	// Reset: the sender started again from zero. The whole value of the point is new.
	Reset
	// Duplicate: the same point once more.
	Duplicate
	// OutOfOrder: older than one that was counted. A cumulative point loses nothing by it, unless
	// it was the last of a life whose successor has been seen already.
	OutOfOrder
	// Regressed: the value fell though the start time says that it was not reset.
	// It is ignored until the value has grown past the last one: too little is counted rather
	// than too much.
	Regressed
	// Invalid: no time, a start after its time, or a value that is not a finite number ≥ 0.
	Invalid
)

// String is the verdict as internal telemetry names it.
func (v Verdict) String() string {
	return [...]string{"counted", "first", "reset", "duplicate", "out_of_order", "regressed", "invalid"}[v]
}

// Counts reports whether the point's increase is to be counted.
func (v Verdict) Counts() bool { return v <= Reset }

// Advance takes the stream's next point. The increase is empty unless the verdict counts. It is
// also empty for the first point of a stream, or after a reset, whose start is unknown or is its
// own time: what the point holds may have happened long before, so it is where counting begins.
func (s *Stream) Advance(p Point) (Increase, Verdict) {
	if p.Time == 0 || p.Start > p.Time || p.Value < 0 || math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
		return Increase{}, Invalid
	}
	last := *s
	switch {
	case last.Time == 0:
		return s.take(p, p.Start, p.begun(), First)
	case p.Delta:
		if v := last.late(p); v != Counted {
			return Increase{}, v
		}
		return s.take(p, max(p.Start, last.Time), p.Value, Counted)
	case p.Start != 0 && p.Start < last.Start:
		return Increase{}, OutOfOrder
	case p.Start > last.Start && (last.Start != 0 || p.Start >= last.Time):
		return s.take(p, max(p.Start, last.Time), p.begun(), Reset)
	}
	if v := last.late(p); v != Counted {
		return Increase{}, v
	}
	if p.Value < last.Value {
		if p.Start != 0 && p.Start == last.Start {
			return Increase{}, Regressed
		}
		return s.take(p, last.Time, p.Value, Reset)
	}
	if p.Start == 0 {
		p.Start = last.Start
	}
	return s.take(p, last.Time, p.Value-last.Value, Counted)
}

// begun is what the point holds since its start, as far as that is known.
func (p Point) begun() float64 {
	if !p.Delta && (p.Start == 0 || p.Start == p.Time) {
		return 0
	}
	return p.Value
}

func (s *Stream) late(p Point) Verdict {
	switch {
	case p.Time > s.Time:
		return Counted
	case p.Time == s.Time && p.Value == s.Value:
		return Duplicate
	default:
		return OutOfOrder
	}
}

func (s *Stream) take(p Point, from pcommon.Timestamp, increase float64, v Verdict) (Increase, Verdict) {
	*s = Stream{Start: p.Start, Time: p.Time, Value: p.Value}
	if from == 0 || from > p.Time {
		from = p.Time
	}
	return Increase{From: from, To: p.Time, Value: increase}, v
}

// Number is the point that a data point of a sum holds; ok is false when it holds none.
func Number(p pmetric.NumberDataPoint, temporality pmetric.AggregationTemporality) (_ Point, ok bool) {
	var value float64
	switch p.ValueType() {
	case pmetric.NumberDataPointValueTypeInt:
		value = float64(p.IntValue())
	case pmetric.NumberDataPointValueTypeDouble:
		value = p.DoubleValue()
	default:
		return Point{}, false
	}
	if p.Flags().NoRecordedValue() || temporality == pmetric.AggregationTemporalityUnspecified {
		return Point{}, false
	}
	return Point{
		Start: p.StartTimestamp(), Time: p.Timestamp(), Value: value,
		Delta: temporality == pmetric.AggregationTemporalityDelta,
	}, true
}
