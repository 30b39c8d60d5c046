// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml

// Package admission is the admission processor: it is before everything that is derived from telemetry, and lets in
// only what may be derived from.
//
// Names that the collector's own metrics and events have are reserved for collectors: a workload cannot forge a budget, an
// alert or a deployment. Text that is not UTF-8 is repaired, because a backend refuses the whole batch that it is in.
package admission
