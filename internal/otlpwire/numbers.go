// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package otlpwire

import "google.golang.org/protobuf/encoding/protowire"

// Numbers of fields in OTLP (opentelemetry-proto 1.10). A request, a resource with its scopes, and a scope with its items look alike in all signals.
const (
	RequestResources protowire.Number = 1

	ResourceResource protowire.Number = 1
	ResourceScopes   protowire.Number = 2
	ResourceSchema   protowire.Number = 3

	ScopeScope  protowire.Number = 1
	ScopeItems  protowire.Number = 2
	ScopeSchema protowire.Number = 3

	SpanTraceID    protowire.Number = 1
	SpanID         protowire.Number = 2
	SpanTraceState protowire.Number = 3
	SpanParentID   protowire.Number = 4
	SpanName       protowire.Number = 5
	SpanKind       protowire.Number = 6
	SpanStart      protowire.Number = 7
	SpanEnd        protowire.Number = 8
	SpanAttributes protowire.Number = 9
	SpanEvents     protowire.Number = 11
	SpanStatus     protowire.Number = 15

	StatusMessage protowire.Number = 2
	StatusCode    protowire.Number = 3

	EventName       protowire.Number = 2
	EventAttributes protowire.Number = 3

	LogSeverityNumber protowire.Number = 2
	LogBody           protowire.Number = 5
	LogAttributes     protowire.Number = 6
	LogTraceID        protowire.Number = 9
	LogSpanID         protowire.Number = 10
	LogEventName      protowire.Number = 12

	// Of AnyValue, and of the list or map in it.
	ValueString  protowire.Number = 1
	ValueBool    protowire.Number = 2
	ValueInt     protowire.Number = 3
	ValueDouble  protowire.Number = 4
	ValueArray   protowire.Number = 5
	ValueMap     protowire.Number = 6
	ValueElement protowire.Number = 1

	ResourceAttributes protowire.Number = 1 // of Resource
	ScopeAttributes    protowire.Number = 3 // of InstrumentationScope
	AttributeKey       protowire.Number = 1
	AttributeValue     protowire.Number = 2

	DataPoints protowire.Number = 1 // of each kind of data
)
