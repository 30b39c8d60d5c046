// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package scatter divides an encoded OTLP request among gateways, in one pass over its bytes.
//
// Spans, log records, metrics and data points are copied as they are, byte for byte, behind a copy of their resource and scope. Nothing is decoded but
// what routes: a trace ID, or a few attributes. So the request is encoded once, whatever happens to it afterwards: it is divided, queued, merged (two
// requests one after the other are one request), kept on disk and sent without being decoded again.
package scatter
