// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// A service in one environment. Times are Unix nanoseconds, by our clock.
type service struct {
	key     deployment.Service
	tracker *Tracker
	config  *Config
	stats   *counters
	changed *atomic.Bool               // of the shard
	arrived atomic.Int64               // when anything of it came last
	stamps  atomic.Pointer[[]stamping] // what Stamp reads

	mu        sync.Mutex
	forgotten bool // it is not tracked any more
	instances instances
	// versions, those that were deployed in the order in which their latest deployments began, and others anywhere.
	versions []*version
	serial   uint32            // of the newest version
	source   deployment.Source // of the versions; Unknown until one is seen
	first    int64             // when any version was first seen
	bare     int64             // newest telemetry without a version

	heard    int64 // the service's own clock: time during which something was heard
	listened int64 // when it was last moved; 0 after a start
	gap      int64 // the longest that an instance was silent, by it

	busy      bool // there is something to decide
	unstamped bool // stamps are out of date
	pruned    int64
	steps     []announcement // that Due has not returned yet
	waiting   []waiting      // reports without a version that was seen

	born       int64   // when the tracker began, or the service was forgotten before
	fleet      bool    // its users run many versions at once
	fleetSince int64   // and since when that is known
	fleetSeen  int64   // when many of them were last heard
	weighed    int64   // when the weights of the versions were last reduced
	inherited  float64 // the weight of the version that gave way last
}

// A version of a service.
type version struct {
	name    string               // the best of its names
	names   []deployment.Version // all the ways in which it was written, the name as well
	sources sources              // where it was read; none if it was only reported
	build   deployment.Build     // what its telemetry says besides
	serial  uint32
	first   int64 // when it was first seen, while it is to be confirmed
	began   int64 // when its latest run did, of runs, while it is to be confirmed
	runs    int
	alone   bool    // nothing else ran beside them
	weight  float64 // how much was heard of it lately, in a fleet
	inherit float64 // how much of that may be of the version whose place it took
	seen    int64   // when it was last seen
	heard   int64   // when it was last heard, by the service's clock
	// confirmed: it has been seen for long enough to count.
	confirmed bool
	past      bool       // it has been and is gone
	count     int        // of its deployments
	latest    *candidate // its latest deployment; nil for none
}

// A candidate is a deployment and how it is doing.
type candidate struct {
	deployment.Deployment
	aliases []string // other IDs that reports gave it
	// said is the status that was announced last, saidAt when.
	said     deployment.Status
	saidAt   int64
	renewed  int64 // when it took its latest step
	silent   bool  // it was there at first sight, so it is not announced
	blind    bool  // its version ran before, so telemetry cannot follow it
	returned bool  // its version was complete before, and was replaced
	news     bool  // facts that were not announced yet
	peak     int   // the most live instances that it had
	grew     int64 // and since when
}

// present says that the version is deployed, or on its way.
func (v *version) present() bool { return v.latest != nil && !v.past }

// undone says that it was rolled back or has failed, and is gone.
func (v *version) undone() bool {
	return v.latest != nil && v.past && (v.latest.Status == deployment.RolledBack || v.latest.Status == deployment.Failed)
}

// open says that its deployment is not over.
func (v *version) open() bool { return v.present() && !v.latest.Status.Over() }

// complete says that it is completely deployed.
func (v *version) complete() bool { return v.present() && v.latest.Status == deployment.Completed }

// touch notes that there is something to save and to stamp.
func (s *service) touch() {
	s.unstamped = true
	s.changed.Store(true)
}

// settle is how long the version of a service must be unseen to be gone: an instance may miss its turn twice.
func (s *service) settle() int64 { return max(int64(s.config.Settle), 3*s.gap) }

// silent says that the version has not been heard for the time, while others were. One that was only reported is silent.
func (s *service) silent(v *version, since int64) bool {
	return !v.confirmed || s.heard-v.heard >= since
}

func (s *service) version(name string) *version {
	for _, v := range s.versions {
		if v.name == name {
			return v
		}
	}
	for _, v := range s.versions {
		for n := range v.names {
			if v.names[n].Text() == name {
				return v
			}
		}
	}
	return nil
}

func (s *service) bySerial(serial uint32) *version {
	for _, v := range s.versions {
		if v.serial == serial {
			return v
		}
	}
	return nil
}

// admit returns the version, made when there is none; nil if it cannot be. One that is known under another name gets this one too.
func (s *service) admit(name string, source deployment.Source, now int64) *version {
	if v := s.version(name); v != nil {
		return v
	}
	if !valid(name) {
		s.stats.invalid.Add(1)
		return nil
	}
	meaning := deployment.ParseVersion(strings.Clone(name), s.key.Name)
	if v := s.alike(meaning); v != nil {
		s.call(v, meaning, source)
		return v
	}
	if !s.makeRoom() {
		s.stats.versions.Add(1)
		return nil
	}
	s.serial++
	v := &version{name: meaning.Name(), names: []deployment.Version{meaning}, serial: s.serial, seen: now, heard: s.heard, weight: s.inherited, inherit: s.inherited}
	s.inherited = 0
	s.versions = append(s.versions, v)
	s.busy = true
	return v
}

// makeRoom reports whether there is room for another version.
func (s *service) makeRoom() bool {
	if s.fleet {
		return s.makeRoomInFleet()
	}
	return s.current() < s.config.MaxVersions || s.dropStranger(func(*version) bool { return true })
}

// current is how many versions there are that are not past.
func (s *service) current() (n int) {
	for _, v := range s.versions {
		if !v.past {
			n++
		}
	}
	return n
}

// dropStranger forgets, of the versions that were never deployed and may go, the one that was seen longest ago.
func (s *service) dropStranger(may func(*version) bool) bool {
	var oldest *version
	for _, v := range s.versions {
		if v.latest == nil && may(v) && (oldest == nil || v.seen < oldest.seen) {
			oldest = v
		}
	}
	if oldest == nil {
		return false
	}
	s.forget(oldest)
	return true
}

func (s *service) forget(v *version) {
	s.versions = slices.DeleteFunc(s.versions, func(other *version) bool { return other == v })
	if !s.fleet { // a fleet's instances are not kept
		s.drop(func(i *instance) bool { return i.version == v.serial })
	}
}

// retire makes the version a past one. The oldest of those is forgotten when there are too many.
func (s *service) retire(v *version) {
	v.past, v.confirmed, v.first, v.runs, v.alone = true, false, 0, 0, false
	past := 0
	var oldest *version
	for _, other := range s.versions {
		if other.past {
			past++
			if oldest == nil {
				oldest = other
			}
		}
	}
	if past > s.config.History {
		s.forget(oldest)
	}
	s.touch()
}

// older are the versions that are present and were deployed before.
func (s *service) older(v *version) (older []*version) {
	for _, other := range s.versions {
		if other == v {
			break
		}
		if other.present() {
			older = append(older, other)
		}
	}
	return older
}

// newest is the present version that was deployed last, or else the past one.
func (s *service) newest() (newest *version) {
	for _, v := range s.versions {
		if v.latest != nil && (newest == nil || newest.past || v.present()) {
			newest = v
		}
	}
	return newest
}

// open begins a deployment of the version, after all others.
func (s *service) open(v *version, d deployment.Deployment) {
	d.Service, d.Version = s.key, v.name
	if d.ID == "" {
		d.ID = deployment.NewID(s.key, v.name, v.count)
	}
	if d.Previous == "" {
		d.Previous = s.before(v)
	}
	if before := s.version(d.Previous); before != nil && v.past && v.latest.Status == deployment.Completed {
		d.Rollback = v.serial < before.serial // versions are numbered as they come
	}
	v.latest = &candidate{
		Deployment: d,
		blind:      v.complete() || v.present() && v.confirmed && len(s.older(v)) == 0,
		returned:   v.past && v.latest.Status == deployment.Completed,
		grew:       d.Start.UnixNano(),
	}
	v.count++
	v.past = false
	s.versions = append(slices.DeleteFunc(s.versions, func(other *version) bool { return other == v }), v)
}

// before is what the version replaces: the one that was completed last, or else what is there.
func (s *service) before(v *version) string {
	var last *version
	for _, other := range s.versions {
		if other != v && other.present() && (last == nil || !last.complete() || other.complete()) {
			last = other
		}
	}
	if last == nil {
		return ""
	}
	return last.name
}

// keep takes in what was there at first sight. It goes before all reports.
func (s *service) keep(v *version) {
	start := time.Unix(0, v.first)
	v.latest = &candidate{silent: true, Deployment: deployment.Deployment{
		Service: s.key, ID: deployment.NewID(s.key, v.name, v.count), Version: v.name,
		Status: deployment.Completed, Start: start, End: start,
	}}
	v.count++
	v.confirmed = true
	s.versions = slices.Insert(slices.DeleteFunc(s.versions, func(other *version) bool { return other == v }), 0, v)
	s.touch()
}
