// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scatter

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// A field is one of a message: its number, the bytes of its value if it is a message, text or bytes, and all its bytes.
type field struct {
	number protowire.Number
	value  []byte
	raw    []byte
}

// next returns the first field of the message, and what is behind it.
func next(message []byte) (f field, rest []byte, err error) {
	number, at, end := step(message)
	if end < 0 {
		return f, nil, notOTLP(end)
	}
	return field{number, message[at:end], message[:end]}, message[end:], nil
}

func notOTLP(code int) error {
	return fmt.Errorf("not an OTLP request: %w", protowire.ParseError(code))
}

// step returns the number of the message's first field, where the bytes of its value begin, if it is a message, text or bytes, and where the field
// ends. A negative end is an error of protowire. The short forms, which most fields have, are read here, because a span has dozens of fields, and all of
// them are read to find its trace ID: pdata writes it last.
func step(message []byte) (number protowire.Number, at, end int) {
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

// find returns the bytes of the message's first field of that number; nil if it has none.
func find(message []byte, number protowire.Number) ([]byte, error) {
	for len(message) > 0 {
		found, at, end := step(message)
		if end < 0 {
			return nil, notOTLP(end)
		}
		if found == number {
			return message[at:end], nil
		}
		message = message[end:]
	}
	return nil, nil
}

// attribute returns the value of an attribute as it is encoded, whatever its type; nil if there is none. The message has its attributes in fields
// of the number.
func attribute(message []byte, number protowire.Number, key string) ([]byte, error) {
	for len(message) > 0 {
		f, rest, err := next(message)
		if err != nil {
			return nil, err
		}
		message = rest
		if f.number != number {
			continue
		}
		name, err := find(f.value, attributeKey)
		if err != nil {
			return nil, err
		}
		if string(name) == key {
			return find(f.value, attributeValue)
		}
	}
	return nil, nil
}

// count returns how many data points a metric has.
func count(metric []byte) (points int, err error) {
	for len(metric) > 0 {
		f, rest, err := next(metric)
		if err != nil {
			return 0, err
		}
		metric = rest
		if pointAttributes(f.number) == 0 {
			continue
		}
		for data := f.value; len(data) > 0; {
			point, rest, err := next(data)
			if err != nil {
				return 0, err
			}
			data = rest
			if point.number == dataPoints {
				points++
			}
		}
	}
	return points, nil
}
