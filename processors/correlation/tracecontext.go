// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// traceContext is what a log record says about the trace it belongs to.
type traceContext struct {
	trace pcommon.TraceID
	span  pcommon.SpanID
	flags byte
}

// field is what a key of an attribute or a log body means for the trace context.
type field int

const (
	fieldTraceparent field = iota
	fieldTraceID
	fieldSpanID
	fieldFlags
	fieldSampled
	fieldB3
	fieldB3TraceID
	fieldB3SpanID
	fieldB3Sampled
	fieldXRay
	fieldDatadogTraceID
	fieldDatadogSpanID
)

// format is a way to write a trace context, the best first.
type format int

const (
	formatTraceparent format = iota
	formatFields
	formatB3
	formatB3Multi
	formatXRay
	formatDatadog
	formats
)

// traceKeys are the keys by which the fields go.
var traceKeys = func() foldedKeys {
	k := newFoldedKeys()
	for name, f := range map[string]field{
		"traceparent": fieldTraceparent,
		"trace_id":    fieldTraceID, "otelTraceID": fieldTraceID, "@tr": fieldTraceID, "xray_trace_id": fieldTraceID,
		"logging.googleapis.com/trace": fieldTraceID,
		"span_id":                      fieldSpanID, "otelSpanID": fieldSpanID, "@sp": fieldSpanID, "logging.googleapis.com/spanId": fieldSpanID,
		"trace_flags": fieldFlags, "otelTraceSampled": fieldSampled, "trace_sampled": fieldSampled,
		"b3": fieldB3, "x-b3-traceid": fieldB3TraceID, "x-b3-spanid": fieldB3SpanID, "x-b3-sampled": fieldB3Sampled,
		"x-amzn-trace-id": fieldXRay, "Root": fieldXRay,
		"dd.trace_id": fieldDatadogTraceID, "dd.span_id": fieldDatadogSpanID,
	} {
		k.add(name, int(f))
	}
	return k
}()

// longestTraceContext is longer than any header that has one.
const longestTraceContext = 512

// traceParts collects the fields of a record, each format by itself: a trace ID of one is never
// put together with a span ID of another. The first value of a field counts.
type traceParts [formats]traceContext

func (p *traceParts) offer(f field, value string) {
	if len(value) > longestTraceContext {
		return
	}
	value = strings.TrimSpace(value)
	switch f {
	case fieldTraceparent:
		p.whole(formatTraceparent, value, parseTraceparent)
	case fieldB3:
		p.whole(formatB3, value, parseB3)
	case fieldXRay:
		p.whole(formatXRay, value, parseXRay)
	case fieldTraceID:
		value = value[strings.LastIndexByte(value, '/')+1:] // projects/x/traces/ID
		if id, ok := parseXRayRoot(value); ok {
			p.trace(formatXRay, id)
		} else if id, ok := parseHexTraceID(value); ok {
			p.trace(formatFields, id)
		}
	case fieldB3TraceID:
		if id, ok := parseHexTraceID(value); ok {
			p.trace(formatB3Multi, id)
		}
	case fieldDatadogTraceID:
		if id, ok := parseDatadogTraceID(value); ok {
			p.trace(formatDatadog, id)
		}
	case fieldSpanID:
		p.span(formatFields, value, parseHexSpanID)
	case fieldB3SpanID:
		p.span(formatB3Multi, value, parseHexSpanID)
	case fieldDatadogSpanID:
		p.span(formatDatadog, value, parseDatadogSpanID)
	case fieldFlags:
		if flags, ok := parseFlags(value); ok {
			p[formatFields].flags = flags
		}
	case fieldSampled:
		p[formatFields].flags |= sampled(value)
	case fieldB3Sampled:
		p[formatB3Multi].flags |= sampled(value)
	}
}

func (p *traceParts) offerValue(f field, v pcommon.Value) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		p.offer(f, v.Str())
	case pcommon.ValueTypeInt:
		p.offer(f, strconv.FormatInt(v.Int(), 10))
	case pcommon.ValueTypeBool:
		p.offer(f, strconv.FormatBool(v.Bool()))
	case pcommon.ValueTypeSlice:
		if v.Slice().Len() > 0 && v.Slice().At(0).Type() == pcommon.ValueTypeStr {
			p.offer(f, v.Slice().At(0).Str())
		}
	}
}

func (p *traceParts) whole(f format, value string, parse func(string) (traceContext, bool)) {
	if c, ok := parse(value); ok && p[f].trace.IsEmpty() {
		p[f] = c
	}
}

func (p *traceParts) trace(f format, id pcommon.TraceID) {
	if p[f].trace.IsEmpty() {
		p[f].trace = id
	}
}

func (p *traceParts) span(f format, value string, parse func(string) (pcommon.SpanID, bool)) {
	if id, ok := parse(value); ok && p[f].span.IsEmpty() {
		p[f].span = id
	}
}

// attributes looks at a log record's attributes, headers among them.
func (p *traceParts) attributes(m pcommon.Map) {
	for name, v := range m.All() {
		if f, ok := traceKeys.find("", strings.TrimPrefix(name, "http.request.header.")); ok {
			p.offerValue(field(f), v)
		}
	}
}

// unnamed searches for a trace context in text without a name: a traceparent anywhere, or
// Spring Boot's [application,trace,span] and [trace-span].
func (p *traceParts) unnamed(text string) {
	const length = len("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
	for at, rest := 0, text; ; {
		next := strings.Index(rest, "00-")
		if next < 0 {
			break
		}
		at += next
		if len(text) >= at+length && (at == 0 || !isAlphanumeric(text[at-1])) &&
			(len(text) == at+length || !isAlphanumeric(text[at+length])) {
			p.whole(formatTraceparent, text[at:at+length], parseTraceparent)
			if p.found() {
				return
			}
		}
		at++
		rest = text[at:]
	}
	for {
		_, rest, ok := strings.Cut(text, "[")
		if !ok {
			return
		}
		text = rest
		if end := strings.IndexAny(text[:min(len(text), longestBracket)], "[]"); end >= 0 && text[end] == ']' {
			if c, ok := parseBracket(text[:end]); ok {
				p[formatFields] = c
				return
			}
		}
	}
}

// longestBracket is how far a closing bracket is looked for.
const longestBracket = 256

func (p *traceParts) found() bool {
	_, ok := p.best()
	return ok
}

// best returns the best format's context.
func (p *traceParts) best() (traceContext, bool) {
	for _, c := range p {
		if !c.trace.IsEmpty() {
			return c, true
		}
	}
	return traceContext{}, false
}

// parseTraceparent reads W3C's version-trace-span-flags. A later version may have more behind it.
func parseTraceparent(text string) (c traceContext, ok bool) {
	const length = len("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
	if len(text) < length || text[2] != '-' || text[35] != '-' || text[52] != '-' || text[:2] == "ff" {
		return c, false
	}
	if len(text) > length && (text[:2] == "00" || text[length] != '-') {
		return c, false
	}
	for i := range length {
		if 'A' <= text[i] && text[i] <= 'F' {
			return c, false // the W3C allows lower case only
		}
	}
	_, ok = parseFlags(text[:2])
	trace, traceOK := parseHexTraceID(text[3:35])
	span, spanOK := parseHexSpanID(text[36:52])
	flags, flagsOK := parseFlags(text[53:length])
	return traceContext{trace, span, flags}, ok && traceOK && spanOK && flagsOK
}

// parseB3 reads B3's single header: trace-span, trace-span-sampled, trace-span-sampled-parent.
func parseB3(text string) (traceContext, bool) {
	traceText, rest, ok := strings.Cut(text, "-")
	spanText, rest, _ := strings.Cut(rest, "-")
	sampledText, _, _ := strings.Cut(rest, "-")
	trace, traceOK := parseHexTraceID(traceText)
	span, spanOK := parseHexSpanID(spanText)
	return traceContext{trace, span, sampled(sampledText)}, ok && traceOK && spanOK
}

// parseXRay reads AWS X-Ray's header, Root=1-time-random;Parent=span;Sampled=1 in any order, or its root alone.
func parseXRay(text string) (c traceContext, ok bool) {
	if c.trace, ok = parseXRayRoot(text); ok {
		return c, true
	}
	for range 16 {
		var one string
		one, text, _ = strings.Cut(text, ";")
		name, value, _ := strings.Cut(strings.TrimSpace(one), "=")
		switch name {
		case "Root":
			c.trace, ok = parseXRayRoot(value)
		case "Parent":
			c.span, _ = parseHexSpanID(value)
		case "Sampled":
			c.flags = sampled(value)
		}
	}
	return c, ok
}

// parseXRayRoot reads 1-, 8 digits of time, -, 24 random digits.
func parseXRayRoot(text string) (id pcommon.TraceID, ok bool) {
	if len(text) != 35 || text[:2] != "1-" || text[10] != '-' {
		return id, false
	}
	var digits [32]byte
	copy(digits[copy(digits[:], text[2:10]):], text[11:])
	return decodeTraceID(digits)
}

// parseHexTraceID reads 32 hexadecimal digits, or 16 for a trace ID of 64 bits.
func parseHexTraceID(text string) (id pcommon.TraceID, ok bool) {
	var digits [32]byte
	switch len(text) {
	case 32:
		copy(digits[:], text)
	case 16:
		copy(digits[copy(digits[:], "0000000000000000"):], text)
	default:
		return id, false
	}
	return decodeTraceID(digits)
}

func decodeTraceID(digits [32]byte) (id pcommon.TraceID, ok bool) {
	if _, err := hex.Decode(id[:], digits[:]); err != nil {
		return pcommon.TraceID{}, false
	}
	return id, !id.IsEmpty()
}

func parseHexSpanID(text string) (id pcommon.SpanID, ok bool) {
	var digits [16]byte
	if len(text) != len(digits) {
		return id, false
	}
	copy(digits[:], text)
	if _, err := hex.Decode(id[:], digits[:]); err != nil {
		return pcommon.SpanID{}, false
	}
	return id, !id.IsEmpty()
}

// parseDatadogTraceID reads Datadog's decimal 64 bits, or the 32 hexadecimal digits of its newer tracers.
func parseDatadogTraceID(text string) (id pcommon.TraceID, ok bool) {
	if len(text) == 32 {
		return parseHexTraceID(text)
	}
	n, err := strconv.ParseUint(text, 10, 64)
	binary.BigEndian.PutUint64(id[8:], n)
	return id, err == nil && n > 0
}

func parseDatadogSpanID(text string) (id pcommon.SpanID, ok bool) {
	n, err := strconv.ParseUint(text, 10, 64)
	binary.BigEndian.PutUint64(id[:], n)
	return id, err == nil && n > 0
}

func parseFlags(text string) (byte, bool) {
	if len(text) != 2 || !isHex(text[0]) || !isHex(text[1]) {
		return 0, false
	}
	flags, err := strconv.ParseUint(text, 16, 8)
	return byte(flags), err == nil
}

// sampled is the flag of W3C for what the other formats write.
func sampled(text string) byte {
	switch text {
	case "1", "d", "true", "True":
		return 1
	}
	return 0
}

// parseBracket reads application,trace,span as Spring Boot 2 and 3 write it, or trace-span of 3.2 and on.
func parseBracket(text string) (traceContext, bool) {
	if trace, span, ok := strings.Cut(text, "-"); ok && len(trace) == 32 {
		return traceAndSpan(trace, span)
	}
	for range 8 {
		one, rest, ok := strings.Cut(text, ",")
		if !ok {
			break
		}
		span, _, _ := strings.Cut(rest, ",")
		if c, ok := traceAndSpan(strings.TrimSpace(one), strings.TrimSpace(span)); ok {
			return c, true
		}
		text = rest
	}
	return traceContext{}, false
}

func traceAndSpan(trace, span string) (traceContext, bool) {
	t, traceOK := parseHexTraceID(trace)
	s, spanOK := parseHexSpanID(span)
	return traceContext{trace: t, span: s}, traceOK && spanOK
}
