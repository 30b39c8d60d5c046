// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/otelcol-sre/otelcol-sre/internal/replay"
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

// episode is one in the time of the scenario.
func (p *Playback) episode(e *replay.Episode) *Episode {
	since := func(t time.Time) time.Duration {
		if t.IsZero() {
			return 0
		}
		return p.Until(t)
	}
	return &Episode{
		Alert: e.Alert, Labels: e.Labels, Annotations: e.Annotations,
		Pending: p.Until(e.Pending), Firing: since(e.Firing), Resolved: since(e.Resolved),
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
