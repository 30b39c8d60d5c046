// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// maxDepth is how deep a value may be nested. What is deeper is left out: code that handles it would need a stack as deep.
const maxDepth = 64

// A repair replaces bytes that are not UTF-8 by U+FFFD, everywhere in a request.
// Protobuf and Prometheus require UTF-8 (https://protobuf.dev/programming-guides/proto3/#scalar).
type repair struct {
	// repaired is how many texts were changed since the last resource.
	repaired int64
}

func (r *repair) text(s string) (string, bool) {
	if utf8.ValidString(s) {
		return s, false
	}
	r.repaired++
	return strings.ToValidUTF8(s, "\uFFFD"), true
}

func (r *repair) set(s string, set func(string)) {
	if fixed, changed := r.text(s); changed {
		set(fixed)
	}
}

func (r *repair) attributes(m pcommon.Map, depth int) {
	sound := true
	for key, v := range m.All() {
		sound = sound && utf8.ValidString(key)
		r.value(v, depth)
	}
	if !sound {
		r.keys(m)
	}
}

// keys makes the map again: keys cannot be changed in place. Of two that become equal, the last stays.
func (r *repair) keys(m pcommon.Map) {
	old := pcommon.NewMap()
	m.MoveTo(old)
	m.EnsureCapacity(old.Len())
	for key, v := range old.All() {
		key, _ = r.text(key)
		v.MoveTo(m.PutEmpty(key))
	}
}

func (r *repair) value(v pcommon.Value, depth int) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		if fixed, changed := r.text(v.Str()); changed {
			v.SetStr(fixed)
		}
	case pcommon.ValueTypeMap:
		if depth >= maxDepth {
			r.tooDeep(v)
			return
		}
		r.attributes(v.Map(), depth+1)
	case pcommon.ValueTypeSlice:
		if depth >= maxDepth {
			r.tooDeep(v)
			return
		}
		for _, item := range v.Slice().All() {
			r.value(item, depth+1)
		}
	}
}

func (r *repair) tooDeep(v pcommon.Value) {
	r.repaired++
	v.SetStr("nested too deep")
}

func (r *repair) resource(resource pcommon.Resource) { r.attributes(resource.Attributes(), 0) }

func (r *repair) scope(scope pcommon.InstrumentationScope) {
	r.set(scope.Name(), scope.SetName)
	r.set(scope.Version(), scope.SetVersion)
	r.attributes(scope.Attributes(), 0)
}

func (r *repair) spans(rs ptrace.ResourceSpans) {
	r.resource(rs.Resource())
	r.set(rs.SchemaUrl(), rs.SetSchemaUrl)
	for _, ss := range rs.ScopeSpans().All() {
		r.scope(ss.Scope())
		r.set(ss.SchemaUrl(), ss.SetSchemaUrl)
		for _, span := range ss.Spans().All() {
			r.span(span)
		}
	}
}

func (r *repair) span(span ptrace.Span) {
	r.set(span.Name(), span.SetName)
	r.set(span.TraceState().AsRaw(), span.TraceState().FromRaw)
	r.set(span.Status().Message(), span.Status().SetMessage)
	r.attributes(span.Attributes(), 0)
	for _, event := range span.Events().All() {
		r.set(event.Name(), event.SetName)
		r.attributes(event.Attributes(), 0)
	}
	for _, link := range span.Links().All() {
		r.set(link.TraceState().AsRaw(), link.TraceState().FromRaw)
		r.attributes(link.Attributes(), 0)
	}
}

func (r *repair) logs(rl plog.ResourceLogs) {
	r.resource(rl.Resource())
	r.set(rl.SchemaUrl(), rl.SetSchemaUrl)
	for _, sl := range rl.ScopeLogs().All() {
		r.scope(sl.Scope())
		r.set(sl.SchemaUrl(), sl.SetSchemaUrl)
		for _, record := range sl.LogRecords().All() {
			r.set(record.SeverityText(), record.SetSeverityText)
			r.set(record.EventName(), record.SetEventName)
			r.value(record.Body(), 0)
			r.attributes(record.Attributes(), 0)
		}
	}
}

func (r *repair) metrics(rm pmetric.ResourceMetrics) {
	r.resource(rm.Resource())
	r.set(rm.SchemaUrl(), rm.SetSchemaUrl)
	for _, sm := range rm.ScopeMetrics().All() {
		r.scope(sm.Scope())
		r.set(sm.SchemaUrl(), sm.SetSchemaUrl)
		for _, m := range sm.Metrics().All() {
			r.set(m.Name(), m.SetName)
			r.set(m.Unit(), m.SetUnit)
			r.set(m.Description(), m.SetDescription)
			r.attributes(m.Metadata(), 0)
			r.points(m)
		}
	}
}

func (r *repair) points(m pmetric.Metric) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		r.numbers(m.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		r.numbers(m.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		for _, p := range m.Histogram().DataPoints().All() {
			r.attributes(p.Attributes(), 0)
			r.exemplars(p.Exemplars())
		}
	case pmetric.MetricTypeExponentialHistogram:
		for _, p := range m.ExponentialHistogram().DataPoints().All() {
			r.attributes(p.Attributes(), 0)
			r.exemplars(p.Exemplars())
		}
	case pmetric.MetricTypeSummary:
		for _, p := range m.Summary().DataPoints().All() {
			r.attributes(p.Attributes(), 0)
		}
	}
}

func (r *repair) numbers(points pmetric.NumberDataPointSlice) {
	for _, p := range points.All() {
		r.attributes(p.Attributes(), 0)
		r.exemplars(p.Exemplars())
	}
}

func (r *repair) exemplars(exemplars pmetric.ExemplarSlice) {
	for _, e := range exemplars.All() {
		r.attributes(e.FilteredAttributes(), 0)
	}
}
