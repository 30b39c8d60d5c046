// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package cumulative

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func TestAdvance(t *testing.T) {
	type step struct {
		point   Point
		want    Increase
		verdict Verdict
	}
	for name, steps := range map[string][]step{
		"first, next, same again": {
			{Point{Start: 10, Time: 20, Value: 3}, Increase{10, 20, 3}, First},
			{Point{Start: 10, Time: 30, Value: 5}, Increase{20, 30, 2}, Counted},
			{Point{Start: 10, Time: 30, Value: 5}, Increase{}, Duplicate},
		},
		"late": {
			{Point{Start: 10, Time: 30, Value: 5}, Increase{10, 30, 5}, First},
			{Point{Start: 10, Time: 20, Value: 3}, Increase{}, OutOfOrder},
			{Point{Start: 10, Time: 40, Value: 6}, Increase{30, 40, 1}, Counted},
		},
		"a restart, then the old process once more": {
			{Point{Start: 10, Time: 20, Value: 100}, Increase{10, 20, 100}, First},
			{Point{Start: 25, Time: 30, Value: 150}, Increase{25, 30, 150}, Reset},
			{Point{Start: 10, Time: 22, Value: 101}, Increase{}, OutOfOrder},
		},
		"falls without a reset": {
			{Point{Start: 10, Time: 20, Value: 100}, Increase{10, 20, 100}, First},
			{Point{Start: 10, Time: 30, Value: 90}, Increase{}, Regressed},
			{Point{Start: 10, Time: 40, Value: 101}, Increase{20, 40, 1}, Counted},
		},
		"unknown start: a fall is a reset": {
			{Point{Time: 20, Value: 100}, Increase{20, 20, 0}, First},
			{Point{Time: 30, Value: 4}, Increase{20, 30, 4}, Reset},
		},
		"unknown start, then a known one": {
			{Point{Time: 20, Value: 100}, Increase{20, 20, 0}, First},
			{Point{Start: 25, Time: 30, Value: 4}, Increase{25, 30, 4}, Reset},
			{Point{Time: 40, Value: 5}, Increase{30, 40, 1}, Counted},
			{Point{Start: 45, Time: 50, Value: 2}, Increase{45, 50, 2}, Reset},
		},
		"a start that is the point's own time": {
			{Point{Start: 20, Time: 20, Value: 100}, Increase{20, 20, 0}, First},
			{Point{Start: 20, Time: 30, Value: 103}, Increase{20, 30, 3}, Counted},
			{Point{Start: 40, Time: 40, Value: 50}, Increase{40, 40, 0}, Reset},
		},
		"a reset that reports an older time": {
			{Point{Start: 10, Time: 50, Value: 100}, Increase{10, 50, 100}, First},
			{Point{Start: 30, Time: 40, Value: 5}, Increase{40, 40, 5}, Reset},
		},
		"delta": {
			{Point{Start: 10, Time: 20, Value: 3, Delta: true}, Increase{10, 20, 3}, First},
			{Point{Start: 20, Time: 30, Value: 3, Delta: true}, Increase{20, 30, 3}, Counted},
			{Point{Start: 20, Time: 30, Value: 3, Delta: true}, Increase{}, Duplicate},
			{Point{Start: 10, Time: 20, Value: 2, Delta: true}, Increase{}, OutOfOrder},
			{Point{Start: 60, Time: 70, Value: 1, Delta: true}, Increase{60, 70, 1}, Counted},
		},
		"not a count": {
			{Point{Time: 20, Value: math.NaN()}, Increase{}, Invalid},
			{Point{Time: 20, Value: math.Inf(1)}, Increase{}, Invalid},
			{Point{Time: 20, Value: -1}, Increase{}, Invalid},
			{Point{Value: 1}, Increase{}, Invalid},
			{Point{Start: 30, Time: 20, Value: 1}, Increase{}, Invalid},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var s Stream
			for i, step := range steps {
				got, verdict := s.Advance(step.point)
				require.Equal(t, step.verdict.String(), verdict.String(), "step %d", i)
				require.Equal(t, step.want, got, "step %d", i)
				require.Equal(t, verdict.Counts(), verdict == Counted || verdict == First || verdict == Reset)
			}
		})
	}
}

// A sender counts and restarts; the network repeats, delays and loses points. Whatever arrives,
// nothing is counted twice, and with the last point of each life everything is counted.
func TestNothingTwice(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var s Stream
		var sent, counted float64
		now := pcommon.Timestamp(1)
		for range 1 + r.IntN(4) {
			start, value := now, 0.0
			var points []Point
			for range 1 + r.IntN(20) {
				now += pcommon.Timestamp(1 + r.IntN(5))
				n := float64(r.IntN(10))
				value, sent = value+n, sent+n
				points = append(points, Point{Start: start, Time: now, Value: value})
			}
			last := points[len(points)-1]
			r.Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
			for _, p := range append(points[:r.IntN(len(points)+1)], last, last) {
				inc, _ := s.Advance(p)
				counted += inc.Value
				require.LessOrEqual(t, counted, sent)
			}
			now++
		}
		require.Equal(t, sent, counted, "seed %d", seed)
	}
}

func TestNumber(t *testing.T) {
	dp := pmetric.NewNumberDataPoint()
	_, ok := Number(dp, pmetric.AggregationTemporalityCumulative)
	assert.False(t, ok, "no value")

	dp.SetIntValue(7)
	dp.SetStartTimestamp(1)
	dp.SetTimestamp(2)
	p, ok := Number(dp, pmetric.AggregationTemporalityDelta)
	assert.True(t, ok)
	assert.Equal(t, Point{Start: 1, Time: 2, Value: 7, Delta: true}, p)

	dp.SetDoubleValue(0.5)
	p, ok = Number(dp, pmetric.AggregationTemporalityCumulative)
	assert.True(t, ok)
	assert.Equal(t, Point{Start: 1, Time: 2, Value: 0.5}, p)

	_, ok = Number(dp, pmetric.AggregationTemporalityUnspecified)
	assert.False(t, ok, "no temporality")
	dp.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
	_, ok = Number(dp, pmetric.AggregationTemporalityCumulative)
	assert.False(t, ok, "no recorded value")
}
