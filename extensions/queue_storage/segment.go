// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package queuestorage

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math/bits"
	"os"
)

// A segment is a file of frames. A frame is what one call wrote, all or nothing: the size of its payload (4 bytes, big endian), the CRC-32C of the
// payload (4 bytes), and the payload. That has operations: a letter (1 byte), the size of the key (uvarint) and the key; for a set, the size of the
// value (uvarint) and the value.
type segment struct {
	file   *os.File
	number int
	size   int64
	// live are the bytes of values in it that are needed, with their keys.
	live int64
	// keys are those whose newest value is in it.
	keys int
}

const (
	headerSize = 8
	opSet      = 's'
	opDelete   = 'd'
	maxPayload = 1 << 30
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errDamaged = errors.New("damaged")
)

func appendOp(to []byte, op byte, key string, value []byte) []byte {
	to = append(to, op)
	to = binary.AppendUvarint(to, uint64(len(key)))
	to = append(to, key...)
	if op == opSet {
		to = binary.AppendUvarint(to, uint64(len(value)))
		to = append(to, value...)
	}
	return to
}

// uvarintSize is how many bytes a size takes.
func uvarintSize(n int) int { return (bits.Len64(uint64(n)|1) + 6) / 7 }

// seal completes a frame whose payload is behind the place of its header.
func seal(frame []byte) {
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-headerSize))
	binary.BigEndian.PutUint32(frame[4:], crc32.Checksum(frame[headerSize:], castagnoli))
}

// readFrame returns the next payload, and io.EOF after the last one.
func readFrame(r io.Reader, buffer []byte) ([]byte, error) {
	var header [headerSize]byte
	if n, err := io.ReadFull(r, header[:]); err != nil {
		if n == 0 && err == io.EOF {
			return nil, io.EOF
		}
		return nil, errDamaged
	}
	size := binary.BigEndian.Uint32(header[:])
	if size == 0 || size > maxPayload { // zeros are what a file has that was extended, and not written
		return nil, errDamaged
	}
	for cap(buffer) < int(size) { // grow with what is there, not with what is claimed
		read := len(buffer)
		buffer = append(buffer, make([]byte, min(max(read, 1<<16), int(size)-read))...)
		if _, err := io.ReadFull(r, buffer[read:]); err != nil {
			return nil, errDamaged
		}
		if len(buffer) == int(size) {
			return buffer, check(header, buffer)
		}
	}
	rest := buffer[:size]
	if _, err := io.ReadFull(r, rest[len(buffer):]); err != nil {
		return nil, errDamaged
	}
	return rest, check(header, rest)
}

func check(header [headerSize]byte, payload []byte) error {
	if crc32.Checksum(payload, castagnoli) != binary.BigEndian.Uint32(header[4:]) {
		return errDamaged
	}
	return nil
}

// operations calls f for each operation of a payload, with where its value is in it.
func operations(payload []byte, f func(op byte, key string, from, to int)) error {
	for at := 0; at < len(payload); {
		op := payload[at]
		at++
		key, ok := block(payload, &at)
		if !ok {
			return errDamaged
		}
		switch op {
		case opDelete:
			f(op, string(key), 0, 0)
		case opSet:
			value, ok := block(payload, &at)
			if !ok {
				return errDamaged
			}
			f(op, string(key), at-len(value), at)
		default:
			return errDamaged
		}
	}
	return nil
}

// block is bytes behind their size.
func block(payload []byte, at *int) ([]byte, bool) {
	size, n := binary.Uvarint(payload[*at:])
	if n <= 0 || size > uint64(len(payload)-*at-n) {
		return nil, false
	}
	begin := *at + n
	*at = begin + int(size)
	return payload[begin:*at], true
}
