// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package judge

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A Grouping is the attributes by which the events of an SLO are grouped; nil for an SLO without groups.
type Grouping []string

// endOfValue ends each value in a key. No value has it.
const endOfValue = 0

// AppendKey appends the values of an event's group: of each attribute of the event, or else of its resource, as a label has it. A value that
// says that it is the overflow makes all of them so.
func (g Grouping) AppendKey(key []byte, event, resource pcommon.Map) []byte {
	return g.appendKey(key, event, resource, nil)
}

// AppendSpanKey is AppendKey for a span. An attribute feature_flag.KEY that neither the span nor its resource has is the variant of the flag that the
// span evaluated.
func (g Grouping) AppendSpanKey(key []byte, span ptrace.Span, resource pcommon.Map) []byte {
	return g.appendKey(key, span.Attributes(), resource, &span)
}

func (g Grouping) appendKey(key []byte, event, resource pcommon.Map, span *ptrace.Span) []byte {
	start := len(key)
	for _, name := range g {
		v, ok := event.Get(name)
		if !ok {
			v, ok = resource.Get(name)
		}
		if !ok && span != nil && strings.HasPrefix(name, semconv.FlagPrefix) {
			v, ok = variantIn(*span, name)
		}
		at := len(key)
		if ok {
			key = appendValue(key, v)
		}
		if string(key[at:]) == catalog.Overflow {
			return g.AppendOverflow(key[:start])
		}
		key = append(key, endOfValue)
	}
	return key
}

// mostEvaluations is how many events of a span are searched for evaluations of a flag.
const mostEvaluations = 16

// variantIn is what the span was given of the flag of an attribute feature_flag.KEY: by its last evaluation, or by its attributes.
func variantIn(span ptrace.Span, name string) (given pcommon.Value, ok bool) {
	events := span.Events()
	for i := events.Len() - 1; i >= 0 && i >= events.Len()-mostEvaluations; i-- {
		e := events.At(i)
		if e.Name() != semconv.EventFlagEval && e.Name() != semconv.EventFlag {
			continue
		}
		if given, ok = variantOf(e.Attributes(), name); ok {
			return given, true
		}
	}
	return variantOf(span.Attributes(), name)
}

func variantOf(attributes pcommon.Map, name string) (given pcommon.Value, ok bool) {
	key, ok := attributes.Get(semconv.FlagKey)
	if !ok || !semconv.NamesFlag(name, key.Str()) {
		return given, false
	}
	for _, attribute := range [...]string{semconv.FlagVariant, semconv.FlagOldVariant, semconv.FlagValue} {
		if given, ok = attributes.Get(attribute); ok {
			return given, true
		}
	}
	return given, false
}

// AppendOverflow appends the values of the group that has the events of all groups beyond the limit.
func (g Grouping) AppendOverflow(key []byte) []byte {
	for range g {
		key = append(append(key, catalog.Overflow...), endOfValue)
	}
	return key
}

// Values are those of a key.
func (g Grouping) Values(key []byte) []string {
	values := make([]string, 0, len(g))
	for value := range bytes.SplitSeq(bytes.TrimSuffix(key, []byte{endOfValue}), []byte{endOfValue}) {
		values = append(values, string(value))
	}
	return values
}

// Ungrouped reports whether the key has no value at all.
func Ungrouped(key []byte) bool {
	for _, b := range key {
		if b != endOfValue {
			return false
		}
	}
	return true
}

// appendValue appends the value of an attribute, as text has it.
func appendValue(key []byte, v pcommon.Value) []byte {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		if s := v.Str(); plain(s) {
			return append(key, s...)
		}
		return append(key, strings.Map(printable, label(v.Str()))...)
	case pcommon.ValueTypeInt:
		return strconv.AppendInt(key, v.Int(), 10)
	case pcommon.ValueTypeBool:
		return strconv.AppendBool(key, v.Bool())
	case pcommon.ValueTypeDouble:
		if f := v.Double(); f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return strconv.AppendInt(key, int64(f), 10)
		}
		return append(key, v.AsString()...)
	default:
		return key
	}
}

// plain reports whether a text can be a label's value as it is.
func plain(s string) bool {
	if len(s) > MaxLabel {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return utf8.ValidString(s)
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return '?'
	}
	return r
}
