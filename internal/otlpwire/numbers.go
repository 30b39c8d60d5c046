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
	SpanTraceState protowire.Number = 3
	LogTraceID     protowire.Number = 9

	ResourceAttributes protowire.Number = 1 // of Resource
	ScopeAttributes    protowire.Number = 3 // of InstrumentationScope
	AttributeKey       protowire.Number = 1
	AttributeValue     protowire.Number = 2

	DataPoints protowire.Number = 1 // of each kind of data
)
