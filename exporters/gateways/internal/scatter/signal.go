// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scatter

import "google.golang.org/protobuf/encoding/protowire"

// A Signal is what a request carries.
type Signal int

// The signals of OTLP that are routed.
const (
	Traces Signal = iota
	Logs
	Metrics
)

// Field numbers of OTLP (opentelemetry/proto 1.10). A request, a resource with its scopes, and a scope with its items look alike in all signals.
const (
	requestResources protowire.Number = 1

	resourceResource protowire.Number = 1
	resourceScopes   protowire.Number = 2

	scopeScope protowire.Number = 1
	scopeItems protowire.Number = 2

	spanTraceID protowire.Number = 1
	logTraceID  protowire.Number = 9

	resourceAttributes protowire.Number = 1 // of Resource
	scopeAttributes    protowire.Number = 3 // of InstrumentationScope
	attributeKey       protowire.Number = 1
	attributeValue     protowire.Number = 2

	dataPoints protowire.Number = 1 // of each kind of data
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
		return logTraceID
	}
	return spanTraceID
}
