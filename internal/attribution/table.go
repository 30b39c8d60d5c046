// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package attribution

import (
	"bytes"
	"cmp"
	"iter"
	"math"
	"math/bits"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
)

// unit is how many units an event is. Bad events are counted in units, in whole numbers, so that sums are exact in any order; fractional
// weights are rounded such that the sum is never further from theirs than half a unit.
const unit = 1 << 16

// mostUnits bounds what a table books: further events are left out, of every dimension.
const mostUnits = 1 << 62

// Limits bound a table.
type Limits struct {
	// Dimensions is how many attributes have one. The last third of them is for those that Known has.
	Dimensions int
	// Values is how many values of one dimension have a line, Lines of all dimensions together, and Text how many bytes these values have.
	Values, Lines, Text int
	// BadRows and GoodRows are how many rows are kept as samples.
	BadRows, GoodRows int
	// Seed begins the random numbers.
	Seed uint64
}

// Counting are the limits of a table in which events are counted: less than 45 KiB.
var Counting = Limits{Dimensions: 24, Values: 48, Lines: 256, Text: 8 << 10, BadRows: 96, GoodRows: 192}

// maxText is how long a value, or a name, may be in bytes.
const maxText = 64

// A Row is an event: its attributes, and where it is found.
type Row struct {
	Attributes []Attribute
	Trace      [16]byte
	Time       time.Time
}

// An ID is a value in the sampled rows: a hash of it, and so another value of the same dimension may have the same one (1 in 65534).
type ID uint16

const (
	// Without is the ID in a dimension whose attribute the event does not have.
	Without ID = 0
	// Hidden is the ID of a value that is not known: one that is not shown, or of a good event from before the first bad one with the attribute.
	Hidden ID = 1
)

func idOf(hash uint64) ID { return max(ID(hash>>48), Hidden+1) }

// A Sampled is a row of a sample. It represents Weight events.
type Sampled struct {
	// IDs are by dimension.
	IDs    []ID
	Weight float64
	// Trace and Time are of bad rows only.
	Trace [16]byte
	Time  time.Time
}

// A Summary is a dimension of a table. Its Lines, Other and Without add up to the table's Booked.
type Summary struct {
	Name string
	// Lines are sorted, the largest first.
	Lines          []Count
	Other, Without float64
	// Bound is how many bad events a value may have more than its line says; one without a line has at most so many. Values that are
	// hidden on purpose are not part of it.
	Bound float64
}

// A Count is a line: at least so many bad events have the value.
type Count struct {
	Value string
	ID    ID
	Bad   float64
}

// A Table counts the bad events of one SLO, for each attribute by value, and keeps samples of bad and good ones.
//
// A dimension's lines are a Misra–Gries summary (Misra, Gries: Finding repeated elements, 1982), merged as in Agarwal et al.,
// Mergeable summaries, 2012. The samples are those of Duffield, Lund, Thorup: Learn more, sample less, 2005: each row below a
// threshold is kept with the probability weight ÷ threshold, and then represents the threshold, so that all sums over rows are unbiased.
type Table struct {
	limits Limits
	// total is what was booked, in units, and weight what it should be.
	total  uint64
	weight float64
	// crowded: there was an attribute for which there was no room, so what is not in a dimension is not known to be without it.
	crowded    bool
	dimensions []*dimension
	unknown    int // dimensions that are not Known
	// lines and text are how many there are, own how many lines each dimension has for itself, and shared how many are used beyond that.
	lines, text, own, shared int
	bad, good                sample
	random                   uint64
	// event numbers the events; next is the position of the next attribute in it, and guess the dimension that was there the last time.
	event uint64
	next  int
	guess []guess
	// row is the present event, base what it has of its resource, and batch the units that are to be settled.
	row, base, goodRow []ID
	batch              uint64
	// account has what is to be settled.
	account *account
	// spare is how many bytes of buffers of lines are not in use.
	spare int
}

// A guess is the name that was at a position, and its dimension; -1 if there is no room for it.
type guess struct {
	name string
	at   int16
}

type dimension struct {
	name string
	// seen is what has the attribute, maybe what may have it, bound what may be missing from a line.
	seen, maybe, bound uint64
	event              uint64 // the last that has it
	// floor is what was taken of every line: a line has its count beyond that. least is that of the smallest line, or less.
	floor, least uint64
	// lines are followed by buffers for more.
	lines []line
	// index finds them by their hashes: it has their numbers, from 1.
	index []uint16
}

type line struct {
	value       []byte
	hash, count uint64
}

// bad is how many units the line has.
func (d *dimension) bad(l *line) uint64 { return l.count - d.floor }

func (l *line) id() ID { return idOf(l.hash) }

// New returns an empty table.
func New(limits Limits) *Table {
	t := &Table{limits: limits, own: limits.own(), random: limits.Seed ^ 0x9E3779B97F4A7C15}
	t.bad = sample{width: limits.Dimensions, most: limits.BadRows, traced: true}
	t.good = sample{width: limits.Dimensions, most: limits.GoodRows}
	return t
}

// Booked is the number of bad events.
func (t *Table) Booked() float64 { return events(t.total) }

func events(units uint64) float64 { return float64(units) / unit }

// Bad books a bad event.
func (t *Table) Bad(row Row, weight float64) {
	units, ok := t.begin(weight)
	if !ok {
		return
	}
	t.beginRow()
	for _, a := range row.Attributes {
		value := clean(a.Value)
		t.bookValue(clean(a.Name), []byte(value), xxhash.Sum64String(value), units)
	}
	t.bad.offer(t, t.row, weight, row.Trace, row.Time.UnixNano())
}

// Good offers a good event to the sample. It represents weight events. What no bad event has had so far is not read.
func (t *Table) Good(row Row, weight float64) {
	t.beginRow()
	for _, a := range row.Attributes {
		if at := t.find(clean(a.Name)); at >= 0 && t.row[at] == Without {
			t.row[at] = idOf(xxhash.Sum64String(clean(a.Value)))
		}
	}
	t.good.offer(t, t.row, weight, [16]byte{}, 0)
}

// begin begins a bad event.
func (t *Table) begin(weight float64) (units uint64, ok bool) {
	if weight == 1 && t.total < mostUnits-unit {
		t.weight++
		t.total += unit
		t.event++
		return unit, true
	}
	return t.beginWeighted(weight)
}

func (t *Table) beginWeighted(weight float64) (units uint64, ok bool) {
	sum := t.weight + weight
	if !(weight > 0) || sum*unit > mostUnits {
		return 0, false
	}
	total := uint64(sum * unit)
	if sum*unit-float64(total) >= 0.5 {
		total++
	}
	units = max(total, t.total) - t.total
	t.weight, t.total = sum, t.total+units
	t.event++
	return units, true
}

func (t *Table) beginRow() {
	t.ready()
	t.next = 0
	clear(t.row)
}

// ready makes room for a row.
func (t *Table) ready() {
	if t.row == nil {
		t.row, t.base, t.goodRow = make([]ID, t.limits.Dimensions), make([]ID, t.limits.Dimensions), make([]ID, t.limits.Dimensions)
	}
}

// bookValue books an attribute of the present event.
func (t *Table) bookValue(name string, value []byte, hash, units uint64) {
	at := t.dimension(name, units)
	if at < 0 {
		return
	}
	d := t.dimensions[at]
	if d.event == t.event {
		return // the event has one of the same name
	}
	d.event = t.event
	d.seen += units
	t.row[at] = idOf(hash)
	t.add(d, value, hash, units)
}

// add adds units to a value.
func (t *Table) add(d *dimension, value []byte, hash, units uint64) {
	if i := d.find(value, hash); i >= 0 {
		d.lines[i].count += units
		return
	}
	t.insert(d, value, hash, units)
}

// find is the index of the dimension, -1 for none. Attributes mostly come in the same order.
func (t *Table) find(name string) int {
	position := t.next
	t.next++
	if position < len(t.guess) && t.guess[position].name == name {
		return int(t.guess[position].at)
	}
	at := slices.IndexFunc(t.dimensions, func(d *dimension) bool { return d.name == name })
	if at >= 0 {
		t.remember(position, t.dimensions[at].name, at)
	}
	return at
}

func (t *Table) remember(position int, name string, at int) {
	if position >= 4*t.limits.Dimensions {
		return
	}
	for len(t.guess) <= position {
		t.guess = append(t.guess, guess{at: -1})
	}
	t.guess[position] = guess{name, int16(at)}
}

// dimension is the index of the dimension, which is made if there is room. All that was booked before the present event, of so many units, is
// without the attribute, if there has always been room.
func (t *Table) dimension(name string, units uint64) int {
	position := t.next
	at := t.find(name)
	if at >= 0 || position < len(t.guess) && t.guess[position].name == name {
		return at
	}
	if at = t.addDimension(name, t.total-units); at < 0 {
		t.crowded = true
		t.remember(position, strings.Clone(name), at)
	}
	return at
}

func (t *Table) addDimension(name string, before uint64) int {
	known := Known(name)
	if len(t.dimensions) >= t.limits.Dimensions || !known && t.unknown >= t.limits.Dimensions-t.limits.Dimensions/3 {
		return -1
	}
	if !known {
		t.unknown++
	}
	d := &dimension{name: strings.Clone(name)}
	t.dimensions = append(t.dimensions, d)
	at := len(t.dimensions) - 1
	t.good.fill(at, Hidden) // they were not asked
	if t.crowded {
		d.maybe, d.bound = before, before
		t.bad.fill(at, Hidden)
	}
	return at
}

// Next is an empty table that begins where this one ends: with its dimensions, so that the first good events are asked for them, and its random numbers.
func (t *Table) Next() *Table {
	next := New(t.limits)
	next.random = t.random
	for _, d := range t.dimensions {
		if d.seen > 0 {
			next.addDimension(d.name, 0)
		}
	}
	return next
}

// indexed is from how many lines on a dimension has an index.
const indexed = 8

// find is the index of the value's line, -1 if it has none.
func (d *dimension) find(value []byte, hash uint64) int {
	if len(d.lines) < indexed {
		for i := range d.lines {
			if d.lines[i].hash == hash && bytes.Equal(d.lines[i].value, value) {
				return i
			}
		}
		return -1
	}
	mask := uint64(len(d.index) - 1)
	for at := hash & mask; d.index[at] != 0; at = (at + 1) & mask {
		if l := &d.lines[d.index[at]-1]; l.hash == hash && bytes.Equal(l.value, value) {
			return int(d.index[at]) - 1
		}
	}
	return -1
}

// append appends a line.
func (t *Table) append(d *dimension, value []byte, hash, units uint64) {
	n := len(d.lines)
	if n < cap(d.lines) {
		d.lines = d.lines[:n+1]
	} else {
		d.lines = append(d.lines, line{})
	}
	l := &d.lines[n]
	t.spare -= cap(l.value)
	if cap(l.value) < len(value) {
		l.value = make([]byte, 0, (len(value)+15)&^15)
	}
	*l = line{append(l.value[:0], value...), hash, d.floor + units}
	t.text += len(value)
	if d.least = min(d.least, l.count); n == 0 {
		d.least = l.count
	}
	switch {
	case n+1 < indexed:
	case 2*(n+1) > len(d.index):
		d.index = make([]uint16, 1<<bits.Len(uint(2*(n+1))))
		d.reindex()
	case n+1 == indexed:
		d.reindex()
	default:
		d.note(n)
	}
}

// reindex makes the index from the lines.
func (d *dimension) reindex() {
	clear(d.index)
	if len(d.lines) >= indexed {
		for i := range d.lines {
			d.note(i)
		}
	}
}

func (d *dimension) note(line int) {
	mask := uint64(len(d.index) - 1)
	at := d.lines[line].hash & mask
	for d.index[at] != 0 {
		at = (at + 1) & mask
	}
	d.index[at] = uint16(line + 1)
}

// own is how many lines each dimension has for itself.
func (l *Limits) own() int { return l.Lines * 3 / 4 / l.Dimensions }

// room tells whether there is room for one more line of the dimension: of its own, or of those that are for any.
func (t *Table) room(d *dimension, text int) bool {
	return len(d.lines) < t.limits.Values && t.lines < t.limits.Lines && t.text+text <= t.limits.Text &&
		(len(d.lines) < t.own || t.shared < t.limits.Lines-t.own*t.limits.Dimensions)
}

// resized notes that a dimension has another number of lines.
func (t *Table) resized(before, after int) {
	t.lines += after - before
	t.shared += max(0, after-t.own) - max(0, before-t.own)
}

// insert books units of a value that has no line. Without room, as many of every line, and of the value, go to the others.
func (t *Table) insert(d *dimension, value []byte, hash, units uint64) {
	for units > 0 && !t.room(d, len(value)) {
		most := d.most(units)
		units -= most
		t.lower(d, most)
	}
	if units == 0 {
		return
	}
	t.append(d, value, hash, units)
	t.resized(len(d.lines)-1, len(d.lines))
}

// most is the largest part of the units that every line has.
func (d *dimension) most(units uint64) uint64 {
	if len(d.lines) == 0 || units < d.least-d.floor {
		return units
	}
	d.least = d.lines[0].count
	for i := range d.lines {
		d.least = min(d.least, d.lines[i].count)
	}
	return min(units, d.least-d.floor)
}

// lower takes units from every line, and drops those that have none left.
func (t *Table) lower(d *dimension, units uint64) {
	d.bound += units
	d.floor += units
	if len(d.lines) == 0 || d.least > d.floor {
		return
	}
	kept := 0
	d.least = math.MaxUint64
	for i := range d.lines {
		if l := &d.lines[i]; l.count > d.floor {
			d.least = min(d.least, l.count)
			d.lines[kept], *l = *l, d.lines[kept]
			kept++
		}
	}
	for i := kept; i < len(d.lines); i++ {
		t.free(&d.lines[i])
	}
	t.resized(len(d.lines), kept)
	d.lines = d.lines[:kept]
	d.reindex()
}

// free ends a line. Its buffer is for another one, if there are not too many.
func (t *Table) free(l *line) {
	t.text -= len(l.value)
	if size := cap(l.value); t.spare+size <= t.limits.Text/8 {
		t.spare += size
		*l = line{value: l.value[:0]}
		return
	}
	*l = line{}
}

// Size is about how many bytes the table takes, without what it takes for a batch.
func (t *Table) Size() (bytes int) {
	bytes = int(reflect.TypeFor[Table]().Size()) + 8*cap(t.dimensions) + int(reflect.TypeFor[guess]().Size())*cap(t.guess) + 2*(cap(t.row)+cap(t.base)+cap(t.goodRow))
	for _, d := range t.dimensions {
		bytes += int(reflect.TypeFor[dimension]().Size()) + len(d.name) + int(reflect.TypeFor[line]().Size())*cap(d.lines) + 2*cap(d.index)
		for _, l := range d.lines[:cap(d.lines)] {
			bytes += cap(l.value)
		}
	}
	for _, s := range []*sample{&t.bad, &t.good} {
		bytes += 2*cap(s.ids) + 8*cap(s.weights) + 16*cap(s.traces) + 8*cap(s.times)
	}
	for _, g := range t.guess {
		bytes += len(g.name)
	}
	return bytes
}

// Dimensions are the dimensions, by the index that they have in rows.
func (t *Table) Dimensions() iter.Seq2[int, Summary] {
	return func(yield func(int, Summary) bool) {
		for i, d := range t.dimensions {
			if !yield(i, t.summary(d)) {
				return
			}
		}
	}
}

func (t *Table) summary(d *dimension) Summary {
	s := Summary{Name: d.name, Without: events(t.total - d.seen - d.maybe), Bound: events(d.bound), Lines: make([]Count, len(d.lines))}
	other := d.seen + d.maybe
	for i, l := range d.lines {
		s.Lines[i] = Count{Value: string(l.value), ID: l.id(), Bad: events(d.bad(&l))}
		other -= d.bad(&l)
	}
	s.Other = events(other)
	slices.SortFunc(s.Lines, func(a, b Count) int { return cmp.Or(cmp.Compare(b.Bad, a.Bad), strings.Compare(a.Value, b.Value)) })
	return s
}

// BadRows are the sampled bad events. The IDs are the table's own, not to be kept or changed.
func (t *Table) BadRows() iter.Seq[Sampled] { return t.bad.all(len(t.dimensions)) }

// GoodRows are the sampled good events.
func (t *Table) GoodRows() iter.Seq[Sampled] { return t.good.all(len(t.dimensions)) }

// Merge adds what the other table has.
func (t *Table) Merge(other *Table) {
	if other.total > mostUnits-t.total {
		return
	}
	before := t.total
	t.total += other.total
	t.weight += other.weight
	// in is the dimension's index here, -1 for none.
	in := make([]int, len(other.dimensions))
	taken := make(map[int]bool, len(other.dimensions))
	crowded := other.crowded
	for i, from := range other.dimensions {
		t.next = math.MaxInt32 // no guess
		in[i] = t.find(from.name)
		if in[i] < 0 {
			in[i] = t.addDimension(from.name, before)
		}
		if in[i] < 0 {
			crowded = true
			continue
		}
		taken[in[i]] = true
		t.mergeDimension(t.dimensions[in[i]], from)
	}
	if other.crowded {
		for i, d := range t.dimensions {
			if !taken[i] {
				d.maybe += other.total
				d.bound += other.total
			}
		}
	}
	absent := Without
	if other.crowded {
		absent = Hidden
	}
	t.bad.merge(t, &other.bad, in, absent)
	t.good.merge(t, &other.good, in, Hidden)
	t.crowded = t.crowded || crowded
}

// mergeDimension adds all lines, and then takes from each as much as it takes for the rest to have room.
func (t *Table) mergeDimension(d, from *dimension) {
	d.seen += from.seen
	d.maybe += from.maybe
	d.bound += from.bound
	rest := make([]*line, 0, len(from.lines))
	for i := range from.lines {
		l := &from.lines[i]
		if at := d.find(l.value, l.hash); at >= 0 {
			d.lines[at].count += from.bad(l)
		} else {
			rest = append(rest, l)
		}
	}
	slices.SortFunc(rest, func(a, b *line) int {
		return cmp.Or(cmp.Compare(b.count, a.count), bytes.Compare(a.value, b.value))
	})
	for _, l := range rest {
		t.insert(d, l.value, l.hash, from.bad(l))
	}
}
