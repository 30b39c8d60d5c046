// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"math"
	"strings"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// nanosecondsPer is the length of the units of time (UCUM, and as Prometheus writes them out) that a duration is
// converted to.
var nanosecondsPer = map[string]float64{
	"ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "min": 60e9, "h": 3600e9,
	"nanoseconds": 1, "microseconds": 1e3, "milliseconds": 1e6, "seconds": 1e9, "minutes": 60e9, "hours": 3600e9,
}

// unitOf is the unit of a metric. One without a unit has that of its name's last word, as metrics of Prometheus do:
// its receiver knows no other.
func unitOf(name, unit string) string {
	if unit != "" {
		return unit
	}
	last := name[strings.LastIndexAny(name, "_.")+1:]
	if _, known := nanosecondsPer[last]; known {
		return last
	}
	return ""
}

// boundOf is the threshold in the metric's unit. One division of exact numbers: 300ms in s is
// the 0.3 that the bucket's bound says.
func boundOf(t *catalog.Threshold, unit string) (float64, bool) {
	if t.Duration == 0 {
		return t.Value, true
	}
	per, ok := nanosecondsPer[unit]
	return float64(t.Duration) / per, ok
}

// equal is equality but for what rounding does to a bound on its way.
func equal(a, b float64) bool {
	return math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b))
}

// atMost is how many observations of a histogram are at most bound. Buckets hold (lower, upper].
// A bound inside a bucket is refused, or its share of the bucket taken, linearly, with
// interpolate; observations above the last bound are then all above.
func atMost(dp pmetric.HistogramDataPoint, bound float64, interpolate bool) (n float64, ok bool) {
	bounds, counts := dp.ExplicitBounds(), dp.BucketCounts()
	if bounds.Len() == 0 || counts.Len() != bounds.Len()+1 {
		return 0, false
	}
	for i := range bounds.Len() {
		upper, count := bounds.At(i), float64(counts.At(i))
		if equal(upper, bound) {
			return n + count, true
		}
		if upper > bound {
			lower := math.Min(0, upper)
			if i > 0 {
				lower = bounds.At(i - 1)
			}
			return n + count*share(lower, upper, bound), interpolate
		}
		n += count
	}
	return n, interpolate
}

// share is the part of (lower, upper] that is at most bound.
func share(lower, upper, bound float64) float64 {
	if !(upper > lower) {
		return 0
	}
	return min(max((bound-lower)/(upper-lower), 0), 1)
}

// exponentialAtMost is the same for an exponential histogram, whose positive bucket i holds
// (base^i, base^(i+1)], base = 2^(2^-scale). Negative observations are below any bound that
// is taken; a negative bound is refused.
func exponentialAtMost(dp pmetric.ExponentialHistogramDataPoint, bound float64, interpolate bool) (n float64, ok bool) {
	if bound < 0 || math.IsInf(bound, 0) || math.IsNaN(bound) || dp.Scale() < -10 || dp.Scale() > 20 {
		return 0, false // scales beyond these are none that the data model knows
	}
	for i := range dp.Negative().BucketCounts().Len() {
		n += float64(dp.Negative().BucketCounts().At(i))
	}
	zeros := float64(dp.ZeroCount())
	if zero := dp.ZeroThreshold(); bound < zero {
		return n + zeros*share(-zero, zero, bound), interpolate
	}
	n += zeros
	if bound == 0 {
		return n, true
	}
	// The bound is base^position; a whole position is where one bucket ends and the next begins.
	perOctave := math.Ldexp(1, int(dp.Scale()))
	position := math.Log2(bound) * perOctave
	last := math.Floor(position)
	exact := false
	if whole := math.Round(position); equal(math.Exp2(whole/perOctave), bound) {
		last, exact = whole, true
	}
	positive := dp.Positive()
	for i := range positive.BucketCounts().Len() {
		index, count := float64(positive.Offset())+float64(i), float64(positive.BucketCounts().At(i))
		switch {
		case index < last:
			n += count
		case index == last && !exact:
			n += count * share(math.Exp2(index/perOctave), math.Exp2((index+1)/perOctave), bound)
		}
	}
	return n, exact || interpolate
}
