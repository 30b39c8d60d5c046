// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package attribution

import (
	"math/rand/v2"
	"sync"

	"github.com/cespare/xxhash/v2"
)

// A vocabulary has the values of events by number: the tables count numbers, and look for lines when they are settled. It has copies of their texts.
type vocabulary struct {
	// values are found by index, which has their numbers. The first is none.
	values []value
	index  [1 << indexBits]uint16
	// texts are those of the values.
	texts []byte
	// accounts are of the tables, used of them.
	accounts []*account
	used     int
}

// A value is one of an attribute.
type value struct {
	// first and last are the words of its text, if it has at most packs bytes. Those of others are their hash, and nothing.
	first, last uint64
	// hash is that of the text as it is shown.
	hash  uint64
	field int32
	// at is where its text is, as it was read, and shown where it is as it is shown: so many bytes.
	at, shown       uint16
	size, shownSize uint8
	isCut, hidden   bool
	id              ID
}

const (
	// mostValues bounds what a vocabulary has before it is full, twice as many have room in the index, and mostTexts bounds their texts in bytes.
	mostValues = 1024
	indexBits  = 11
	mostTexts  = 16 << 10
	// keptAccounts and keptTexts bound what is kept.
	keptAccounts = 32
	keptTexts    = 32 << 10
)

// multipliers hash values. Nobody can choose values that collide without knowing them.
var multipliers = [4]uint64{rand.Uint64() | 1, rand.Uint64() | 1, rand.Uint64() | 1, rand.Uint64() | 1}

var vocabularies = sync.Pool{New: func() any { return &vocabulary{values: make([]value, 1, 128)} }}

// full reports whether there may be no room for the values of a resource and an event.
func (w *vocabulary) full() bool {
	return len(w.values)+2*mostPositions > mostValues || len(w.texts) > mostTexts
}

// release gives it back.
func (w *vocabulary) release() {
	clear(w.index[:])
	w.values, w.texts = w.values[:1], w.texts[:0]
	if w.used > keptAccounts {
		w.accounts = nil
	}
	if cap(w.texts) > keptTexts {
		w.texts = nil
	}
	w.used = 0
	vocabularies.Put(w)
}

// raw is the text of a value as it was read.
func (w *vocabulary) raw(n int32) []byte {
	v := &w.values[n]
	return w.texts[v.at : int(v.at)+int(v.size)]
}

// text is the text of a value as it is shown.
func (w *vocabulary) text(v *value) []byte { return w.texts[v.shown : int(v.shown)+int(v.shownSize)] }

// slot is where the index is searched from.
func slot(field int32, size int, first, last uint64) uint64 {
	return (first*multipliers[0] + last*multipliers[1] + uint64(field)*multipliers[2] + uint64(size)*multipliers[3]) >> (64 - indexBits)
}

// isShort reports whether it is a value of so many bytes, at most packs, of a field.
func (v *value) isShort(field int32, size int) bool {
	return v.field == field && int(v.size) == size && !v.isCut
}

// short is the number of a value of at most packs bytes.
func (w *vocabulary) short(field int32, text string, first, last uint64, as use) int32 {
	at := slot(field, len(text), first, last)
	for ; w.index[at] != 0; at = (at + 1) % uint64(len(w.index)) {
		if v := &w.values[w.index[at]]; v.first == first && v.last == last && v.isShort(field, len(text)) {
			return int32(w.index[at])
		}
	}
	return w.add(at, value{field: field, first: first, last: last}, text, as)
}

// long is that of one of more bytes, at most maxText.
func (w *vocabulary) long(field int32, text string, as use) int32 {
	return w.search(value{field: field, first: xxhash.Sum64String(text)}, text, as)
}

// cut is that of one that is too long. Where values may be hidden, it is.
func (w *vocabulary) cut(field int32, text string, as use) int32 {
	short := ""
	if as != shaped {
		short = clean(text)
	}
	return w.search(value{field: field, first: xxhash.Sum64String(short), isCut: true}, short, as)
}

func (w *vocabulary) search(like value, text string, as use) int32 {
	at := slot(like.field, len(text), like.first, 0)
	for ; w.index[at] != 0; at = (at + 1) % uint64(len(w.index)) {
		n := int32(w.index[at])
		if v := &w.values[n]; v.first == like.first && v.field == like.field && v.isCut == like.isCut && int(v.size) == len(text) && string(w.raw(n)) == text {
			return n
		}
	}
	return w.add(at, like, text, as)
}

// add adds a value, with its text as it is shown, or hidden.
func (w *vocabulary) add(slot uint64, v value, text string, as use) int32 {
	n := len(w.values)
	w.index[slot] = uint16(n)
	v.at, v.size = w.keep(text)
	v.shown, v.shownSize, v.id = v.at, v.size, Hidden
	switch {
	case v.isCut:
		v.hidden = text == ""
	case as == shaped && secret(text):
		v.hidden = true
	case !printable(text):
		text = clean(text)
		v.shown, v.shownSize = w.keep(text)
	}
	if !v.hidden {
		v.hash = xxhash.Sum64String(text)
		v.id = idOf(v.hash)
	}
	w.values = append(w.values, v)
	return int32(n)
}

func (w *vocabulary) keep(text string) (at uint16, size uint8) {
	at = uint16(len(w.texts))
	w.texts = append(w.texts, text...)
	return at, uint8(len(text))
}
