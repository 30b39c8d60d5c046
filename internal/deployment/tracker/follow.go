// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// follow decides what the sightings mean.
func (s *service) follow(now int64) {
	if now-s.pruned >= int64(time.Minute) {
		s.prune(now, int64(s.config.Recent))
		for s.dropStranger(func(v *version) bool { return now-v.seen > int64(s.config.InstanceTTL) }) {
			s.touch()
		}
	}
	if !s.busy {
		return
	}
	s.changed.Store(true)
	s.confirm()
	for _, v := range slices.Clone(s.versions) {
		switch {
		case !v.present():
		case v.latest.blind && v.open():
			s.followBlind(v, now)
		case !v.confirmed: // it was reported, and is not seen yet
		case s.silent(v, s.settle()):
			s.followGone(v)
		case v.open():
			s.followOpen(v, now)
		}
	}
	s.busy = s.undecided()
}

// undecided says that there may be something to decide although nothing new comes.
func (s *service) undecided() bool {
	present := 0
	for _, v := range s.versions {
		if v.open() || !v.confirmed && v.first > 0 {
			return true
		}
		if v.present() {
			present++
		}
	}
	return present > 1
}

// confirm takes up the versions that have been seen for long enough, in the order in which they came.
func (s *service) confirm() {
	var ready []*version
	for _, v := range s.versions {
		if !v.confirmed && v.first > 0 && v.seen-v.first >= int64(s.config.Confirm) {
			ready = append(ready, v)
		}
	}
	slices.SortStableFunc(ready, func(a, b *version) int { return int(min(max(a.first-b.first, -1), 1)) })
	for _, v := range ready {
		switch {
		case v.present():
			v.confirmed = true
		case v.latest == nil && v.first-s.first <= int64(s.config.Confirm):
			s.keep(v)
		default:
			s.open(v, deployment.Deployment{Start: time.Unix(0, v.first)})
			v.confirmed = true
			s.step(v.latest, deployment.Started, v.latest.Start)
		}
	}
}

// followOpen follows a deployment whose version is heard.
func (s *service) followOpen(v *version, now int64) {
	end := v.latest.Start
	if v.first > end.UnixNano() {
		end = time.Unix(0, v.first)
	}
	for _, other := range s.older(v) {
		if !s.silent(other, s.settle()) {
			if !s.silent(other, s.settle()/2) {
				s.followCanary(v, now)
			}
			return
		}
		if seen := time.Unix(0, other.seen); other.confirmed && seen.After(end) {
			end = seen
		}
	}
	s.complete(v, end)
}

// complete says that the version has taken the place of all older ones. Those of them that are still heard, because
// completion was reported, are left to go.
func (s *service) complete(v *version, end time.Time) {
	for _, other := range s.older(v) {
		gone := s.silent(other, s.settle())
		switch {
		case other.open() && gone:
			s.step(other.latest, deployment.RolledBack, lastOf(other, end))
		case v.latest.returned && other.complete() && !other.latest.silent:
			s.step(other.latest, deployment.RolledBack, end)
		}
		if gone {
			s.retire(other)
		}
	}
	s.step(v.latest, deployment.Completed, end)
	s.gap /= 2 // a silence of long ago is to be forgotten
}

// lastOf is when the version was last seen, or else the time.
func lastOf(v *version, otherwise time.Time) time.Time {
	if v.confirmed {
		return time.Unix(0, v.seen)
	}
	return otherwise
}

// followGone follows a version that is not heard. It has gone for good after longer than a crash loop pauses,
// if another is there.
func (s *service) followGone(v *version) {
	stays := func(other *version) bool {
		return other != v && other.present() && other.confirmed && !s.silent(other, s.settle())
	}
	if !s.silent(v, s.settle()+int64(s.config.InstanceTTL)) || !slices.ContainsFunc(s.versions, stays) {
		return
	}
	if v.open() || v.complete() && !v.latest.silent && slices.ContainsFunc(s.older(v), stays) {
		s.step(v.latest, deployment.RolledBack, time.Unix(0, v.seen))
	}
	s.retire(v)
}

// followCanary reports whether a deployment has become one.
func (s *service) followCanary(v *version, now int64) {
	d := v.latest
	own, all := s.live(v.serial, now)
	if own > d.peak {
		d.peak, d.grew = own, now
	}
	if d.Status == deployment.Started && own > 0 && 2*own <= all && now-d.grew >= int64(s.config.CanaryAfter) {
		s.step(d, deployment.Canary, time.Unix(0, now))
	}
}

// followBlind ends a deployment of a version that ran before, when nobody says more about it.
func (s *service) followBlind(v *version, now int64) {
	if now-v.latest.Start.UnixNano() >= int64(s.config.Recent) || v != s.newest() {
		s.step(v.latest, deployment.Completed, v.latest.Start)
	}
}
