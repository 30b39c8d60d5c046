// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// Versions are followed from one source at a time, as versions from different sources do not compare. The others are
// counted beside it, and one of them takes over when the evidence says so:
//
//   - a better one, when it has been seen for InstanceTTL on at least half as many instances: not for a stray record;
//   - a better one, when the old one is unseen for Settle, as after a release that begins to say its version;
//   - a worse one, when the old one is unseen for InstanceTTL and Settle.
//
// What runs then is taken as it is: it is no deployment, unless it came when the old source went.

// sources is a set of them.
type sources uint8

func (s sources) has(one deployment.Source) bool { return s&(1<<one) != 0 }

func (s *sources) add(one deployment.Source) { *s |= 1 << one }

// nSources is how many there are.
const nSources = int(deployment.Unknown)

// follows says that the version is from the source that is followed, or was only reported.
func (s *service) follows(v *version) bool { return v.sources == 0 || v.sources.has(s.source) }

// evidence is what speaks for a source.
type evidence struct {
	lasted bool  // one of its versions has been seen for long enough to count
	since  int64 // when the oldest of its versions that are heard was first seen; 0 for none
	pause  int64 // for how long none of them was heard, by the service's clock
	live   int   // instances
}

// chooseSource looks whether another source is to be followed.
func (s *service) chooseSource(now int64) {
	if s.source != deployment.Unknown && !slices.ContainsFunc(s.versions, func(v *version) bool { return !s.follows(v) }) {
		return
	}
	all := s.evidence(now)
	if s.source == deployment.Unknown {
		s.firstSource(all)
		return
	}
	current := &all[s.source]
	ttl, settle := int64(s.config.InstanceTTL), s.settle()
	for one := range deployment.Source(nSources) {
		e := &all[one]
		if one == s.source || e.since == 0 || !e.lasted {
			continue
		}
		switch better := one < s.source; {
		case better && current.pause >= settle, !better && current.pause >= settle+ttl:
			s.follow1(one, true, now)
			return
		case better && now-e.since >= ttl && 2*e.live >= current.live:
			s.follow1(one, false, now)
			return
		}
	}
}

// firstSource chooses the first source: the best of those that are seen on at least half as many instances as any. If another
// one was there before, its versions are other names of the same.
func (s *service) firstSource(all [nSources]evidence) {
	most, earliest := 0, int64(0)
	for _, e := range all {
		most = max(most, e.live)
		if e.since > 0 && (earliest == 0 || e.since < earliest) {
			earliest = e.since
		}
	}
	for one := range deployment.Source(nSources) {
		e := &all[one]
		if !e.lasted || e.since == 0 || 2*e.live < most {
			continue
		}
		s.source = one
		s.touch()
		if e.since > earliest {
			for _, v := range slices.Clone(s.versions) {
				if v.sources.has(one) && v.latest == nil {
					s.keep(v)
				}
			}
		}
		return
	}
}

func (s *service) evidence(now int64) (all [nSources]evidence) {
	for n := range all {
		all[n].pause = int64(time.Hour)
	}
	serials := make(map[uint32]sources, len(s.versions))
	for _, v := range s.versions {
		serials[v.serial] = v.sources
		if v.sources == 0 || v.seen == 0 {
			continue
		}
		pause := s.heard - v.heard
		for one := range deployment.Source(nSources) {
			e := &all[one]
			if !v.sources.has(one) {
				continue
			}
			e.pause = min(e.pause, pause)
			if pause >= s.settle() {
				continue
			}
			if first := v.first; first > 0 && (e.since == 0 || first < e.since) {
				e.since = first
			}
			e.lasted = e.lasted || v.confirmed || s.lasted(v, now)
		}
	}
	for n := range s.instances {
		i := &s.instances[n]
		if now-i.seen() >= int64(s.config.InstanceTTL) {
			continue
		}
		for one := range deployment.Source(nSources) {
			if serials[i.version].has(one) {
				all[one].live++
			}
		}
	}
	return all
}

// follow1 goes on with versions from another source. What was reported and is not seen yet stays.
func (s *service) follow1(source deployment.Source, replaced bool, now int64) {
	s.source = source
	var previous string
	var last int64
	var underway *candidate
	left := func(v *version) bool { return v.sources != 0 && !v.sources.has(source) }
	for _, v := range s.versions {
		if !left(v) {
			continue
		}
		last = max(last, v.seen)
		if v.complete() {
			previous = v.name
		} else if v.open() {
			underway = v.latest
		}
	}
	s.steps = slices.DeleteFunc(s.steps, func(a announcement) bool {
		return slices.ContainsFunc(s.versions, func(v *version) bool { return v.latest == a.candidate && left(v) && a.candidate != underway })
	})
	for _, v := range slices.Clone(s.versions) {
		switch {
		case left(v) && s.heard-v.heard < s.settle(): // it is evidence still
			v.latest, v.confirmed, v.past = nil, false, false
		case left(v):
			s.forget(v)
		case v.latest != nil || v.first == 0 || !s.lasted(v, now):
		case underway != nil && near(underway.Start.UnixNano(), v.first, s.settle()):
			v.latest, v.confirmed, v.count, underway = underway, true, v.count+1, nil
			s.versions = append(slices.DeleteFunc(s.versions, func(other *version) bool { return other == v }), v)
		case replaced && v.first >= last-s.settle():
			s.begun(v, previous, now)
		default:
			s.keep(v)
		}
	}
	s.touch()
}

func near(a, b, within int64) bool { return a-b <= within && b-a <= within }
