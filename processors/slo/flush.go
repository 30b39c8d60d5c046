package slo

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// maxBatch is how many SLOs go into one batch of gauges, so that the memory a flush takes does
// not grow with their number.
const maxBatch = 256

// flush emits the gauges of all SLOs as of now.
func (p *sloProcessor) flush(ctx context.Context, now time.Time) {
	p.turn.Lock()
	defer p.turn.Unlock()
	var shown, streams int
	var readings []reading
	for i := range p.shards {
		var newShown, newStreams int
		readings, newShown, newStreams = p.read(&p.shards[i], readings, now.UnixNano())
		shown, streams = shown+newShown, streams+newStreams
		for len(readings) >= maxBatch {
			p.emit(ctx, readings[:maxBatch], now)
			readings = readings[:copy(readings, readings[maxBatch:])]
		}
	}
	if len(readings) > 0 {
		p.emit(ctx, readings, now)
	}
	p.stats.slos.Store(int64(shown))
	p.stats.streams.Store(int64(streams))
}

// read appends the readings of the shard's SLOs and returns how many of them are shown and how many
// streams they have. One that was shown before and is not any more has a last reading.
func (p *sloProcessor) read(s *shard, readings []reading, now int64) (_ []reading, shown, streams int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.slos {
		if t.objective != nil {
			p.audit(t, now)
		}
		for _, i := range t.instances {
			switch {
			case t.shown(i):
				i.emitted = t.objective
				readings = append(readings, i.read(t.key, t.objective, now, silence(p.config.FlushInterval)))
				shown++
			case i.emitted != nil:
				readings = append(readings, i.end(t.key, i.emitted))
				i.emitted = nil
			}
			if t.objective != nil {
				streams += len(i.streams)
			}
		}
	}
	return readings, shown, streams
}

// audit logs who reset the error budget and why, once for each reset.
func (p *sloProcessor) audit(t *tracked, now int64) {
	r := t.objective.reset(now)
	if r == nil || nanos(r.At) <= t.audited {
		return
	}
	t.audited, t.shard.changed = nanos(r.At), true
	p.logger.Info("Error budget reset", zap.String("service.namespace", cut(t.namespace)),
		zap.String("service.name", cut(t.service)), zap.String("slo.name", cut(t.slo)),
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

func (p *sloProcessor) emit(ctx context.Context, readings []reading, now time.Time) {
	if err := p.next.ConsumeMetrics(ctx, p.emitter.metrics(readings, now)); err != nil {
		p.stats.flushFailures.Add(1)
		p.logger.Warn("Gauges were not taken; the next flush has new ones", zap.Error(err))
	}
}
