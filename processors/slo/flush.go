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

// flush emits the gauges of all SLOs as of now.
func (p *sloProcessor) flush(ctx context.Context, now time.Time) {
	p.turn.Lock()
	defer p.turn.Unlock()
	var r findings
	for i := range p.shards {
		p.read(&p.shards[i], &r, now.UnixNano())
		for len(r.readings) >= maxBatch {
			p.emit(ctx, p.emitter.metrics(r.readings[:maxBatch], now))
			r.readings = r.readings[:copy(r.readings, r.readings[maxBatch:])]
		}
	}
	if len(r.readings) > 0 {
		p.emit(ctx, p.emitter.metrics(r.readings, now))
	}
	if len(r.ended) > 0 {
		p.emit(ctx, apart(p.emitter.metrics(r.ended, now)))
	}
	for _, counter := range r.counters {
		p.emit(ctx, counter.end(counter.outcome, now))
	}
	p.stats.slos.Store(int64(r.shown))
	p.stats.streams.Store(int64(r.streams))
}

// Findings are what one flush finds: the readings not emitted yet, last readings of what was shown before and
// is not any more, and how many SLOs are shown and streams followed.
type findings struct {
	readings, ended []reading
	// counters are those that have moved away with their SLO.
	counters       []endedCounter
	shown, streams int
}

func (p *sloProcessor) read(s *shard, r *findings, now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.slos {
		if t.objective != nil {
			p.audit(t, now)
		}
		for _, i := range t.instances {
			switch {
			case t.shown(i) && p.speaks(i, now):
				i.emitted = t.objective
				r.readings = append(r.readings, i.read(t.key, t.objective, now, silence(p.config.FlushInterval)))
				r.shown++
			case i.emitted != nil:
				r.ended = append(r.ended, i.end(t.key, i.emitted))
				r.counters = i.release(r.counters)
				i.emitted = nil
			}
			if t.objective != nil {
				r.streams += len(i.streams)
			}
		}
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

func (p *sloProcessor) emit(ctx context.Context, gauges pmetric.Metrics) {
	if err := p.next.ConsumeMetrics(ctx, gauges); err != nil {
		p.stats.flushFailures.Add(1)
		p.health.Failed(p.now(), flush.Emit, "The gauges of SLOs were refused; the next flush has new ones", err)
		return
	}
	p.health.Succeeded(flush.Emit)
}
