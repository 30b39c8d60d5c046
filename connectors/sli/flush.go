// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/flush"
)

// tick is how far apart the points of a series are at least: stores count in milliseconds, and the
// flushes at the end follow each other closely.
const tick = pcommon.Timestamp(time.Millisecond)

// checkpointEvery is the time between two checkpoints while the journal has what is in none, and checkpointBytes the size of the
// journal from which the next flush makes one.
const (
	checkpointEvery = 30 * time.Second
	checkpointBytes = 16 << 20
)

// flush emits every counter, and saves what has changed if that is due.
//
// Saved before emitted: after a kill -9 the counters go on from what was saved, in the journal or in a checkpoint, which is never
// less than what the next consumer has seen. When saving fails they are emitted all the same:
// an alert that does not fire for a full disk is the greater harm. Only then may counters be
// lower after a kill, until they have caught up.
func (c *core) flush(ctx context.Context) {
	if c.unsubscribe == nil {
		return // never started
	}
	c.flushing.Lock()
	defer c.flushing.Unlock()
	c.refresh()
	now := c.now()
	c.lastFlush = max(pcommon.NewTimestampFromTime(now), c.lastFlush+2*tick)
	c.settle(ctx, c.config.SettleTimeout)
	e, swapped := c.snapshot()
	if swapped || c.due(now) {
		c.checkpoint(ctx, now)
	}
	emitted := c.emit(ctx, now, e)
	if emitted {
		c.emitLedger(ctx, now, e.burning)
	}
	if swapped {
		c.registry.emitted(emitted)
	}
}

// settle counts what the metrics SLIs have had pending for longer than timeout.
func (c *core) settle(ctx context.Context, timeout time.Duration) {
	remarks, now := newRemarks(), c.now()
	c.registry.mu.Lock()
	for i := range c.registry.shards {
		for _, s := range c.registry.shards[i].services {
			s.mu.Lock()
			s.sweep(c.registry, now, timeout, remarks)
			s.mu.Unlock()
		}
	}
	c.registry.mu.Unlock()
	c.tell(ctx, remarks)
}

// snapshot reads every counter into an emission. It also reports whether there has been a catalog swap, so that the emission may
// have the last counts of what was removed.
func (c *core) snapshot() (_ *emission, swapped bool) {
	e := newEmission(c)
	r := c.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.shards {
		for _, svc := range r.shards[i].services {
			svc.mu.Lock()
			e.service(svc)
			if svc.books.count.Load() > 0 {
				svc.books.turnAll(svc, e.now)
				e.burning = append(e.burning, svc)
			}
			svc.mu.Unlock()
		}
	}
	swapped, r.changed = r.changed, false
	c.series.Store(int64(e.series))
	return e, swapped
}

// due reports whether there is something that only a checkpoint keeps: the counters of metrics SLIs are not in the journal.
func (c *core) due(now time.Time) bool {
	if c.journal == nil || c.journalFailed.Load() || c.registry.streams.Load() > 0 {
		return true
	}
	bytes, _ := c.journal.Size()
	return bytes >= checkpointBytes || now.Sub(c.lastCheckpoint) >= checkpointEvery || now.Before(c.lastCheckpoint)
}

// checkpoint saves the shards that have changed. Those that could not be saved are due again with the next flush.
func (c *core) checkpoint(ctx context.Context, now time.Time) {
	if c.config.Storage == nil {
		return
	}
	c.commits.Lock()
	journalFailed := c.journalFailed.Swap(false)
	c.tendJournal(ctx, now)
	records, shards := c.records()
	position := c.position()
	c.commits.Unlock()
	if len(records) == 0 && position == c.saved {
		return
	}
	records = append(records, c.positionRecord(position)...)
	if err := c.store.Save(ctx, records...); err != nil {
		c.journalFailed.Store(journalFailed)
		c.registry.mu.Lock()
		for _, i := range shards {
			c.registry.shards[i].dirty = true
		}
		c.registry.mu.Unlock()
		c.registry.late.Store(true)
		c.failed(ctx, now, flush.Save, "The SLI counters could not be saved; they are emitted all the same", err)
		return
	}
	c.lastCheckpoint, c.saved = now, position
	c.forgetSegments(ctx, now)
	c.health.Succeeded(flush.Save, flush.Restore)
	if !journalFailed {
		c.health.Succeeded(flush.Journal)
	}
}

// records are those of the shards that have changed, whose indexes are shards, and of the late counts.
func (c *core) records() (records []checkpoint.Record, shards []int) {
	r := c.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.shards {
		s := &r.shards[i]
		for _, svc := range s.services {
			svc.mu.Lock()
			s.dirty = s.dirty || svc.dirty
			svc.dirty = false
			svc.mu.Unlock()
		}
		if s.dirty {
			records = append(records, checkpoint.Record{Key: shardKey(i), Payload: s.encode()})
			shards = append(shards, i)
		}
		s.dirty = false
	}
	if r.late.Swap(false) {
		records = append(records, checkpoint.Record{Key: keyLate, Payload: r.encodeLate()}, checkpoint.Record{Key: keyPast, Payload: r.encodePast()})
	}
	return records, shards
}

// emit hands the counters on. What is refused is in the next flush again: they are cumulative.
func (c *core) emit(ctx context.Context, now time.Time, e *emission) (taken bool) {
	if e.metrics.DataPointCount() == 0 {
		return true
	}
	e.dropEmpty()
	err := c.next.ConsumeMetrics(ctx, e.metrics)
	c.pause.start = 0 // what is counted from now on is not of before
	if err != nil {
		c.failed(ctx, now, flush.Emit, "The SLI counters were refused; the next flush carries them again", err)
		return false
	}
	c.health.Succeeded(flush.Emit)
	c.pause.end = 0
	for _, s := range e.fresh {
		s.emitted = true
	}
	for _, emitted := range e.freshLate {
		*emitted = true
	}
	return true
}

// failed counts and reports that a stage has failed.
func (c *core) failed(ctx context.Context, now time.Time, stage, message string, err error) {
	c.telemetry.fail(ctx, stage)
	c.health.Failed(now, stage, message, err)
}
