// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// A Sighting is telemetry of one resource.
type Sighting struct {
	Service  deployment.Service
	Version  string            // may be empty: then only the service is seen
	Instance string            // may be empty, if nothing tells one from another
	Time     time.Time         // of the telemetry, by the sender's clock; zero is now
	Source   deployment.Source // where the version was read
}

// step is how often an instance is looked at, on its own clock: what comes in between changes nothing.
const step = int64(time.Second)

// farthest keeps sums of times from overflowing, whatever was sent.
const farthest = int64(1) << 61

// See notes that the version runs.
func (t *Tracker) See(s Sighting) {
	h := t.Handle(s.Service, s.Version, s.Instance)
	h.source = s.Source
	h.See(s.Time)
}

// A Handle is for a caller that sees one instance again and again: it saves the lookup. It is not for concurrent use.
type Handle struct {
	tracker           *Tracker
	service           *service
	key               deployment.Service
	version, instance string
	source            deployment.Source
	id                uint64
	last              int64
}

// unnamed begins the names that SDKs give to services that do not name themselves: many different ones may have it.
const unnamed = "unknown_service"

// Handle returns a handle for an instance of a version of the service, known or not. Words for no version are none, and
// so are the versions of services without a name.
func (t *Tracker) Handle(key deployment.Service, version, instance string) Handle {
	key.Place = t.config.place(key.Place)
	if deployment.SaysNothing(version) || strings.HasPrefix(key.Name, unnamed) {
		version = ""
	}
	return Handle{tracker: t, service: t.find(key), key: key, version: version, instance: instance,
		// An instance under two versions is two: without an ID of its own it would be both at once.
		id: xxhash.Sum64String(version)*0x9e3779b97f4a7c15 + xxhash.Sum64String(instance)}
}

// See notes that the version runs.
func (h *Handle) See(at time.Time) {
	var ns int64
	if !at.IsZero() {
		ns = min(max(at.UnixNano(), -farthest), farthest)
		if adds := h.tracker.config.adds(ns, h.last); !adds {
			return
		}
	}
	for range 2 {
		if h.service == nil {
			if h.service = h.tracker.ensure(h.key); h.service == nil {
				return
			}
		}
		if h.service.see(h, ns, h.tracker.now) {
			return
		}
		h.service = nil // it was evicted meanwhile
	}
}

// adds reports whether telemetry of the time can tell anything new of an instance that was last seen at another. It may be from
// long before: then the clock was set.
func (c *Config) adds(at, last int64) bool {
	return at-last >= step || last-at > int64(c.Recent)
}

// see returns false if the service is not tracked any more. The time is 0 for now.
func (s *service) see(h *Handle, at int64, clock func() time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.forgotten {
		return false
	}
	if h.version == "" {
		s.untagged(h, at, clock)
		return true
	}
	if s.fleet {
		s.seeClient(h, at, clock().UnixNano())
		return true
	}
	n, known := s.instances.find(h.id)
	if known && at != 0 && !s.config.adds(at, s.instances[n].last) {
		h.last = s.instances[n].last
		return true
	}
	now := clock().UnixNano()
	if at == 0 {
		at = now
	}
	if known {
		i := &s.instances[n]
		if v := s.bySerial(i.version); v != nil {
			v.sources.add(h.source)
			s.hear(v, i, h.instance != "", at, now)
		}
		h.last = i.last
		return true
	}
	v := s.admit(h.version, h.source, now)
	if v == nil {
		return true
	}
	v.sources.add(h.source)
	i := s.add(newInstance(h.id, v.serial, at, now, s.config), now)
	s.hear(v, i, h.instance != "", at, now)
	h.last = i.last
	return true
}

// untagged notes telemetry that says no version.
func (s *service) untagged(h *Handle, at int64, clock func() time.Time) {
	if at != 0 && !s.config.adds(at, s.bare) {
		h.last = s.bare
		return
	}
	now := clock().UnixNano()
	if at == 0 {
		at = now
	}
	s.bare, h.last = at, at
	s.arrived.Store(now)
}

// hear takes in that an instance was seen.
func (s *service) hear(v *version, i *instance, named bool, at, now int64) {
	s.arrived.Store(now)
	when, believed := i.place(at, now, named, s.config)
	settle := s.settle()
	switch {
	case !believed:
		return
	case now-when >= settle: // too late to say that it runs still
		if v.confirmed {
			v.seen = max(v.seen, when)
		}
		return
	}
	if s.first == 0 {
		s.first = min(when, i.first)
	}
	s.listen(i, now, settle)
	v.heard = s.heard
	if !v.confirmed {
		s.run(v, when)
		v.first = min(v.first, when, i.first)
		s.busy = true
	}
	v.seen = max(v.seen, when)
}

// run notes a run of a version that is to be confirmed. A job that runs for a few seconds now and then is seen when it has run
// twice, or when a run has ended: but only if nothing else ran beside it, as it does beside what strays in.
func (s *service) run(v *version, when int64) {
	alone := !slices.ContainsFunc(s.versions, func(other *version) bool { return other != v && when-other.seen < s.settle() })
	switch again := when-v.seen > int64(s.config.InstanceTTL); {
	case v.first == 0 || again && (!v.alone || !alone):
		v.first, v.seen, v.began, v.runs, v.alone = when, when, when, 1, alone
	case again:
		v.runs++
		v.began = when
	default:
		v.alone = v.alone && alone
	}
}

// lasted says that the version has been seen for long enough to count.
func (s *service) lasted(v *version, now int64) bool {
	if v.first == 0 {
		return false
	}
	ended := now-v.seen >= s.settle() && v.seen-v.first >= step
	return v.runs < 2 && v.seen-v.first >= int64(s.config.Confirm) || v.runs > 1 && v.alone || v.alone && ended
}

// listen moves the service's own clock, on which time passes only while something is heard, and learns how long
// an instance may be silent.
func (s *service) listen(i *instance, now, settle int64) {
	if s.listened > 0 {
		// Half of it at most: after an outage all that runs has the other half to show itself.
		s.heard += min(max(now-s.listened, 0), settle/2)
	}
	s.listened = now
	second := uint32(s.heard / int64(time.Second))
	if gap := int64(second-i.heard) * int64(time.Second); i.heard > 0 && gap <= int64(s.config.InstanceTTL) {
		s.gap = max(s.gap, gap)
	}
	i.heard = second
}
