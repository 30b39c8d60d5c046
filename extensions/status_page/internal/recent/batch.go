// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package recent

import (
	"bytes"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// A Signal is the signal of a batch.
type Signal uint8

// The signals that are kept.
const (
	Spans Signal = iota
	Logs
	signals
)

// A Batch is telemetry that arrived together, in OTLP's encoding. It never changes.
type Batch struct {
	data     []byte
	received time.Time
	items    int32
	signal   Signal
}

func (b Batch) size() int { return len(b.data) + overhead }

// Signal is the signal of the batch.
func (b Batch) Signal() Signal { return b.signal }

// Data is the batch in OTLP's encoding, which is not to be changed.
func (b Batch) Data() []byte { return b.data }

// Items is the number of its spans or log records.
func (b Batch) Items() int { return int(b.items) }

// Received is when it came in.
func (b Batch) Received() time.Time { return b.received }

// Has reports whether the batch contains one of the texts, at any position.
func (b Batch) Has(texts [][]byte) bool {
	for _, text := range texts {
		if bytes.Contains(b.data, text) {
			return true
		}
	}
	return false
}

// Traces decodes a batch of spans.
func (b Batch) Traces() (ptrace.Traces, error) {
	var unmarshaler ptrace.ProtoUnmarshaler
	return unmarshaler.UnmarshalTraces(b.data)
}

// Logs decodes a batch of log records.
func (b Batch) Logs() (plog.Logs, error) {
	var unmarshaler plog.ProtoUnmarshaler
	return unmarshaler.UnmarshalLogs(b.data)
}
