// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"math"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// A fleet is a service whose users run many versions at once: an app on phones, a page in tabs that stay open. No version takes
// another's place there, so a release is announced by its first sight and by how much of the traffic it has: 10, 50 and 90 %. It is never
// a canary, nor complete. The catalog says which services are fleets; so does a service of which many versions are heard.
//
// Traffic is telemetry, of which older counts less. The versions with the least give way to others; one that takes a
// place may have as much as the one before it (the space-saving algorithm of Metwally, Agrawal and El Abbadi), which is left out when
// shares are computed.

const (
	// manyVersions is how many versions that run at once make a fleet of a service that nobody says is one.
	manyVersions = 8
	// mostClients is how many versions of a fleet are kept.
	mostClients = 64
	// halfLife is how fast traffic is forgotten.
	halfLife = 5 * time.Minute
	// firstShare is the share of the traffic at which a release is announced, and leastWeight how much traffic it must be.
	firstShare  = 0.005
	leastWeight = 10
	// fleetEnds is how long few versions must be heard before a service of which many were is no fleet any more.
	fleetEnds = 24 * time.Hour
)

// adoptions are the shares in percent that are announced.
var adoptions = [...]int{10, 50, 90}

// Fleets makes the tracker ask which services are declared to be fleets of clients. Call it before anything is seen.
func (t *Tracker) Fleets(declared func(deployment.Service) bool) { t.declared.Store(&declared) }

// declare looks whether the service is declared to be a fleet.
func (s *service) declare(now int64) {
	declared := s.tracker.declared.Load()
	if declared != nil && !s.fleet && (*declared)(s.key) {
		s.becomeFleet(now)
	}
}

// isFleet also finds it out: many versions are heard, and not just because a deployment is on its way.
func (s *service) isFleet(now int64) bool {
	heard := 0
	for _, v := range s.versions {
		if (v.confirmed || now-s.first < int64(s.config.InstanceTTL) && v.first > 0) && s.heard-v.heard < s.settle() {
			heard++
		}
	}
	switch {
	case heard >= manyVersions:
		if !s.fleet {
			s.becomeFleet(now)
		}
		s.fleetSeen = now
	case s.fleet && heard > manyVersions/2:
		s.fleetSeen = now
	case s.fleet && now-s.fleetSeen > int64(fleetEnds):
		s.fleet = false
		s.declare(now)
	}
	return s.fleet
}

func (s *service) becomeFleet(now int64) {
	s.fleet, s.fleetSince, s.fleetSeen, s.weighed = true, now, now, now
	s.drop(func(*instance) bool { return true })
	s.touch()
}

// seeClient notes telemetry of a version of a fleet. Instances come and go by the thousand and their clocks are wrong, so they are not
// kept.
func (s *service) seeClient(h *Handle, at, now int64) {
	s.arrived.Store(now)
	if at == 0 {
		at = now
	}
	h.last = 0 // all of it counts
	if late := now - at; late >= s.settle() && late <= int64(s.config.Recent) {
		return
	}
	v := s.admit(h.version, h.source, now)
	if v == nil {
		return
	}
	v.sources.add(h.source)
	v.weight++
	if s.first == 0 {
		s.first = now
	}
	if s.listened > 0 {
		s.heard += min(max(now-s.listened, 0), s.settle()/2)
	}
	s.listened = now
	v.heard, v.seen = s.heard, now
	if v.first == 0 {
		v.first = now
	}
	s.busy = true
}

// makeRoomInFleet forgets the version with the least traffic, and remembers how much that was.
func (s *service) makeRoomInFleet() bool {
	if s.current() < mostClients {
		return true
	}
	var least *version
	for _, v := range s.versions {
		if !v.open() && (least == nil || v.weight < least.weight) {
			least = v
		}
	}
	if least == nil {
		return false
	}
	s.inherited = least.weight
	s.forget(least)
	return true
}

// followFleet looks how much of the traffic each version has.
func (s *service) followFleet(now int64) {
	fade := math.Exp2(-float64(now-s.weighed) / float64(halfLife))
	s.weighed = now
	total := 0.0
	for _, v := range s.versions {
		v.weight, v.inherit = v.weight*fade, v.inherit*fade
		total += v.weight
	}
	known := max(s.first, s.fleetSince) + int64(s.config.CanaryAfter)
	for _, v := range append([]*version(nil), s.versions...) {
		own := v.weight - v.inherit
		share := 0.0
		if total > 0 {
			share = own / total
		}
		switch {
		case v.past || v.first == 0:
		case v.latest == nil && v.first <= known:
			if v.seen-v.first >= int64(s.config.Confirm) {
				s.keep(v)
			}
		case v.latest == nil, v.latest.said == "" && !v.confirmed && v.sources != 0:
			if own >= leastWeight && share >= firstShare {
				if v.latest == nil {
					s.begun(v, s.leading(v), now)
				}
				v.confirmed = true
			}
		case v.latest.silent:
		default:
			v.confirmed = v.confirmed || v.sources != 0
			s.adopt(v, share)
		}
	}
	s.busy = true
	s.changed.Store(true)
}

// leading is the version with the most traffic, but for the one.
func (s *service) leading(but *version) string {
	var most *version
	for _, v := range s.versions {
		if v != but && v.present() && (most == nil || v.weight > most.weight) {
			most = v
		}
	}
	if most == nil {
		return ""
	}
	return most.name
}

// adopt notes the share that a release has passed. It never goes back.
func (s *service) adopt(v *version, share float64) {
	for _, percent := range adoptions {
		if share*100 >= float64(percent) && v.latest.Adoption < percent {
			v.latest.Adoption, v.latest.news = percent, true
			s.touch()
		}
	}
}
