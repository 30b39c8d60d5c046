// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"encoding/binary"
	"math"
)

// A packed list holds counts, each in as many bytes as the largest of them needs: 0, 1, 2, 4 or 8. A list of
// zeros takes no memory.
type packed struct {
	bytes []byte
	n     int
	width int
}

// packedRoom is how many counts a list has room for when it grows.
const packedRoom = 16

func (p *packed) at(i int) count {
	switch p.width {
	case 0:
		return 0
	case 1:
		return count(p.bytes[i])
	case 2:
		return count(binary.LittleEndian.Uint16(p.bytes[2*i:]))
	case 4:
		return count(binary.LittleEndian.Uint32(p.bytes[4*i:]))
	default:
		return count(binary.LittleEndian.Uint64(p.bytes[8*i:]))
	}
}

func (p *packed) set(i int, v count) {
	p.widen(v)
	switch p.width {
	case 0:
	case 1:
		p.bytes[i] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(p.bytes[2*i:], uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(p.bytes[4*i:], uint32(v))
	default:
		binary.LittleEndian.PutUint64(p.bytes[8*i:], uint64(v))
	}
}

func (p *packed) add(i int, v count) {
	if v != 0 {
		p.set(i, p.at(i)+v)
	}
}

func widthOf(v count) int {
	switch {
	case v == 0:
		return 0
	case v <= math.MaxUint8:
		return 1
	case v <= math.MaxUint16:
		return 2
	case v <= math.MaxUint32:
		return 4
	default:
		return 8
	}
}

// widen makes the list one that can hold v.
func (p *packed) widen(v count) {
	if width := widthOf(v); width > p.width {
		wide := packed{n: p.n, width: width, bytes: make([]byte, p.n*width)}
		for i := range p.n {
			if old := p.at(i); old != 0 {
				wide.set(i, old)
			}
		}
		*p = wide
	}
}

// push appends zeros.
func (p *packed) push(zeros int) {
	size := (p.n + zeros) * p.width
	if size > cap(p.bytes) {
		grown := make([]byte, size, size+packedRoom*p.width)
		copy(grown, p.bytes)
		p.bytes = grown
	} else {
		old := len(p.bytes)
		p.bytes = p.bytes[:size]
		clear(p.bytes[old:])
	}
	p.n += zeros
}

// drop removes the first of the list.
func (p *packed) drop(first int) {
	p.n -= first
	p.bytes = p.bytes[:copy(p.bytes, p.bytes[first*p.width:])]
	if p.n == 0 {
		*p = packed{}
	}
}

// cut removes all from the index on.
func (p *packed) cut(from int) { p.n, p.bytes = from, p.bytes[:from*p.width] }

// sum is the sum of those in [from, to).
func (p *packed) sum(from, to int) (total count) {
	b := p.bytes[from*p.width : to*p.width]
	switch p.width {
	case 0:
	case 1:
		for _, v := range b {
			total += count(v)
		}
	case 2:
		for ; len(b) >= 2; b = b[2:] {
			total += count(binary.LittleEndian.Uint16(b))
		}
	case 4:
		for ; len(b) >= 4; b = b[4:] {
			total += count(binary.LittleEndian.Uint32(b))
		}
	default:
		for ; len(b) >= 8; b = b[8:] {
			total += count(binary.LittleEndian.Uint64(b))
		}
	}
	return total
}
