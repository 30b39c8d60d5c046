// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml

// Package red counts the requests of every service: rate, errors and durations, and the calls between services.
//
// It is a connector from traces to metrics. Its metrics have the names of the span_metrics and service_graph connectors, which
// dashboards know. Unlike theirs, its series are bounded, whatever clients send: the registry of the service catalog says
// under which identity a resource counts.
package red
