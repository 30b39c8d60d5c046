// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package filestorage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// The format of bbolt's files (go.etcd.io/bbolt, internal/common: page.go, meta.go): pages of one size, the first two of which hold a meta record each, in
// the byte order of the machine. The newer valid one counts.
const (
	pageHeader  = 16 // id, flags, count, overflow
	metaLength  = 64
	magic       = 0xED0CDAED
	version     = 2
	minPageSize = 512
	maxPageSize = 1 << 16
)

// A meta is what a meta record says of the file.
type meta struct {
	pageSize    uint32
	pages       uint64 // that the file has
	transaction uint64
}

// damageOf says what is wrong with the database file; nothing if it can be opened. An empty file is a new one.
func damageOf(path string) (damage string, _ error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return "", err
	}
	newest, ok, err := newestMeta(file)
	if err != nil {
		return "", err
	}
	if !ok {
		return "it has no valid meta page", nil
	}
	if need := newest.pages * uint64(newest.pageSize); newest.pages > uint64(1)<<47 || need > uint64(info.Size()) {
		return fmt.Sprintf("it has %d bytes, and should have %d or more: it was cut off", info.Size(), need), nil
	}
	return "", nil
}

// newestMeta is the valid meta record with the last transaction.
func newestMeta(file io.ReaderAt) (newest meta, ok bool, err error) {
	first, firstValid, err := metaAt(file, 0)
	if err != nil {
		return meta{}, false, err
	}
	sizes := []uint32{first.pageSize}
	if !firstValid { // the second one is at the end of the first page, whose size is not known
		sizes = nil
		for size := uint32(minPageSize); size <= maxPageSize; size *= 2 {
			sizes = append(sizes, size)
		}
	}
	newest, ok = first, firstValid
	for _, size := range sizes {
		second, valid, err := metaAt(file, int64(size))
		if err != nil {
			return meta{}, false, err
		}
		if valid && second.pageSize == size && (!ok || second.transaction > newest.transaction) {
			newest, ok = second, true
		}
	}
	return newest, ok, nil
}

// metaAt reads the meta record of the page at the offset.
func metaAt(file io.ReaderAt, offset int64) (m meta, valid bool, _ error) {
	var b [metaLength]byte
	switch _, err := file.ReadAt(b[:], offset+pageHeader); {
	case errors.Is(err, io.EOF):
		return meta{}, false, nil
	case err != nil:
		return meta{}, false, err
	}
	order := binary.NativeEndian
	sum := fnv.New64a()
	_, _ = sum.Write(b[:metaLength-8])
	m = meta{pageSize: order.Uint32(b[8:]), pages: order.Uint64(b[40:]), transaction: order.Uint64(b[48:])}
	valid = order.Uint32(b[0:]) == magic && order.Uint32(b[4:]) == version && order.Uint64(b[56:]) == sum.Sum64() &&
		m.pageSize >= minPageSize && m.pageSize <= maxPageSize
	return m, valid, nil
}
