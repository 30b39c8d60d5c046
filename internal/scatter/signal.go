// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scatter

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otelcol-sre/otelcol-sre/internal/otlpwire"
)

// A Signal is what a request carries.
type Signal int

// The signals of OTLP that are routed.
const (
	Traces Signal = iota
	Logs
	Metrics
)

// pointAttributes returns the field of a data point that has its attributes, by the field of Metric that has the points; 0 if that one has none.
func pointAttributes(data protowire.Number) protowire.Number {
	switch data {
	case 5, 7, 11: // gauge, sum, summary
		return 7
	case 9: // histogram
		return 9
	case 10: // exponential histogram
		return 1
	}
	return 0
}

// traceID returns the field of an item that has its trace ID.
func (s Signal) traceID() protowire.Number {
	if s == Logs {
		return otlpwire.LogTraceID
	}
	return otlpwire.SpanTraceID
}
