// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package request

import (
	"encoding/hex"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Names are what a source is searched for. All of them are wanted as they are, not as a part of something longer.
type Names struct {
	// Texts are attribute values, correlation IDs and words. A trace ID or span ID is also here, in hexadecimal.
	Texts   []string
	Traces  []pcommon.TraceID
	Spans   []pcommon.SpanID
	Numbers []int64
}

// text adds a text, and the number that it may be.
func (n *Names) text(text string) {
	n.Texts = append(n.Texts, text)
	if number, ok := numberOf(text); ok {
		n.Numbers = append(n.Numbers, number)
	}
}

func (n *Names) trace(trace pcommon.TraceID) {
	n.Traces = append(n.Traces, trace)
	n.Texts = append(n.Texts, trace.String())
}

// numberOf is the integer that is written as the text is.
func numberOf(text string) (number int64, ok bool) {
	number, err := strconv.ParseInt(text, 10, 64)
	return number, err == nil && strconv.FormatInt(number, 10) == text
}

// traceOf is the trace whose ID the text is, in the form that the correlation processor writes.
func traceOf(text string) (trace pcommon.TraceID, ok bool) {
	if len(text) != hex.EncodedLen(len(trace)) || strings.ToLower(text) != text {
		return trace, false
	}
	_, err := hex.Decode(trace[:], []byte(text))
	return trace, err == nil && !trace.IsEmpty()
}

// An id is what was asked for, in all its meanings.
type id struct {
	text  string
	lower string // the text in lower case, if it is a UUID or hexadecimal and was not
	hex   string // the text as a trace ID or span ID is written; empty if it is none
	trace pcommon.TraceID
	span  pcommon.SpanID
}

func newID(text string) id {
	asked := id{text: text}
	digits := strings.ToLower(strings.ReplaceAll(text, "-", ""))
	raw, err := hex.DecodeString(digits)
	if lower := strings.ToLower(text); err == nil && len(raw) >= len(asked.span) && lower != text {
		asked.lower = lower // as the correlation processor writes it
	}
	switch {
	case err != nil:
	case len(raw) == len(asked.trace):
		asked.hex, asked.trace = digits, pcommon.TraceID(raw)
	case len(raw) == len(asked.span):
		asked.hex, asked.span = digits, pcommon.SpanID(raw)
	}
	return asked
}

// names are the ID's, in all its meanings.
func (i id) names() (n Names) {
	n.text(i.text)
	if i.lower != "" {
		n.text(i.lower)
	}
	if i.hex != "" && i.hex != i.text {
		n.Texts = append(n.Texts, i.hex)
	}
	if !i.trace.IsEmpty() {
		n.Traces = append(n.Traces, i.trace)
	}
	if !i.span.IsEmpty() {
		n.Spans = append(n.Spans, i.span)
	}
	return n
}

// A vocabulary finds records that mention one of its words. It knows for each whether it counts also as a number in an attribute
// that does not identify a request.
type vocabulary map[string]bool

// mentionedBy reports whether a word is the value of an attribute, or a word in the body of a log record.
func (v vocabulary) mentionedBy(r Record) bool {
	return v.heldBy(r) || !r.IsSpan && v.saidBy(r.Log.Body(), 0)
}

// heldBy reports whether a word is the value of an attribute of the record, of its resource, or of the span's events and links.
func (v vocabulary) heldBy(r Record) bool {
	if v.within(r.Attributes(), 0) || v.within(r.Resource, 0) {
		return true
	}
	if !r.IsSpan {
		return false
	}
	for _, event := range r.Span.Events().All() {
		if v.within(event.Attributes(), 0) {
			return true
		}
	}
	for _, link := range r.Span.Links().All() {
		if v.within(link.Attributes(), 0) {
			return true
		}
	}
	return false
}

func (v vocabulary) within(attributes pcommon.Map, level int) bool {
	for key, value := range attributes.All() {
		if v.has(value, level, key) {
			return true
		}
	}
	return false
}

// has reports whether a word is the value of the attribute, or one in it.
func (v vocabulary) has(value pcommon.Value, level int, key string) bool {
	switch value.Type() {
	case pcommon.ValueTypeStr:
		_, has := v[value.Str()]
		return has
	case pcommon.ValueTypeInt:
		anywhere, has := v[strconv.FormatInt(value.Int(), 10)]
		return has && (anywhere || identifies(key))
	case pcommon.ValueTypeMap:
		return level < maxLevel && v.within(value.Map(), level+1)
	case pcommon.ValueTypeSlice:
		for _, element := range value.Slice().All() {
			if level < maxLevel && v.has(element, level+1, key) {
				return true
			}
		}
	}
	return false
}

// saidBy reports whether a word is the value, one of its elements, or occurs in its text.
func (v vocabulary) saidBy(body pcommon.Value, level int) bool {
	if level >= maxLevel {
		return false
	}
	switch body.Type() {
	case pcommon.ValueTypeStr:
		for word := range v {
			if body.Str() == word || !strings.ContainsAny(word, " \t\r\n") && hasWord(body.Str(), word) {
				return true
			}
		}
	case pcommon.ValueTypeMap:
		for _, value := range body.Map().All() {
			if v.saidBy(value, level+1) {
				return true
			}
		}
	case pcommon.ValueTypeSlice:
		for _, value := range body.Slice().All() {
			if v.saidBy(value, level+1) {
				return true
			}
		}
	default:
		return v.has(body, level, "id")
	}
	return false
}
