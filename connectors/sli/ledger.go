// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// The budget ledger: for each SLO, or group, and environment with bad events, a book with a table of the present minute. A batch marks its events
// while it judges them, and books them when it is committed. Its values are counted by number, and those of several batches are settled at once: when
// somebody needs the tables, when the minute is over, or when there are too many of them. A book lasts until a minute has had no bad event; without
// one, good events cost nothing.

// A ledger is what all books have in common.
type ledger struct {
	limits      attribution.Limits
	allow, deny []string
	most        int64
	books       atomic.Int64
	// unsettled is how many services have batches that are not settled.
	unsettled atomic.Int64
	// lost are bad events that are in no table: for want of a book, or because what had them was given up.
	unbooked, givenUp atomic.Int64
}

func newLedger(cfg *Config) *ledger {
	if !cfg.Ledger.HasValue() {
		return nil
	}
	l := cfg.Ledger.Get()
	limits := attribution.Counting
	limits.Seed = rand.Uint64()
	return &ledger{limits: limits, allow: l.Allow, deny: l.Deny, most: int64(l.MaxSLOs)}
}

// names are what the connector's lists and the service's say.
func (l *ledger) names(s *catalog.Service) *attribution.Names {
	return attribution.NewNames([][]string{l.allow, s.Ledger.Allow}, [][]string{l.deny, s.Ledger.Deny})
}

// A bookKey is what has a book.
type bookKey struct {
	slo         *slo
	environment string
}

// books are those of a service.
type books struct {
	mu     sync.Mutex
	reader *attribution.Reader
	all    map[bookKey]*book
	// used have batches of this minute that are to be settled. isUnsettled: it may be later.
	used        []*book
	minute      int64
	isUnsettled bool
	closed      bool
	// sampled are the same for who judges; nil for none. It never changes, but for the numbers in the books.
	sampled atomic.Pointer[map[bookKey]*book]
	// of is nil without a ledger, names what are dimensions of the service, and count how many books there are.
	of    *ledger
	names *attribution.Names
	count atomic.Int64
}

// A book counts the bad events of the present minute, and keeps the tables of earlier ones until they are taken.
type book struct {
	bookKey
	table *attribution.Table
	// minute is the table's, in minutes since 1970, and start when it began.
	minute int64
	start  pcommon.Timestamp
	// booked numbers the changes; the next consumer has the table as it was after so many.
	booked, taken uint64
	finished      []finished
	isUsed        bool
	// every: one in so many good events is to be sampled. random makes the sequence begin somewhere.
	every  atomic.Int64
	random atomic.Uint64
}

// finished is the table of a minute that is over.
type finished struct {
	start, end pcommon.Timestamp
	bad        float64
	booked     uint64
	rows       []byte
}

// A mark is an event of a batch that is to be booked: bad, or a good one of the sample. It is for one of the tallies.
type mark struct {
	event, tally int32
	bad          bool
	weight       float64
}

// A marked event is a span or a log record. Only one of them is valid.
type markedEvent struct {
	span ptrace.Span
	log  plog.LogRecord
}

// forgetMarks forgets them without a hold on the input.
func (b *batch) forgetMarks() {
	clear(b.marked)
	b.marks, b.marked = b.marks[:0], b.marked[:0]
	b.calls.forget()
}

// markEvent notes the present event for the tally.
func (b *batch) markEvent(tally int, bad bool, weight float64, event markedEvent) {
	if b.marks == nil {
		b.marks, b.marked = make([]mark, 0, markedAtOnce), make([]markedEvent, 0, markedAtOnce)
	}
	if b.unmarked {
		b.unmarked = false
		b.marked = append(b.marked, event)
	}
	b.marks = append(b.marks, mark{int32(len(b.marked) - 1), int32(tally), bad, weight})
}

// markedAtOnce is after how many good events of a batch half as many are sampled.
const markedAtOnce = 64

// sampling prepares to sample the good events of the tally, if its SLO has a book.
func (b *batch) sampling(t *tally) {
	if b.sampled == nil {
		return
	}
	found := (*b.sampled)[bookKey{t.slo, b.into.environment}]
	if found == nil {
		return
	}
	t.every = found.every.Load()
	t.random = found.random.Add(0x9E3779B97F4A7C15)
	t.wait()
}

// wait waits for a random one of the next events.
func (t *tally) wait() {
	t.random ^= t.random >> 30
	t.random *= 0xBF58476D1CE4E5B9
	t.random ^= t.random >> 27
	t.left = 1 + int64(t.random>>1%uint64(t.every))
}

// sample counts a good event, and returns for how many it is to be in the sample; 0 if it is not. Of each run of as many as every, one is.
func (t *tally) sample() (weight int64) {
	t.left--
	if t.left > 0 {
		return 0
	}
	weight = t.every
	t.left = t.every
	if t.marked++; t.marked%markedAtOnce == 0 {
		t.every *= 2
		t.wait()
	}
	return weight
}

// book books the marked events of the part.
func (c *core) book(p *part, now time.Time) {
	if len(p.marks) == 0 {
		return
	}
	s := p.service.service
	s.books.mu.Lock()
	defer s.books.mu.Unlock()
	r := s.books.begin(p.resource(), now)
	last := int32(-1)
	for i := range p.marks {
		m := &p.marks[i]
		if m.event != last && r.Full() {
			s.books.settle()
			r = s.books.begin(p.resource(), now)
			p.closeBooks()
		}
		t := &p.tallies[m.tally]
		if t.book == nil {
			if t.unbooked || t.slo == nil {
				c.ledger.unbooked.Add(int64(m.weight))
				continue
			}
			if t.book = s.books.use(bookKey{t.slo, p.into.environment}, m.bad, now, r); t.book == nil {
				t.unbooked = m.bad
				if m.bad {
					c.ledger.unbooked.Add(int64(m.weight))
				}
				continue
			}
		}
		event := &p.marked[m.event]
		if m.event != last {
			last = m.event
			dependency := ""
			if !p.calls.known || len(p.calls.by) > 0 {
				dependency = p.dependency(i, r.Names())
			}
			event.read(r, p.isLogs, dependency)
		}
		if !m.bad {
			t.book.table.GoodEvent(r, m.weight)
			continue
		}
		t.book.booked++
		if t.book.table.BadEvent(r, m.weight) {
			trace, at := event.found(p.isLogs)
			t.book.table.Found(trace, int64(at))
		}
	}
	s.books.end()
}

// resource are the attributes of the part's resource.
func (p *part) resource() pcommon.Map {
	if p.isLogs {
		return p.logs.Resource().Attributes()
	}
	return p.spans.Resource().Attributes()
}

// closeBooks lets go of the books.
func (b *batch) closeBooks() {
	for i := range b.tallies[:b.used] {
		b.tallies[i].book = nil
	}
}

// read reads the event's attributes. dependency is what it called in vain, if that is known.
func (e *markedEvent) read(r *attribution.Reader, isLog bool, dependency string) {
	r.Event()
	if isLog {
		r.Attributes(e.log.Attributes())
		r.EndEvent()
		return
	}
	r.Span(e.span.Name(), statusText[e.span.Status().Code()&3])
	r.Attributes(e.span.Attributes())
	if events := e.span.Events(); events.Len() > 0 {
		readFlags(r, events)
	}
	if dependency != "" {
		r.Text(attribution.PeerService, dependency)
	}
	r.EndEvent()
}

var statusText = [4]string{ptrace.StatusCodeUnset: "unset", ptrace.StatusCodeOk: "ok", ptrace.StatusCodeError: "error", 3: "unset"}

// mostFlags is how many events of a span are searched for evaluations of feature flags.
const mostFlags = 16

func readFlags(r *attribution.Reader, events ptrace.SpanEventSlice) {
	for i := range min(events.Len(), mostFlags) {
		e := events.At(i)
		if name := e.Name(); name != semconv.EventFlag && name != semconv.EventFlagEval {
			continue
		}
		var key, variant string
		for name, v := range e.Attributes().All() {
			switch name {
			case semconv.FlagKey:
				key = plain(v)
			case semconv.FlagVariant, semconv.FlagOldVariant:
				variant = plain(v)
			}
		}
		r.Flag(key, variant)
	}
}

// plain is the text of a text, a number or a truth value. Maps, lists and bytes have none: it would be as long as they are, and would be made for each event.
func plain(v pcommon.Value) string {
	switch v.Type() {
	case pcommon.ValueTypeStr, pcommon.ValueTypeInt, pcommon.ValueTypeDouble, pcommon.ValueTypeBool:
		return v.AsString()
	default:
		return ""
	}
}

func (e *markedEvent) found(isLog bool) (trace [16]byte, at pcommon.Timestamp) {
	if isLog {
		return e.log.TraceID(), writtenAt(e.log)
	}
	return e.span.TraceID(), e.span.EndTimestamp()
}

// begin begins a batch of events of a resource.
func (b *books) begin(resource pcommon.Map, now time.Time) *attribution.Reader {
	if minute := epochOf(now); minute != b.minute {
		b.settle()
		b.minute = minute
	}
	if b.reader == nil {
		b.reader = attribution.NewReader(b.names)
	}
	b.reader.Resource(resource)
	return b.reader
}

// mostUnsettled bounds the services whose batches are not settled each at its end, because that takes memory.
const mostUnsettled = 16

// end ends the batch. It is settled now or later.
func (b *books) end() {
	for _, used := range b.used {
		used.every.Store(used.table.GoodEvery())
	}
	if b.isUnsettled {
		return
	}
	if len(b.used) > 0 && b.of.unsettled.Load() < mostUnsettled {
		b.of.unsettled.Add(1)
		b.isUnsettled = true
		return
	}
	b.settle()
}

// settle books the batches.
func (b *books) settle() {
	if b.reader == nil {
		return
	}
	for _, used := range b.used {
		used.table.Settle(b.reader)
		used.isUsed = false
	}
	clear(b.used)
	b.used = b.used[:0]
	b.reader.Release()
	if b.isUnsettled {
		b.isUnsettled = false
		b.of.unsettled.Add(-1)
	}
}

// use is the book for the present batch: it is made if the event is bad and there is room, nil otherwise.
func (b *books) use(key bookKey, bad bool, now time.Time, r *attribution.Reader) *book {
	found, l := b.all[key], b.of
	if found != nil {
		found.turn(l, now)
		if found.table == nil && !bad {
			return nil
		}
	}
	switch {
	case found != nil && found.table != nil:
	case !bad || found == nil && (b.closed || l.books.Load() >= l.most):
		return nil
	default:
		if found == nil {
			found = &book{bookKey: key}
			found.random.Store(l.limits.Seed + uint64(l.books.Add(1)))
			if b.all == nil {
				b.all = make(map[bookKey]*book)
			}
			b.all[key] = found
			b.count.Add(1)
		}
		limits := l.limits
		limits.Seed = found.random.Load()
		found.open(attribution.New(limits), now)
		b.publish()
	}
	if !found.isUsed {
		found.isUsed = true
		b.used = append(b.used, found)
	}
	found.table.Batch(r)
	return found
}

// publish shows the books to who judges.
func (b *books) publish() {
	open := make(map[bookKey]*book, len(b.all))
	for key, of := range b.all {
		if of.table != nil {
			open[key] = of
		}
	}
	if len(open) == 0 {
		b.sampled.Store(nil)
		return
	}
	b.sampled.Store(&open)
}

func epochOf(t time.Time) int64 { return t.Unix() / 60 }

// open begins a table.
func (o *book) open(table *attribution.Table, now time.Time) {
	o.table, o.minute, o.start = table, epochOf(now), pcommon.NewTimestampFromTime(now)
	o.booked, o.taken = 0, 0
	o.every.Store(1)
}

// turn begins the table of another minute, if it is another one: none after a minute without a bad event. What a consumer has not taken of the last one is kept.
// A clock that goes back by some seconds stays in its minute. One that was wrong by more must not keep one table open until it is there again.
func (o *book) turn(l *ledger, now time.Time) {
	minute := epochOf(now)
	if o.table == nil || minute == o.minute || minute == o.minute-1 || o.isUsed {
		return
	}
	last := o.table
	o.table = nil
	if o.booked != o.taken {
		end := pcommon.NewTimestampFromTime(time.Unix((o.minute+1)*60, 0))
		o.finished = append(o.finished, finished{start: o.start, end: end, bad: last.Booked(), booked: o.booked, rows: last.AppendTo(nil)})
		o.bound(l)
	}
	if minute == o.minute+1 && o.booked > 0 {
		o.open(last.Next(), now)
	}
}

// mostFinished bounds the bytes of tables that wait for a consumer.
const mostFinished = 14 << 10

// bound keeps what waits in its bounds: of the oldest tables only the sums, and then nothing.
func (o *book) bound(l *ledger) {
	for i := range o.finished {
		if o.waiting() <= mostFinished {
			return
		}
		if sums, err := attribution.WithoutRows(o.finished[i].rows); err == nil {
			o.finished[i].rows = sums
		}
	}
	for o.waiting() > mostFinished {
		l.givenUp.Add(int64(o.finished[0].bad))
		o.finished = o.finished[1:]
	}
}

func (o *book) waiting() (bytes int) {
	for i := range o.finished {
		bytes += len(o.finished[i].rows)
	}
	return bytes
}

// turnAll begins new minutes, and forgets the books that are empty, and those of SLOs that are gone. s.mu must be held.
func (b *books) turnAll(s *service, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle()
	for key, o := range b.all {
		o.turn(b.of, now)
		gone := key.slo.index >= len(s.slos) || s.slos[key.slo.index] != key.slo
		if gone || o.table == nil && len(o.finished) == 0 {
			delete(b.all, key)
			b.of.books.Add(-1)
			b.count.Add(-1)
		}
	}
	b.publish()
	if len(b.all) == 0 {
		b.all, b.reader, b.used = nil, nil, nil
	}
}

// close ends the books of a service that is gone. There are no more of it.
func (b *books) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle()
	if len(b.all) > 0 {
		b.of.books.Add(-int64(len(b.all)))
	}
	b.all, b.reader, b.used, b.closed = nil, nil, nil, true
	b.count.Store(0)
	b.sampled.Store(nil)
}

// unknown are the attributes of what is not known.
var unknown = pcommon.NewMap()

// bookIncrease books bad events of a metrics SLI, with the attributes of their resource and data point.
func (b *books) bookIncrease(key bookKey, bad float64, resource, point pcommon.Map, now time.Time) {
	if b.of == nil || !(bad > 0) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.begin(resource, now)
	if r.Full() {
		b.settle()
		r = b.begin(resource, now)
	}
	r.Event()
	r.Attributes(point)
	r.EndEvent()
	if o := b.use(key, true, now, r); o != nil {
		o.booked++
		if o.table.BadEvent(r, bad) {
			o.table.Found([16]byte{}, now.UnixNano())
		}
	} else {
		b.of.unbooked.Add(int64(bad))
	}
	b.end()
}

// keepTo says by which names attributes are chosen from now on.
func (b *books) keepTo(l *ledger, s *catalog.Service) {
	if l == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle()
	b.of, b.names, b.reader = l, l.names(s), nil
}
