// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package incident

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// Deployment is the kind of a change that brings a version.
const Deployment = "deployment"

// A Change is a deployment, or something else that was changed, such as a feature flag. Without a service, it is about all of them.
type Change struct {
	Service
	Kind string `json:"kind"`
	// Version is what a deployment brought.
	Version string `json:"version,omitempty"`
	// Subject is what was changed otherwise, from Previous to Value.
	Subject  string `json:"subject,omitempty"`
	Previous string `json:"previous,omitempty"`
	Value    string `json:"value,omitempty"`
	// Status is started, completed or failed, of what takes time, and Actor the one that made it.
	Status string    `json:"status,omitempty"`
	Actor  string    `json:"actor,omitempty"`
	At     time.Time `json:"time"`
	// Return says that it is a rollback of the service from the version Previous to Value.
	Return bool `json:"-"`
	// Evidence is how much likelier the failures are if the version is worse than the others, as DeploymentRegression computes it; 0 is not known.
	Evidence float64 `json:"evidence,omitempty"`
	// Verdict is what the SLOs say of the change of a feature flag: pass, fail or inconclusive; "" is not known. Reason is why, and Weak says that it compares
	// the time before, so that whatever else changed counts as the flag's doing.
	Verdict string `json:"verdict,omitempty"`
	Reason  string `json:"verdict_reason,omitempty"`
	Weak    bool   `json:"verdict_weak,omitempty"`
}

// String is what was changed, for people.
func (c *Change) String() string {
	if c.Kind == Deployment {
		return c.Name + " " + c.Version
	}
	text := strings.ReplaceAll(c.Kind, "_", " ") + " " + c.Subject
	switch {
	case c.Previous != "" && c.Value != "":
		text += ": " + c.Previous + " → " + c.Value
	case c.Value != "":
		text += ": " + c.Value
	}
	return text
}

// Same reports whether two are one change.
func (c *Change) Same(other *Change) bool {
	return c.Service == other.Service && c.Kind == other.Kind && c.Version == other.Version && c.Subject == other.Subject &&
		(c.Kind == Deployment || c.Value == other.Value && c.At.Equal(other.At))
}

// Changes are all that are known since a time.
type Changes struct {
	List  []Change
	Since time.Time
}

// A Suspect is a change that may have caused an incident.
type Suspect struct {
	Change
	// Probability is that it did: see [Prior].
	Probability float64 `json:"probability"`
}

// The model is Bayes' rule with few numbers:
//
//   - [Prior] is the probability that a change of the services is the cause, before anything is known of the times. The rest is for every
//     other cause: traffic, hardware, a change that nobody reported;
//   - a change that is the cause is followed by failures after a delay: minutes for most, an hour for some, a day for few (see delay);
//   - a change that is not the cause came at any time: services that change often have one before each incident. Their own rate of changes says how often;
//   - the evidence that the version fails more often than the versions beside it is a factor of its own.
//
// Of services that only depend on the origin a change is likely no cause: they share a fifth of the prior. Deployments, flags, configuration and
// the other kinds have the same weight: of Google's outages 37 % had a new binary as trigger, and 31 % a new configuration (The Site Reliability
// Workbook, appendix C).
const (
	Prior = 0.5
	// elsewhere is the weight of a service that is affected, but not the origin and nothing that it depends on.
	elsewhere = 0.2
	// early is how much earlier than the change the burn may be seen to begin: both are read a scrape and an evaluation apart.
	early = 2 * time.Minute
	// latest is how long after a change an incident may begin.
	latest = 24 * time.Hour
	// maxEvidence bounds what one factor decides.
	maxEvidence = 1e6
	maxSuspects = 5
	// least is what is worth a line.
	least = 0.01
)

// delay is the density, per minute, of the time from a change to the failures that it causes.
func delay(d time.Duration) float64 {
	m := max(0, d.Minutes())
	return 0.75/5*math.Exp(-m/5) + 0.2/60*math.Exp(-m/60) + 0.05/latest.Minutes()
}

// ends reports whether a change was made to end what had begun: a rollback, or the deployment of the version that it returned to. Its time is that of the
// command, so that one which came a minute after the beginning is no cause of it.
func (all Changes) ends(c *Change, start time.Time) bool {
	return slices.ContainsFunc(all.List, func(r Change) bool {
		return r.Return && r.At.After(start) && sameService(r.Service, c.Service) && sameEnvironment(r.Service, c.Service) &&
			(c.Return && c.At.Equal(r.At) || c.Kind == Deployment && c.Version == r.Value && !c.At.Before(r.At.Add(-early)))
	})
}

// suspect finds the changes that may have caused the incident.
func (i *Incident) suspect(g *Graph, all Changes) {
	origin := i.Origin()
	type source struct {
		weight, changes float64
		before          []Change
	}
	type kind struct {
		Service
		name string
	}
	sources := map[kind]*source{}
	of := func(c Change) (float64, time.Time) {
		if c.Name == "" || sameService(c.Service, origin.Service) || g.Depends(origin.Service, c.Service) {
			return 1, origin.Start
		}
		for _, a := range i.Services {
			if sameService(a.Service, c.Service) {
				return elsewhere, a.Start
			}
		}
		return 0, time.Time{}
	}
	total := 0.0
	for _, c := range all.List {
		weight, start := of(c)
		if weight == 0 || !sameEnvironment(c.Service, origin.Service) || all.ends(&c, start) {
			continue
		}
		from := kind{c.Service, c.Kind}
		s := sources[from]
		if s == nil {
			s = &source{weight: weight}
			sources[from] = s
			total += weight
		}
		s.changes++
		if d := start.Sub(c.At); d >= -early && d <= latest {
			s.before = append(s.before, c)
		}
	}
	known := max(i.Start.Sub(all.Since), time.Hour).Minutes()
	odds := 0.0
	i.Suspects = []Suspect{}
	for _, s := range sources {
		for _, c := range s.before {
			_, start := of(c)
			one := Suspect{c, Prior / (1 - Prior) * s.weight / total * delay(start.Sub(c.At)) / (s.changes / known)}
			if c.Evidence > 0 {
				one.Probability *= min(max(c.Evidence, 1/maxEvidence), maxEvidence)
			}
			odds += one.Probability
			i.Suspects = append(i.Suspects, one)
		}
	}
	for n := range i.Suspects {
		i.Suspects[n].Probability /= 1 + odds
	}
	i.Suspects = slices.DeleteFunc(i.Suspects, func(s Suspect) bool { return s.Probability < least })
	slices.SortFunc(i.Suspects, func(a, b Suspect) int {
		return cmp.Or(cmp.Compare(b.Probability, a.Probability), b.At.Compare(a.At), compareServices(a.Service, b.Service), cmp.Compare(a.String(), b.String()))
	})
	i.Suspects = i.Suspects[:min(len(i.Suspects), maxSuspects)]
	if len(i.Suspects) > 0 && i.Suspects[0].Probability > 0.5 {
		i.Change = &i.Suspects[0]
	}
}
