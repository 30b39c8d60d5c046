// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/internal/flush"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// maxBatch is how many SLOs go into one batch of gauges, so that the memory a flush takes does
// not grow with their number.
const maxBatch = 256

// flush emits, as of now, the gauges that have changed, and those whose heartbeat is due; all of them if whole. It returns when
// there is something to look at next.
func (p *sloProcessor) flush(ctx context.Context, now time.Time, whole bool) (next int64) {
	p.refresh()
	p.turn.Lock()
	defer p.turn.Unlock()
	f := findings{now: now.UnixNano(), whole: whole}
	if f.now < p.flushed-int64(p.config.FlushInterval) { // the clock was set back, and all times are those of before
		f.whole = true
	}
	p.flushed = f.now
	f.next = never
	for n := range p.shards {
		s := &p.shards[n]
		p.read(s, n, &f)
		for len(f.readings) >= maxBatch {
			p.emit(ctx, f.readings[:maxBatch], now)
			f.readings = f.readings[:copy(f.readings, f.readings[maxBatch:])]
		}
	}
	if len(f.readings) > 0 {
		p.emit(ctx, f.readings, now)
	}
	if len(f.ended) > 0 {
		_ = p.pass(ctx, apart(p.emitter.metrics(f.ended, now)))
	}
	for _, counter := range f.counters {
		_ = p.pass(ctx, counter.end(counter.outcome, now))
	}
	p.stats.slos.Store(int64(f.shown))
	p.stats.streams.Store(int64(f.streams))
	return f.next
}

// Findings are what one flush finds: the readings not emitted yet, and the last points of series that were shown before and
// are not any more.
type findings struct {
	now             int64
	whole           bool
	readings, ended []reading
	// counters are those that have moved away with their SLO.
	counters []endedCounter
	// shown and streams are how many SLOs are emitted and counters followed; next is when there is something to look at.
	shown, streams int
	next           int64
}

// read reads the instances of the shard, number n, that are to be looked at.
func (p *sloProcessor) read(s *shard, n int, f *findings) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { f.shown, f.streams, f.next = f.shown+s.shown, f.streams+s.streams, min(f.next, s.look) }()
	if s.look > f.now && !f.whole {
		return
	}
	s.shown, s.streams, s.look = 0, 0, never
	f.ended, s.ended = append(f.ended, s.ended...), nil
	for _, t := range s.slos {
		if t.objective != nil {
			p.audit(t, f.now)
		}
		for _, i := range t.instances {
			if i.look <= f.now || f.whole {
				p.look(t, i, n, f)
			}
			s.look = min(s.look, i.look)
			if i.shown.objective != nil {
				s.shown++
			}
			if t.objective != nil {
				s.streams += len(i.streams)
			}
		}
	}
}

// look reads an instance, and says when to do so next.
func (p *sloProcessor) look(t *tracked, i *instance, shard int, f *findings) {
	if !t.shown(i) || !p.speaks(i, f.now) {
		if i.shown.objective != nil {
			f.ended = append(f.ended, i.end(t))
			f.counters = i.release(f.counters)
		}
		i.look = never // until something happens to it
		return
	}
	v, next := i.compute(t.objective, f.now, silence(p.config.FlushInterval))
	if i.noteDamage() { // it was found just now
		v, next = i.compute(t.objective, f.now, silence(p.config.FlushInterval))
		t.shard.changed = true
	}
	if t.shard.unsaved {
		v.maintenance = i.shown.maintenance
	}
	r, gone := i.show(t, v, f.now, p.config.Heartbeat, float64(shard)/shardCount, f.whole || i.refused)
	if t.shard.unsaved {
		r.parts &^= maintenancePart
	}
	if r.parts != 0 || r.states != 0 {
		f.readings = append(f.readings, r)
	}
	if gone.states != 0 || gone.parts != 0 {
		f.ended = append(f.ended, gone)
	}
	i.refused = false
	i.schedule(f.now, next, p.config)
	if p.config.Ownership == Shared && p.peers == nil {
		i.look = min(i.look, i.received+int64(release(p.config.FlushInterval))+1)
	}
}

// audit logs who reset the error budget and why, once for each reset.
func (p *sloProcessor) audit(t *tracked, now int64) {
	r := t.objective.reset(now)
	if r == nil || nanos(r.At) <= t.audited {
		return
	}
	t.audited, t.shard.changed = nanos(r.At), true
	p.logger.Info("Error budget reset", zap.String("service.namespace", cut(t.namespace)),
		zap.String(semconv.ServiceName, cut(t.service)), zap.String(semconv.SLOName, cut(t.slo)),
		zap.Time("at", r.At), zap.String("by", cut(r.By)), zap.String("reason", cut(r.Reason)))
}

// cut shortens what the catalog says to what a log line should hold.
func cut(s string) string {
	const most = 256
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}

// emit emits readings. What is refused is emitted again.
func (p *sloProcessor) emit(ctx context.Context, readings []reading, now time.Time) {
	if p.pass(ctx, p.emitter.metrics(readings, now)) == nil {
		return
	}
	for i := range readings {
		readings[i].refuse(now.Add(p.config.FlushInterval).UnixNano())
	}
}

// pass hands gauges on.
func (p *sloProcessor) pass(ctx context.Context, gauges pmetric.Metrics) error {
	err := p.next.ConsumeMetrics(ctx, gauges)
	if err != nil {
		p.stats.flushFailures.Add(1)
		p.health.Failed(p.now(), flush.Emit, "The gauges of SLOs were refused; the next flush has new ones", err)
		return err
	}
	p.health.Succeeded(flush.Emit)
	return nil
}
