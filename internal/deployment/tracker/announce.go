// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// mostSteps is how many steps of a service wait for Due; reports beyond are refused.
const mostSteps = 64

// An announcement is a step that a deployment has taken.
type announcement struct {
	candidate *candidate
	status    deployment.Status
	end       time.Time
}

// step moves the deployment on. An end that is known stays.
func (s *service) step(c *candidate, to deployment.Status, at time.Time) {
	c.Status, c.renewed = to, at.UnixNano()
	if to.Over() && c.End.IsZero() {
		c.End = at
		if c.End.Before(c.Start) {
			c.End = c.Start
		}
	}
	s.steps = append(s.steps, announcement{c, to, c.End})
	s.busy = true
	s.touch()
}

// Due decides what the sightings mean and returns what there is to announce since the last call: by service, and there
// in the order in which it came. A deployment of which more has become known comes again, with the same ID and
// status. What was returned counts as announced: hand it on, and Save after that.
func (t *Tracker) Due() []deployment.Deployment {
	var due []deployment.Deployment
	now := t.now().UnixNano()
	for _, s := range t.all() {
		due = s.due(due, now)
	}
	return due
}

func (s *service) due(due []deployment.Deployment, now int64) []deployment.Deployment {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.forgotten {
		return due
	}
	s.follow(now)
	for _, a := range s.steps {
		d := s.described(a.candidate, s.versionOf(a.candidate))
		d.Status, d.End = a.status, a.end
		due = append(due, d)
		a.candidate.announced(now)
	}
	s.steps = nil
	for _, v := range s.versions {
		if v.latest != nil && v.latest.news && now-v.latest.saidAt >= int64(time.Second) {
			due = append(due, s.described(v.latest, v))
			v.latest.announced(now)
		}
	}
	s.restamp()
	return due
}

func (c *candidate) announced(now int64) {
	c.said, c.saidAt, c.news = c.Status, now, false
}

// versionOf is the version whose latest deployment it is; nil if it has a later one.
func (s *service) versionOf(c *candidate) *version {
	for _, v := range s.versions {
		if v.latest == c {
			return v
		}
	}
	return nil
}

// described is the deployment, with what follows from the others: the commit that telemetry says, and what has changed since the
// version before.
func (s *service) described(c *candidate, v *version) deployment.Deployment {
	d := c.Deployment
	if d.Revision == "" && v != nil {
		d.Revision = v.build.Revision
	}
	if d.Branch == "" && v != nil {
		d.Branch = v.build.Branch
	}
	if d.Compare == "" && d.Repository != "" && d.Revision != "" {
		if before := s.version(d.Previous); before != nil {
			from := before.build.Revision
			if before.latest != nil && before.latest.Revision != "" {
				from = before.latest.Revision
			}
			d.Compare = deployment.CompareURL(d.Repository, from, d.Revision)
		}
	}
	return d
}
