// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/incident"
)

// late is how much later an alert may be read than it fired. It is shorter than [incident.Quiet]: what fired so shortly ago was not over at the look before.
const late = 10 * time.Minute

// keep is how long what was announced is remembered: longer than incidents are.
const keep = 32 * 24 * time.Hour

// Announced is what was said of incidents. The zero value has said nothing: of what is over by then, it never does.
type Announced struct {
	// Until is when it looked last.
	Until time.Time `json:"until"`
	Known []Known   `json:"known"`
}

// A Known incident was announced.
type Known struct {
	// ID is the one under which it was announced. It stays, even if the incident has another one since.
	ID      string    `json:"id"`
	Alerted time.Time `json:"alerted"`
	// Said is a digest of what was said of it last.
	Said string `json:"said"`
	Over bool   `json:"over"`
}

// Next are the events of what is new in the incidents, the oldest first, and what was announced once they are.
func (a Announced) Next(all []incident.Incident, now time.Time) ([]Event, Announced) {
	next := Announced{Until: now, Known: slices.Clone(a.Known)}
	next.Known = slices.DeleteFunc(next.Known, func(k Known) bool { return now.Sub(k.Alerted) > keep })
	var events []Event
	for n := range slices.Backward(all) { // the newest come first
		one := &all[n]
		first := -1
		for i := range next.Known {
			k := &next.Known[i]
			switch {
			case !one.Is(k.ID):
			case first < 0:
				first = i
			case !k.Over: // two that were announced are one
				merged := of(one, Resolved, k.ID, now)
				merged.PartOf = next.Known[first].ID
				events, k.Over = append(events, merged), true
			}
		}
		over := one.State == incident.Resolved
		said := digest(one)
		if first < 0 {
			if over && (a.Until.IsZero() || one.Alerted.Before(a.Until.Add(-late))) {
				continue // long ago
			}
			next.Known = append(next.Known, Known{ID: one.ID, Alerted: one.Alerted, Said: said})
			first = len(next.Known) - 1
			started := of(one, Started, one.ID, one.Alerted)
			if over { // the event is of the time when it was not
				started.State, started.End = incident.Open, time.Time{}
			}
			events = append(events, started)
		}
		k := &next.Known[first]
		if k.Said != said && !over || k.Over && !over {
			events = append(events, of(one, Updated, k.ID, now))
		}
		if over && !k.Over {
			events = append(events, of(one, Resolved, k.ID, one.End))
		}
		k.Said, k.Over = said, over
	}
	return events, next
}

// digest changes when there is something worth to say: another service or SLO, a page, another likely change.
func digest(of *incident.Incident) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%t", of.Page)
	for _, a := range of.Services {
		fmt.Fprintf(sum, "%q %q %t", a.Service, a.SLOs, a.Origin)
	}
	if of.Change != nil {
		fmt.Fprintf(sum, "%q %q", of.Change.Service, of.Change.String())
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
