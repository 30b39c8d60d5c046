// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// An Ownership says for which SLOs the processor emits gauges.
type Ownership string

const (
	// Sole is every SLO of the catalog: no other collector computes them.
	Sole Ownership = "sole"
	// Shared is the SLOs whose counters arrive here: the collector is one of several that share the counters.
	// Of an SLO whose counters have moved away it emits nothing more.
	Shared Ownership = "shared"
)

// release is how long no counter of an SLO may arrive before its counters count as moved away. Senders send their
// counters at every flush, also if nothing changes, so this is several flushes.
func release(flushInterval time.Duration) time.Duration { return max(30*time.Second, 6*flushInterval) }

// speaks reports whether this collector emits the gauges of the instance.
func (p *sloProcessor) speaks(i *instance, now int64) bool {
	switch {
	case p.config.Ownership != Shared:
		return true
	case p.peers != nil:
		return i.owned
	default:
		return i.received != 0 && now-i.received <= int64(release(p.config.FlushInterval))
	}
}

// heard notes that a counter of the instance has arrived, and reports whether it is the first one after a silence.
func (i *instance) heard(before, now int64, release time.Duration) (first bool) {
	if i.received == before || before != 0 && now-before <= int64(release) {
		return false
	}
	i.since = now
	return true
}

// An origin is what the counters of one sender and version carry besides the SLO and the outcome. The counters of
// an SLO that moves away are ended with it, so that they are not read in two places.
type origin struct {
	// pair is the same for the counters of both outcomes.
	pair streamID
	// metrics is the resource, scope and metric of the counters, with one data point whose attributes are all of
	// the counter's but the outcome, as OTLP: a third of the size of what it is read into.
	metrics []byte
}

func newOrigin(pair streamID, rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric, dp pmetric.NumberDataPoint) *origin {
	md := pmetric.NewMetrics()
	to := md.ResourceMetrics().AppendEmpty()
	rm.Resource().CopyTo(to.Resource())
	to.SetSchemaUrl(rm.SchemaUrl())
	scope := to.ScopeMetrics().AppendEmpty()
	sm.Scope().CopyTo(scope.Scope())
	scope.SetSchemaUrl(sm.SchemaUrl())
	metric := scope.Metrics().AppendEmpty()
	metric.SetName(m.Name())
	metric.SetDescription(m.Description())
	metric.SetUnit(m.Unit())
	sum := metric.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(m.Sum().AggregationTemporality())
	attributes := sum.DataPoints().AppendEmpty().Attributes()
	dp.Attributes().CopyTo(attributes)
	attributes.Remove(semconv.SLOOutcome)
	bytes, _ := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md) // fails for no message
	return &origin{pair, bytes}
}

// end is the last point of a counter: one without a value.
func (o *origin) end(out outcome, now time.Time) pmetric.Metrics {
	md, _ := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(o.metrics) // they were marshaled here
	dp := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().At(0)
	dp.SetTimestamp(pcommon.NewTimestampFromTime(now))
	dp.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
	dp.Attributes().PutStr(semconv.SLOOutcome, out.String())
	return md
}

// An endedCounter is the counter of a sender that has moved away with its SLO.
type endedCounter struct {
	*origin
	outcome outcome
}

// release lets go of the counters of an SLO that is not computed here any more: they are remembered, and those that
// were passed on are ended.
func (i *instance) release(ended []endedCounter) []endedCounter {
	for n := range i.streams {
		if s := &i.streams[n]; s.origin != nil {
			ended = append(ended, endedCounter{s.origin, s.outcome})
			s.origin = nil
		}
	}
	return ended
}
