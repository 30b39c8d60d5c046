// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// A Writer appends values to a payload. Integers are varints, floats IEEE 754 doubles (big endian), texts begin with
// their length, times are Unix nanoseconds and 0 for the zero time.
type Writer []byte

// Uint writes an unsigned number.
func (w *Writer) Uint(v uint64) { *w = binary.AppendUvarint(*w, v) }

// Int writes a signed number.
func (w *Writer) Int(v int64) { *w = binary.AppendVarint(*w, v) }

// Length writes the length of a list.
func (w *Writer) Length(n int) { w.Uint(uint64(n)) }

// Float writes a number of any kind.
func (w *Writer) Float(f float64) { *w = binary.BigEndian.AppendUint64(*w, math.Float64bits(f)) }

// Text writes a text.
func (w *Writer) Text(s string) {
	w.Length(len(s))
	*w = append(*w, s...)
}

// Bytes writes bytes whose number the reader knows.
func (w *Writer) Bytes(b []byte) { *w = append(*w, b...) }

// Time writes a time of 1970 or later.
func (w *Writer) Time(t time.Time) {
	if t.IsZero() {
		w.Uint(0)
		return
	}
	w.Uint(uint64(t.UnixNano()))
}

// A Reader reads what a Writer wrote, from its beginning. After a failure all that it reads is zero. Lengths are never
// trusted: what is made from a payload is bounded by its size.
type Reader struct {
	rest []byte
	err  error
}

// NewReader reads a payload.
func NewReader(payload []byte) Reader { return Reader{rest: payload} }

// Fail ends the reading: the content cannot be what was written.
func (r *Reader) Fail(why string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s, %d bytes from its end", why, len(r.rest))
	}
	r.rest = nil
}

// Require fails unless the content is as it must be.
func (r *Reader) Require(sound bool) {
	if !sound {
		r.Fail("content does not make sense")
	}
}

// Failed tells that the reading has ended early.
func (r *Reader) Failed() bool { return r.err != nil }

// End is the error of the reading; it is one, too, if something is left.
func (r *Reader) End() error {
	r.Require(len(r.rest) == 0)
	return r.err
}

// Uint reads an unsigned number of at most that.
func (r *Reader) Uint(most uint64) uint64 {
	v, n := binary.Uvarint(r.rest)
	if r.Require(n > 0 && v <= most); r.Failed() {
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// Int reads a signed number that is at most so far from 0.
func (r *Reader) Int(most int64) int64 {
	v, n := binary.Varint(r.rest)
	if r.Require(n > 0 && v <= most && v >= -most); r.Failed() {
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// Rest is the number of bytes that are left.
func (r *Reader) Rest() int { return len(r.rest) }

// Length reads the length of a list whose elements take at least size bytes each.
func (r *Reader) Length(size int) int { return int(r.Uint(uint64(len(r.rest) / size))) }

// Bytes reads n bytes, which are the payload's own; nil if it has fewer.
func (r *Reader) Bytes(n int) []byte {
	if r.Require(n <= len(r.rest)); r.Failed() {
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// Float reads a number of any kind.
func (r *Reader) Float() float64 {
	b := r.Bytes(8)
	if b == nil {
		return 0
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b))
}

// Text reads a text.
func (r *Reader) Text() string { return string(r.Bytes(r.Length(1))) }

// Time reads a time.
func (r *Reader) Time() time.Time {
	if n := r.Uint(math.MaxInt64); n != 0 {
		return time.Unix(0, int64(n))
	}
	return time.Time{}
}
