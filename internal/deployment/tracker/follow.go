// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"cmp"
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// follow decides what the sightings mean.
func (s *service) follow(now int64) {
	if now-s.pruned >= int64(time.Minute) {
		s.prune(now, int64(s.config.Recent))
		s.declare(now)
		for s.dropStranger(func(v *version) bool { return now-v.seen > s.patience(v) }) {
			s.touch()
		}
		s.giveUp(now)
	}
	if !s.busy {
		return
	}
	s.changed.Store(true)
	if s.isFleet(now) {
		s.followFleet(now)
		return
	}
	s.chooseSource(now)
	s.confirm(now)
	for _, v := range slices.Clone(s.versions) {
		switch {
		case !v.present():
		case v.latest.blind && v.open():
			s.followBlind(v, now)
		case !v.confirmed: // it was reported, and is not seen yet
			s.followUnseen(v, now)
		case s.silent(v, s.settle()):
			s.followGone(v)
		case v.open():
			s.followOpen(v, now)
		}
	}
	s.busy = s.undecided()
}

// patience is how long a version is remembered that is unseen and was never deployed. What runs for a few seconds now and then may
// not run for a day.
func (s *service) patience(v *version) int64 {
	if v.alone {
		return int64(25 * time.Hour)
	}
	return int64(s.config.InstanceTTL)
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
func (s *service) confirm(now int64) {
	var ready []*version
	for _, v := range s.versions {
		if !v.confirmed && s.follows(v) && s.lasted(v, now) {
			ready = append(ready, v)
		}
	}
	slices.SortStableFunc(ready, func(a, b *version) int { return int(min(max(a.first-b.first, -1), 1)) })
	for _, v := range ready {
		switch told := s.toldOf(v); {
		case told != nil:
			s.unite(told, v)
		case v.present():
			v.confirmed = true
		case v.latest == nil && v.first-s.first <= int64(s.config.Confirm) && !s.awaited(v):
			s.keep(v)
		default:
			s.begun(v, "", now)
		}
	}
}

// begun opens the deployment of a version that was seen, with what a report has said of it.
func (s *service) begun(v *version, previous string, now int64) {
	d := deployment.Deployment{Start: time.Unix(0, v.first), Previous: previous}
	w, ok := s.claim(v, now)
	if !ok {
		s.open(v, d)
		v.confirmed = true
		s.step(v.latest, deployment.Started, v.latest.Start)
		return
	}
	to, end := w.Status, w.End
	start := w.Start
	if start.After(d.Start) {
		start = d.Start
	}
	w.Status, w.Start, w.End = deployment.Started, start, time.Time{}
	w.Previous = cmp.Or(w.Previous, previous)
	s.open(v, w.Deployment)
	if w.also != "" {
		v.latest.aliases = append(v.latest.aliases, w.also)
	}
	v.confirmed = true
	s.step(v.latest, deployment.Started, v.latest.Start)
	if to != deployment.Started {
		s.take(v, to, start, end)
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
		case s.unheardOf(other, end): // a report may say still how it went
			continue
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

// unheardOf says that the version was reported, was not seen, and began a short time before. It may be the one that telemetry
// calls by another name.
func (s *service) unheardOf(v *version, at time.Time) bool {
	return v.open() && v.sources == 0 && at.Sub(v.latest.Start) < s.config.Recent
}

// followUnseen follows a reported deployment that telemetry does not show. It has not come if another has taken its place.
func (s *service) followUnseen(v *version, now int64) {
	if !v.open() || now-v.latest.Start.UnixNano() < int64(s.config.Recent) {
		return
	}
	n := slices.Index(s.versions, v)
	if slices.ContainsFunc(s.versions[n+1:], func(other *version) bool { return other.complete() && other.confirmed }) {
		s.step(v.latest, deployment.RolledBack, time.Unix(0, now))
		s.retire(v)
	}
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
	if d.Status == deployment.Started && v == s.newest() && own > 0 && 2*own <= all && now-d.grew >= int64(s.config.CanaryAfter) {
		s.step(d, deployment.Canary, time.Unix(0, now))
	}
}

// followBlind ends a deployment of a version that ran before, when nobody says more about it.
func (s *service) followBlind(v *version, now int64) {
	if now-v.latest.Start.UnixNano() >= int64(s.config.Recent) || v != s.newest() {
		s.step(v.latest, deployment.Completed, v.latest.Start)
	}
}
