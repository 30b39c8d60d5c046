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

// flush saves what has changed and then emits every counter.
//
// Saved before emitted: after a kill -9 the counters go on from what was saved, which is never
// less than what the next consumer has seen. When saving fails they are emitted all the same:
// an alert that does not fire for a full disk is the greater harm. Only then may counters be
// lower after a kill, until they have caught up.
func (c *core) flush(ctx context.Context) {
	if c.unsubscribe == nil {
		return // never started
	}
	c.flushing.Lock()
	defer c.flushing.Unlock()
	now := c.now()
	c.lastFlush = max(pcommon.NewTimestampFromTime(now), c.lastFlush+2*tick)
	c.settle(ctx, c.config.SettleTimeout)
	e, records, swapped := c.snapshot()
	c.save(ctx, now, records)
	emitted := c.emit(ctx, now, e)
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

// snapshot reads every counter into an emission and, after that, the shards that have changed
// into records. It also reports whether there has been a catalog swap, so that the emission may have the
// last counts of what was removed.
func (c *core) snapshot() (_ *emission, _ map[int][]byte, swapped bool) {
	e, records := newEmission(c), make(map[int][]byte)
	r := c.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.shards {
		s := &r.shards[i]
		for _, svc := range s.services {
			svc.mu.Lock()
			e.service(svc)
			s.dirty = s.dirty || svc.dirty
			svc.dirty = false
			svc.mu.Unlock()
		}
		if s.dirty && c.config.Storage != nil {
			records[i] = s.encode()
		}
		s.dirty = false
	}
	swapped, r.changed = r.changed, false
	c.series.Store(int64(e.series))
	return e, records, swapped
}

// save keeps the records. Those that could not be saved are due again with the next flush.
func (c *core) save(ctx context.Context, now time.Time, records map[int][]byte) {
	if len(records) == 0 {
		return
	}
	batch := make([]checkpoint.Record, 0, len(records))
	for i, payload := range records {
		batch = append(batch, checkpoint.Record{Key: shardKey(i), Payload: payload})
	}
	err := c.store.Save(ctx, batch...)
	if err != nil {
		c.registry.mu.Lock()
		for i := range records {
			c.registry.shards[i].dirty = true
		}
		c.registry.mu.Unlock()
		c.failed(ctx, now, flush.Save, "The SLI counters could not be saved; they are emitted all the same", err)
		return
	}
	c.health.Succeeded(flush.Save, flush.Restore)
}

// emit hands the counters on. What is refused is in the next flush again: they are cumulative.
func (c *core) emit(ctx context.Context, now time.Time, e *emission) (taken bool) {
	if e.metrics.DataPointCount() == 0 {
		return true
	}
	e.dropEmpty()
	err := c.next.ConsumeMetrics(ctx, e.metrics)
	if err != nil {
		c.failed(ctx, now, flush.Emit, "The SLI counters were refused; the next flush carries them again", err)
		return false
	}
	c.health.Succeeded(flush.Emit)
	for _, s := range e.fresh {
		s.emitted = true
	}
	return true
}

// failed counts and reports that a stage has failed.
func (c *core) failed(ctx context.Context, now time.Time, stage, message string, err error) {
	c.telemetry.fail(ctx, stage)
	c.health.Failed(now, stage, message, err)
}
