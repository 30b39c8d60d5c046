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

// spareKey is the key of the record as it was when hours were last sealed. It is read if the other is damaged: the senders' counters
// say what has happened since.
func spareKey(shard int) string { return fmt.Sprintf("spare/%02x", shard) }

// maxSave is about how many bytes are saved in one transaction. Only a save of everything takes more than one.
const maxSave = 64 << 20

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

// damagedHour reports a sealed hour that cannot be read.
func (p *sloProcessor) damagedHour(err error) {
	p.stats.damaged.Add(1)
	p.health.Failed(p.now(), flush.Restore, "The minutes of an hour of an SLO could not be read; the events of the hour count as spread evenly over it", err)
}

func (p *sloProcessor) restoreShard(ctx context.Context, n int, now int64) error {
	p.shards[n].archive = p.archive
	err := p.restoreRecord(ctx, recordKey(n), n, now)
	if errors.Is(err, checkpoint.ErrDamaged) {
		err = errors.Join(err, p.restoreRecord(ctx, spareKey(n), n, now))
		if len(p.shards[n].slos) == 0 {
			p.shards[n].lost = now
		}
	}
	return err
}

func (p *sloProcessor) restoreRecord(ctx context.Context, key string, n int, now int64) error {
	payload, err := p.store.Load(ctx, key)
	if payload == nil || err != nil {
		return err
	}
	if err := p.shards[n].decode(payload, n, now); err != nil {
		p.shards[n].reset()
		return errors.Join(fmt.Errorf("%w %q: %w", checkpoint.ErrDamaged, key, err), p.store.SetAside(ctx, key))
	}
	return nil
}

func (s *shard) reset() {
	s.slos, s.forgotten = make(map[key]*tracked), 0
}

// A save is what one transaction writes.
type save struct {
	records []checkpoint.Record
	shards  []*shard
	size    int
}

func (s *save) add(n int, of *shard) {
	payload, hours := of.encode()
	s.shards = append(s.shards, of)
	s.records = append(append(s.records, checkpoint.Record{Key: recordKey(n), Payload: payload}), hours...)
	s.size += len(payload)
	if len(hours) > 0 {
		s.records = append(s.records, checkpoint.Record{Key: spareKey(n), Payload: payload})
		for _, hour := range hours {
			s.size += len(hour.Payload)
		}
	}
}

// checkpoint tidies and saves the shards whose turn it is, or all of them, in one transaction. A save that fails is
// tried again at the next flush.
func (p *sloProcessor) checkpoint(ctx context.Context, now time.Time, all bool) {
	p.turn.Lock()
	defer p.turn.Unlock()
	// What is due before the next flush would be late then.
	horizon := now.Add(p.config.FlushInterval).UnixNano()
	var due save
	for n := range p.shards {
		s := &p.shards[n]
		if !s.begin(now.UnixNano(), horizon, p.config, all) || p.config.Storage == nil {
			continue
		}
		if due.add(n, s); due.size >= maxSave {
			if !p.save(ctx, due, now) {
				return // the others would most likely fail too
			}
			due = save{}
		}
	}
	if len(due.shards) > 0 {
		p.save(ctx, due, now)
	}
}

func (p *sloProcessor) save(ctx context.Context, due save, now time.Time) (done bool) {
	err := p.store.Save(ctx, due.records...)
	for _, s := range due.shards {
		s.saved(err == nil, now.UnixNano())
	}
	if err != nil {
		p.stats.saveFailures.Add(1)
		p.health.Failed(now, flush.Save, "The error budgets were not saved", err)
		return false
	}
	p.stats.saves.Add(int64(len(due.shards)))
	p.health.Succeeded(flush.Save, flush.Restore)
	return true
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

// saved notes what became of the save. One that failed puts the shard back in the queue.
func (s *shard) saved(done bool, now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.slos {
		for _, i := range t.instances {
			if i.history != nil {
				i.history.minutes.saved(done)
			}
		}
	}
	if done {
		s.garbage = s.garbage[s.removing:]
	} else {
		s.changed, s.due = true, now
	}
	s.removing = 0
}
