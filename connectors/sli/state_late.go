// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"iter"
	"math"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/past"
)

// The record of late counts has those series that have any: namespace, service, environment, version, SLO, then good
// and bad by when. It is a record of its own, so that earlier releases read the others.

// pairs are all series of the service, each with where it is.
func (s *service) pairs() iter.Seq2[place, *series] {
	return func(yield func(place, *series) bool) {
		for _, e := range s.environments {
			for _, v := range e.versions {
				for i, pair := range v.series {
					if pair != nil && !yield(place{v, i}, pair) {
						return
					}
				}
			}
		}
	}
}

// A place is that of a series.
type place struct {
	version *version
	slo     int
}

// encodeLate encodes the late counts. r.mu must be held.
func (r *registry) encodeLate() []byte {
	var w checkpoint.Writer
	for i := range r.shards {
		for _, s := range r.shards[i].services {
			s.mu.Lock()
			for at, pair := range s.pairs() {
				if pair.late == nil {
					continue
				}
				for _, text := range []string{s.namespace, s.name, at.version.environment, at.version.id, s.slos[at.slo].id} {
					w.Text(text)
				}
				for _, n := range pair.late.outcomes[late:] {
					w.Float(n.good)
					w.Float(n.bad)
				}
			}
			s.mu.Unlock()
		}
	}
	return append(make([]byte, 0, len(w)), w...)
}

// encodePast is the record of the counters of times in the past: for each, what names its series, and the counter.
func (r *registry) encodePast() []byte {
	var w checkpoint.Writer
	for i := range r.shards {
		for _, s := range r.shards[i].services {
			s.mu.Lock()
			for at, pair := range s.pairs() {
				if pair.late == nil || len(pair.late.past) == 0 {
					continue
				}
				for _, text := range []string{s.namespace, s.name, at.version.environment, at.version.id, s.slos[at.slo].id} {
					w.Text(text)
				}
				w.Length(len(pair.late.past))
				for _, c := range pair.late.past {
					w.Uint(uint64(c.From))
					w.Uint(uint64(c.Length))
					w.Uint(uint64(c.start))
					w.Float(c.good)
					w.Float(c.bad)
				}
			}
			s.mu.Unlock()
		}
	}
	return append(make([]byte, 0, len(w)), w...)
}

// pairsOf are the series of an SLO by these names; none if the service is not there. r.mu must be held.
func (r *registry) pairsOf(key serviceKey, environment, version, slo string) iter.Seq[*series] {
	return func(yield func(*series) bool) {
		s := r.shards[key.shard()].services[key]
		if s == nil {
			return
		}
		for at, pair := range s.pairs() {
			if at.version.environment == environment && at.version.id == version && s.slos[at.slo].id == slo && !yield(pair) {
				return
			}
		}
	}
}

// pastCounter reads a counter.
func (r *reader) pastCounter() pastCounter {
	i := past.Interval{From: int64(r.Uint(math.MaxInt32)), Length: int64(r.Uint(uint64(past.Day)))}
	c := pastCounter{Interval: i, start: pcommon.Timestamp(r.uint()), outcomes: outcomes{r.count(), r.count()}}
	r.Require(slices.Contains(past.Lengths[:], i.Length) && i.From%max(i.Length, 1) == 0)
	return c
}

// decodePast reads the record, as of now.
func (r *registry) decodePast(record []byte, now pcommon.Timestamp) error {
	rd := reader{checkpoint.NewReader(record)}
	for rd.Rest() > 0 {
		key := serviceKey{namespace: rd.Text(), name: rd.Text()}
		environment, version, slo := rd.Text(), rd.Text(), rd.Text()
		counters := make([]pastCounter, 0, 8)
		for range rd.Length(19) {
			c := rd.pastCounter()
			c.touched = now
			rd.Require(len(counters) == 0 || counters[len(counters)-1].Compare(c.Interval) < 0)
			counters = append(counters, c)
		}
		if rd.Failed() {
			break
		}
		for pair := range r.pairsOf(key, environment, version, slo) {
			pair.lateCounts().past = counters
		}
	}
	return rd.End()
}

// decodeLate gives the series that are there their late counts. r.mu must be held.
func (r *registry) decodeLate(record []byte) error {
	rd := reader{checkpoint.NewReader(record)}
	for rd.Rest() > 0 {
		key := serviceKey{namespace: rd.Text(), name: rd.Text()}
		environment, version, slo := rd.Text(), rd.Text(), rd.Text()
		counts := &lateCounts{}
		for when := late; when < whens; when++ {
			counts.outcomes[when] = outcomes{rd.count(), rd.count()}
			counts.emitted[when] = true
		}
		if rd.Failed() {
			break
		}
		for pair := range r.pairsOf(key, environment, version, slo) {
			pair.late = counts
		}
	}
	return rd.End()
}
