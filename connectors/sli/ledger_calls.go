// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
)

// mostCalls bounds the failed calls of a batch that are known.
const mostCalls = 1024

// A caller is the span that a call is a child of.
type caller struct {
	trace pcommon.TraceID
	span  pcommon.SpanID
}

// failedCalls are the calls of a part's spans that failed: of each caller, the one that ended last. They are looked for when the part has a bad event.
type failedCalls struct {
	known bool
	by    map[caller]ptrace.Span
}

// forget forgets them without a hold on the input.
func (f *failedCalls) forget() {
	f.known = false
	clear(f.by)
}

// find looks for the failed calls of a resource's spans.
func (f *failedCalls) find(spans ptrace.ResourceSpans) {
	f.known = true
	scopes := spans.ScopeSpans()
	for i := range scopes.Len() {
		all := scopes.At(i).Spans()
		for j := range all.Len() {
			span := all.At(j)
			if kind := span.Kind(); kind != ptrace.SpanKindClient && kind != ptrace.SpanKindProducer || span.Status().Code() != ptrace.StatusCodeError || span.ParentSpanID().IsEmpty() {
				continue
			}
			by := caller{span.TraceID(), span.ParentSpanID()}
			before, ok := f.by[by]
			if ok && before.EndTimestamp() >= span.EndTimestamp() || !ok && len(f.by) >= mostCalls {
				continue
			}
			if f.by == nil {
				f.by = make(map[caller]ptrace.Span)
			}
			f.by[by] = span
		}
	}
}

// dependency is what the bad event at a mark called in vain, as far as the part has that call; "" is not known.
func (p *part) dependency(at int, names *attribution.Names) string {
	if p.isLogs || !p.badAt(at) {
		return ""
	}
	if !p.calls.known {
		p.calls.find(p.spans)
	}
	span := p.marked[p.marks[at].event].span
	call, ok := p.calls.by[caller{span.TraceID(), span.SpanID()}]
	if !ok {
		return ""
	}
	for _, name := range []string{attribution.PeerService, attribution.ServerAddress} {
		if v, ok := call.Attributes().Get(name); ok && v.Type() == pcommon.ValueTypeStr && v.Str() != "" && names.Shows(name) {
			return v.Str()
		}
	}
	return ""
}

// badAt reports whether the event at a mark is bad for one of the SLOs. Its marks follow one another.
func (p *part) badAt(at int) bool {
	for _, m := range p.marks[at:] {
		if m.event != p.marks[at].event {
			return false
		}
		if m.bad {
			return true
		}
	}
	return false
}
