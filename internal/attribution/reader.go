// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package attribution

import (
	"slices"
	"strconv"
	"unsafe"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// A Reader reads the attributes of events, which then are booked in one or more tables. Attributes mostly come in the same order, and often with the value
// of the event before, so both are guessed by position: what is the same costs a comparison. Of the events it keeps values, as copies, until Release.
type Reader struct {
	names *Names
	// fields are the names that were there, by number.
	fields []named
	// onResource are the attributes of the resource, of which those in resource count, as values; inEvent are those of events. resources numbers the
	// changes of the resource, and other is room for the next one.
	onResource, inEvent attributes
	resource, other     []int32
	resources           uint64
	// of are the positions in inEvent that the present event has, of how many. shape numbers the changes of these and of their names.
	of       []int32
	ended    int
	shape    uint64
	reshaped bool
	// event numbers the events, and changed are the positions whose values are not those of the event before.
	event   uint64
	changed []int32
	*vocabulary
}

// attributes are by position.
type attributes struct {
	all  []attribute
	next int
}

// An attribute is a name, and the value that was there last.
type attribute struct {
	// begins and ends are words of a name of 8 to 32 bytes, so many, that have all of it: with them, a comparison is no call.
	begins, ends [2]uint64
	// first and last are the words of the value, if it was read as a text of at most packs bytes: so many, or more, or 0 for none and for one that was cut.
	first, last  uint64
	size, worded int32
	// value is one of the vocabulary, 0 for none.
	value, field int32
	// skip: it is no dimension, or the resource has it; listed: it is one of those in of.
	skip, listed bool
	isNumber     bool
	number       int64
	name         string
}

// word is the word that begins at a byte, half the half of one. The caller knows that the text has so many bytes: a check for each word of each attribute is
// what a bad event would take longest for. The order of the bytes in a word does not matter, as words are only compared in this process.
func word(s string, at int) uint64 {
	return *(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.StringData(s)), at)) //nolint:gosec // within the text
}

func half(s string, at int) uint64 {
	return uint64(*(*uint32)(unsafe.Add(unsafe.Pointer(unsafe.StringData(s)), at))) //nolint:gosec // within the text
}

// packs is how long a text is at most that two words have all of.
const packs = 16

// packed are the words that, with its length, have all of a text of 1 to packs bytes.
func packed(s string) (first, last uint64) {
	n := len(s)
	switch {
	case n >= 8:
		return word(s, 0), word(s, n-8)
	case n >= 4:
		return half(s, 0), half(s, n-4)
	default:
		return uint64(s[0]), uint64(s[n>>1])<<8 | uint64(s[n-1])
	}
}

func (a *attribute) split() {
	if n := len(a.name); n >= 8 && n <= 2*packs {
		a.worded = int32(n)
		a.begins, a.ends = [2]uint64{word(a.name, 0), word(a.name, min(8, n-8))}, [2]uint64{word(a.name, max(0, n-16)), word(a.name, n-8)}
	}
}

const (
	// mostPositions bounds the attributes of an event that are read.
	mostPositions = 128
	// mostFields bounds the names before the reader is Full.
	mostFields = 512
)

// NewReader returns a reader.
func NewReader(names *Names) *Reader {
	r := &Reader{names: names}
	r.forgetFields()
	return r
}

// The first fields are those of a span.
const (
	fieldSpanName = iota
	fieldSpanStatus
)

func (r *Reader) forgetFields() {
	r.fields, r.onResource.all, r.inEvent.all = r.fields[:0], r.onResource.all[:0], r.inEvent.all[:0]
	r.field(SpanName)
	r.field(SpanStatus)
}

// Names are what it goes by.
func (r *Reader) Names() *Names { return r.names }

// Full reports whether the tables are to be settled, and the reader released, before the next event: there may be no room for its values.
func (r *Reader) Full() bool {
	return r.vocabulary.full() || len(r.fields)+2*mostPositions > mostFields
}

// Resource begins events of a resource.
func (r *Reader) Resource(attributes pcommon.Map) {
	if r.vocabulary == nil {
		if len(r.fields)+3*mostPositions > mostFields {
			r.forgetFields()
		}
		r.vocabulary = vocabularies.Get().(*vocabulary)
	}
	r.onResource.next, r.other = 0, r.other[:0]
	for key, v := range attributes.All() {
		a := r.onResource.at(key, r)
		if a == nil {
			break
		}
		if a.skip || r.hasField(r.other, a.field) {
			continue
		}
		if r.read(a, 0, v); a.value != 0 {
			r.other = append(r.other, a.value)
		}
	}
	if r.resources > 0 && slices.Equal(r.resource, r.other) {
		return
	}
	r.resource, r.other = r.other, r.resource
	r.resources++
	for i := range r.inEvent.all {
		a := &r.inEvent.all[i]
		if skip := r.skips(a.field); skip != a.skip {
			a.skip, r.reshaped = skip, true
		}
	}
}

// skips reports whether events are not asked for an attribute.
func (r *Reader) skips(field int32) bool {
	return r.fields[field].use == off || r.hasField(r.resource, field)
}

func (r *Reader) hasField(values []int32, field int32) bool {
	for _, v := range values {
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
		*a = attribute{name: r.fields[field].name, field: field, skip: r.fields[field].use == off}
		if s == &r.inEvent {
			a.skip = r.skips(field)
		}
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

// Release forgets all values.
func (r *Reader) Release() {
	r.onResource.release()
	r.inEvent.release()
	r.resource, r.resources, r.reshaped = r.resource[:0], 0, true
	if r.vocabulary != nil {
		r.release()
		r.vocabulary = nil
	}
}

func (s *attributes) release() {
	for i := range s.all {
		a := &s.all[i]
		a.size, a.value, a.isNumber = 0, 0, false
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

// Span adds the name and the status of a span, of an event without attributes so far.
func (r *Reader) Span(name, status string) {
	s := &r.inEvent
	if len(s.all) < 2 || s.all[0].field != fieldSpanName || s.all[1].field != fieldSpanStatus {
		r.Text(SpanName, name)
		r.Text(SpanStatus, status)
		return
	}
	s.next = 2
	if a := &s.all[0]; !a.skip && !r.has(a, name) {
		r.setText(a, 0, name)
	}
	if a := &s.all[1]; !a.skip && !r.has(a, status) {
		r.setText(a, 1, status)
	}
}

// has reports whether the value at a position was read of a text, of at least 1 byte. False may be wrong.
func (r *Reader) has(a *attribute, text string) bool {
	n := len(text)
	switch {
	case n != int(a.size) || n == 0 || a.isNumber:
		return false
	case n > packs:
		return string(r.raw(a.value)) == text
	}
	first, last := packed(text)
	return first == a.first && last == a.last
}

// Text adds an attribute.
func (r *Reader) Text(key, text string) {
	if a := r.inEvent.at(key, r); a != nil && !a.skip {
		r.setText(a, r.inEvent.next-1, text)
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

// Attributes adds the attributes that are dimensions. This is for each attribute of each event, so that what mostly comes, an attribute that is no dimension or
// has the text of the event before, is no call. If this were longer, the compiler would make a function of it, and call that each time.
func (r *Reader) Attributes(attributes pcommon.Map) {
	at, all := r.inEvent.next, r.inEvent.all
	attributes.Range(func(key string, v pcommon.Value) bool {
		known := false
		if at < len(all) {
			a, n := &all[at], len(key)
			if n == int(a.worded) && (word(key, 0)^a.begins[0])|(word(key, n-8)^a.ends[1]) == 0 && (n <= packs || (word(key, 8)^a.begins[1])|(word(key, n-16)^a.ends[0]) == 0) {
				known = true
				if a.skip {
					at++
					return true
				}
				if text := v.Str(); len(text) == int(a.size) {
					n = len(text)
					switch {
					case n >= 8 && n <= packs && word(text, 0) == a.first && word(text, n-8) == a.last,
						n >= 4 && n < 8 && half(text, 0) == a.first && half(text, n-4) == a.last,
						n == 3 && uint64(text[0]) == a.first && uint64(text[1])<<8|uint64(text[2]) == a.last,
						n > packs && string(r.raw(a.value)) == text:
						at++
						return true
					}
				} else if a.isNumber && a.number != 0 && v.Int() == a.number {
					at++
					return true
				}
			}
		}
		if at = r.attribute(at, key, v, known); at < 0 {
			return false
		}
		all = r.inEvent.all
		return true
	})
	if at >= 0 {
		r.inEvent.next = at
	}
}

// attribute adds one at a position, and returns the next one; -1 if there is no room for it. known: the name there is the same, and is no longer than words have of it.
func (r *Reader) attribute(at int, key string, v pcommon.Value, known bool) (next int) {
	if !known {
		return r.attributeAt(at, key, v)
	}
	a := &r.inEvent.all[at]
	if a.isNumber {
		if n := v.Int(); n == 0 || n != a.number {
			return r.readAt(at, v)
		}
		return at + 1
	}
	text := v.Str()
	n := len(text)
	var first, last uint64
	switch {
	case n > packs && n == int(a.size) && string(r.raw(a.value)) == text:
		return at + 1
	case n > packs || n == 0:
		return r.readAt(at, v)
	case n >= 8:
		first, last = word(text, 0), word(text, n-8)
	case n >= 4:
		first, last = half(text, 0), half(text, n-4)
	default:
		first, last = uint64(text[0]), uint64(text[n>>1])<<8|uint64(text[n-1])
	}
	if a.first == first && a.last == last && int(a.size) == n {
		return at + 1
	}
	a.first, a.last, a.size = first, last, int32(n)
	found := int32(r.index[slot(a.field, n, first, last)])
	if known := &r.values[found]; known.first != first || known.last != last || !known.isShort(a.field, n) {
		found = r.short(a.field, text, first, last, r.fields[a.field].use)
	}
	switch {
	case found == a.value:
	case a.listed:
		a.value, r.changed = found, append(r.changed, int32(at))
	default:
		r.set(a, at, found)
	}
	return at + 1
}

// attributeAt adds one where another one was, or none.
func (r *Reader) attributeAt(at int, key string, v pcommon.Value) (next int) {
	s := &r.inEvent
	s.next = at
	a := s.at(key, r)
	if a == nil {
		return -1
	}
	if !a.skip {
		r.read(a, at, v)
	}
	return s.next
}

func (r *Reader) readAt(at int, v pcommon.Value) (next int) {
	r.read(&r.inEvent.all[at], at, v)
	return at + 1
}

// read takes the value at a position. One of another kind than text, number or truth value is as good as none.
func (r *Reader) read(a *attribute, at int, v pcommon.Value) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		r.setText(a, at, v.Str())
	case pcommon.ValueTypeInt:
		if n := v.Int(); a.value == 0 || !a.isNumber || a.number != n {
			r.setText(a, at, number(n))
			a.number, a.isNumber = n, true
		}
	case pcommon.ValueTypeBool:
		r.setText(a, at, strconv.FormatBool(v.Bool()))
	default:
		r.setText(a, at, "")
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

// setText gives the attribute at a position a value; none if there is no text.
func (r *Reader) setText(a *attribute, at int, text string) {
	a.isNumber = false
	n, found := len(text), int32(0)
	switch {
	case n == 0:
		a.size = 0
	case n <= packs:
		first, last := packed(text)
		if a.first == first && a.last == last && int(a.size) == n {
			return
		}
		a.first, a.last, a.size = first, last, int32(n)
		found = r.short(a.field, text, first, last, r.fields[a.field].use)
	case n <= maxText:
		if int(a.size) == n && string(r.raw(a.value)) == text {
			return
		}
		a.size = int32(n)
		found = r.long(a.field, text, r.fields[a.field].use)
	default:
		a.size = 0 // it is not compared
		found = r.cut(a.field, text, r.fields[a.field].use)
	}
	if found != a.value {
		r.set(a, at, found)
	}
}

// set gives it another one.
func (r *Reader) set(a *attribute, at int, found int32) {
	switch {
	case found == 0 || a.value == 0:
		r.reshaped = true
	case a.listed:
		r.changed = append(r.changed, int32(at))
	}
	a.value = found
}
