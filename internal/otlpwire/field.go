// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package otlpwire

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// A Field is one of a message.
type Field struct {
	Number protowire.Number
	// Value is the bytes of a message, text or bytes; empty for a number.
	Value []byte
	// Raw is all bytes of the field, with its tag.
	Raw []byte
}

// Next returns the first field of the message, and what is behind it.
func Next(message []byte) (f Field, rest []byte, err error) {
	number, at, end := Step(message)
	if end < 0 {
		return f, nil, malformed(end)
	}
	return Field{number, message[at:end], message[:end]}, message[end:], nil
}

func malformed(code int) error {
	return fmt.Errorf("not OTLP: %w", protowire.ParseError(code))
}

// Step returns the number of the message's first field, where the bytes of its value begin, if it is a message, text or bytes, and where the field
// ends. A negative end is an error of protowire. The short forms, which most fields have, are read here, because a span has dozens of fields, and all of
// them are read to find its trace ID: pdata writes it last.
func Step(message []byte) (number protowire.Number, at, end int) {
	if len(message) > 2 && message[0] < 0x80 && message[0] >= 8 {
		number, end = protowire.Number(message[0]>>3), -1
		switch protowire.Type(message[0] & 7) {
		case protowire.BytesType:
			if n := int(message[1]); n < 0x80 {
				at, end = 2, 2+n
			} else if m := int(message[2]); m < 0x80 {
				at, end = 3, 3+(n&0x7f|m<<7)
			}
		case protowire.Fixed32Type:
			at, end = 5, 5
		case protowire.Fixed64Type:
			at, end = 9, 9
		}
		if 0 < end && end <= len(message) {
			return number, at, end
		}
	}
	number, kind, n := protowire.ConsumeTag(message)
	if n < 0 {
		return 0, 0, n
	}
	if kind == protowire.BytesType {
		value, m := protowire.ConsumeBytes(message[n:])
		if m < 0 {
			return 0, 0, m
		}
		return number, n + m - len(value), n + m
	}
	m := protowire.ConsumeFieldValue(number, kind, message[n:])
	if m < 0 {
		return 0, 0, m
	}
	return number, n + m, n + m
}

// Find returns the bytes of the message's first field of that number; nil if it has none.
func Find(message []byte, number protowire.Number) ([]byte, error) {
	for len(message) > 0 {
		found, at, end := Step(message)
		if end < 0 {
			return nil, malformed(end)
		}
		if found == number {
			return message[at:end], nil
		}
		message = message[end:]
	}
	return nil, nil
}

// Attribute returns the value of an attribute as it is encoded, whatever its type; nil if there is none. The message has its attributes in fields
// of the number.
func Attribute(message []byte, number protowire.Number, key string) ([]byte, error) {
	for len(message) > 0 {
		f, rest, err := Next(message)
		if err != nil {
			return nil, err
		}
		message = rest
		if f.Number != number {
			continue
		}
		name, err := Find(f.Value, AttributeKey)
		if err != nil {
			return nil, err
		}
		if string(name) == key {
			return Find(f.Value, AttributeValue)
		}
	}
	return nil, nil
}
