// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package red

import (
	"math"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// A histogram is cumulative. Counts are of spans that may represent many, or a part: see adjusted.Count.
type histogram struct {
	buckets  []float64 // one more than bounds
	sum      float64
	exemplar exemplar
}

// An exemplar is the last span that was observed.
type exemplar struct {
	trace pcommon.TraceID
	span  pcommon.SpanID
	time  pcommon.Timestamp
	value float64
}

// observe counts a value n times. The bounds are upper bounds, inclusive.
func (h *histogram) observe(bounds []float64, value, n float64) {
	if h.buckets == nil {
		h.buckets = make([]float64, len(bounds)+1)
	}
	at, _ := slices.BinarySearch(bounds, value)
	h.buckets[at] += n
	h.sum += value * n
}

// writeTo writes the data point. Counts are whole there; each bucket is rounded, so the counts never fall.
func (h *histogram) writeTo(p pmetric.HistogramDataPoint, bounds []float64) {
	p.ExplicitBounds().FromRaw(bounds)
	counts := make([]uint64, len(bounds)+1)
	var all uint64
	for i, n := range h.buckets {
		counts[i] = uint64(math.Round(n))
		all += counts[i]
	}
	p.BucketCounts().FromRaw(counts)
	p.SetCount(all)
	p.SetSum(h.sum)
	h.exemplar.moveTo(p.Exemplars())
}

// moveTo writes the exemplar, if there is a new one.
func (e *exemplar) moveTo(to pmetric.ExemplarSlice) {
	if e.trace.IsEmpty() {
		return
	}
	out := to.AppendEmpty()
	out.SetTraceID(e.trace)
	out.SetSpanID(e.span)
	out.SetTimestamp(e.time)
	out.SetDoubleValue(e.value)
	*e = exemplar{}
}
