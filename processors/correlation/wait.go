// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processorhelper"
	"go.uber.org/zap"
)

// patient is the processor of a signal whose items may wait. Those that have no ID when they
// come are taken out of their batch, and pass as a batch of their own when their time is up; then they
// are looked at as if they had just come. The others do not wait for them.
type patient[T any] struct {
	*core
	signal signal
	find   func(context.Context, *batch, T)
	settle func(*batch, T)
	split  func(*batch, T) T
	rejoin func(from, to T)
	count  func(T) int
	size   func(T) int // encoded, in bytes
	next   func(context.Context, T) error
	logger *zap.Logger
	hold   *hold
}

func (c *core) patientTraces(next consumer.Traces, logger *zap.Logger) *patient[ptrace.Traces] {
	return &patient[ptrace.Traces]{
		core: c, signal: traces, find: c.findTraces, settle: c.settleTraces, split: c.splitTraces,
		rejoin: func(from, to ptrace.Traces) { from.ResourceSpans().MoveAndAppendTo(to.ResourceSpans()) },
		count:  ptrace.Traces.SpanCount,
		size:   (&ptrace.ProtoMarshaler{}).TracesSize,
		next:   next.ConsumeTraces,
		logger: logger,
		hold:   newHold(c.config.Wait, &c.room),
	}
}

func (c *core) patientLogs(next consumer.Logs, logger *zap.Logger) *patient[plog.Logs] {
	return &patient[plog.Logs]{
		core: c, signal: logs, find: c.findLogs, settle: c.settleLogs, split: c.splitLogs,
		rejoin: func(from, to plog.Logs) { from.ResourceLogs().MoveAndAppendTo(to.ResourceLogs()) },
		count:  plog.Logs.LogRecordCount,
		size:   (&plog.ProtoMarshaler{}).LogsSize,
		next:   next.ConsumeLogs,
		logger: logger,
		hold:   newHold(c.config.Wait, &c.room),
	}
}

// process is a processorhelper function.
func (p *patient[T]) process(ctx context.Context, data T) (T, error) {
	b := p.begin()
	defer p.end(b, p.signal)
	p.find(ctx, b, data)
	late := p.split(b, data)
	if n := p.count(late); n > 0 {
		stay := len(b.items) - n
		if p.hold.add(p.size(late), func() { p.pass(context.WithoutCancel(ctx), late) }) {
			clear(b.items[stay:])
			if b.items = b.items[:stay]; stay == 0 {
				return data, processorhelper.ErrSkipProcessingData
			}
		} else {
			p.rejoin(late, data)
			b.tally.waits[full] += int64(n)
		}
	}
	p.settle(b, data)
	return data, nil
}

// pass sends on what has waited.
func (p *patient[T]) pass(ctx context.Context, data T) {
	b := p.begin()
	p.find(ctx, b, data)
	b.search.invalid = 0 // counted when it came
	p.settle(b, data)
	n := int64(len(b.items))
	won := b.tally.reversed + b.tally.outcomes[inherited] + b.tally.outcomes[linked]
	b.tally.waits[resolved] += won
	b.tally.waits[unresolved] += n - won
	p.end(b, p.signal)
	if err := p.next(ctx, data); err != nil {
		p.stats.refused.Add(n)
		p.logger.Error("Items that had waited for an ID were refused and are lost; add a queue to the exporter, or set wait to 0s",
			zap.Int64("items", n), zap.Error(err))
	}
}

// waits reports whether an item is to wait for its trace to show an ID.
func (c *core) waits(b *batch, it *item, trace pcommon.TraceID) bool {
	if it.outcome != missed && it.outcome != generated || trace.IsEmpty() {
		return false
	}
	id, _ := c.state.id(trace, b.now)
	return id == ""
}

// waitsForTrace reports whether a log record is to wait for a trace to show its ID.
func (c *core) waitsForTrace(b *batch, it *item, trace pcommon.TraceID) bool {
	if it.id == "" || !trace.IsEmpty() {
		return false
	}
	_, known := c.state.trace(it.id, b.now)
	return !known
}

// lateLast moves the items that are late behind the others, both in their order.
func (b *batch) lateLast() {
	slices.SortStableFunc(b.items, func(x, y item) int {
		switch {
		case x.late == y.late:
			return 0
		case y.late:
			return -1
		default:
			return 1
		}
	})
}

// room is what all pipelines of a component may hold back together.
type room struct {
	used  atomic.Int64
	bytes int64
}

// hold keeps the batches of one pipeline back, each equally long, so they are due in the order in
// which they came. When there is no room, or a batch could not be sent on for long, nothing more is kept.
type hold struct {
	wait  time.Duration
	room  *room
	queue chan held
	stop  chan struct{}
	once  sync.Once
	done  chan struct{} // nil until it was started
}

type held struct {
	due  time.Time
	size int64
	pass func()
}

// maxHeld is how many batches one pipeline holds back.
const maxHeld = 1 << 12

func newHold(wait time.Duration, r *room) *hold {
	return &hold{wait: wait, room: r, queue: make(chan held, maxHeld), stop: make(chan struct{})}
}

// add keeps what pass sends on, or reports that there is no room for it.
func (h *hold) add(size int, pass func()) bool {
	one := held{due: time.Now().Add(h.wait), size: int64(size), pass: pass}
	if h.room.used.Add(one.size) <= h.room.bytes {
		select {
		case h.queue <- one:
			return true
		default:
		}
	}
	h.room.used.Add(-one.size)
	return false
}

func (h *hold) start(context.Context, component.Host) error {
	h.done = make(chan struct{})
	go h.run()
	return nil
}

func (h *hold) run() {
	defer close(h.done)
	for {
		select {
		case one := <-h.queue:
			select {
			case <-time.After(time.Until(one.due)):
			case <-h.stop:
			}
			h.pass(one)
		case <-h.stop:
			for {
				select {
				case one := <-h.queue:
					h.pass(one)
				default:
					return
				}
			}
		}
	}
}

func (h *hold) pass(one held) {
	one.pass()
	h.room.used.Add(-one.size)
}

// shutdown sends on what is there, and waits for it.
func (h *hold) shutdown(ctx context.Context) error {
	if h.done == nil {
		return nil
	}
	h.once.Do(func() { close(h.stop) })
	select {
	case <-h.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
