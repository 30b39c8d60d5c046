// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package recent keeps the most recent spans and log records, so that users can find the
// request of an ID.
//
// They are kept as they are sent: each batch in OTLP's encoding, one slice of bytes. That is a fifth of what they take as
// objects, the garbage collector does not look into it, and an ID is found by looking for its bytes; only what has them is
// decoded.
package recent

import (
	"slices"
	"sync"
	"time"
	"unsafe"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Options bound a window.
type Options struct {
	// MaxBytes bounds what is kept; 0 keeps nothing.
	MaxBytes int
	// MaxAge is how long a batch is kept after it came in.
	MaxAge time.Duration
	Now    func() time.Time
}

// A Window holds batches, the oldest of which make room for new ones. It may be used concurrently.
type Window struct {
	Options

	mu      sync.Mutex
	batches []Batch // oldest first
	bytes   int
	items   [signals]int
	tooBig  [signals]int
}

// New makes an empty window.
func New(o Options) *Window { return &Window{Options: o} }

// Off reports whether the window keeps nothing.
func (w *Window) Off() bool { return w.MaxBytes <= 0 }

// AddTraces takes in a copy of the spans.
func (w *Window) AddTraces(traces ptrace.Traces) {
	count := traces.SpanCount()
	if w.Off() || count == 0 {
		return
	}
	var marshaler ptrace.ProtoMarshaler
	data, _ := marshaler.MarshalTraces(traces) // it has no error to give
	w.add(Batch{data: data, signal: Spans, items: int32(count)})
}

// AddLogs takes in a copy of the log records.
func (w *Window) AddLogs(logs plog.Logs) {
	count := logs.LogRecordCount()
	if w.Off() || count == 0 {
		return
	}
	var marshaler plog.ProtoMarshaler
	data, _ := marshaler.MarshalLogs(logs) // it has no error to give
	w.add(Batch{data: data, signal: Logs, items: int32(count)})
}

func (w *Window) add(b Batch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b.received = w.Now()
	w.expire(b.received)
	if b.size() > w.MaxBytes {
		w.tooBig[b.signal] += int(b.items)
		return
	}
	for w.bytes+b.size() > w.MaxBytes {
		w.drop()
	}
	w.batches = append(w.batches, b)
	w.bytes += b.size()
	w.items[b.signal] += int(b.items)
}

// expire drops old batches.
func (w *Window) expire(now time.Time) {
	for len(w.batches) > 0 && now.Sub(w.batches[0].received) > w.MaxAge {
		w.drop()
	}
}

// drop forgets the oldest batch.
func (w *Window) drop() {
	oldest := &w.batches[0]
	w.bytes -= oldest.size()
	w.items[oldest.signal] -= int(oldest.items)
	*oldest = Batch{} // lets go of its bytes
	w.batches = w.batches[1:]
}

// Batches are those in the window, oldest first. They stay as they are, and in memory, for as long as the caller has them.
func (w *Window) Batches() []Batch {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expire(w.Now())
	return slices.Clone(w.batches)
}

// A Usage is the content of a window in numbers.
type Usage struct {
	Bytes, Spans, Logs int
	// Since is when the oldest batch came in; zero if there is none.
	Since time.Time
	// SpansTooBig and LogsTooBig came in batches that are bigger than the window, and were never in it.
	SpansTooBig, LogsTooBig int
}

// Usage is the current content of the window.
func (w *Window) Usage() Usage {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expire(w.Now())
	u := Usage{Bytes: w.bytes, Spans: w.items[Spans], Logs: w.items[Logs], SpansTooBig: w.tooBig[Spans], LogsTooBig: w.tooBig[Logs]}
	if len(w.batches) > 0 {
		u.Since = w.batches[0].received
	}
	return u
}

// overhead is what a batch takes besides its bytes: its place in the list, which has spare places while it grows.
const overhead = 2 * int(unsafe.Sizeof(Batch{}))
