// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import "math/bits"

// A column holds the totals of one outcome at the boundaries of a ring. Totals are large, but what counts is how much less they are
// than the present one, which only events of the ring's window make: so the column keeps as many of the low words of
// each total as that difference needs, one to four. Nil is a column whose totals are all the present one.
type column []uint16

const wordBits = 16

func (c column) width() int { return len(c) / boundaries }

// total is the total in the slot; now is the present one.
func (c column) total(slot int, now count) count {
	width := c.width()
	if width == 0 {
		return now
	}
	var low uint64
	for n, word := range c[slot*width : (slot+1)*width] {
		low |= uint64(word) << (n * wordBits)
	}
	return now - count((uint64(now)-low)&(1<<(width*wordBits)-1))
}

// put writes the total to a slot. The column must be wide enough.
func (c column) put(slot int, total count) {
	width := c.width()
	for n := range width {
		c[slot*width+n] = uint16(total >> (n * wordBits))
	}
}

// set writes the total to a slot; now is the present one.
func (c *column) set(slot int, total, now count) {
	c.widen(now-total, now)
	c.put(slot, total)
}

// add adds to the total in a slot, modulo what the column keeps of it.
func (c column) add(slot int, n count) {
	width := c.width()
	carry := uint64(n)
	for i := range width {
		word := &c[slot*width+i]
		carry += uint64(*word)
		*word = uint16(carry)
		carry >>= wordBits
	}
}

// widen makes the column wide enough for totals that are less than the present one by the difference.
func (c *column) widen(difference, now count) {
	width := (bits.Len64(uint64(difference)) + wordBits - 1) / wordBits
	if width <= c.width() {
		return
	}
	wide := make(column, width*boundaries)
	for slot := range boundaries {
		wide.put(slot, c.total(slot, now))
	}
	*c = wide
}
