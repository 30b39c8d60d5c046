// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/connectors/sli/internal/journal"
	"github.com/otelcol-sre/otelcol-sre/connectors/sli/internal/seen"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/flush"
)

const (
	// segmentBytes is the size from which a segment of the journal is followed by a new one.
	segmentBytes = 64 << 20
	// The journal may have generations times bytesPerEvent for each event of a generation, or times segmentBytes if that is more.
	// A request with one span is a record of less than 64 bytes.
	bytesPerEvent = 64
	generations   = 4
)

// open opens the journal and makes the set of events, as far as they are configured.
func (c *core) open() error {
	var seed journal.Seed
	_, _ = rand.Read(seed[:]) // never fails
	deduplicate := c.config.Deduplicate
	if c.config.Journal.Directory != "" {
		total := generations * max(segmentBytes, bytesPerEvent*int64(deduplicate.MaxEvents))
		j, err := journal.Open(c.config.Journal.Directory, segmentBytes, total, seed)
		if err != nil {
			return fmt.Errorf("journal::directory: %w", err)
		}
		c.journal, seed = j, j.Seed()
	}
	if deduplicate.Window > 0 {
		c.hash = seen.NewHash(seed)
		c.seen = seen.New(deduplicate.MaxEvents, deduplicate.Window, c.now())
	}
	return nil
}

func (c *core) closeJournal() error {
	if c.journal == nil {
		return nil
	}
	return c.journal.Close()
}

// generation is that of the events that are remembered.
func (c *core) generation() uint64 {
	if c.seen == nil {
		return 0
	}
	return c.seen.Generation
}

// rotate begins a new segment. c.commits must be held for writing. generation is that of the newest events of the old segment.
func (c *core) rotate(now time.Time, generation uint64) {
	if c.journal == nil {
		return
	}
	if err := c.journal.Rotate(generation); err != nil {
		c.failed(context.Background(), now, flush.Journal, "A segment of the journal could not be closed", err)
	}
}

// tendJournal begins a new segment if the current one was removed or cut. c.commits must be held for writing.
func (c *core) tendJournal(ctx context.Context, now time.Time) {
	if c.seen != nil {
		c.remembers.Store(int64(c.seen.Remembers(now)))
	}
	if c.journal != nil && c.journal.Lost() {
		c.rotate(now, c.generation())
		c.failed(ctx, now, flush.Journal, "The journal was removed or cut while it was written; a new one begins",
			fmt.Errorf("let only the collector write in %q", c.config.Journal.Directory))
	}
}

// forgetSegments removes the segments whose counts a checkpoint has and whose events are not remembered any more.
func (c *core) forgetSegments(ctx context.Context, now time.Time) {
	if c.journal == nil {
		return
	}
	c.commits.RLock()
	generation := c.generation()
	c.commits.RUnlock()
	err := c.journal.Forget(func(s *journal.Segment) bool {
		return s.Number < c.saved.Segment && (c.seen == nil || s.Generation+2 <= generation)
	})
	if err != nil {
		c.failed(ctx, now, flush.Journal, "An old segment of the journal could not be removed", err)
	}
}

func (c *core) position() journal.Position {
	if c.journal == nil {
		return journal.Position{}
	}
	return c.journal.Position()
}

// The record of the position names the journal by a hash of its seed: the one of another folder has other segments.

func (c *core) positionRecord(at journal.Position) []checkpoint.Record {
	if c.journal == nil {
		return nil
	}
	var w checkpoint.Writer
	w.Bytes(journalName(c.journal))
	w.Uint(at.Segment)
	w.Uint(uint64(at.Offset))
	return []checkpoint.Record{{Key: keyJournal, Payload: w}}
}

func journalName(j *journal.Journal) []byte {
	seed := j.Seed()
	sum := sha256.Sum256(seed[:])
	return sum[:8]
}

// loadPosition is where in this journal the checkpoint ends; nil if the checkpoint was made without it.
func (c *core) loadPosition(ctx context.Context, now time.Time) (*journal.Position, error) {
	payload, err := c.load(ctx, now, keyJournal)
	if err != nil || payload == nil {
		return nil, err
	}
	if c.journal == nil {
		// A journal that is used again later must not add what the checkpoints since then have.
		return nil, c.store.Save(ctx, checkpoint.Record{Key: keyJournal})
	}
	r := checkpoint.NewReader(payload)
	name := r.Bytes(8)
	at := &journal.Position{Segment: r.Uint(math.MaxInt64), Offset: int64(r.Uint(math.MaxInt64))}
	if err := r.End(); err != nil {
		c.failed(ctx, now, flush.Restore, "The saved position in the journal is invalid; what was counted since the last checkpoint is lost",
			errors.Join(err, c.store.SetAside(ctx, keyJournal)))
		return nil, nil
	}
	if !bytes.Equal(name, journalName(c.journal)) {
		return nil, nil
	}
	return at, nil
}

// replayJournal adds what was counted after the checkpoint, and remembers the events. c.registry.mu must be held.
func (c *core) replayJournal(ctx context.Context, now time.Time) error {
	from, err := c.loadPosition(ctx, now)
	if err != nil || c.journal == nil {
		return err
	}
	counted := 0
	first := true
	for _, s := range c.journal.Segments() {
		p := replay{core: c, from: from, series: make(map[uint64]seriesKey)}
		err := c.journal.Read(s, func(after journal.Position, payload []byte) error {
			if first && c.seen != nil {
				r := checkpoint.NewReader(payload)
				c.seen.Restart(r.Time())
				first = false
			}
			return p.record(after, payload)
		})
		counted += p.counted
		s.Generation = c.generation()
		switch {
		case err != nil || s.Unread > 0 && !s.Torn:
			c.failed(ctx, now, flush.Restore, "The journal is damaged: what was counted after the damage and before the next checkpoint is lost",
				errors.Join(err, fmt.Errorf("segment %d: %d of %d bytes could not be read; it is kept as damaged-*", s.Number, s.Unread, s.Bytes)))
		case s.Unread > 0:
			c.logger.Info("The journal ends in a request that was not written to its end, and so was not answered", zap.Int64("bytes", s.Unread))
		}
	}
	if c.seen != nil {
		c.seen.Restart(now)
	}
	if counted > 0 {
		c.logger.Info("Counters were restored from the journal", zap.Int("requests", counted))
	}
	if from == nil {
		at := c.journal.Position()
		if err := c.store.Save(ctx, c.positionRecord(at)...); err != nil {
			c.failed(ctx, now, flush.Save, "The position in the journal could not be saved", err)
		}
	}
	return nil
}
