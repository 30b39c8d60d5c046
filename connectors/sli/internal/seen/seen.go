// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package seen remembers which events were counted, for a bounded time and in bounded memory.
//
// An event is remembered by a 64-bit keyed hash of its identity, in two generations: new ones go into the current
// generation, and both are searched. When the current one is full or as old as the window, it becomes the previous one, whose hashes
// are forgotten. So an event is remembered for one to two windows, if a window has no more than the maximum of events.
//
// An event that was not seen is taken for one that was with probability n/2^64, n being the number remembered. With two generations
// of a hundred million each that is 2·10^8/1.8·10^19, about 1.1·10^-11.
package seen

import (
	"sync/atomic"
	"time"
)

const (
	// smallest is the number of slots that a table begins with.
	smallest = 1 << 10
	// At most one of every sparse slots is taken, so that searches are short.
	sparse = 2
)

// A Set remembers hashes. Reserve, Release, Add and AddAll may be called concurrently; the others may not be called at the same time
// as any method.
type Set struct {
	most     int
	window   time.Duration
	previous []uint64
	current  []uint64
	reserved atomic.Int64 // in current, by those that add now and those that did
	since    time.Time    // of the current generation
	before   time.Time    // since of the previous one
	// Generation is the number of generations before the current one.
	Generation uint64
}

// New makes a set that remembers at most that many hashes a generation, each for at least the window.
func New(most int, window time.Duration, now time.Time) *Set {
	return &Set{most: most, window: window, previous: make([]uint64, 1), current: make([]uint64, smallest), since: now, before: now}
}

// Reserve makes sure of room for n hashes. If there is none, or the current generation is as old as the window, it returns false:
// Advance is to be called then. Advance may not be called before the hashes were added.
func (s *Set) Reserve(n int, now time.Time) bool {
	if now.Sub(s.since) >= s.window {
		return false
	}
	taken := s.reserved.Add(int64(n))
	// A request that is larger than a generation is one of its own.
	if (taken <= int64(s.most) || taken == int64(n)) && taken <= int64(len(s.current)/sparse) {
		return true
	}
	s.reserved.Add(-int64(n))
	return false
}

// Release gives back room that was reserved and not used.
func (s *Set) Release(n int) { s.reserved.Add(-int64(n)) }

// Advance makes room for n hashes, if there is none: it enlarges the current generation, or begins a new one. It reports whether it did that.
func (s *Set) Advance(n int, now time.Time) (began bool) {
	taken := int(s.reserved.Load())
	if taken > 0 && taken+n > s.most || now.Sub(s.since) >= s.window {
		// The next generation will be about as large. Its table is the oldest one's, if that fits.
		next := s.previous
		if slots := slotsFor(taken); len(next) == slots {
			clear(next)
		} else {
			next = make([]uint64, slots)
		}
		s.previous, s.before, s.since = s.current, s.since, now
		s.current, taken = next, 0
		s.reserved.Store(0)
		s.Generation++
		began = true
	}
	if slots := slotsFor(taken + n); slots > len(s.current) {
		larger := make([]uint64, slots)
		for _, hash := range s.current {
			if hash != 0 {
				add(larger, hash)
			}
		}
		s.current = larger
	}
	return began
}

// slotsFor is the size of a table with room for n hashes.
func slotsFor(n int) int {
	slots := smallest
	for n*sparse > slots {
		slots *= 2
	}
	return slots
}

// Remembers is how long ago the oldest hash that is remembered was added, at most.
func (s *Set) Remembers(now time.Time) time.Duration { return now.Sub(s.before) }

// Restart tells that what is remembered was read from an earlier process: its age begins now.
func (s *Set) Restart(now time.Time) { s.since, s.before = now, now }

// Add remembers a hash, for which there must be room, and reports whether it is new.
func (s *Set) Add(hash uint64) bool {
	return !has(s.previous, hash) && add(s.current, hash)
}

// AddAll adds the hashes that are not 0. If some are not new it returns their number, and marks them in old, which it returns
// with the length of hashes.
func (s *Set) AddAll(hashes []uint64, old []bool) (_ []bool, n int) {
	// Each search waits for memory. Reading all places first lets the processor wait for several at once. (The compiler leaves
	// reads out whose result nobody needs, but for atomic ones.)
	before, now := uint64(len(s.previous)-1), uint64(len(s.current)-1)
	for _, hash := range hashes {
		atomic.LoadUint64(&s.previous[hash&before])
		atomic.LoadUint64(&s.current[hash&now])
	}
	for i, hash := range hashes {
		if hash == 0 || s.Add(hash) {
			continue
		}
		if n == 0 {
			old = append(old[:0], make([]bool, len(hashes))...)
		}
		old[i] = true
		n++
	}
	return old, n
}

// has searches a table that is not changed any more.
func has(table []uint64, hash uint64) bool {
	mask := uint64(len(table) - 1)
	for i := hash & mask; table[i] != 0; i = (i + 1) & mask {
		if table[i] == hash {
			return true
		}
	}
	return false
}

// add adds the hash to a table with room, and reports whether it was not in it. Of several that add the same hash at the same time
// one gets true.
func add(table []uint64, hash uint64) bool {
	mask := uint64(len(table) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		found := atomic.LoadUint64(&table[i])
		if found == 0 {
			if atomic.CompareAndSwapUint64(&table[i], 0, hash) {
				return true
			}
			found = atomic.LoadUint64(&table[i])
		}
		if found == hash {
			return false
		}
	}
}
