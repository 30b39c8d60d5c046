// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// A batch is what one resource adds to the SLOs of its service, gathered without a lock.
type batch struct {
	*remarks
	tallies []tally
	// events is how many were looked at.
	events int64
	// The last tracestate and what it weighs: the spans of a trace share theirs.
	tracestate string
	weight     float64
}

// A tally is what a batch adds to one SLO. last is a ring of its bad events.
type tally struct {
	slo  *slo
	good float64
	bad  float64
	last []badEvent
	next int
}

// A badEvent points at what an exemplar is made of. It is not kept beyond the batch.
type badEvent struct {
	trace      pcommon.TraceID
	span       pcommon.SpanID
	time       pcommon.Timestamp
	value      float64
	attributes pcommon.Map
}

// remarks are the numbers of events that were dropped, and that were counted with an adjustment,
// by reason.
type remarks struct {
	dropped, adjusted map[string]int64
	// exceeded are SLOs with more good (or bad) events than total events, for the log.
	exceeded []excess
}

// An excess is of an SLO: of the side part there were more events than in total.
type excess struct {
	service, slo, part string
	events, total      float64
}

func newRemarks() *remarks {
	return &remarks{dropped: make(map[string]int64), adjusted: make(map[string]int64)}
}

var batches = sync.Pool{New: func() any { return &batch{remarks: newRemarks()} }}

// reset makes room for n SLOs and at most kept exemplars each.
func (b *batch) reset(n, kept int) {
	for len(b.tallies) < n {
		b.tallies = append(b.tallies, tally{})
	}
	for i := range b.tallies[:n] {
		t := &b.tallies[i]
		if cap(t.last) < kept {
			t.last = make([]badEvent, kept)
		}
		t.last = t.last[:kept]
		clear(t.last)
		t.slo, t.good, t.bad, t.next = nil, 0, 0, 0
	}
	b.events, b.tracestate, b.weight = 0, "", 1
}

// overLimit counts an adjustment if the batch's environment or version is beyond the limits.
func (b *batch) overLimit(reason string) {
	if reason != "" && b.events > 0 {
		b.adjusted[reason] += b.events
	}
}

func (t *tally) addBad(weight float64, e badEvent) {
	t.bad += weight
	if len(t.last) > 0 {
		t.last[t.next%len(t.last)] = e
		t.next++
	}
}

// release gives the batch back without a hold on the input.
func (b *batch) release() {
	for i := range b.tallies {
		clear(b.tallies[i].last)
	}
	b.tracestate = ""
	batches.Put(b)
}

// add adds the tallies to the version's counters.
func (s *service) add(v *version, tallies []tally, now time.Time, correlation string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range tallies {
		t := &tallies[i]
		if t.good == 0 && t.bad == 0 {
			continue
		}
		pair := s.at(v, t.slo, now)
		if pair == nil {
			continue
		}
		pair.good += t.good
		pair.bad += t.bad
		s.dirty = true
		for j := max(0, t.next-len(t.last)); j < t.next; j++ {
			pair.exemplars.keep(&t.last[j%len(t.last)], len(t.last), correlation)
		}
	}
}
