// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package queuestorage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// A place is where the newest value of a key is.
type place struct {
	segment *segment
	offset  int64 // in the file
	size    int
	cached  []byte // nil: only on the disk
}

// A problem is a part of a file that cannot be read.
type problem struct {
	file   string
	offset int64
}

// A client is one queue: a folder of segments. Of a key, the newest operation counts.
type client struct {
	folder   string
	config   *Config
	release  func()
	lock     *os.File
	problems []problem

	mu       sync.Mutex
	index    map[string]*place
	segments []*segment // by number; the last one is written to
	// recent are the cached places, oldest first, of which some may have no cached value any more.
	recent []*place
	cached int64
	// reserve tells that the file of the reserve is there.
	reserve, closed bool
}

var _ storage.Client = (*client)(nil)

func openClient(folder string, config *Config, release func()) (_ *client, err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	c := &client{folder: folder, config: config, release: release, index: make(map[string]*place)}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.closeFiles())
		}
	}()
	if c.lock, err = os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, err
	}
	if syscall.Flock(int(c.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil, fmt.Errorf("%s is in use by another process: give each collector a folder of its own", folder)
	}
	names, err := filepath.Glob(filepath.Join(folder, "*.segment"))
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	for i, name := range names {
		if err := c.read(name, i == len(names)-1); err != nil {
			return nil, err
		}
	}
	c.fillReserve()
	if len(c.segments) == 0 {
		return c, c.begin(1)
	}
	return c, c.tidy()
}

// read puts what is in a file into the index. What a loss of power has cut off at the end of the last file is removed from it.
func (c *client) read(name string, last bool) error {
	s := &segment{}
	if _, err := fmt.Sscanf(filepath.Base(name), "%d.segment", &s.number); err != nil {
		return fmt.Errorf("%s: is not a file of a queue: move it away", name)
	}
	var err error
	if s.file, err = os.OpenFile(name, os.O_RDWR, 0o600); err != nil {
		return err
	}
	c.segments = append(c.segments, s)
	r := bufio.NewReaderSize(s.file, 1<<20)
	var payload []byte
	for {
		payload, err = readFrame(r, payload[:0])
		if err == nil {
			at := s.size + headerSize
			err = operations(payload, func(op byte, key string, from, to int) {
				c.forget(key)
				if op == opSet {
					c.remember(key, &place{segment: s, offset: at + int64(from), size: to - from})
				}
			})
			s.size = at + int64(len(payload))
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, io.EOF):
			return nil
		case !errors.Is(err, errDamaged):
			return err
		}
		c.problems = append(c.problems, problem{name, s.size})
		if last {
			return s.file.Truncate(s.size)
		}
		return nil
	}
}

// begin makes the next file.
func (c *client) begin(number int) error {
	file, err := os.OpenFile(filepath.Join(c.folder, fmt.Sprintf("%012d.segment", number)), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	c.segments = append(c.segments, &segment{file: file, number: number})
	return nil
}

func (c *client) forget(key string) {
	if p := c.index[key]; p != nil {
		p.segment.live -= int64(p.size + len(key))
		p.segment.keys--
		c.cached -= int64(len(p.cached))
		p.cached = nil
		delete(c.index, key)
	}
}

func (c *client) remember(key string, p *place) {
	c.index[key] = p
	p.segment.live += int64(p.size + len(key))
	p.segment.keys++
}

// Get returns the value of the key; nil if there is none. Do not change it.
func (c *client) Get(ctx context.Context, key string) ([]byte, error) {
	op := storage.GetOperation(key)
	err := c.Batch(ctx, op)
	return op.Value, err
}

// Set stores the value.
func (c *client) Set(ctx context.Context, key string, value []byte) error {
	return c.Batch(ctx, storage.SetOperation(key, value))
}

// Delete removes the key.
func (c *client) Delete(ctx context.Context, key string) error {
	return c.Batch(ctx, storage.DeleteOperation(key))
}

var errClosed = errors.New("queue_storage: the client is closed")

// Batch does all of the operations, or, if it returns an error, none that changes anything.
func (c *client) Batch(_ context.Context, ops ...*storage.Operation) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed
	}
	return c.do(ops)
}

func (c *client) do(ops []*storage.Operation) error {
	frame := encode(ops)
	var in *segment
	if len(frame) > 0 {
		var err error
		if in, err = c.append(frame, ops); err != nil {
			return err
		}
	}
	if err := c.apply(ops, frame, in); err != nil {
		return err
	}
	if in == nil {
		return nil
	}
	if in.size >= c.config.SegmentBytes {
		_ = c.begin(in.number + 1) // if it fails, the next call writes to the same file and tries again
	}
	return c.tidy()
}

// encode is a frame of the operations that change anything; empty if none does.
func encode(ops []*storage.Operation) []byte {
	size := 0
	for _, op := range ops {
		if op.Type != storage.Get {
			size += opSize(op)
		}
	}
	if size == 0 {
		return nil
	}
	frame := make([]byte, headerSize, headerSize+size)
	for _, op := range ops {
		switch op.Type {
		case storage.Set:
			frame = appendOp(frame, opSet, op.Key, op.Value)
		case storage.Delete:
			frame = appendOp(frame, opDelete, op.Key, nil)
		case storage.Get:
		}
	}
	seal(frame)
	return frame
}

// opSize is the size of the operation in a frame.
func opSize(op *storage.Operation) int {
	size := 1 + uvarintSize(len(op.Key)) + len(op.Key)
	if op.Type == storage.Set {
		size += uvarintSize(len(op.Value)) + len(op.Value)
	}
	return size
}

// maxMark is the size of values that may use the reserve: those that say where a queue begins and ends. What is in it is larger.
const maxMark = 256

// marks tells that the operations add nothing to the queue.
func marks(ops []*storage.Operation) bool {
	return !slices.ContainsFunc(ops, func(op *storage.Operation) bool { return op.Type == storage.Set && len(op.Value) > maxMark })
}

// append writes a frame of the operations to the last file, and returns that.
func (c *client) append(frame []byte, ops []*storage.Operation) (*segment, error) {
	if len(frame)-headerSize > maxPayload {
		return nil, fmt.Errorf("queue_storage: %d bytes are more than %d in one call", len(frame), maxPayload)
	}
	err := c.write(frame)
	if errors.Is(err, syscall.EFBIG) && c.last().size > 0 { // the file may not grow
		if err = c.begin(c.last().number + 1); err == nil {
			err = c.write(frame)
		}
	}
	if errors.Is(err, syscall.ENOSPC) && marks(ops) && c.freeReserve() {
		err = c.write(frame)
	}
	return c.last(), err
}

func (c *client) last() *segment { return c.segments[len(c.segments)-1] }

// write appends a frame to the last file. If that fails, the file is as it was.
func (c *client) write(frame []byte) error {
	to := c.last()
	_, err := to.file.WriteAt(frame, to.size)
	if err == nil && c.config.Fsync {
		err = to.file.Sync()
	}
	if err != nil {
		return errors.Join(err, to.file.Truncate(to.size))
	}
	to.size += int64(len(frame))
	return nil
}

// apply does the operations in their order. Those that change anything are in the frame, at the end of the segment.
func (c *client) apply(ops []*storage.Operation, frame []byte, in *segment) error {
	next := headerSize
	for _, op := range ops {
		switch op.Type {
		case storage.Get:
			var err error
			if op.Value, err = c.get(op.Key); err != nil {
				return err
			}
		case storage.Delete:
			c.forget(op.Key)
			next += opSize(op)
		case storage.Set:
			c.forget(op.Key)
			next += opSize(op)
			value := frame[next-len(op.Value) : next : next]
			p := &place{segment: in, offset: in.size - int64(len(frame)-next+len(value)), size: len(value), cached: value}
			c.remember(op.Key, p)
			c.cache(p)
		}
	}
	return nil
}

// get returns the newest value.
func (c *client) get(key string) ([]byte, error) {
	p := c.index[key]
	if p == nil {
		return nil, nil
	}
	if p.cached != nil {
		return p.cached, nil
	}
	value := make([]byte, p.size)
	if _, err := p.segment.file.ReadAt(value, p.offset); err != nil {
		return nil, fmt.Errorf("queue_storage: %s: %w", p.segment.file.Name(), err)
	}
	return value, nil
}

// cache keeps a value in memory, instead of the oldest ones if there is no room.
func (c *client) cache(p *place) {
	c.recent = append(c.recent, p)
	c.cached += int64(len(p.cached))
	for len(c.recent) > 0 && (c.cached > c.config.CacheBytes || c.recent[0].cached == nil) {
		oldest := c.recent[0]
		c.recent[0] = nil
		c.recent = c.recent[1:]
		c.cached -= int64(len(oldest.cached))
		oldest.cached = nil
	}
	if len(c.recent) > 1024 && len(c.recent) > 2*len(c.index) { // most of them are gone, behind one that stays
		c.recent = slices.DeleteFunc(c.recent, func(p *place) bool { return p.cached == nil })
	}
}

// tidy removes the oldest files, as long as little in them is needed: that is written again. A file in the middle stays until then, because it may have
// the deletion of what is in an older one.
func (c *client) tidy() error {
	for len(c.segments) > 1 && c.segments[0].live*4 <= c.segments[0].size {
		oldest := c.segments[0]
		if oldest.keys > 0 {
			var ops []*storage.Operation
			for key, p := range c.index {
				if p.segment != oldest {
					continue
				}
				value, err := c.get(key)
				if err != nil {
					return err
				}
				ops = append(ops, storage.SetOperation(key, value))
			}
			frame := encode(ops)
			in, err := c.append(frame, ops)
			if err != nil {
				return nil //nolint:nilerr // the disk is full; the next call tries again
			}
			if err := c.apply(ops, frame, in); err != nil {
				return err
			}
		}
		c.segments = slices.Delete(c.segments, 0, 1)
		if err := errors.Join(oldest.file.Close(), os.Remove(oldest.file.Name())); err != nil {
			return err
		}
		c.fillReserve()
	}
	return nil
}

// Close ends the use of the files.
func (c *client) Close(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	err := c.closeFiles()
	c.release()
	return err
}

func (c *client) closeFiles() error {
	var errs []error
	for _, s := range c.segments {
		errs = append(errs, s.file.Close())
	}
	if c.lock != nil {
		errs = append(errs, c.lock.Close())
	}
	return errors.Join(errs...)
}
