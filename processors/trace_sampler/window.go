// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracesampler

import "go.opentelemetry.io/collector/pdata/pcommon"

// A ref is a span in the window. The zero ref is none.
type ref struct{ sequence, span uint32 }

// A window has the chunks of the last seconds, and finds the spans of a trace in them.
type window struct {
	chunks []*chunk // by arrival
	first  uint32   // the sequence of the oldest one; it may overflow
	newest map[pcommon.TraceID]ref
	bytes  int64
}

func newWindow() window { return window{first: 1, newest: make(map[pcommon.TraceID]ref)} }

// add holds the chunk.
func (w *window) add(c *chunk) {
	c.sequence = w.first + uint32(len(w.chunks))
	if c.sequence == 0 { // which is none
		w.chunks = append(w.chunks, &chunk{arrived: c.arrived})
		c.sequence = 1
	}
	w.chunks = append(w.chunks, c)
	w.bytes += c.size()
	for i := range c.spans {
		span := &c.spans[i]
		span.previous = w.newest[span.trace]
		w.newest[span.trace] = ref{c.sequence, uint32(i)}
	}
}

// of appends the spans of the trace that are held.
func (w *window) of(trace pcommon.TraceID, to []found) []found {
	for r := w.newest[trace]; r != (ref{}); {
		at := r.sequence - w.first // a chunk that has left is far beyond the last one
		if at >= uint32(len(w.chunks)) {
			break
		}
		f := found{w.chunks[at], r.span}
		if f.held().taken {
			break // and so are those before
		}
		to = append(to, f)
		r = f.held().previous
	}
	return to
}

// take marks the spans of the trace, all of them, as no longer held.
func (w *window) take(trace pcommon.TraceID, spans []found) {
	for _, f := range spans {
		f.held().taken = true
	}
	delete(w.newest, trace)
}

// oldest is the chunk that arrived first; nil if there is none.
func (w *window) oldest() *chunk {
	if len(w.chunks) == 0 {
		return nil
	}
	return w.chunks[0]
}

// leave removes the oldest chunk.
func (w *window) leave() {
	c := w.chunks[0]
	w.chunks[0] = nil
	w.chunks = w.chunks[1:]
	w.first++
	w.bytes -= c.size()
	for i := range c.spans {
		span := &c.spans[i]
		if w.newest[span.trace] == (ref{c.sequence, uint32(i)}) {
			delete(w.newest, span.trace)
		}
	}
}
