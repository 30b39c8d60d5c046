// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package encoded is telemetry as the bytes of an OTLP request, from where it enters an exporter until it is sent.
//
// It is encoded once. Queues in memory and on disk hold bytes, batches are put together without copying them, and nothing is decoded, counted or
// sized again. The Collector's own exporters encode a request for the disk, decode it to put a batch together, size it, and encode it again.
package encoded
