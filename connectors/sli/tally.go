// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/connectors/sli/internal/seen"
)

// A batch is what one resource adds to the SLOs of its service, gathered without a lock.
type batch struct {
	*remarks
	// tallies are used of them: one for each of the rules, then those of groups, by group.
	tallies     []tally
	rules, used int
	byGroup     map[*slo]int
	// key is of the group of the present event, into and of are where events count, and now is when.
	key  []byte
	into *version
	of   *service
	now  time.Time
	kept int
	// ledger: events are marked for it. marks are in the order of the events, which are in marked; unmarked is the present one. sampled are the SLOs
	// whose good events are sampled.
	ledger   bool
	unmarked bool
	marks    []mark
	marked   []markedEvent
	sampled  *map[bookKey]*book
	calls    failedCalls
	// events is how many were looked at.
	events int64
	times  times
	// sender is the resource, newest the time at which the newest event of it ended.
	sender uint64
	newest pcommon.Timestamp

	// ids are the hashed identities of the events, in order: 0 for those that no SLO counts or that have none, of which
	// there are nameless. hash is nil if events are not recognized.
	hash     *seen.Hash
	ids      []uint64
	nameless int
	// skip marks those that were recognized; it is valid if there are any. next is the event that is judged next.
	skip       []bool
	recognized int
	next       int
	// The last tracestate and what it weighs: the spans of a trace share theirs.
	tracestate string
	weight     float64
}

// A tally is what a batch adds to one SLO. last is a ring of its bad events.
type tally struct {
	slo    *slo
	counts [whens]outcomes
	past   []pastEvents
	last   []badEvent
	// kept is how many of these there were, and next where the next one is put.
	kept, next int
	// every is of how many good events one is marked, 0 for none, left how many until the next one, and marked how many there are.
	every, left int64
	marked      int
	random      uint64
	book        *book
	unbooked    bool
}

type outcomes struct{ good, bad float64 }

func (t *tally) any() bool { return t.counts != [whens]outcomes{} }

// A badEvent points at what an exemplar is made of. It is not kept beyond the batch.
type badEvent struct {
	markedEvent
	isLog bool
	value float64
}

// remarks are the numbers of events that were dropped, and that were counted with an adjustment,
// by reason.
type remarks struct {
	dropped, adjusted map[remark]int64
	// exceeded are SLOs with more good (or bad) events than total events, for the log.
	exceeded []excess
}

// A remark is why events were dropped or adjusted, and whose: of no SLO, if it is about all of a request.
type remark struct {
	reason  string
	service serviceKey
	slo     string
}

// An excess is of an SLO: of the side part there were more events than in total.
type excess struct {
	service, slo, part string
	events, total      float64
}

func newRemarks() *remarks {
	return &remarks{dropped: make(map[remark]int64), adjusted: make(map[remark]int64)}
}

var batches = sync.Pool{New: func() any { return &batch{remarks: newRemarks()} }}

// reset makes room for n SLOs and at most kept exemplars each.
func (b *batch) reset(n, kept int) {
	b.rules, b.newest, b.kept = n, 0, kept
	b.ids, b.nameless, b.recognized = b.ids[:0], 0, 0
	b.restart()
}

// again prepares for judging the events again, without those that were recognized.
func (b *batch) again() {
	clear(b.dropped)
	clear(b.adjusted)
	b.restart()
}

func (b *batch) restart() {
	b.used = 0
	for range b.rules {
		b.addTally(nil)
	}
	if len(b.byGroup) > 0 {
		clear(b.byGroup)
	}
	b.events, b.next, b.tracestate, b.weight = 0, 0, "", 1
	b.forgetMarks()
}

// addTally adds a tally, and returns its index.
func (b *batch) addTally(o *slo) int {
	if b.used == len(b.tallies) {
		b.tallies = append(b.tallies, tally{})
	}
	t := &b.tallies[b.used]
	if cap(t.last) < b.kept {
		t.last = make([]badEvent, b.kept)
	}
	t.last = t.last[:b.kept]
	clear(t.last)
	t.slo, t.counts, t.past, t.kept, t.next = o, [whens]outcomes{}, t.past[:0], 0, 0
	t.every, t.marked, t.book, t.unbooked = 0, 0, nil, false
	if o != nil {
		b.sampling(t)
	}
	b.used++
	return b.used - 1
}

// add adds the tally of a group.
func (b *batch) add(o *slo) int {
	if b.byGroup == nil {
		b.byGroup = make(map[*slo]int)
	}
	b.byGroup[o] = b.addTally(o)
	return b.used - 1
}

// expect makes room for the identities of n more events.
func (b *batch) expect(n int) {
	if b.recognized == 0 {
		b.ids = slices.Grow(b.ids, n)
	}
}

// event begins the next event, and reports whether it is to be judged.
func (b *batch) event() bool {
	b.next++
	b.unmarked = true
	if b.recognized > 0 && b.skip[b.next-1] {
		return false
	}
	b.events++
	return true
}

// judged ends the event. id is its identity, if an SLO counts it; 0 for none.
func (b *batch) judged(id uint64) {
	if b.recognized > 0 {
		return // it is known
	}
	b.ids = append(b.ids, id)
	if id == 0 {
		b.nameless++
	}
}

// overLimit counts an adjustment if the batch's environment or version is beyond the limits.
func (b *batch) overLimit(reason string) {
	if reason != "" && b.events > 0 {
		b.adjusted[remark{reason: reason}] += b.events
	}
}

// addGood counts a good event.
func (t *tally) addGood(when when, weight float64, ended pcommon.Timestamp) {
	t.counts[when].good += weight
	if when == late {
		t.addPast(ended, weight, 0)
	}
}

// addBad counts a bad one.
func (t *tally) addBad(when when, weight float64, ended pcommon.Timestamp) {
	t.counts[when].bad += weight
	if when == late {
		t.addPast(ended, 0, weight)
	}
}

// remember keeps a bad event for exemplars, in place of the oldest.
func (t *tally) remember(e badEvent) {
	if len(t.last) == 0 {
		return
	}
	t.last[t.next] = e
	t.kept++
	if t.next++; t.next == len(t.last) {
		t.next = 0
	}
}

// release gives the batch back without a hold on the input.
func (b *batch) release() {
	for i := range b.tallies[:b.used] {
		clear(b.tallies[i].last)
		b.tallies[i].slo, b.tallies[i].book = nil, nil
	}
	b.forgetMarks()
	b.sampled = nil
	if cap(b.marks) > keptIDs {
		b.marks, b.marked = nil, nil
	}
	if len(b.tallies) > keptTallies {
		b.tallies = nil
	}
	if len(b.byGroup) > keptTallies {
		b.byGroup = nil
	}
	clear(b.byGroup)
	b.tracestate, b.into, b.of = "", nil, nil
	if cap(b.ids) > keptIDs {
		b.ids, b.skip = nil, nil
	}
	batches.Put(b)
}

// keptIDs is the number of identities for which a batch keeps its memory.
const keptIDs = 1 << 16

// keptTallies is the number of tallies for which it does.
const keptTallies = 1 << 10

// add adds the tallies to the version's counters. segment is that of the journal in which they are, 0 for none.
func (s *service) add(r *registry, v *version, tallies []tally, now time.Time, correlation string, segment uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range tallies {
		t := &tallies[i]
		if !t.any() {
			continue
		}
		s.current(t, now)
		pair := s.at(v, t.slo, now)
		if pair == nil {
			continue
		}
		for when, n := range t.counts {
			if n == (outcomes{}) {
				continue
			}
			pair.addOutcomes(when, n)
			if when != int(onTime) {
				r.late.Store(true)
			}
		}
		t.placePast(pair, now)
		for _, e := range t.past {
			if e.start != 0 {
				pair.countPast(e.counter, e.start, pcommon.NewTimestampFromTime(now), e.outcomes)
			}
		}
		if segment != 0 {
			pair.declared = segment
		}
		s.dirty = true
		for j := max(0, t.kept-len(t.last)); j < t.kept; j++ {
			pair.exemplars.keep(&t.last[j%len(t.last)], len(t.last), correlation)
		}
	}
}
