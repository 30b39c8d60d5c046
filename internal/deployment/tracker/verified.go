// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"fmt"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// verified takes what a gate said of the latest deployment of a version. It opens none: a gate judges what runs.
func (t *Tracker) verified(d *deployment.Deployment) error {
	if d.Version == "" || d.Gate.Verdict == "" {
		return fmt.Errorf("%s or %s is missing; say which version the gate judged, and how", semconv.ServiceVersion, semconv.DeploymentGateVerdict)
	}
	if now := t.now(); d.Gate.At.IsZero() || d.Gate.At.After(now) {
		d.Gate.At = now.UTC()
	}
	d.Place = t.config.place(d.Place)
	known := false
	for _, s := range t.named(d.Service) {
		known = s.verified(d) || known
	}
	if !known {
		return fmt.Errorf("no deployment of version %.60q of %s is known; verify a version that has sent telemetry to this collector, or report it first", d.Version, d.Service)
	}
	return nil
}

func (s *service) verified(d *deployment.Deployment) (known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.version(d.Version)
	if v == nil {
		v = s.alike(deployment.ParseVersion(d.Version, s.key.Name))
	}
	if s.forgotten || v == nil || v.latest == nil {
		return false
	}
	c := v.latest
	before := c.Gate
	c.Merge(&deployment.Deployment{Gate: d.Gate})
	if c.Gate != before {
		c.news = c.news || !c.silent
		s.touch()
		s.restamp()
	}
	return true
}
