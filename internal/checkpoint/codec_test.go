// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package checkpoint

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func write() []byte {
	var w Writer
	w.Uint(math.MaxUint64)
	w.Int(-7)
	w.Float(math.Inf(-1))
	w.Length(2)
	w.Text("a")
	w.Text("")
	w.Bytes([]byte{1, 2, 3})
	w.Time(time.Time{})
	w.Time(time.Unix(1, 5))
	return w
}

func read(r *Reader) (all []any) {
	all = append(all, r.Uint(math.MaxUint64), r.Int(7), r.Float())
	for range r.Length(1) {
		all = append(all, r.Text())
	}
	return append(all, string(r.Bytes(3)), r.Time(), r.Time())
}

func TestCodec(t *testing.T) {
	whole := write()
	r := NewReader(whole)
	assert.Equal(t, []any{uint64(math.MaxUint64), int64(-7), math.Inf(-1), "a", "", "\x01\x02\x03", time.Time{}, time.Unix(1, 5)}, read(&r))
	require.NoError(t, r.End())

	for n := range whole { // cut anywhere
		r := NewReader(whole[:n])
		read(&r)
		require.Error(t, r.End(), n)
	}
	r = NewReader(append(whole, 0))
	read(&r)
	require.ErrorContains(t, r.End(), "content does not make sense, 1 bytes from its end")
}

func TestReaderRefuses(t *testing.T) {
	var w Writer
	w.Uint(10)
	for name, read := range map[string]func(*Reader){
		"a number above the most": func(r *Reader) { r.Uint(9) },
		"a length past the end":   func(r *Reader) { r.Length(1) },
		"a text past the end":     func(r *Reader) { r.Text() },
		"too few bytes":           func(r *Reader) { r.Bytes(2) },
		"a signed number too far": func(r *Reader) { r.Int(4) },
		"what the caller refuses": func(r *Reader) { r.Fail("no") },
	} {
		r := NewReader(w)
		read(&r)
		assert.True(t, r.Failed(), name)
		assert.Zero(t, r.Uint(math.MaxUint64), name)
		assert.Zero(t, r.Float(), name)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(write())
	f.Fuzz(func(t *testing.T, payload []byte) {
		r := NewReader(payload)
		for _, v := range read(&r) {
			if s, ok := v.(string); ok && len(s) > len(payload) {
				t.Fatal("more than there is")
			}
		}
	})
}
