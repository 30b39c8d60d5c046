// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import "sync"

// lru is a map that is bounded in entries and in bytes, and forgets what was not used for a while:
// one shard of the state. The entries lie in one slice and are linked by their places in it, so that
// the garbage collector has one object to look at and use costs no allocation. init comes first.
type lru[K comparable, V any] struct {
	mu      sync.Mutex
	index   map[K]int32
	entries []entry[K, V] // entries[0] is the ring's anchor: its next is the newest, its prev the oldest
	free    []int32
	bytes   int

	limits limits
	size   func(K, V) int // bytes of an entry, those of its strings included

	full, expired int64 // entries that left, and why
}

// limits of one shard.
type limits struct {
	entries int
	bytes   int
	ttl     int64 // nanoseconds
}

type entry[K comparable, V any] struct {
	key        K
	value      V
	seen       int64
	prev, next int32
}

func (l *lru[K, V]) init(limits limits, size func(K, V) int) {
	l.index = make(map[K]int32)
	l.entries = make([]entry[K, V], 1)
	l.limits, l.size = limits, size
}

// get returns the entry's value, to be read and changed under the lock, and makes it the newest; nil if there is none.
func (l *lru[K, V]) get(key K, now int64) *V {
	at, ok := l.index[key]
	if !ok {
		return nil
	}
	e := &l.entries[at]
	if now-e.seen > l.limits.ttl {
		l.expired++
		l.remove(at)
		return nil
	}
	e.seen = now
	if l.entries[0].next != at {
		l.unlink(at)
		l.link(at)
	}
	return &e.value
}

// add adds an entry that is not there yet and makes room for it.
func (l *lru[K, V]) add(key K, value V, now int64) {
	size := l.size(key, value)
	for l.makeRoom(size, now) {
	}
	var at int32
	if n := len(l.free); n > 0 {
		at, l.free = l.free[n-1], l.free[:n-1]
	} else {
		at = int32(len(l.entries))
		l.entries = append(l.entries, entry[K, V]{})
	}
	l.entries[at] = entry[K, V]{key: key, value: value, seen: now}
	l.index[key] = at
	l.bytes += size
	l.link(at)
}

// makeRoom removes the oldest entry if it is too old or there is no room for another of the size.
func (l *lru[K, V]) makeRoom(size int, now int64) bool {
	oldest := l.entries[0].prev
	switch {
	case oldest == 0:
		return false
	case now-l.entries[oldest].seen > l.limits.ttl:
		l.expired++
	case len(l.index) >= l.limits.entries, l.bytes+size > l.limits.bytes:
		l.full++
	default:
		return false
	}
	l.remove(oldest)
	return true
}

// set replaces the value of the entry, which is there.
func (l *lru[K, V]) set(key K, value V) {
	e := &l.entries[l.index[key]]
	l.bytes += l.size(key, value) - l.size(key, e.value)
	e.value = value
}

func (l *lru[K, V]) link(at int32) {
	first := l.entries[0].next
	l.entries[at].prev, l.entries[at].next = 0, first
	l.entries[first].prev = at
	l.entries[0].next = at
}

func (l *lru[K, V]) unlink(at int32) {
	e := &l.entries[at]
	l.entries[e.prev].next, l.entries[e.next].prev = e.next, e.prev
}

func (l *lru[K, V]) remove(at int32) {
	l.unlink(at)
	e := &l.entries[at]
	l.bytes -= l.size(e.key, e.value)
	delete(l.index, e.key)
	*e = entry[K, V]{}
	l.free = append(l.free, at)
}
