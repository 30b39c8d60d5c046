// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"cmp"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/rules"
)

// An Episode is one time that an alert was up: from its first evaluation that held to the first
// that did not.
type Episode struct {
	Alert string
	// Labels and Annotations are expanded by [Replay.Run]; [Replay.Sweep] gives the labels as the rule has them, and
	// those of the series.
	Labels      labels.Labels
	Annotations labels.Labels
	Pending     time.Time
	// Firing and Resolved are zero if it did not come to that.
	Firing, Resolved time.Time
}

func compareEpisodes(a, b *Episode) int {
	return cmp.Or(a.Pending.Compare(b.Pending), cmp.Compare(a.Alert, b.Alert), labels.Compare(a.Labels, b.Labels))
}

// open are the episodes of each rule that go on, by the labels of the alert.
type open map[*rules.AlertingRule]map[string]*Episode

// observe notes what a group's alerts do at an evaluation.
func (r *Replay) observe(g *Group, at time.Time, ongoing open) {
	for _, rule := range g.AlertingRules() {
		before, now := ongoing[rule], make(map[string]*Episode)
		for _, a := range rule.ActiveAlerts() {
			key := a.Labels.String()
			e := before[key]
			if e == nil {
				e = &Episode{Alert: rule.Name(), Labels: a.Labels, Annotations: a.Annotations, Pending: a.ActiveAt}
				r.Episodes = append(r.Episodes, e)
			}
			if a.State == rules.StateFiring && e.Firing.IsZero() {
				e.Firing = at
			}
			now[key] = e
		}
		for key, e := range before {
			if now[key] == nil {
				e.Resolved = at
			}
		}
		ongoing[rule] = now
	}
}
