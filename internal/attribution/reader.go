// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package attribution

import (
	"slices"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// A Reader reads the attributes of events, which then are booked in one or more tables. Attributes mostly come in the same order, and often with the value
// of the event before, so both are guessed by position. It keeps nothing of an event after Release.
type Reader struct {
	names *Names
	// onResource are the attributes of the resource, of which those in resource count, as those in last did before; inEvent are those of events.
	onResource, inEvent attributes
	resource, last      []int32
	// of are the positions in inEvent that the present event has. shape numbers the changes of these and of their names.
	of, before []int32
	shape      uint64
	reshaped   bool
	// version numbers the changes of values.
	version uint64
}

// attributes are by position.
type attributes struct {
	all  []attribute
	next int
}

// An attribute is a name, and the value that was there last.
type attribute struct {
	named
	// skip: it is no dimension, or the resource has it.
	skip bool
	// version is that of the value: text, with its hash, or a number as text.
	version  uint64
	text     string
	hash     uint64
	number   int64
	isNumber bool
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
	before := r.resource
	r.onResource.next, r.resource = 0, r.last[:0]
	changed := false
	for key, v := range attributes.All() {
		a, renamed := r.onResource.at(key, r)
		changed = changed || renamed
		if a == nil {
			break
		}
		if a.use == off {
			continue
		}
		if r.read(a, v); a.text == "" {
			continue
		}
		a.vet()
		r.resource = append(r.resource, int32(r.onResource.next-1))
	}
	r.last = before
	if changed || !slices.Equal(before, r.resource) {
		for i := range r.inEvent.all {
			r.inEvent.all[i].skip = r.skips(&r.inEvent.all[i])
		}
	}
	r.reshaped = true
}

func (r *Reader) skips(a *attribute) bool { return a.use == off || r.resourceHas(a.name) }

func (r *Reader) resourceHas(name string) bool {
	for _, i := range r.resource {
		if r.onResource.all[i].name == name {
			return true
		}
	}
	return false
}

// at is the attribute at the next position; nil if there are too many. renamed tells that it was another one, or has no name so far.
func (s *attributes) at(key string, r *Reader) (_ *attribute, renamed bool) {
	if s.next == len(s.all) {
		if s.next == mostPositions {
			return nil, false
		}
		s.all = append(s.all, attribute{})
	}
	a := &s.all[s.next]
	s.next++
	if a.name == key {
		return a, false
	}
	*a = attribute{named: s.named(key, r)}
	return a, true
}

// named finds a name: among those of the positions, or else by what the names say.
func (s *attributes) named(key string, r *Reader) named {
	for i := range s.all {
		if s.all[i].name == key {
			return s.all[i].named
		}
	}
	return r.names.named(key)
}

// Release lets go of all texts of the events.
func (r *Reader) Release() {
	r.onResource.release()
	r.inEvent.release()
}

func (s *attributes) release() {
	for i := range s.all {
		if !s.all[i].isNumber {
			s.all[i].text, s.all[i].version = "", 0
		}
	}
}

// Event begins an event.
func (r *Reader) Event() {
	r.before, r.of = r.of, r.before[:0]
	r.inEvent.next = 0
}

// EndEvent ends what the event has.
func (r *Reader) EndEvent() {
	if r.reshaped || !slices.Equal(r.of, r.before) {
		r.reshaped = false
		r.shape++
	}
}

// at is the attribute at the next position, which has the name; nil if it is no dimension.
func (r *Reader) at(key string) *attribute {
	a, renamed := r.inEvent.at(key, r)
	if a == nil {
		return nil
	}
	if renamed {
		r.reshaped = true
		a.skip = r.skips(a)
	}
	if a.skip {
		return nil
	}
	return a
}

// has notes that the event has the attribute at the last position.
func (r *Reader) has(a *attribute) {
	if a.text != "" {
		r.of = append(r.of, int32(r.inEvent.next-1))
	}
}

// Text adds an attribute.
func (r *Reader) Text(key, text string) {
	if a := r.at(key); a != nil {
		r.setText(a, text)
		r.has(a)
	}
}

// Flag adds the variant of a feature flag.
func (r *Reader) Flag(key, variant string) {
	s := &r.inEvent
	if len(key) > maxText-len(flagPrefix) || key == "" || s.next == mostPositions {
		return
	}
	if s.next == len(s.all) {
		s.all = append(s.all, attribute{})
	}
	a := &s.all[s.next]
	s.next++
	if rest, ok := strings.CutPrefix(a.name, flagPrefix); !ok || rest != key {
		*a = attribute{named: r.names.named(flagPrefix + key)}
		a.skip = r.skips(a)
		r.reshaped = true
	}
	if !a.skip {
		r.setText(a, variant)
		r.has(a)
	}
}

// Attributes adds the attributes that are dimensions.
func (r *Reader) Attributes(attributes pcommon.Map) {
	s := &r.inEvent
	for key, v := range attributes.All() {
		var a *attribute
		if s.next < len(s.all) && s.all[s.next].name == key {
			a = &s.all[s.next]
			s.next++
			if a.skip {
				continue
			}
		} else if a = r.at(key); a == nil {
			continue
		}
		if text := v.Str(); text == "" || text != a.text || a.isNumber {
			if r.read(a, v); a.text == "" {
				continue
			}
		}
		r.of = append(r.of, int32(s.next-1))
	}
}

// read takes the value. One of another kind than text, number or truth value is as good as none.
func (r *Reader) read(a *attribute, v pcommon.Value) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		r.setText(a, v.Str())
	case pcommon.ValueTypeInt:
		if n := v.Int(); !a.isNumber || a.number != n {
			r.setText(a, number(n))
			a.number, a.isNumber = n, true
		} else if a.version == 0 {
			r.version++
			a.version = r.version
		}
	case pcommon.ValueTypeBool:
		r.setText(a, strconv.FormatBool(v.Bool()))
	default:
		r.setText(a, "")
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

func (r *Reader) setText(a *attribute, text string) {
	if text == a.text && !a.isNumber {
		return
	}
	r.version++
	a.version, a.text, a.isNumber, a.vetted, a.hidden = r.version, text, false, false, false
	if len(text) <= maxText {
		a.hash = xxhash.Sum64String(text)
		return
	}
	a.vet()
}

// vet makes the text as it is shown, or hides it. It tells whether the text is another one now.
func (a *attribute) vet() (changed bool) {
	if a.vetted {
		return false
	}
	a.vetted = true
	if a.hidden = a.use == shaped && secret(a.text); a.hidden || len(a.text) <= maxText && printable(a.text) {
		return false
	}
	a.text, a.isNumber = clean(a.text), false
	a.hash = xxhash.Sum64String(a.text)
	return true
}

// A run is a value of several events of a batch, one after the other, that is booked at its end.
type run struct {
	version uint64
	// at is the dimension, -1 for none, and line its line, -1 if it has none yet. Nothing else is booked in this dimension until the end.
	at, line int32
	hidden   bool
	text     string
	hash     uint64
	since    uint64 // of the units of the batch
}

// Batch begins a batch of the reader's events, and EndBatch ends it. Between the two are only BadEvent and GoodEvent.
func (t *Table) Batch(r *Reader) {
	t.ready()
	clear(t.base)
	t.batch, t.next, t.shape = 0, 0, 0
	for _, i := range r.resource {
		a := &r.onResource.all[i]
		if at := t.dimension(a.name, 0); at >= 0 && t.base[at] == Without {
			t.base[at] = a.id()
		}
	}
	copy(t.row, t.base)
}

// EndBatch books what the events have in common.
func (t *Table) EndBatch(r *Reader) {
	t.endRuns(t.batch)
	clear(t.runs) // their texts
	t.runs = t.runs[:0]
	if t.batch == 0 {
		return
	}
	t.next = 0
	t.event++
	for _, i := range r.resource {
		a := &r.onResource.all[i]
		at := t.find(a.name)
		if at < 0 {
			continue
		}
		d := t.dimensions[at]
		if d.event == t.event {
			continue
		}
		d.event = t.event
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

// endRuns books all runs, whose last event was before there were so many units.
func (t *Table) endRuns(until uint64) {
	for i := range t.runs {
		t.endRun(&t.runs[i], until)
	}
}

func (t *Table) endRun(u *run, until uint64) {
	if u.version == 0 {
		return
	}
	if t.book(u, until); u.at >= 0 {
		t.dimensions[u.at].event = 0
	}
	u.version = 0
}

// book books a run so far.
func (t *Table) book(u *run, until uint64) {
	if u.at < 0 {
		return
	}
	units := until - u.since
	d := t.dimensions[u.at]
	d.seen += units
	switch {
	case u.hidden:
	case u.line >= 0:
		d.lines[u.line].count += units
	default:
		t.insert(d, u.text, u.hash, units)
	}
}

// BadEvent books the reader's present event.
func (t *Table) BadEvent(r *Reader, weight float64, trace [16]byte, nanos int64) {
	units, ok := t.begin(weight)
	if !ok {
		return
	}
	if r.shape != t.shape {
		t.shape = r.shape
		t.endRuns(t.batch)
		copy(t.row, t.base)
		for len(t.runs) < len(r.inEvent.all) {
			t.runs = append(t.runs, run{})
		}
	}
	for _, i := range r.of {
		u, a := &t.runs[i], &r.inEvent.all[i]
		if u.version != a.version {
			t.beginRun(u, a, len(r.resource)+int(i), units)
		}
	}
	t.batch += units
	t.bad.offer(t, t.row, weight, trace, nanos)
}

func (t *Table) beginRun(u *run, a *attribute, position int, units uint64) {
	if u.version != 0 { // the same attribute, with another value
		t.book(u, t.batch)
		u.version, u.since = a.version, t.batch
	} else {
		t.next = position
		*u = run{version: a.version, at: int32(t.dimension(a.name, units)), since: t.batch}
		if u.at >= 0 && t.dimensions[u.at].event == running {
			u.at = -1 // the event has another one of the name
		}
	}
	if u.at < 0 {
		return
	}
	d := t.dimensions[u.at]
	d.event = running
	line := d.find(a.text, a.hash)
	if line < 0 && !a.vetted && a.vet() {
		line = d.find(a.text, a.hash)
	}
	u.line, u.hidden, u.text, u.hash = int32(line), a.hidden, a.text, a.hash
	t.row[u.at] = a.id()
}

// running is the event of a dimension with a run.
const running = 1<<64 - 1

// GoodEvent offers the reader's present event to the sample. It represents weight events.
func (t *Table) GoodEvent(r *Reader, weight float64) {
	t.ready()
	row := t.goodRow
	copy(row, t.base)
	for _, i := range r.of {
		a := &r.inEvent.all[i]
		a.vet()
		t.next = len(r.resource) + int(i)
		if at := t.find(a.name); at >= 0 && row[at] == Without {
			row[at] = a.id()
		}
	}
	t.good.offer(t, row, weight, [16]byte{}, 0)
}
