// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/flush"
)

// recordKey is the key of a shard's record in storage.
func recordKey(shard int) string { return fmt.Sprintf("shard/%02x", shard) }

// restore loads the saved state. A damaged record is set aside: its SLOs start from zero, and the senders'
// counters fill them again. The error says that storage could not be read at all.
func (p *sloProcessor) restore(ctx context.Context) error {
	now := p.now().UnixNano()
	for n := range p.shards {
		s := &p.shards[n]
		// The shards' turns are spread over the interval.
		s.due = now + int64(p.config.CheckpointInterval)*int64(n+1)/shardCount
		err := p.restoreShard(ctx, n, now)
		if errors.Is(err, checkpoint.ErrDamaged) {
			p.damaged(err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// damaged reports saved state that cannot be read.
func (p *sloProcessor) damaged(err error) {
	p.stats.damaged.Add(1)
	p.health.Failed(p.now(), flush.Restore, "A part of the error budgets could not be restored; they are rebuilt from what the senders' counters hold", err)
}

func (p *sloProcessor) restoreShard(ctx context.Context, n int, now int64) error {
	payload, err := p.store.Load(ctx, recordKey(n))
	if payload == nil || err != nil {
		return err
	}
	if err := p.shards[n].decode(payload, n, now); err != nil {
		p.shards[n].reset()
		return errors.Join(fmt.Errorf("%w %q: %w", checkpoint.ErrDamaged, recordKey(n), err), p.store.SetAside(ctx, recordKey(n)))
	}
	return nil
}

func (s *shard) reset() {
	s.slos, s.forgotten = make(map[key]*tracked), 0
}

// checkpoint tidies and saves the shards whose turn it is, or all of them. A save that fails is
// tried again at the next flush.
func (p *sloProcessor) checkpoint(ctx context.Context, now time.Time, all bool) {
	p.turn.Lock()
	defer p.turn.Unlock()
	// What is due before the next flush would be late then.
	horizon := now.Add(p.config.FlushInterval).UnixNano()
	for n := range p.shards {
		s := &p.shards[n]
		if !s.begin(now.UnixNano(), horizon, p.config, all) || p.config.Storage == nil {
			continue
		}
		if err := p.store.Save(ctx, checkpoint.Record{Key: recordKey(n), Payload: s.encode()}); err != nil {
			s.retry(now.UnixNano())
			p.stats.saveFailures.Add(1)
			p.health.Failed(now, flush.Save, "The error budgets were not saved", err)
			return // the others would most likely fail too
		}
		p.stats.saves.Add(1)
		p.health.Succeeded(flush.Save, flush.Restore)
	}
}

// begin reports whether the shard is to be saved now. It tidies the shard when its turn has come.
func (s *shard) begin(now, horizon int64, config *Config, all bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := now + int64(config.CheckpointInterval)
	if s.due > horizon && s.due <= next && !all { // a turn further off is of a clock that was ahead
		return false
	}
	s.due = next
	s.tidy(now, config.StreamTTL)
	changed := s.changed
	s.changed = false
	if s.unsaved {
		s.unsaved, s.look = false, 0
		for _, t := range s.slos {
			t.lookNow()
		}
	}
	return changed
}

// retry puts the shard back in the queue.
func (s *shard) retry(now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed, s.due = true, now
}
