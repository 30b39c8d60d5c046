// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml
//go:generate sed -i "s/^package trace_sampler$/package tracesampler/" generated_component_test.go generated_package_test.go

// Package tracesampler is the trace_sampler processor: it keeps every trace with a bad event, an error or a new deployment, and a share of the rest.
//
// A span goes on as soon as its trace is known to be kept. All others are held, encoded, for some seconds, in case their trace turns bad; then
// the share is decided by the trace's ID (consistent probability sampling), so that each span that is kept says how many it represents.
package tracesampler
