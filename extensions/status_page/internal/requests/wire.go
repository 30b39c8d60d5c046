// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package requests

import (
	"encoding/binary"
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otelcol-sre/otelcol-sre/internal/otlpwire"
)

// Kinds of spans, and the status of one that failed, as OTLP has them.
const (
	kindServer   = 2
	kindConsumer = 5
	codeError    = 2
)

// kindNames are those of OTLP's numbers.
var kindNames = []string{"", "internal", "server", "client", "producer", "consumer"}

// severityError is the first of the numbers for errors.
const severityError = 17

// fields calls f for each field of a message, until it returns false. What is malformed ends it.
func fields(message []byte, f func(number protowire.Number, value, raw []byte) bool) {
	for len(message) > 0 {
		number, at, end := otlpwire.Step(message)
		if end < 0 || !f(number, message[at:end], message[:end]) {
			return
		}
		message = message[end:]
	}
}

// find is the first field of that number; nil if there is none.
func find(message []byte, number protowire.Number) []byte {
	value, err := otlpwire.Find(message, number)
	if err != nil {
		return nil
	}
	return value
}

// resources calls f for each resource of a batch, with what calls its function for each item.
func resources(batch []byte, f func(resource []byte, items func(func(item []byte)))) {
	fields(batch, func(number protowire.Number, of, _ []byte) bool {
		if number != otlpwire.RequestResources {
			return true
		}
		f(find(of, otlpwire.ResourceResource), func(each func([]byte)) {
			fields(of, func(number protowire.Number, scope, _ []byte) bool {
				if number == otlpwire.ResourceScopes {
					fields(scope, func(number protowire.Number, item, _ []byte) bool {
						if number == otlpwire.ScopeItems {
							each(item)
						}
						return true
					})
				}
				return true
			})
		})
		return true
	})
}

// varint is the number in a field, with its tag.
func varint(raw []byte) uint64 {
	_, _, tag := protowire.ConsumeTag(raw)
	if tag < 0 {
		return 0
	}
	n, length := protowire.ConsumeVarint(raw[tag:])
	if length < 0 {
		return 0
	}
	return n
}

// fixed64 is the number in a field of 8 bytes, with its tag.
func fixed64(raw []byte) uint64 {
	if len(raw) <= 8 {
		return 0
	}
	return binary.LittleEndian.Uint64(raw[len(raw)-8:])
}

// attribute is the value of one of the attributes in the fields of that number, as it is encoded; nil if there is none.
func attribute(message []byte, number protowire.Number, name string) []byte {
	value, err := otlpwire.Attribute(message, number, name)
	if err != nil {
		return nil
	}
	return value
}

// textOf is the text of a value that is no list or map.
func textOf(value []byte) (text string) {
	fields(value, func(number protowire.Number, inner, raw []byte) bool {
		switch number {
		case otlpwire.ValueString:
			text = string(inner)
		case otlpwire.ValueBool:
			text = strconv.FormatBool(varint(raw) != 0)
		case otlpwire.ValueInt:
			text = strconv.FormatInt(int64(varint(raw)), 10)
		case otlpwire.ValueDouble:
			text = strconv.FormatFloat(math.Float64frombits(fixed64(raw)), 'g', -1, 64)
		}
		return false
	})
	return text
}

// A needle is a text to look for.
type needle string

// newNeedle looks for a text whatever the case of the letters a to z.
func newNeedle(text string) needle {
	folded := []byte(text)
	for i, c := range folded {
		folded[i] = fold(c)
	}
	return needle(folded)
}

func fold(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// in reports whether the bytes contain it.
func (n needle) in(text []byte) bool {
	for i := 0; i+len(n) <= len(text); i++ {
		if fold(text[i]) == n[0] && n.at(text[i:]) {
			return true
		}
	}
	return false
}

func (n needle) at(text []byte) bool {
	for i := 1; i < len(n); i++ {
		if fold(text[i]) != n[i] {
			return false
		}
	}
	return true
}

// maxLevel is how deep lists and maps are looked into.
const maxLevel = 8

// inValue reports whether a value contains it, or one in it.
func (n needle) inValue(value []byte, level int) (found bool) {
	if level == maxLevel {
		return false
	}
	fields(value, func(number protowire.Number, inner, _ []byte) bool {
		switch number {
		case otlpwire.ValueString:
			found = n.in(inner)
		case otlpwire.ValueArray:
			fields(inner, func(_ protowire.Number, element, _ []byte) bool {
				found = n.inValue(element, level+1)
				return !found
			})
		case otlpwire.ValueMap:
			fields(inner, func(_ protowire.Number, pair, _ []byte) bool {
				found = n.inAttribute(pair, level+1)
				return !found
			})
		}
		return !found
	})
	return found
}

func (n needle) inAttribute(pair []byte, level int) bool {
	return n.inValue(find(pair, otlpwire.AttributeValue), level)
}

// inSpan reports whether the span contains it: its name, the message of its status, and its attributes and events.
func (n needle) inSpan(span []byte) (found bool) {
	fields(span, func(number protowire.Number, value, _ []byte) bool {
		switch number {
		case otlpwire.SpanName:
			found = n.in(value)
		case otlpwire.SpanStatus:
			found = n.in(find(value, otlpwire.StatusMessage))
		case otlpwire.SpanAttributes:
			found = n.inAttribute(value, 0)
		case otlpwire.SpanEvents:
			found = n.inEvent(value)
		}
		return !found
	})
	return found
}

func (n needle) inEvent(event []byte) (found bool) {
	fields(event, func(number protowire.Number, value, _ []byte) bool {
		switch number {
		case otlpwire.EventName:
			found = n.in(value)
		case otlpwire.EventAttributes:
			found = n.inAttribute(value, 0)
		}
		return !found
	})
	return found
}

// inLog reports whether the log record contains it: its body, its attributes, and the name of its event.
func (n needle) inLog(record []byte) (found bool) {
	fields(record, func(number protowire.Number, value, _ []byte) bool {
		switch number {
		case otlpwire.LogEventName:
			found = n.in(value)
		case otlpwire.LogBody:
			found = n.inValue(value, 0)
		case otlpwire.LogAttributes:
			found = n.inAttribute(value, 0)
		}
		return !found
	})
	return found
}
