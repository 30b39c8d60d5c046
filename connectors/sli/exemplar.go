// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// maxExemplarRunes is how long the labels of an exemplar may be together (OpenMetrics). The
// prometheus exporter gives up the whole series if one exemplar is longer.
const maxExemplarRunes = 128

// exemplars are the last bad events of a series since the last flush. Its memory is used again.
type exemplars struct {
	ring []exemplar
	next int
}

type exemplar struct {
	trace       pcommon.TraceID
	span        pcommon.SpanID
	time        pcommon.Timestamp
	value       float64
	correlation []byte
}

// keep remembers e in place of the oldest of most.
func (x *exemplars) keep(e *badEvent, most int, correlation string) {
	trace, at := e.found(e.isLog)
	id := correlationID(e.attributes(), correlation)
	if pcommon.TraceID(trace).IsEmpty() && id == "" {
		return
	}
	if len(x.ring) != most {
		x.ring, x.next = make([]exemplar, most), 0
	}
	slot := &x.ring[x.next%most]
	slot.trace, slot.span, slot.time, slot.value = trace, e.spanID(), at, e.value
	slot.correlation = append(slot.correlation[:0], id...)
	x.next++
}

func (e *badEvent) attributes() pcommon.Map {
	if e.isLog {
		return e.log.Attributes()
	}
	return e.span.Attributes()
}

func (e *badEvent) spanID() pcommon.SpanID {
	if e.isLog {
		return e.log.SpanID()
	}
	return e.span.SpanID()
}

// correlationID is the event's correlation ID, if it is fit for an exemplar's label: printable
// and short enough. A part of an ID finds nothing, so a longer one is left out.
func correlationID(attributes pcommon.Map, key string) string {
	if key == "" {
		return ""
	}
	v, ok := attributes.Get(key)
	if !ok || v.Type() != pcommon.ValueTypeStr {
		return ""
	}
	const ids = len("trace_id") + 32 + len("span_id") + 16
	id := v.Str()
	if len(id) > maxExemplarRunes-ids-len(key) {
		return ""
	}
	for i := range len(id) {
		if id[i] < ' ' || id[i] > '~' {
			return ""
		}
	}
	return id
}

// moveTo writes the exemplars to a data point, oldest first, and forgets them.
func (x *exemplars) moveTo(to pmetric.ExemplarSlice, correlation string) {
	for i := max(0, x.next-len(x.ring)); i < x.next; i++ {
		from := &x.ring[i%len(x.ring)]
		e := to.AppendEmpty()
		e.SetTraceID(from.trace)
		e.SetSpanID(from.span)
		e.SetTimestamp(from.time)
		e.SetDoubleValue(from.value)
		if len(from.correlation) > 0 {
			e.FilteredAttributes().PutStr(correlation, string(from.correlation))
		}
	}
	x.next = 0
}
