// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// mostAliases is how many other IDs of a deployment are remembered.
const mostAliases = 8

// Report takes what somebody says about a deployment: that one that is known, by its ID, its version or its commit, or a new
// one. Without a version it is the one on its way, or it waits for the next one.
func (t *Tracker) Report(d deployment.Deployment) error {
	for _, field := range [...]struct{ name, text string }{
		{semconv.ServiceName, d.Name}, {semconv.ServiceNamespace, d.Namespace},
		{semconv.Environment, d.Environment}, {semconv.ClusterName, d.Cluster}, {semconv.CloudRegion, d.Region},
		{semconv.CloudAccount, d.Account}, {semconv.ServiceVersion, d.Version}, {semconv.DeploymentID, d.ID},
	} {
		if !valid(field.text) {
			return fmt.Errorf("%s is %.60q; make it at most %d bytes without control characters", field.name, field.text, longestName)
		}
	}
	if d.Name == "" {
		return fmt.Errorf("%s is missing; say what is deployed", semconv.ServiceName)
	}
	if d.Status == deployment.Verified {
		return t.verified(&d)
	}
	if !slices.Contains(deployment.Statuses, d.Status) {
		return fmt.Errorf("status %.60q is not known; use one of %q", d.Status, deployment.Statuses)
	}
	now := t.now()
	if d.Start.IsZero() || d.Start.After(now) {
		d.Start = now
	}
	if !d.Status.Over() {
		d.End = time.Time{}
	} else if d.End.IsZero() || d.End.After(now) {
		d.End = now
	}
	if d.End.Before(d.Start) && d.Status.Over() {
		d.End = d.Start
	}
	d.Place = t.config.place(d.Place)
	if deployment.SaysNothing(d.Version) {
		d.Version = ""
	}
	meant := t.named(d.Service)
	if len(meant) == 0 && t.config.past(&d, now) {
		return nil
	}
	if len(meant) == 0 && d.Version == "" && !telling(&d) {
		return errNoVersion(d.Service)
	}
	if len(meant) > 1 {
		var errs []error
		for _, s := range meant {
			_, err := s.report(d, now, true)
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	}
	for range 2 {
		if len(meant) == 0 {
			meant = []*service{t.ensure(d.Service)}
		}
		if meant[0] == nil {
			return fmt.Errorf("%d services are tracked; there is no room for %s", t.config.MaxServices, d.Service)
		}
		if ok, err := meant[0].report(d, now, false); ok {
			return err
		}
		meant = nil // it was evicted meanwhile
	}
	return nil
}

// telling says that a report without a version is worth waiting with: it has something to match, or to tell.
func telling(d *deployment.Deployment) bool {
	return d.Revision != "" || d.ID != "" || d.Branch != "" || d.RunID != "" || d.Actor != ""
}

func errNoVersion(s deployment.Service) error {
	return fmt.Errorf("%s is missing, and no deployment of %s is known; say which version", semconv.ServiceVersion, s)
}

var errBusy = errors.New("too many reports at once; send them more slowly")

// named are the services that a reporter means. Pipelines and clusters often do not know its namespace or
// environment, or telemetry does not: what one of them leaves out is no difference, if only one service is meant. Several
// are if they differ only in where they run.
func (t *Tracker) named(key deployment.Service) (found []*service) {
	if s := t.find(key); s != nil {
		return []*service{s}
	}
	alike := func(a, b string) bool { return a == b || a == "" || b == "" }
	for _, s := range t.all() {
		if s.key.Name != key.Name || !alike(s.key.Namespace, key.Namespace) || !alike(s.key.Environment, key.Environment) ||
			!alike(s.key.Cluster, key.Cluster) || !alike(s.key.Region, key.Region) || !alike(s.key.Account, key.Account) {
			continue
		}
		if len(found) > 0 && (found[0].key.Anywhere() != s.key.Anywhere() || key.Place != (deployment.Place{})) {
			return nil
		}
		found = append(found, s)
	}
	return found
}

// report is not ok if the service is not tracked any more. One that does not say which of several places it means waits
// for what is seen there.
func (s *service) report(d deployment.Deployment, now time.Time, anywhere bool) (ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.forgotten {
		return false, nil
	}
	if len(s.steps) >= mostSteps {
		return true, errBusy
	}
	s.arrived.Store(now.UnixNano())
	s.busy = true
	v := s.byID(d.ID)
	known := v != nil
	if v == nil && d.Version == "" && s.waits(d.ID) >= 0 && !s.config.past(&d, now) {
		if v = s.underway(&d); v == nil {
			s.wait(&d, now.UnixNano())
			return true, nil
		}
	}
	if v == nil {
		v = s.meant(&d)
	}
	if s.config.past(&d, now) && (v == nil || !v.open()) {
		if v != nil && v.latest != nil && d.Version != "" {
			s.recall(v.latest, &d)
		}
		return true, nil
	}
	if v == nil && (d.Version == "" || anywhere) {
		if d.Version == "" && !telling(&d) && s.newest() == nil {
			return true, errNoVersion(s.key)
		}
		s.wait(&d, now.UnixNano())
		return true, nil
	}
	if n := s.waits(d.ID); n >= 0 { // it was reported before, without the version
		d.Merge(&s.waiting[n].Deployment)
		if before := s.waiting[n].Start; before.Before(d.Start) {
			d.Start = before
		}
		s.waiting = slices.Delete(s.waiting, n, n+1)
	}
	if v == nil {
		d.Version = s.spelled(deployment.ParseVersion(d.Version, s.key.Name))
		if v = s.admit(d.Version, deployment.Unknown, now.UnixNano()); v == nil {
			return true, fmt.Errorf("%d versions of %s are deployed; there is no room for another", s.config.MaxVersions, s.key)
		}
	}
	if known || v.latest != nil && !s.another(v, &d) {
		s.merge(v, &d)
	} else {
		s.begin(v, d)
	}
	s.busy = true
	s.touch()
	s.restamp()
	return true, nil
}

// past says that a report is of long ago. A watcher of a cluster first gets all that is there: that is nothing new,
// and makes no marker.
func (c *Config) past(d *deployment.Deployment, now time.Time) bool {
	at := d.Start
	if d.Status.Over() {
		at = d.End
	}
	return now.Sub(at) > c.Recent
}

// recall takes the facts out of a report of long ago.
func (s *service) recall(c *candidate, d *deployment.Deployment) {
	before := c.Deployment
	c.Merge(d)
	if c.Deployment != before {
		c.news = c.news || !c.silent
		s.touch()
		s.restamp()
	}
}

// byID is the version whose latest deployment has the ID.
func (s *service) byID(id string) *version {
	for _, v := range s.versions {
		if id != "" && v.latest != nil && (v.latest.ID == id || slices.Contains(v.latest.aliases, id)) {
			return v
		}
	}
	return nil
}

// meant is the version that a report is about; nil for one that is not known.
func (s *service) meant(d *deployment.Deployment) *version {
	newest := s.newest()
	if d.Version == "" {
		if d.Revision != "" {
			for _, v := range slices.Backward(s.versions) {
				if v.latest != nil && v.of(d.Revision) {
					return v
				}
			}
		}
		return s.underway(d)
	}
	v := s.version(d.Version)
	if v == nil {
		v = s.alike(deployment.ParseVersion(d.Version, s.key.Name))
	}
	// Some say what they went back to, not what they took back.
	if d.Status == deployment.RolledBack && v != nil && v.complete() && newest.open() {
		return newest
	}
	if v == nil {
		v = s.seenAs(d)
	}
	return v
}

// seenAs is the deployment that telemetry shows under a name that says nothing of the one in the report.
func (s *service) seenAs(d *deployment.Deployment) *version {
	told := &version{names: []deployment.Version{deployment.ParseVersion(d.Version, s.key.Name)}}
	v := s.underway(d)
	if v == nil {
		for _, other := range slices.Backward(s.versions) {
			if other.latest != nil && other.present() && !other.latest.silent && other.of(d.Revision) && !s.comparable(other, told) {
				v = other
			}
		}
	}
	if v != nil {
		s.call(v, told.names[0], deployment.Unknown)
	}
	return v
}

// another says that the report is not about the version's latest deployment: that was over before this one began. Reports may be
// late, and some repeat the current state again and again.
func (s *service) another(v *version, d *deployment.Deployment) bool {
	c := v.latest
	switch {
	case !c.Status.Over(), d.Status == deployment.RolledBack:
		return false
	case !v.complete() && !d.Status.Over(): // another attempt
		return d.Start.After(c.End)
	case v.complete() && d.Status == deployment.Completed && !s.otherRun(v, d):
		return false
	}
	return d.Start.After(c.End.Add(s.config.Recent))
}

// otherRun says that the report contradicts an earlier report of the version's latest deployment.
func (s *service) otherRun(v *version, d *deployment.Deployment) bool {
	differ := func(a, b string) bool { return a != "" && b != "" && a != b }
	c := v.latest
	return differ(c.RunID, d.RunID) || differ(c.Configuration, d.Configuration) || s.reported(v) && differ(c.ID, d.ID)
}

// reported says that the ID of the version's latest deployment is a reporter's.
func (s *service) reported(v *version) bool {
	return v.latest.ID != deployment.NewID(s.key, v.name, v.count-1)
}

// begin takes up a deployment of which nothing was known.
func (s *service) begin(v *version, d deployment.Deployment) {
	to, end := d.Status, d.End
	d.Status, d.End = deployment.Started, time.Time{}
	s.open(v, d)
	s.take(v, to, d.Start, end)
}

// take takes the step that was reported.
func (s *service) take(v *version, to deployment.Status, start, end time.Time) {
	switch {
	case to == deployment.Completed:
		s.complete(v, end)
	case to.Over():
		s.step(v.latest, to, end)
	default:
		s.step(v.latest, to, start)
	}
}

// merge adds what is said to what is known of the version's latest deployment.
func (s *service) merge(v *version, d *deployment.Deployment) {
	c := v.latest
	s.identify(v, d.ID)
	before := c.Deployment
	c.Merge(d)
	if c.silent { // it was not announced, so the report is all there is
		c.silent, c.blind = false, v.confirmed
		c.Start, c.End = d.Start, time.Time{}
	} else if rank(d.Status) <= rank(c.Status) {
		c.news = c.news || c.Deployment != before
		return
	}
	s.take(v, d.Status, d.Start, d.End)
}

// identify takes the first reporter's ID, unless the deployment was announced with another: then it is remembered for later reports.
func (s *service) identify(v *version, id string) {
	c := v.latest
	switch {
	case id == "" || id == c.ID || slices.Contains(c.aliases, id):
	case c.said == "" && !s.reported(v):
		c.ID = strings.Clone(id)
	case len(c.aliases) < mostAliases:
		c.aliases = append(c.aliases, strings.Clone(id))
	}
}

// rank orders the statuses; they only go up.
func rank(s deployment.Status) int {
	switch s {
	case deployment.Started:
		return 0
	case deployment.Canary:
		return 1
	case deployment.Completed:
		return 2
	}
	return 3
}
