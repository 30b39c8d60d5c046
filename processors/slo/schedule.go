// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"context"
	"time"
)

// An SLO is looked at when there may be something to say: soon after its counters have increased, when events leave a window, when
// a state begins that time alone brings, and when its heartbeat is due.

// gap is the least time after which an SLO is looked at again because its counters increase. It is less than a flush interval, so that senders
// that flush once per interval, more or less, are answered each time.
func gap(flushInterval time.Duration) int64 { return int64(flushInterval) / 2 }

// pace is the least time between two passes over the SLOs that counters ask for.
func pace(flushInterval time.Duration) time.Duration { return min(flushInterval/20, time.Second/4) }

// schedule says when to look at the instance next. Values that slide are looked at when counters arrive, increased or not, and
// without any after one and a half flush intervals, so that one look is enough where they do arrive.
func (i *instance) schedule(now int64, next outlook, c *Config) {
	if i.moved {
		i.moved, i.answered = false, now
	}
	i.until = next.until()
	i.look = min(max(next.slides, now+int64(c.FlushInterval)*3/2), max(next.turns, now+1), i.shown.whole)
}

// arrived notes that a counter has arrived, which may have changed what is known of the instance.
func (i *instance) arrived(s *shard, changed bool, now, gap int64) {
	if !changed && i.until > now {
		return
	}
	i.moved = true
	at := max(now, i.answered+gap)
	if i.answered > now { // the clock was set back
		at = now
	}
	i.lookAt(s, at)
}

// lookAt looks at the instance at the time, or before.
func (i *instance) lookAt(s *shard, at int64) {
	i.look, s.look = min(i.look, at), min(s.look, at)
}

// lookNow looks at all instances with the next pass.
func (t *tracked) lookNow() {
	for _, i := range t.instances {
		i.look = 0
	}
	t.shard.look = 0
}

// refuse notes that the reading was not taken. All of it is due at the time.
func (r *reading) refuse(at int64) {
	r.shard.mu.Lock()
	defer r.shard.mu.Unlock()
	r.instance.refused = true
	r.instance.lookAt(r.shard, at)
}

// wakeUp lets the next pass begin, at once or when it may.
func (p *sloProcessor) wakeUp() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run passes over the SLOs whenever there is one to look at, and saves what is to be saved at every flush interval, until the
// context ends.
func (p *sloProcessor) run(ctx context.Context) {
	interval, least := p.config.FlushInterval, pace(p.config.FlushInterval)
	timer := time.NewTimer(interval)
	defer timer.Stop()
	saved := time.Now()
	var woken time.Time // when the last pass began that counters had asked for
	waiting := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
			waiting = true
			if early := least - time.Since(woken); early > 0 {
				timer.Reset(early)
				continue
			}
		case <-timer.C:
		}
		if waiting {
			woken, waiting = time.Now(), false
		}
		now := p.now()
		if time.Since(saved) >= interval-least {
			saved = time.Now()
			p.checkpoint(ctx, now, false)
			p.saveTables(ctx, now, false)
		}
		next := p.flush(ctx, now, false)
		timer.Reset(min(max(time.Duration(next-now.UnixNano()), least), interval))
	}
}
