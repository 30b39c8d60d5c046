// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// A report that does not say which version waits for what telemetry shows next: forges deploy a branch. It never
// attaches to what was already running. One that has begun waits for Recent, one that is over for InstanceTTL. So does a report
// that says the version but not in which of several places.

// mostWaiting is how many reports of a service wait. The oldest give way.
const mostWaiting = 16

type waiting struct {
	deployment.Deployment
	also  string // the reporter's ID, if this one tells places apart
	until int64
}

// wait keeps the report, or adds it to the one that waits with the same ID.
func (s *service) wait(d *deployment.Deployment, now int64) {
	w := waiting{Deployment: *d}
	if w.ID != "" && d.Place == (deployment.Place{}) && s.key.Place != (deployment.Place{}) {
		w.also = w.ID
		w.ID += "@" + strings.Trim(s.key.Cluster+"/"+s.key.Region+"/"+s.key.Account, "/")
	}
	w.Service = s.key
	if n := s.waits(d.ID); n >= 0 {
		before := s.waiting[n]
		s.waiting = slices.Delete(s.waiting, n, n+1)
		w.Merge(&before.Deployment)
		w.Version = cmp.Or(w.Version, before.Version)
		if before.Start.Before(w.Start) {
			w.Start = before.Start
		}
		if rank(before.Status) > rank(w.Status) {
			w.Status, w.End = before.Status, before.End
		}
	}
	for len(s.waiting) >= mostWaiting {
		s.waiting = s.waiting[1:]
	}
	w.until = now + int64(s.config.Recent)
	if w.Status.Over() {
		w.until = now + int64(s.config.InstanceTTL)
	}
	s.waiting = append(s.waiting, w)
	s.touch()
}

// waits is the place of the report with the ID; -1 for none.
func (s *service) waits(id string) int {
	return slices.IndexFunc(s.waiting, func(w waiting) bool { return id != "" && (w.ID == id || w.also == id) })
}

// giveUp drops the reports that have waited for too long.
func (s *service) giveUp(now int64) {
	before := len(s.waiting)
	s.waiting = slices.DeleteFunc(s.waiting, func(w waiting) bool { return now > w.until })
	if len(s.waiting) != before {
		s.touch()
	}
}

// How well a report that waits fits a version.
const (
	unfit   = iota
	byTime  // the version came after the report
	byRef   // and is of the branch
	byNames // it is of the commit or the version that the report names
)

func (s *service) fit(w *waiting, v *version) int {
	switch {
	case w.Version != "" && v.is(deployment.ParseVersion(w.Version, s.key.Name)), v.of(w.Revision):
		return byNames
	case w.Version != "" && slices.ContainsFunc(v.names, deployment.ParseVersion(w.Version, s.key.Name).Comparable), v.contradicts(w.Revision):
		return unfit
	case v.first < w.Start.Add(-s.config.Settle).UnixNano():
		return unfit
	case w.Branch == "":
		return byTime
	}
	branch := w.Branch[strings.LastIndexByte(w.Branch, '/')+1:]
	of := v.build.Branch[strings.LastIndexByte(v.build.Branch, '/')+1:]
	switch {
	case of == "" && !strings.Contains(v.name, branch):
		return byTime
	case of == "" || of == branch:
		return byRef
	}
	return unfit
}

// claim takes the report that fits the version best, and of several the newest. Older ones are about what it has overtaken.
func (s *service) claim(v *version, now int64) (waiting, bool) {
	best, how := -1, unfit
	for n := range s.waiting {
		w := &s.waiting[n]
		if now > w.until {
			continue
		}
		if fit := s.fit(w, v); fit > how || fit == how && fit != unfit && !w.Start.Before(s.waiting[best].Start) {
			best, how = n, fit
		}
	}
	if best < 0 {
		return waiting{}, false
	}
	w := s.waiting[best]
	s.waiting = slices.DeleteFunc(s.waiting, func(other waiting) bool {
		return other.ID == w.ID && other.Start.Equal(w.Start) || how != byNames && other.Start.Before(w.Start)
	})
	s.touch()
	return w, true
}

// awaited says that a version at the first sight of its service is the one that a report waits for: it names the commit, or
// nothing was heard of the service for so long before that it is new.
func (s *service) awaited(v *version) bool {
	for n := range s.waiting {
		how := s.fit(&s.waiting[n], v)
		if how == byNames || how != unfit && v.first-s.born >= int64(s.config.InstanceTTL) {
			return true
		}
	}
	return false
}

// underway is the deployment that telemetry shows and that a report without its version is about.
func (s *service) underway(d *deployment.Deployment) *version {
	v := s.newest()
	if v == nil || !v.present() || v.latest.silent || v.latest.blind {
		return nil
	}
	c := v.latest
	if d.Version != "" && (v.sources == 0 || s.reported(v)) || s.otherRun(v, d) && s.reported(v) && d.RunID != "" {
		return nil
	}
	if v.contradicts(d.Revision) || c.Revision != "" && d.Revision != "" && !deployment.SameCommit(c.Revision, d.Revision) {
		return nil
	}
	if d.Version != "" {
		told := &version{names: []deployment.Version{deployment.ParseVersion(d.Version, s.key.Name)}}
		if s.comparable(v, told) {
			return nil
		}
	}
	began := c.Start
	if v.sources != 0 && v.first > began.UnixNano() {
		began = time.Unix(0, v.first)
	}
	told := !d.Status.Over() || d.Start.Before(d.End) // when it began
	if told && began.Before(d.Start.Add(-s.config.Settle)) {
		return nil
	}
	if !told && !v.open() && d.End.Sub(c.End) > s.config.Recent {
		return nil
	}
	return v
}
