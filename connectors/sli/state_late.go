// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"iter"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
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
				for _, text := range []string{s.namespace, s.name, at.version.environment, at.version.name, s.slos[at.slo].name} {
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
		s := r.shards[key.shard()].services[key]
		if s == nil {
			continue
		}
		for at, pair := range s.pairs() {
			if at.version.environment == environment && at.version.name == version && s.slos[at.slo].name == slo {
				pair.late = counts
			}
		}
	}
	return rd.End()
}
