// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package attribution

import (
	"slices"
	"strconv"
	"sync"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// A Reader reads the attributes of events, which then are booked in one or more tables. Attributes mostly come in the same order, and often with the value
// of the event before, so both are guessed by position: what is the same costs a comparison. It keeps nothing of an event after Release.
type Reader struct {
	names *Names
	// fields are the names that were there, by number.
	fields []named
	// onResource are the attributes of the resource, of which those in resource count, as values; inEvent are those of events.
	onResource, inEvent attributes
	resource            []int32
	fieldsBefore        []int32 // that the resource had in the batch before
	// of are the positions in inEvent that the present event has, of how many. shape numbers the changes of these and of their names.
	of       []int32
	ended    int
	shape    uint64
	reshaped bool
	// event numbers the events, and changed are the positions whose values are not those of the event before.
	event   uint64
	changed []int32
	*workspace
}

// attributes are by position.
type attributes struct {
	all  []attribute
	next int
}

// An attribute is a name, and the value that was there last.
type attribute struct {
	name  string
	field int32
	// value is one of the batch, 0 for none; text is how it was read, empty if it was no text, or a long one.
	value int32
	text  string
	// skip: it is no dimension, or the resource has it; listed: it is one of those in of.
	skip, listed bool
	isNumber     bool
	number       int64
	// begins and ends are words of a name of 8 to 32 bytes, so many, that have all of it: with them, a comparison is no call.
	begins, ends [2]uint64
	worded       int
	// recent are some of the batch's values here, by their last bytes.
	recent [16]uint16
}

// word is the word that begins at a byte.
func word(s string, at int) uint64 {
	s = s[at : at+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func (a *attribute) split() {
	if n := len(a.name); n >= 8 && n <= 32 {
		a.worded = n
		a.begins, a.ends = [2]uint64{word(a.name, 0), word(a.name, min(8, n-8))}, [2]uint64{word(a.name, max(0, n-16)), word(a.name, n-8)}
	}
}

// A value is one that events of a batch have, by its number: the tables count numbers, and look for lines when the batch is over.
type value struct {
	field int32
	slot  uint32
	// raw is how it was read: long, if it was cut before.
	raw, text string
	hash      uint64
	long      bool
	// vetted: text is as it is shown, or hidden.
	vetted, hidden bool
}

// A workspace is what it takes for a batch.
type workspace struct {
	// values are found by index, which has their numbers. The first is none.
	values []value
	index  [2 * mostValues]uint16
	// accounts are of the tables, used of them.
	accounts []*account
	used     int
}

var workspaces = sync.Pool{New: func() any { return &workspace{values: make([]value, 1, 128)} }}

const (
	// mostPositions bounds the attributes of an event that are read.
	mostPositions = 128
	// mostValues and mostFields bound what a batch has before it is Full, and keptAccounts those that are kept.
	mostValues   = 1024
	mostFields   = 512
	keptAccounts = 32
)

// NewReader returns a reader.
func NewReader(names *Names) *Reader { return &Reader{names: names} }

// Names are what it goes by.
func (r *Reader) Names() *Names { return r.names }

// Full reports whether the batch is to be ended, and begun again, before the next event: there may be no room for its values.
func (r *Reader) Full() bool {
	return len(r.values)+2*mostPositions > mostValues || len(r.fields)+2*mostPositions > mostFields
}

// Resource begins a batch of events of one resource.
func (r *Reader) Resource(attributes pcommon.Map) {
	if len(r.fields)+3*mostPositions > mostFields {
		r.fields, r.fieldsBefore = r.fields[:0], nil
		r.onResource.all, r.inEvent.all = r.onResource.all[:0], r.inEvent.all[:0]
	}
	if r.workspace == nil {
		r.workspace = workspaces.Get().(*workspace)
	}
	r.onResource.next, r.resource = 0, r.resource[:0]
	for key, v := range attributes.All() {
		a := r.onResource.at(key, r)
		if a == nil {
			break
		}
		if a.skip || r.resourceHas(a.field) {
			continue
		}
		if r.read(a, v); a.value != 0 {
			r.vet(a.value)
			r.resource = append(r.resource, a.value)
		}
	}
	if !slices.EqualFunc(r.fieldsBefore, r.resource, func(field, v int32) bool { return r.values[v].field == field }) {
		r.fieldsBefore = r.fieldsBefore[:0]
		for _, v := range r.resource {
			r.fieldsBefore = append(r.fieldsBefore, r.values[v].field)
		}
		for i := range r.inEvent.all {
			a := &r.inEvent.all[i]
			a.skip = r.skips(a.field)
		}
	}
	r.reshaped = true
}

func (r *Reader) skips(field int32) bool { return r.fields[field].use == off || r.resourceHas(field) }

func (r *Reader) resourceHas(field int32) bool {
	for _, v := range r.resource {
		if r.values[v].field == field {
			return true
		}
	}
	return false
}

// at is the attribute at the next position; nil if there are too many.
func (s *attributes) at(key string, r *Reader) *attribute {
	if s.next == len(s.all) {
		if s.next == mostPositions {
			return nil
		}
		s.all = append(s.all, attribute{})
	}
	a := &s.all[s.next]
	s.next++
	if a.name != key || key == "" {
		field := r.field(key)
		*a = attribute{name: r.fields[field].name, field: field, skip: r.skips(field)}
		a.split()
		r.reshaped = true
	}
	return a
}

// field is the number of a name.
func (r *Reader) field(key string) int32 {
	for i := range r.fields {
		if r.fields[i].name == key {
			return int32(i)
		}
	}
	r.fields = append(r.fields, r.names.named(key))
	return int32(len(r.fields) - 1)
}

// Release lets go of all texts of the events.
func (r *Reader) Release() {
	r.onResource.release()
	r.inEvent.release()
	r.resource, r.reshaped = r.resource[:0], true
	if w := r.workspace; w != nil {
		r.workspace = nil
		for i := range w.values {
			w.index[w.values[i].slot] = 0
		}
		clear(w.values)
		w.values = w.values[:1]
		if w.used > keptAccounts {
			w.accounts = nil
		}
		w.used = 0
		workspaces.Put(w)
	}
}

func (s *attributes) release() {
	for i := range s.all {
		s.all[i].text, s.all[i].value = "", 0
	}
}

// Event begins an event.
func (r *Reader) Event() {
	r.event++
	r.inEvent.next, r.changed = 0, r.changed[:0]
}

// EndEvent ends what the event has.
func (r *Reader) EndEvent() {
	s := &r.inEvent
	if !r.reshaped && s.next == r.ended {
		return
	}
	r.reshaped, r.ended = false, s.next
	r.shape++
	r.of = r.of[:0]
	for i := range s.all {
		a := &s.all[i]
		a.listed = i < s.next && !a.skip && a.value != 0 && !slices.ContainsFunc(r.of, func(other int32) bool { return s.all[other].field == a.field })
		if a.listed {
			r.of = append(r.of, int32(i))
		}
	}
}

// Text adds an attribute.
func (r *Reader) Text(key, text string) {
	if a := r.inEvent.at(key, r); a != nil && !a.skip && (text == "" || text != a.text) {
		r.setText(a, text)
	}
}

// Flag adds the variant of a feature flag.
func (r *Reader) Flag(key, variant string) {
	s := &r.inEvent
	if len(key) > maxText-len(flagPrefix) || key == "" || s.next == mostPositions {
		return
	}
	if s.next < len(s.all) && len(s.all[s.next].name) == len(flagPrefix)+len(key) && s.all[s.next].name[len(flagPrefix):] == key {
		r.Text(s.all[s.next].name, variant)
		return
	}
	r.Text(flagPrefix+key, variant)
}

// Attributes adds the attributes that are dimensions.
func (r *Reader) Attributes(attributes pcommon.Map) {
	s := &r.inEvent
	for key, v := range attributes.All() {
		var a *attribute
		if s.next < len(s.all) {
			a = &s.all[s.next]
		}
		switch n := len(key); {
		case a != nil && n == a.worded && (word(key, 0)^a.begins[0])|(word(key, min(8, n-8))^a.begins[1])|(word(key, max(0, n-16))^a.ends[0])|(word(key, n-8)^a.ends[1]) == 0:
			s.next++
		default:
			if a = s.at(key, r); a == nil {
				return
			}
		}
		if a.skip {
			continue
		}
		if text := v.Str(); text == "" || text != a.text {
			r.read(a, v)
		}
	}
}

// read takes the value. One of another kind than text, number or truth value is as good as none.
func (r *Reader) read(a *attribute, v pcommon.Value) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		r.setText(a, v.Str())
	case pcommon.ValueTypeInt:
		if n := v.Int(); a.value == 0 || !a.isNumber || a.number != n {
			r.setText(a, number(n))
			a.number, a.isNumber, a.text = n, true, ""
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

// setText gives the attribute another value; none if there is no text.
func (r *Reader) setText(a *attribute, text string) {
	a.isNumber, a.text = false, text
	var found int32
	switch {
	case text == "":
	case len(text) <= maxText:
		found = r.recent(a, text)
	default:
		a.text = "" // not to be compared
		short := ""
		if r.fields[a.field].use != shaped {
			short = clean(text)
		}
		found = r.value(a.field, short, true)
	}
	if found == a.value {
		return
	}
	switch {
	case found == 0 || a.value == 0:
		r.reshaped = true
	case a.listed:
		r.changed = append(r.changed, int32(r.inEvent.next-1))
	}
	a.value = found
}

// recent is the number of a value that mostly was here before.
func (r *Reader) recent(a *attribute, text string) int32 {
	at := int(text[len(text)-1]) + len(text)
	if len(text) > 1 {
		at += 5 * int(text[len(text)-2])
	}
	n := &a.recent[at%len(a.recent)]
	if int(*n) < len(r.values) {
		if v := &r.values[*n]; v.raw == text && v.field == a.field && !v.long {
			return int32(*n)
		}
	}
	found := r.value(a.field, text, false)
	*n = uint16(found)
	return found
}

// value is the number of a value, which is new if no event of the batch has had it. A long one without text is hidden.
func (r *Reader) value(field int32, raw string, long bool) int32 {
	hash := xxhash.Sum64String(raw)
	const mask = uint64(len(r.index) - 1)
	slot := (hash + uint64(field)*0x9E3779B97F4A7C15) >> 20 & mask
	for r.index[slot] != 0 {
		v := &r.values[r.index[slot]]
		if v.field == field && v.long == long && v.raw == raw {
			return int32(r.index[slot])
		}
		slot = (slot + 1) & mask
	}
	n := len(r.values)
	r.index[slot] = uint16(n)
	r.values = append(r.values, value{field: field, slot: uint32(slot), raw: raw, text: raw, hash: hash, long: long, vetted: long, hidden: long && raw == ""})
	return int32(n)
}

// vet makes the value's text as it is shown, or hides it.
func (r *Reader) vet(n int32) *value {
	v := &r.values[n]
	if v.vetted {
		return v
	}
	v.vetted = true
	if v.hidden = r.fields[v.field].use == shaped && secret(v.text); !v.hidden && !printable(v.text) {
		v.text = clean(v.text)
		v.hash = xxhash.Sum64String(v.text)
	}
	return v
}

func (v *value) id() ID {
	if v.hidden {
		return Hidden
	}
	return idOf(v.hash)
}

// An account has what a table is to book at the end of a batch: units by value.
type account struct {
	pending []uint64
	// dimensions are by field: the index in the table and 1, 0 if it is not known, or noDimension.
	dimensions []int16
	// runs are the values of the last event, by position, of this shape and number.
	runs         []run
	shape, event uint64
}

const noDimension = -1

// A run is a value of several events of a batch, one after the other; since is how many units the batch had before.
type run struct {
	value int32
	since uint64
}

// account is an empty one.
func (w *workspace) account() *account {
	if w.used == len(w.accounts) {
		w.accounts = append(w.accounts, &account{})
	}
	a := w.accounts[w.used]
	w.used++
	clear(a.dimensions)
	clear(a.runs)
	a.shape, a.event = 0, 0
	return a
}

// Batch begins a batch of the reader's events, and EndBatch ends it. Between the two are only BadEvent and GoodEvent.
func (t *Table) Batch(r *Reader) {
	t.ready()
	clear(t.base)
	t.batch, t.next = 0, 0
	t.account = r.account()
	for _, n := range r.resource {
		v := &r.values[n]
		if at := t.dimension(r.fields[v.field].name, 0); at >= 0 {
			t.base[at] = v.id()
		}
	}
}

// EndBatch books the batch.
func (t *Table) EndBatch(r *Reader) {
	c := t.account
	t.account = nil
	if t.batch == 0 {
		return
	}
	c.endRuns(t.batch)
	t.next = 0
	for _, n := range r.resource {
		v := &r.values[n]
		if at := t.find(r.fields[v.field].name); at >= 0 {
			t.bookSum(r, t.dimensions[at], n, t.batch)
		}
	}
	for n, units := range c.pending {
		if units == 0 {
			continue
		}
		c.pending[n] = 0
		if at := c.dimensions[r.values[n].field]; at > 0 {
			t.bookSum(r, t.dimensions[at-1], int32(n), units)
		}
	}
	t.batch = 0
}

// bookSum books all that the batch has of a value.
func (t *Table) bookSum(r *Reader, d *dimension, n int32, units uint64) {
	d.seen += units
	v := &r.values[n]
	if at := d.find(v.text, v.hash); at >= 0 {
		d.lines[at].count += units
		return
	}
	if v = r.vet(n); !v.hidden {
		t.add(d, v.text, v.hash, units)
	}
}

func (c *account) endRuns(until uint64) {
	for i := range c.runs {
		u := &c.runs[i]
		c.pending[u.value] += until - u.since
		u.value, u.since = 0, until
	}
	if len(c.pending) > 0 {
		c.pending[0] = 0 // no value
	}
}

// BadEvent books the reader's present event.
func (t *Table) BadEvent(r *Reader, weight float64, trace [16]byte, nanos int64) {
	units, ok := t.begin(weight)
	if !ok {
		return
	}
	c := t.account
	for len(c.pending) < len(r.values) {
		c.pending = append(c.pending, 0)
	}
	switch {
	case c.shape != r.shape:
		t.reshape(r, units)
	case c.event+1 == r.event:
		for _, i := range r.changed {
			c.change(i, r.inEvent.all[i].value, t.batch)
		}
	default:
		for _, i := range r.of {
			if n := r.inEvent.all[i].value; n != c.runs[i].value {
				c.change(i, n, t.batch)
			}
		}
	}
	c.event = r.event
	t.batch += units
	if represents, ok := t.bad.takes(t, weight); ok {
		t.bad.keep(t.rowOf(r, t.row), represents, trace, nanos)
	}
}

// change ends a run, and begins one of another value.
func (c *account) change(position, value int32, units uint64) {
	u := &c.runs[position]
	c.pending[u.value] += units - u.since
	u.value, u.since = value, units
}

// reshape ends all runs, and begins those of an event with other attributes, of so many units.
func (t *Table) reshape(r *Reader, units uint64) {
	c := t.account
	c.shape = r.shape
	c.endRuns(t.batch)
	for len(c.runs) < len(r.inEvent.all) {
		c.runs = append(c.runs, run{})
	}
	for len(c.dimensions) < len(r.fields) {
		c.dimensions = append(c.dimensions, 0)
	}
	for _, i := range r.of {
		a := &r.inEvent.all[i]
		c.runs[i] = run{a.value, t.batch}
		if c.dimensions[a.field] != 0 {
			continue
		}
		t.next = len(r.resource) + int(i)
		c.dimensions[a.field] = noDimension
		if at := t.dimension(a.name, units); at >= 0 {
			c.dimensions[a.field] = int16(at + 1)
		}
	}
}

// rowOf makes the row of the present event.
func (t *Table) rowOf(r *Reader, row []ID) []ID {
	copy(row, t.base)
	for _, i := range r.of {
		a := &r.inEvent.all[i]
		t.next = len(r.resource) + int(i)
		if at := t.find(a.name); at >= 0 {
			row[at] = r.vet(a.value).id()
		}
	}
	return row
}

// GoodEvent offers the reader's present event to the sample. It represents weight events.
func (t *Table) GoodEvent(r *Reader, weight float64) {
	if represents, ok := t.good.takes(t, weight); ok {
		t.good.keep(t.rowOf(r, t.goodRow), represents, [16]byte{}, 0)
	}
}
