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
	number, kind, n := protowire.ConsumeTag(message)
	if n < 0 {
		return f, nil, fmt.Errorf("not an OTLP request: %w", protowire.ParseError(n))
	}
	if kind == protowire.BytesType {
		value, m := protowire.ConsumeBytes(message[n:])
		if m < 0 {
			return f, nil, fmt.Errorf("not an OTLP request: %w", protowire.ParseError(m))
		}
		return field{number: number, value: value, raw: message[:n+m]}, message[n+m:], nil
	}
	m := protowire.ConsumeFieldValue(number, kind, message[n:])
	if m < 0 {
		return f, nil, fmt.Errorf("not an OTLP request: %w", protowire.ParseError(m))
	}
	return field{number: number, raw: message[:n+m]}, message[n+m:], nil
}

// find returns the bytes of the message's first field of that number; nil if it has none.
func find(message []byte, number protowire.Number) ([]byte, error) {
	for len(message) > 0 {
		f, rest, err := next(message)
		if err != nil {
			return nil, err
		}
		if f.number == number {
			return f.value, nil
		}
		message = rest
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
