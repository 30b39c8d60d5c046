// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package journal keeps records in a folder so that they survive a kill -9: a record is in the kernel's page cache when
// Append returns. Records are not synchronized to the disk, so a crash of the machine can lose the newest ones.
//
// The folder has numbered segments, and a file that is locked. Each segment begins with a header and has records one after the other:
//
//	header: magic (4 bytes), format (1), seed (32), CRC-32C of the header so far (4)
//	record: length (4), CRC-32C of the payload (4), payload; numbers are little endian
//
// Reading a segment ends at the first record that is not sound. A process never appends to a segment of another process.
package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	magic      = "osrj"
	format     = 1
	headerSize = len(magic) + 1 + len(Seed{}) + 4
	frameSize  = 8
	maxRecord  = 1 << 30

	suffix    = ".journal"
	damaged   = "damaged-"
	lockFile  = "lock"
	minLength = headerSize
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrFull is returned by Append when the segments that cannot be removed yet take all the room that they may have.
var ErrFull = errors.New("the journal has reached its size limit, because no checkpoint was saved")

// A Seed is secret and random. All segments of a folder have the same one.
type Seed [32]byte

// A Position is between two records: those before it have a smaller segment, or the same one and end at Offset or before.
type Position struct {
	Segment uint64
	Offset  int64
}

// A Journal is a folder that belongs to this process alone. Append, Size and Forget may be called concurrently; the other methods
// may not be called at the same time as any method.
type Journal struct {
	dir   string
	seed  Seed
	limit int64 // of a segment
	total int64 // of all
	lock  *os.File

	mu       sync.Mutex
	segments []*Segment // older than the current one, oldest first
	current  uint64     // the segment that is written next or now
	file     *os.File   // nil until the first record
	offset   int64
}

// A Segment is one that is not written any more.
type Segment struct {
	Number uint64
	Bytes  int64
	// Unread is the number of bytes at its end that are not sound records. Torn: they are a record that was not
	// written to its end, which is what a kill leaves.
	Unread int64
	Torn   bool
	// Generation is for the caller.
	Generation uint64
	path       string
}

// Open opens the folder, which is made if it does not exist. limit is the size in bytes from which a segment is to be
// followed by a new one, total that of all segments, from which Append refuses. seed is used if the folder has none yet.
func Open(dir string, limit, total int64, seed Seed) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the folder cannot be made: %w; name one that the collector can write", err)
	}
	lock, err := lockFolder(filepath.Join(dir, lockFile))
	if errors.Is(err, errLocked) {
		return nil, fmt.Errorf("the folder %q is in use by another collector or connector; give each a folder of its own", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("the folder %q cannot be locked: %w; name one that the collector can write", dir, err)
	}
	j := &Journal{dir: dir, seed: seed, limit: limit, total: total, lock: lock, current: 1}
	if err := j.list(); err != nil {
		return nil, errors.Join(fmt.Errorf("the folder %q cannot be read: %w", dir, err), lock.Close())
	}
	j.adopt()
	return j, nil
}

func (j *Journal) list() error {
	entries, err := os.ReadDir(j.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		number, err := strconv.ParseUint(strings.TrimSuffix(e.Name(), suffix), 10, 63)
		if err != nil || !strings.HasSuffix(e.Name(), suffix) {
			continue
		}
		j.segments = append(j.segments, &Segment{Number: number, path: filepath.Join(j.dir, e.Name())})
		j.current = max(j.current, number+1)
	}
	slices.SortFunc(j.segments, func(a, b *Segment) int {
		if a.Number < b.Number {
			return -1
		}
		return 1
	})
	return nil
}

// Seed is that of the segments.
func (j *Journal) Seed() Seed { return j.seed }

// Segments are those that earlier processes wrote and those before the current one, oldest first.
func (j *Journal) Segments() []*Segment { return j.segments }

// adopt takes the seed of the folder, so that what was hashed with it can be compared. The lock's file has it, in a header, and so has each segment.
func (j *Journal) adopt() {
	content := make([]byte, headerSize)
	_, _ = j.lock.ReadAt(content, 0)
	if seed, ok := header(content); ok {
		j.seed = seed
		return
	}
	for _, s := range slices.Backward(j.segments) {
		if content, err := os.ReadFile(s.path); err == nil {
			if seed, ok := header(content); ok {
				j.seed = seed
				break
			}
		}
	}
	// On a full disk the next segment has it.
	_, _ = j.lock.WriteAt(j.header(), 0)
}

func (j *Journal) header() []byte {
	content := make([]byte, 0, headerSize)
	content = append(content, magic...)
	content = append(content, format)
	content = append(content, j.seed[:]...)
	return binary.LittleEndian.AppendUint32(content, crc32.Checksum(content, castagnoli))
}

// Read calls do with each sound record of the segment and the position after it. It stops at the first error of do, which
// makes the rest unread. A segment with another seed, or without a sound header, is unread as a whole.
func (j *Journal) Read(s *Segment, do func(after Position, payload []byte) error) error {
	content, err := os.ReadFile(s.path)
	if err != nil {
		return fmt.Errorf("journal %q: %w", s.path, err)
	}
	s.Bytes, s.Unread = int64(len(content)), int64(len(content))
	seed, ok := header(content)
	if !ok {
		s.Torn = len(content) < minLength
		return nil
	}
	if seed != j.seed {
		return nil
	}
	rest := content[headerSize:]
	for len(rest) > 0 {
		s.Unread = int64(len(rest))
		if len(rest) < frameSize {
			s.Torn = true
			return nil
		}
		length := int64(binary.LittleEndian.Uint32(rest))
		if length == 0 || length > maxRecord {
			return nil
		}
		if int64(len(rest)) < frameSize+length {
			s.Torn = true
			return nil
		}
		payload := rest[frameSize : frameSize+length]
		if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(rest[4:]) {
			return nil
		}
		rest = rest[frameSize+length:]
		if err := do(Position{s.Number, s.Bytes - int64(len(rest))}, payload); err != nil {
			return fmt.Errorf("journal %q: %w", s.path, err)
		}
	}
	s.Unread = 0
	return nil
}

func header(content []byte) (seed Seed, ok bool) {
	if len(content) < headerSize || string(content[:len(magic)]) != magic || content[len(magic)] != format {
		return seed, false
	}
	sum := binary.LittleEndian.Uint32(content[headerSize-4:])
	copy(seed[:], content[len(magic)+1:])
	return seed, crc32.Checksum(content[:headerSize-4], castagnoli) == sum
}

// Frame is the room that a record needs before its payload: Append fills it.
const Frame = frameSize

// Append writes a record, whose first Frame bytes are not of the payload, with one call to the system. It returns the
// number of its segment. After an error the journal is as it was before.
func (j *Journal) Append(record []byte) (segment uint64, err error) {
	payload := record[frameSize:]
	if len(payload) == 0 || len(payload) > maxRecord {
		return 0, fmt.Errorf("a journal record of %d bytes", len(payload))
	}
	binary.LittleEndian.PutUint32(record, uint32(len(payload)))
	binary.LittleEndian.PutUint32(record[4:], crc32.Checksum(payload, castagnoli))
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.kept()+j.offset+int64(len(record)) > j.total {
		return 0, ErrFull
	}
	if j.file == nil {
		if err := j.begin(); err != nil {
			return 0, err
		}
	}
	if _, err := j.file.WriteAt(record, j.offset); err != nil {
		// What was written of it must not be in the way of the next one.
		return 0, errors.Join(fmt.Errorf("write journal: %w", err), j.file.Truncate(j.offset))
	}
	j.offset += int64(len(record))
	return j.current, nil
}

func (j *Journal) kept() (bytes int64) {
	for _, s := range j.segments {
		bytes += s.Bytes
	}
	return bytes
}

func (j *Journal) path(segment uint64) string {
	return filepath.Join(j.dir, fmt.Sprintf("%020d%s", segment, suffix))
}

// begin makes the file of the current segment.
func (j *Journal) begin() error {
	path := j.path(j.current)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("begin journal: %w", err)
	}
	if _, err := file.WriteAt(j.header(), 0); err != nil {
		return errors.Join(fmt.Errorf("begin journal: %w", err), file.Close(), os.Remove(path))
	}
	j.file, j.offset = file, int64(headerSize)
	return nil
}

// Current is the number of the segment that is written.
func (j *Journal) Current() uint64 { return j.current }

// Position is the one after the last record.
func (j *Journal) Position() Position { return Position{j.current, j.offset} }

// Size is the number of bytes in the current segment, and whether it has reached the limit.
func (j *Journal) Size() (bytes int64, reached bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.offset, j.offset >= j.limit
}

// Lost reports whether the file that is written is not in the folder any more, so that no restart would find it.
func (j *Journal) Lost() bool {
	if j.file == nil {
		return false
	}
	open, err := j.file.Stat()
	if err != nil {
		return true
	}
	there, err := os.Stat(j.path(j.current))
	return err != nil || !os.SameFile(open, there) || open.Size() < j.offset
}

// Rotate ends the current segment if it has a record. The next record begins a new one.
func (j *Journal) Rotate(generation uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.segments = append(j.segments, &Segment{Number: j.current, Bytes: j.offset, Generation: generation, path: j.path(j.current)})
	j.file, j.offset = nil, 0
	j.current++
	return err
}

// Forget removes the segments for which done is true. Those that had unsound records are renamed instead; only the newest of them is kept.
func (j *Journal) Forget(done func(*Segment) bool) error {
	var old []*Segment
	j.mu.Lock()
	j.segments = slices.DeleteFunc(j.segments, func(s *Segment) bool {
		if done(s) {
			old = append(old, s)
			return true
		}
		return false
	})
	j.mu.Unlock()
	var errs []error
	for _, s := range old {
		var err error
		if s.Unread > 0 && !s.Torn {
			err = j.setAside(s)
		} else {
			err = os.Remove(s.path)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, fmt.Errorf("remove journal: %w", err))
		}
	}
	return errors.Join(errs...)
}

func (j *Journal) setAside(s *Segment) error {
	old, err := filepath.Glob(filepath.Join(j.dir, damaged+"*"))
	if err != nil {
		return err
	}
	for _, path := range old {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return os.Rename(s.path, filepath.Join(j.dir, damaged+filepath.Base(s.path)))
}

// Close gives the folder free. What is in it stays.
func (j *Journal) Close() error {
	err := j.Rotate(0)
	return errors.Join(err, j.lock.Close())
}
