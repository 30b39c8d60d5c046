// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package attribution

import (
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// A Reader reads the attributes of events, which then are booked in one or more tables. Attributes mostly come in the same order, and often with the value
// of the event before, so both are guessed by position. It keeps nothing of an event after Release.
type Reader struct {
	names     *Names
	resource  []attribute
	positions []attribute
	next      int
	// of are the positions that the present event has.
	of    []int32
	batch uint64
}

// An attribute is a name, and the value that was there last.
type attribute struct {
	named
	flag bool
	// batch is the one in which inResource and text hold.
	batch      uint64
	inResource bool
	text       string
	hash       uint64
	number     int64
	isNumber   bool
	// vetted: text is as it is shown, or hidden.
	vetted, hidden bool
}

// mostPositions bounds the attributes of an event that are read.
const mostPositions = 128

// NewReader returns a reader.
func NewReader(names *Names) *Reader { return &Reader{names: names} }

// Names are what it goes by.
func (r *Reader) Names() *Names { return r.names }

// Resource begins a batch of events of one resource.
func (r *Reader) Resource(attributes pcommon.Map) {
	r.batch++
	r.resource = r.resource[:0]
	for key, v := range attributes.All() {
		if len(r.resource) == mostPositions {
			return
		}
		a := attribute{named: r.named(key)}
		if a.use == off || r.resourceHas(key) {
			continue
		}
		if a.read(v); a.text != "" {
			a.vet()
			r.resource = append(r.resource, a)
		}
	}
}

func (r *Reader) resourceHas(key string) bool {
	for i := range r.resource {
		if r.resource[i].name == key {
			return true
		}
	}
	return false
}

// named finds a name: among those of the positions, or else by what the names say.
func (r *Reader) named(key string) named {
	for i := range r.positions {
		if r.positions[i].name == key && !r.positions[i].flag {
			return r.positions[i].named
		}
	}
	return r.names.named(key)
}

// Release lets go of all texts of the events.
func (r *Reader) Release() {
	for i := range r.positions {
		if !r.positions[i].isNumber {
			r.positions[i].text = ""
		}
	}
	clear(r.resource)
	r.resource = r.resource[:0]
}

// Event begins an event.
func (r *Reader) Event() { r.next, r.of = 0, r.of[:0] }

// at is the attribute at the next position, which has the name; nil if it is no dimension.
func (r *Reader) at(key string) *attribute {
	if r.next == len(r.positions) {
		if r.next == mostPositions {
			return nil
		}
		r.positions = append(r.positions, attribute{})
	}
	a := &r.positions[r.next]
	r.next++
	if a.name != key || a.flag {
		if len(key) > maxText {
			return nil
		}
		*a = attribute{named: r.named(key)}
	}
	if a.use == off {
		return nil
	}
	return r.current(a, key)
}

func (r *Reader) current(a *attribute, key string) *attribute {
	if a.batch != r.batch {
		a.batch, a.inResource = r.batch, r.resourceHas(key)
	}
	if a.inResource {
		return nil
	}
	return a
}

// has notes that the event has the attribute at the last position.
func (r *Reader) has(a *attribute) {
	if a.text != "" {
		r.of = append(r.of, int32(r.next-1))
	}
}

// Text adds an attribute.
func (r *Reader) Text(key, text string) {
	if a := r.at(key); a != nil {
		a.setText(text)
		r.has(a)
	}
}

// Flag adds the variant of a feature flag.
func (r *Reader) Flag(key, variant string) {
	if len(key) > maxText-len(flagPrefix) || key == "" || r.next >= len(r.positions) && r.next == mostPositions {
		return
	}
	if r.next == len(r.positions) {
		r.positions = append(r.positions, attribute{})
	}
	a := &r.positions[r.next]
	r.next++
	if !a.flag || strings.TrimPrefix(a.name, flagPrefix) != key {
		*a = attribute{named: r.names.named(flagPrefix + key), flag: true}
	}
	if a.use == off || r.current(a, a.name) == nil {
		return
	}
	a.setText(variant)
	r.has(a)
}

// Attributes adds the attributes that are dimensions.
func (r *Reader) Attributes(attributes pcommon.Map) {
	for key, v := range attributes.All() {
		if a := r.at(key); a != nil {
			a.read(v)
			r.has(a)
		}
	}
}

// read takes the value. One of another kind than text, number or truth value is as good as none.
func (a *attribute) read(v pcommon.Value) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		a.setText(v.Str())
	case pcommon.ValueTypeInt:
		if n := v.Int(); !a.isNumber || a.number != n {
			*a = attribute{named: a.named, batch: a.batch, number: n, isNumber: true, text: number(n)}
			a.hash = xxhash.Sum64String(a.text)
		}
	case pcommon.ValueTypeBool:
		a.setText(strconv.FormatBool(v.Bool()))
	default:
		a.setText("")
	}
}

// smallNumbers are those such as status codes.
var smallNumbers = func() (all [1000]string) {
	for i := range all {
		all[i] = strconv.Itoa(i)
	}
	return all
}()

func number(n int64) string {
	if n >= 0 && n < int64(len(smallNumbers)) {
		return smallNumbers[n]
	}
	return strconv.FormatInt(n, 10)
}

func (a *attribute) setText(text string) {
	if text == a.text && !a.isNumber {
		return
	}
	a.text, a.isNumber, a.vetted, a.hidden = text, false, false, false
	if len(text) <= maxText {
		a.hash = xxhash.Sum64String(text)
		return
	}
	a.vet()
}

// vet makes the text as it is shown, or hides it.
func (a *attribute) vet() {
	if a.vetted {
		return
	}
	a.vetted = true
	if a.hidden = a.use == shaped && secret(a.text); a.hidden {
		return
	}
	if text := clean(a.text); text != a.text || len(a.text) > maxText {
		a.text, a.isNumber, a.hash = text, false, xxhash.Sum64String(text)
	}
}

// Batch begins a batch of the reader's events, and EndBatch ends it. Between the two are only BadEvent and GoodEvent.
func (t *Table) Batch(r *Reader) {
	t.ready()
	clear(t.base)
	t.batch, t.next = 0, 0
	for i := range r.resource {
		a := &r.resource[i]
		if at := t.dimension(a.name, 0); at >= 0 {
			t.base[at] = a.id()
		}
	}
}

// EndBatch books the attributes of the resource.
func (t *Table) EndBatch(r *Reader) {
	if t.batch == 0 {
		return
	}
	t.next = 0
	for i := range r.resource {
		a := &r.resource[i]
		at := t.find(a.name)
		if at < 0 {
			continue
		}
		d := t.dimensions[at]
		d.seen += t.batch
		if !a.hidden {
			t.add(d, a.text, a.hash, t.batch)
		}
	}
	t.batch = 0
}

func (a *attribute) id() ID {
	if a.hidden {
		return Hidden
	}
	return idOf(a.hash)
}

// BadEvent books the reader's present event.
func (t *Table) BadEvent(r *Reader, weight float64, trace [16]byte, nanos int64) {
	units, ok := t.begin(weight)
	if !ok {
		return
	}
	t.batch += units
	copy(t.row, t.base)
	t.next = len(r.resource)
	for _, i := range r.of {
		a := &r.positions[i]
		at := t.dimension(a.name, units)
		if at < 0 {
			continue
		}
		d := t.dimensions[at]
		if d.event == t.event {
			continue // the event has another one of the name
		}
		d.event = t.event
		d.seen += units
		line := d.find(a.text, a.hash)
		if line < 0 && !a.vetted {
			a.vet()
			line = d.find(a.text, a.hash)
		}
		t.row[at] = a.id()
		switch {
		case a.hidden:
		case line >= 0:
			d.lines[line].count += units
		default:
			t.insert(d, a.text, a.hash, units)
		}
	}
	t.bad.offer(t, t.row, weight, trace, nanos)
}

// GoodEvent offers the reader's present event to the sample. It stands for weight events.
func (t *Table) GoodEvent(r *Reader, weight float64) {
	t.ready()
	copy(t.row, t.base)
	t.next = len(r.resource)
	for _, i := range r.of {
		a := &r.positions[i]
		a.vet()
		if at := t.find(a.name); at >= 0 && t.row[at] == Without {
			t.row[at] = a.id()
		}
	}
	t.good.offer(t, t.row, weight, [16]byte{}, 0)
}
