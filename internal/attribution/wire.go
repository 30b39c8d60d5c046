// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package attribution

import (
	"fmt"
	"math"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
)

// version is the first byte of an encoded table.
const version = 1

// largest are the limits that a table has at most that is read.
var largest = Limits{Dimensions: 64, Values: 1024, Lines: 1 << 14, Text: 1 << 20, BadRows: 1 << 12, GoodRows: 1 << 13}

// AppendTo appends the table as bytes: the limits, what was booked, the dimensions with their lines, and the rows, whose IDs are mostly those
// of lines and then one byte each.
func (t *Table) AppendTo(b []byte) []byte {
	w := checkpoint.Writer(append(b, version))
	for _, n := range t.limits.all() {
		w.Length(*n)
	}
	w.Uint(t.total)
	w.Uint(bit(t.crowded))
	w.Length(len(t.dimensions))
	for _, d := range t.dimensions {
		w.Text(d.name)
		w.Uint(d.seen)
		w.Uint(d.maybe)
		w.Uint(d.bound)
		w.Length(len(d.lines))
		for _, l := range d.lines {
			w.Text(string(l.value))
			w.Uint(d.bad(&l))
		}
	}
	t.appendSample(&w, &t.bad)
	t.appendSample(&w, &t.good)
	return w
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// all are the numbers that are encoded.
func (l *Limits) all() [6]*int {
	return [...]*int{&l.Dimensions, &l.Values, &l.Lines, &l.Text, &l.BadRows, &l.GoodRows}
}

func (t *Table) appendSample(w *checkpoint.Writer, s *sample) {
	w.Float(s.threshold)
	w.Length(s.len())
	var weight float64
	var time int64
	for i := range s.len() {
		if s.weights[i] == weight {
			w.Uint(0)
		} else {
			weight = s.weights[i]
			w.Uint(1)
			w.Float(weight)
		}
		for j, d := range t.dimensions {
			d.appendID(w, s.ids[i*s.width+j])
		}
		if s.traced {
			w.Bytes(s.traces[i][:])
			w.Int(s.times[i]/1e6 - time)
			time = s.times[i] / 1e6
		}
	}
}

// appendID appends an ID: Without and Hidden as they are, then those of the lines, and after these all others.
func (d *dimension) appendID(w *checkpoint.Writer, id ID) {
	if id > Hidden {
		if at := slices.IndexFunc(d.lines, func(l line) bool { return l.id() == id }); at >= 0 {
			w.Uint(2 + uint64(at))
			return
		}
		w.Uint(2 + uint64(len(d.lines)) + uint64(id))
		return
	}
	w.Uint(uint64(id))
}

func (d *dimension) readID(r *checkpoint.Reader) ID {
	n := r.Uint(2 + uint64(len(d.lines)) + math.MaxUint16)
	switch lines := uint64(len(d.lines)); {
	case n < 2:
		return ID(n)
	case n < 2+lines:
		return d.lines[n-2].id()
	default:
		return ID(n - 2 - lines)
	}
}

// Read reads an encoded table. Its size is bounded by that of the bytes, and its texts are clean, as Clean makes them.
func Read(b []byte) (*Table, error) {
	r := checkpoint.NewReader(b)
	r.Require(r.Uint(255) == version)
	var limits Limits
	most := largest.all()
	for i, n := range limits.all() {
		*n = int(r.Uint(uint64(*most[i])))
	}
	if r.Require(limits.Dimensions > 0); r.Failed() {
		limits.Dimensions = 1
	}
	t := New(limits)
	t.total = r.Uint(mostUnits)
	t.weight = events(t.total)
	t.crowded = r.Uint(1) == 1
	n := r.Length(5)
	r.Require(n <= limits.Dimensions)
	for range n {
		if r.Failed() {
			break
		}
		t.readDimension(&r)
	}
	t.readSample(&r, &t.bad)
	t.readSample(&r, &t.good)
	if err := r.End(); err != nil {
		return nil, fmt.Errorf("ledger table: %w", err)
	}
	return t, nil
}

func (t *Table) readDimension(r *checkpoint.Reader) {
	d := &dimension{name: r.Text(), seen: r.Uint(t.total), maybe: r.Uint(t.total), bound: r.Uint(t.total)}
	r.Require(d.name != "" && clean(d.name) == d.name && d.seen+d.maybe <= t.total)
	r.Require(!slices.ContainsFunc(t.dimensions, func(other *dimension) bool { return other.name == d.name }))
	n := r.Length(2)
	r.Require(n <= t.limits.Values && t.lines+n <= t.limits.Lines)
	values := make(map[string]bool)
	rest := d.seen + d.maybe
	for range n {
		value := r.Text()
		count := r.Uint(rest)
		r.Require(count > 0 && clean(value) == value && !values[value])
		if r.Failed() {
			return
		}
		values[value] = true
		rest -= count
		t.append(d, []byte(value), xxhash.Sum64String(value), count)
	}
	r.Require(t.text <= t.limits.Text)
	t.resized(0, n)
	if !Known(d.name) {
		t.unknown++
	}
	t.dimensions = append(t.dimensions, d)
}

func (t *Table) readSample(r *checkpoint.Reader, s *sample) {
	threshold := r.Float()
	r.Require(threshold >= 0 && !math.IsInf(threshold, 0))
	s.threshold = threshold
	n := r.Length(1 + len(t.dimensions))
	r.Require(n <= s.most)
	var weight float64
	var time int64
	for range n {
		if r.Uint(1) == 1 {
			weight = r.Float()
		}
		r.Require(weight > 0 && !math.IsInf(weight, 0))
		if r.Failed() {
			return
		}
		row := make([]ID, s.width)
		for j, d := range t.dimensions {
			row[j] = d.readID(r)
		}
		var trace [16]byte
		if s.traced {
			copy(trace[:], r.Bytes(len(trace)))
			time += r.Int(math.MaxInt64 / 1_000_000)
			r.Require(time >= 0 && time <= math.MaxInt64/1_000_000)
		}
		s.ids, s.weights = append(s.ids, row...), append(s.weights, weight)
		if s.traced {
			s.traces, s.times = append(s.traces, trace), append(s.times, time*1e6)
		}
	}
}

// WithoutRows is the encoded table without its samples.
func WithoutRows(b []byte) ([]byte, error) {
	t, err := Read(b)
	if err != nil {
		return nil, err
	}
	t.bad.drop()
	t.good.drop()
	return t.AppendTo(nil), nil
}
