// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/rules"
)

// An Episode is one time that an alert was up: from its first evaluation that held to the first
// that did not. Times are those of the scenario.
type Episode struct {
	Alert       string
	Labels      labels.Labels
	Annotations labels.Labels
	Pending     time.Duration
	// Firing and Resolved are 0 when it did not come to that.
	Firing, Resolved time.Duration
}

// String is for failing tests.
func (e *Episode) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s pending %s", e.Alert, e.Pending)
	if e.Firing != 0 {
		fmt.Fprintf(&b, " firing %s", e.Firing)
	}
	if e.Resolved != 0 {
		fmt.Fprintf(&b, " resolved %s", e.Resolved)
	}
	return b.String()
}

func compareEpisodes(a, b *Episode) int {
	return cmp.Or(cmp.Compare(a.Pending, b.Pending), cmp.Compare(a.Alert, b.Alert), labels.Compare(a.Labels, b.Labels))
}

// open are the episodes of each rule that go on, by the labels of the alert.
type open map[*rules.AlertingRule]map[string]*Episode

// observe notes what a group's alerts do at an evaluation.
func (p *Playback) observe(g *group, at time.Duration, ongoing open) {
	for _, r := range g.AlertingRules() {
		before, now := ongoing[r], make(map[string]*Episode)
		for _, a := range r.ActiveAlerts() {
			key := a.Labels.String()
			e := before[key]
			if e == nil {
				e = &Episode{Alert: r.Name(), Labels: a.Labels, Annotations: a.Annotations, Pending: p.Until(a.ActiveAt)}
				p.Episodes = append(p.Episodes, e)
			}
			if a.State == rules.StateFiring && e.Firing == 0 {
				e.Firing = at
			}
			now[key] = e
		}
		for key, e := range before {
			if now[key] == nil {
				e.Resolved = at
			}
		}
		ongoing[r] = now
	}
}

// Fired are the episodes of an alert that fired.
func (p *Playback) Fired(alert string) []*Episode {
	var fired []*Episode
	for _, e := range p.Episodes {
		if e.Alert == alert && e.Firing != 0 {
			fired = append(fired, e)
		}
	}
	return fired
}

// Alerts are the names of the alerts that fired, each once, in the order of their first time.
func (p *Playback) Alerts() []string {
	var names []string
	for _, e := range p.Episodes {
		if e.Firing != 0 && !slices.Contains(names, e.Alert) {
			names = append(names, e.Alert)
		}
	}
	return names
}
