// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
)

// An otherChange is one that is no deployment, in the list of what changed.
type otherChange struct {
	Time time.Time `json:"time"`
	// Service is empty for a change of all.
	Service     string `json:"service"`
	Environment string `json:"environment"`
	Kind        string `json:"kind"`
	Text        string `json:"text"`
	Actor       string `json:"actor"`
	Status      string `json:"status"`
	// Verdict is what the SLOs say of the change of a feature flag, and why; empty if nothing is known.
	Verdict string `json:"verdict"`
	Reason  string `json:"verdict_reason"`
}

// maxOthers bounds the list.
const maxOthers = 50

// otherChanges are those of the last 30 days, the newest first.
func otherChanges(changes []incident.Change) []otherChange {
	all := []otherChange{}
	for i := range changes {
		c := &changes[i]
		if c.Kind == incident.Deployment {
			continue
		}
		all = append(all, otherChange{
			c.At, words.Bounded(c.Name, maxCell), words.Bounded(c.Environment, maxCell), words.Bounded(c.Kind, maxCell), words.Bounded(c.String(), maxRefusal), words.Bounded(c.Actor, maxCell), c.Status, c.Verdict, c.Reason,
		})
	}
	slices.SortStableFunc(all, func(a, b otherChange) int { return b.Time.Compare(a.Time) })
	return all[:min(len(all), maxOthers)]
}
