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
// come are taken out of their batch. They pass as soon as their trace has shown one, or when their time is up; then they
// are looked at as if they had just come. The others do not wait for them.
type patient[T any] struct {
	*core
	signal signal
	find   func(context.Context, *batch, T)
	settle func(*batch, T)
	split  func(T, func(int) bool) T // takes out the items that the function chooses by their place
	rejoin func(from, to T)
	size   func(T) int // encoded, in bytes
	next   func(context.Context, T) error
	logger *zap.Logger
	hold   *hold[T]
}

func (c *core) patientTraces(next consumer.Traces, logger *zap.Logger) *patient[ptrace.Traces] {
	p := &patient[ptrace.Traces]{
		core: c, signal: traces, find: c.findTraces, settle: c.settleTraces, split: splitTraces,
		rejoin: func(from, to ptrace.Traces) { from.ResourceSpans().MoveAndAppendTo(to.ResourceSpans()) },
		size:   (&ptrace.ProtoMarshaler{}).TracesSize,
		next:   next.ConsumeTraces,
		logger: logger,
	}
	p.hold = newHold(c, p.release)
	return p
}

func (c *core) patientLogs(next consumer.Logs, logger *zap.Logger) *patient[plog.Logs] {
	p := &patient[plog.Logs]{
		core: c, signal: logs, find: c.findLogs, settle: c.settleLogs, split: splitLogs,
		rejoin: func(from, to plog.Logs) { from.ResourceLogs().MoveAndAppendTo(to.ResourceLogs()) },
		size:   (&plog.ProtoMarshaler{}).LogsSize,
		next:   next.ConsumeLogs,
		logger: logger,
	}
	p.hold = newHold(c, p.release)
	return p
}

// process is a processorhelper function.
func (p *patient[T]) process(ctx context.Context, data T) (T, error) {
	b := p.begin()
	defer p.end(b, p.signal)
	p.find(ctx, b, data)
	if b.changed {
		p.state.wake() // what waits for it
	}
	one := &held[T]{ctx: context.WithoutCancel(ctx)}
	room := !p.room.full()
	for i := range b.items {
		if w, ok := p.wants(b, &b.items[i]); ok && room {
			b.items[i].late = true
			one.wants = append(one.wants, w)
		} else if ok {
			b.tally.waits[full]++
		}
	}
	if len(one.wants) > 0 {
		one.data = p.split(data, func(i int) bool { return b.items[i].late })
		one.size = int64(p.size(one.data))
		b.lateLast()
		if stay := len(b.items) - len(one.wants); p.hold.add(one) {
			clear(b.items[stay:])
			if b.items = b.items[:stay]; stay == 0 {
				return data, processorhelper.ErrSkipProcessingData
			}
		} else {
			p.rejoin(one.data, data)
			b.tally.waits[full] += int64(len(one.wants))
		}
	}
	p.settle(b, data)
	return data, nil
}

// release sends on what has got what it waited for, or all. It reports whether nothing is left.
func (p *patient[T]) release(one *held[T], all bool) (empty bool) {
	data := one.data
	if !all {
		now := p.now().UnixNano()
		free := make([]bool, len(one.wants))
		n := 0
		if p.state.divided.Load() {
			for i := range one.wants {
				p.state.note(one.wants[i].trace, one.wants[i].at, "", now)
			}
		}
		for i := range one.wants {
			if free[i] = p.got(&one.wants[i], now); free[i] {
				n++
			}
		}
		switch n {
		case 0:
			return false
		case len(free):
		default:
			data = p.split(one.data, func(i int) bool { return free[i] })
			at := -1
			one.wants = slices.DeleteFunc(one.wants, func(want) bool { at++; return free[at] })
			size := min(int64(p.size(data)), one.size)
			one.size -= size
			p.room.used.Add(-size)
			p.pass(one.ctx, data, false)
			return false
		}
	}
	p.pass(one.ctx, data, all)
	return true
}

// pass sends on what has waited.
func (p *patient[T]) pass(ctx context.Context, data T, final bool) {
	b := p.begin()
	b.final = final
	p.find(ctx, b, data)
	b.search.invalid = 0 // counted when it came
	p.settle(b, data)
	if b.changed {
		p.state.wake()
	}
	n := int64(len(b.items))
	won := int64(0)
	for i := range b.items {
		if it := &b.items[i]; it.outcome == inherited || it.outcome == linked || it.resolved {
			won++
		}
	}
	b.tally.waits[resolved] += won
	b.tally.waits[unresolved] += n - won
	p.end(b, p.signal)
	if err := p.next(ctx, data); err != nil {
		p.stats.refused.Add(n)
		p.logger.Error("Items that had waited for an ID were refused and are lost; add a queue to the exporter, or set wait to 0s",
			zap.Int64("items", n), zap.Error(err))
	}
}

// want is what an item waits for: its trace to show an ID or, if it has no trace, its ID to be shown by one.
type want struct {
	trace pcommon.TraceID
	id    string
	at    spot
}

// wants reports whether an item is to wait, and for what. An ID from text is not enough: its trace may show a better one.
func (c *core) wants(b *batch, it *item) (want, bool) {
	w := want{trace: it.trace, at: it.at}
	switch {
	case it.trace.IsEmpty():
		w.id = it.id
		if it.id == "" {
			return w, false
		}
	case it.more != nil && it.more.ids != nil && it.more.links == 0, it.outcome == found && !it.by.weak(), it.outcome == linked:
		return w, false
	}
	return w, !c.got(&w, b.now)
}

// got reports whether there is nothing more to wait for.
func (c *core) got(w *want, now int64) bool {
	if !w.trace.IsEmpty() {
		is := c.state.id(w.trace, spot{span: w.at.span, parent: w.at.parent}, now)
		return is.id != "" && (is.settled || !w.at.top)
	}
	_, sure := c.state.trace(w.id, w.at, now)
	return sure == certain || sure == severalTraces || sure == sharedID
}

// lateLast moves the items that are late behind the others, both in their order.
func (b *batch) lateLast() {
	stay := 0
	b.late = b.late[:0]
	for i := range b.items {
		if b.items[i].late {
			b.late = append(b.late, b.items[i])
			continue
		}
		b.items[stay] = b.items[i]
		stay++
	}
	copy(b.items[stay:], b.late)
	clear(b.late)
}

// room is what all pipelines of a component may hold back together.
type room struct {
	used  atomic.Int64
	bytes int64
}

// full reports whether nothing more can be held back, however small it is.
func (r *room) full() bool { return r.used.Load() >= r.bytes }

// wake tells all that wait that a trace has an ID that it had not before.
func (s *state) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, woken := range s.waiting {
		signalTo(woken)
	}
}

func (s *state) join(woken chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, woken)
}

func (s *state) leave(woken chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = slices.DeleteFunc(s.waiting, func(c chan struct{}) bool { return c == woken })
}

// hold keeps the batches of one pipeline back, each equally long, so they are due in the order in
// which they came. When there is no room, or a batch could not be sent on for long, nothing more is kept.
type hold[T any] struct {
	wait    time.Duration
	room    *room
	state   *state
	release func(one *held[T], all bool) (empty bool)
	mu      sync.Mutex
	queue   []*held[T]
	added   chan struct{}
	woken   chan struct{}
	stop    chan struct{}
	once    sync.Once
	done    chan struct{} // nil until it was started
}

type held[T any] struct {
	ctx   context.Context
	data  T
	wants []want // of its items, in order
	due   time.Time
	size  int64
}

// maxHeld is how many batches one pipeline holds back.
const maxHeld = 1 << 12

// lookEvery is the shortest time between two reads of what waits: each look is at all of it.
const lookEvery = 200 * time.Millisecond

func newHold[T any](c *core, release func(*held[T], bool) bool) *hold[T] {
	return &hold[T]{wait: c.config.Wait, room: &c.room, state: c.state, release: release, added: make(chan struct{}, 1), woken: make(chan struct{}, 1), stop: make(chan struct{})}
}

// add keeps a batch back, or reports that there is no room for it.
func (h *hold[T]) add(one *held[T]) bool {
	one.due = time.Now().Add(h.wait)
	h.mu.Lock()
	ok := len(h.queue) < maxHeld && h.room.used.Add(one.size) <= h.room.bytes
	if ok {
		h.queue = append(h.queue, one)
	} else if len(h.queue) < maxHeld {
		h.room.used.Add(-one.size)
	}
	h.mu.Unlock()
	if ok {
		signalTo(h.added)
	}
	return ok
}

func signalTo(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (h *hold[T]) start(context.Context, component.Host) error {
	h.state.join(h.woken)
	h.done = make(chan struct{})
	go h.run()
	return nil
}

func (h *hold[T]) run() {
	defer close(h.done)
	var looked time.Time
	look := false // something has changed since then
	timer := time.NewTimer(h.wait)
	defer timer.Stop()
	for {
		next, some := h.next()
		if again := looked.Add(lookEvery); look && (!some || again.Before(next)) {
			next, some = again, true
		}
		if some {
			timer.Reset(time.Until(next))
		}
		select {
		case <-timer.C:
			if now := time.Now(); look && !now.Before(looked.Add(lookEvery)) {
				look, looked = false, now
				h.each(func(*held[T]) (bool, bool) { return true, false })
			}
			now := time.Now()
			h.each(func(one *held[T]) (bool, bool) { return !one.due.After(now), true })
		case <-h.woken:
			look = true
		case <-h.added:
		case <-h.stop:
			h.each(func(*held[T]) (bool, bool) { return true, true })
			return
		}
	}
}

// next is when the first batch is due.
func (h *hold[T]) next() (due time.Time, some bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.queue) == 0 {
		return due, false
	}
	return h.queue[0].due, true
}

// each releases those in the queue that are chosen, all of it or what has got what it waited for.
func (h *hold[T]) each(choose func(*held[T]) (chosen, all bool)) {
	h.mu.Lock()
	all := slices.Clone(h.queue)
	h.mu.Unlock()
	gone := make(map[*held[T]]bool)
	for _, one := range all {
		if chosen, all := choose(one); chosen && h.release(one, all) {
			gone[one] = true
			h.room.used.Add(-one.size)
		}
	}
	h.mu.Lock()
	h.queue = slices.DeleteFunc(h.queue, func(one *held[T]) bool { return gone[one] })
	h.mu.Unlock()
}

// shutdown sends on what is there, and waits for it.
func (h *hold[T]) shutdown(ctx context.Context) error {
	if h.done == nil {
		return nil
	}
	h.state.leave(h.woken)
	h.once.Do(func() { close(h.stop) })
	select {
	case <-h.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
