// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scatter

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otelcol-sre/otelcol-sre/internal/otlpwire"
)

// depth is how many messages are around a data point: its resource, its scope, its metric, and the kind of data.
const depth = 4

// A frame is a message around the items that are being read: its number in the message around it, its bytes, and the number of what it has many of.
type frame struct {
	number protowire.Number
	body   []byte
	many   protowire.Number
}

// lengthBytes is how many bytes the length of a frame takes: it is known only when the frame ends, so there is room for the longest. Protobuf
// allows lengths that are longer than they need be.
const lengthBytes = 5

// A share is what one gateway gets of a request. It begins with no more than the frames of its first item.
type share struct {
	buf    []byte
	items  int
	open   int        // how many frames have begun, and not ended
	bodies [depth]int // where their bodies begin in buf
}

// add appends the item, in its frames.
func (s *share) add(frames []frame, item []byte, items int) {
	for ; s.open < len(frames); s.open++ {
		f := frames[s.open]
		s.buf = protowire.AppendTag(s.buf, f.number, protowire.BytesType)
		s.buf = append(s.buf, make([]byte, lengthBytes)...)
		s.bodies[s.open] = len(s.buf)
		for body := f.body; len(body) > 0; {
			part, rest, err := otlpwire.Next(body)
			if err != nil {
				break // the reader of the frame reports it
			}
			if part.Number != f.many {
				s.buf = append(s.buf, part.Raw...)
			}
			body = rest
		}
	}
	s.buf = append(s.buf, item...)
	s.items += items
}

// end ends the frames from that depth on, if they have begun.
func (s *share) end(depth int) {
	for s.open > depth {
		s.open--
		at := s.bodies[s.open]
		length := uint64(len(s.buf) - at)
		for i := at - lengthBytes; i < at-1; i++ {
			s.buf[i] = byte(length) | 0x80
			length >>= 7
		}
		s.buf[at-1] = byte(length)
	}
}

// cut ends the share, returns a copy of it, and empties it.
func (s *share) cut(of int) Part {
	s.end(0)
	p := Part{Gateway: of, Data: bytes.Clone(s.buf), Items: s.items}
	s.buf, s.items = s.buf[:0], 0
	return p
}
