// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// A Stamp is what telemetry of a version is to say about its deployment.
type Stamp struct {
	ID       string
	Revision string
	Recent   bool // the deployment took its latest step less than Config.Recent ago
}

type stamping struct {
	version string
	Stamp
	until int64 // Unix nanoseconds; how long it is recent
}

// Stamp is not ok if the version is not known to be deployed.
func (t *Tracker) Stamp(key deployment.Service, version string) (stamp Stamp, ok bool) {
	key.Place = t.config.place(key.Place)
	s := t.find(key)
	if s == nil {
		return Stamp{}, false
	}
	stamps := s.stamps.Load()
	if stamps == nil {
		return Stamp{}, false
	}
	for i := range *stamps {
		if one := &(*stamps)[i]; one.version == version {
			stamp = one.Stamp
			stamp.Recent = one.until > 0 && t.now().UnixNano() < one.until
			return stamp, true
		}
	}
	return Stamp{}, false
}

// restamp computes again what Stamp reads. Late telemetry of a past version still belongs to its deployment.
func (s *service) restamp() {
	if !s.unstamped {
		return
	}
	s.unstamped = false
	var stamps []stamping
	for _, v := range s.versions {
		if v.latest == nil {
			continue
		}
		one := stamping{version: v.name, Stamp: Stamp{ID: v.latest.ID, Revision: v.latest.Revision}}
		if v.latest.renewed > 0 && !v.past {
			one.until = v.latest.renewed + int64(s.config.Recent)
		}
		stamps = append(stamps, one)
		for _, name := range v.names {
			if name.Text() != v.name {
				one.version = name.Text()
				stamps = append(stamps, one)
			}
		}
	}
	s.stamps.Store(&stamps)
}

// Running calls visit with the deployment of every version that is deployed or on its way, and how many live instances it
// has; -1 for a fleet of clients, whose instances are not counted. One that was undone stays for as long as it is recent, so that a reader of states, without events, sees how it ended.
func (t *Tracker) Running(visit func(d *deployment.Deployment, instances int)) {
	now := t.now().UnixNano()
	for _, s := range t.all() {
		s.running(now, visit)
	}
}

func (s *service) running(now int64, visit func(*deployment.Deployment, int)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.versions {
		if v.present() || v.undone() && now < v.latest.renewed+int64(s.config.Recent) {
			live, _ := s.live(v.serial, now)
			if s.fleet {
				live = -1
			}
			d := s.described(v.latest, v)
			d.Version = v.name
			visit(&d, live)
		}
	}
}

// LastSeen is when telemetry of the service came last, with or without a version; zero if it is not known.
func (t *Tracker) LastSeen(key deployment.Service) time.Time {
	key.Place = t.config.place(key.Place)
	if s := t.find(key); s != nil {
		return time.Unix(0, s.arrived.Load())
	}
	return time.Time{}
}
