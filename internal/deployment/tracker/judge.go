// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// Unjudged are the deployments that began since the time, and whose last verdict is not known.
func (t *Tracker) Unjudged(since time.Time) (all []deployment.Deployment) {
	for _, s := range t.all() {
		all = s.unjudged(all, since)
	}
	return all
}

func (s *service) unjudged(all []deployment.Deployment, since time.Time) []deployment.Deployment {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.versions {
		if c := v.latest; c != nil && !c.silent && !s.fleet && !c.Effect.Final && !c.Start.Before(since) {
			d := c.Deployment
			d.Version = v.name
			all = append(all, d)
		}
	}
	return all
}

// Judge takes what the latest deployment of a version did to the service's SLOs. A service that runs in several places is judged as a whole: its SLOs are. It is announced
// when the verdict is another, and when it is the last one.
func (t *Tracker) Judge(of deployment.Service, version string, effect deployment.Effect) {
	if effect.SLO == "" || !valid(effect.SLO) {
		return
	}
	for _, s := range t.all() {
		if s.key.Anywhere() == of.Anywhere() {
			s.judge(version, effect)
		}
	}
}

func (s *service) judge(version string, effect deployment.Effect) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.version(version)
	if v == nil {
		v = s.alike(deployment.ParseVersion(version, s.key.Name))
	}
	if s.forgotten || v == nil || v.latest == nil || v.latest.silent || v.latest.Effect.Final {
		return
	}
	c := v.latest
	c.news = c.news || effect.Verdict() != c.Effect.Verdict() || effect.Final
	c.Effect = effect
	s.touch()
}
