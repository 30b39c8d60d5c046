// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusscrape

import (
	"encoding/hex"
	"errors"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// proto is the family as a message of client_model. Distributions are written from it in every format.
func (f *family) proto(rows []row) *dto.MetricFamily {
	out := &dto.MetricFamily{Name: new(f.name), Help: new(f.help), Type: f.kind.Enum()}
	for i := range rows {
		r := &rows[i]
		m := &dto.Metric{}
		switch f.kind {
		case dto.MetricType_GAUGE:
			m.Gauge = &dto.Gauge{Value: new(r.value)}
		case dto.MetricType_COUNTER:
			m.Counter = &dto.Counter{Value: new(r.value)}
			if r.more.created != 0 {
				m.Counter.CreatedTimestamp = timestamppb.New(r.more.created.AsTime())
			}
			if n := len(r.more.exemplars); n > 0 {
				m.Counter.Exemplar = r.more.exemplars[n-1]
			}
		default:
			distribution, err := distributionOf(r.more.distribution)
			if err != nil || distribution.Write(m) != nil {
				continue // client_golang does not say it, such as a scale below -4
			}
		}
		m.Label = r.labels.pairs()
		out.Metric = append(out.Metric, m)
	}
	return out
}

var errNoDistribution = errors.New("no distribution")

// zeroThreshold is for points that do not say theirs, as in Prometheus' own translation of OTLP.
const zeroThreshold = 1e-128

var noLabels = prometheus.NewDesc("distribution", "", nil, nil)

// distributionOf is a data point as client_golang has it.
func distributionOf(point any) (prometheus.Metric, error) {
	switch dp := point.(type) {
	case pmetric.HistogramDataPoint:
		buckets, total := make(map[float64]uint64), uint64(0)
		for i, bound := range dp.ExplicitBounds().All() {
			if i < dp.BucketCounts().Len() {
				total += dp.BucketCounts().At(i)
			}
			buckets[bound] = total
		}
		if dp.StartTimestamp() == 0 {
			m, err := prometheus.NewConstHistogram(noLabels, dp.Count(), dp.Sum(), buckets)
			return withExemplars(m, err, dp.Exemplars())
		}
		m, err := prometheus.NewConstHistogramWithCreatedTimestamp(noLabels, dp.Count(), dp.Sum(), buckets, dp.StartTimestamp().AsTime())
		return withExemplars(m, err, dp.Exemplars())
	case pmetric.ExponentialHistogramDataPoint:
		scale, down := dp.Scale(), int32(0)
		if most := int32(8); scale > most { // of Prometheus
			scale, down = most, scale-most
		}
		var created time.Time
		if dp.StartTimestamp() != 0 {
			created = dp.StartTimestamp().AsTime()
		}
		threshold := dp.ZeroThreshold()
		if threshold == 0 {
			threshold = zeroThreshold
		}
		m, err := prometheus.NewConstNativeHistogram(noLabels, dp.Count(), dp.Sum(), native(dp.Positive(), down), native(dp.Negative(), down),
			dp.ZeroCount(), scale, threshold, created)
		return withExemplars(m, err, dp.Exemplars())
	case pmetric.SummaryDataPoint:
		quantiles := make(map[float64]float64)
		for _, q := range dp.QuantileValues().All() {
			quantiles[q.Quantile()] = q.Value()
		}
		if dp.StartTimestamp() == 0 {
			return prometheus.NewConstSummary(noLabels, dp.Count(), dp.Sum(), quantiles)
		}
		return prometheus.NewConstSummaryWithCreatedTimestamp(noLabels, dp.Count(), dp.Sum(), quantiles, dp.StartTimestamp().AsTime())
	default:
		return nil, errNoDistribution
	}
}

// native are the buckets of one sign with Prometheus' numbers, whose bounds are those of the bucket before in OTLP.
func native(buckets pmetric.ExponentialHistogramDataPointBuckets, down int32) map[int]int64 {
	out := make(map[int]int64, buckets.BucketCounts().Len())
	for i, n := range buckets.BucketCounts().All() {
		out[int((int32(i)+buckets.Offset())>>down)+1] += int64(min(n, math.MaxInt64))
	}
	return out
}

func withExemplars(m prometheus.Metric, err error, of pmetric.ExemplarSlice) (prometheus.Metric, error) {
	if err != nil || of.Len() == 0 {
		return m, err
	}
	var all []prometheus.Exemplar
	for _, e := range exemplars(of) {
		one := prometheus.Exemplar{Value: e.GetValue(), Labels: prometheus.Labels{}, Timestamp: e.GetTimestamp().AsTime()}
		for _, l := range e.GetLabel() {
			one.Labels[l.GetName()] = l.GetValue()
		}
		all = append(all, one)
	}
	return prometheus.NewMetricWithExemplars(m, all...)
}

// exemplars are those of a point, with the IDs of their traces.
func exemplars(of pmetric.ExemplarSlice) (all []*dto.Exemplar) {
	for _, e := range of.All() {
		out := &dto.Exemplar{Value: new(e.DoubleValue()), Timestamp: timestamppb.New(e.Timestamp().AsTime())}
		if e.ValueType() == pmetric.ExemplarValueTypeInt {
			out.Value = new(float64(e.IntValue()))
		}
		if trace := e.TraceID(); !trace.IsEmpty() {
			out.Label = append(out.Label, &dto.LabelPair{Name: proto.String(otlptranslator.ExemplarTraceIDKey), Value: new(hex.EncodeToString(trace[:]))})
		}
		if span := e.SpanID(); !span.IsEmpty() {
			out.Label = append(out.Label, &dto.LabelPair{Name: proto.String(otlptranslator.ExemplarSpanIDKey), Value: new(hex.EncodeToString(span[:]))})
		}
		all = append(all, out)
	}
	return all
}
