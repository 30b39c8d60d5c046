// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package proposal

import (
	"maps"
	"math"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// period is that of the proposed objectives.
const period = 30 * 24 * time.Hour

// The lowest and the highest objective that are proposed, in percent. A past of days says nothing about more.
const (
	lowest  = 90
	highest = 99.99
)

// failureRange is the interval of 95 % for the probability that an event fails, of which so many failed (Wilson's score interval, 1927).
func failureRange(failed, events float64) (low, high float64) {
	const z = 1.96
	p := failed / events
	middle := p + z*z/(2*events)
	width := z * math.Sqrt(p*(1-p)/events+z*z/(4*events*events))
	return max(0, (middle-width)/(1+z*z/events)), min(1, (middle+width)/(1+z*z/events))
}

// enough reports whether an objective in percent allows enough failures to the events of a time: with fewer than alerts need, it says nothing.
func enough(objective, events float64, over time.Duration) bool {
	return (1-objective/100)*events*float64(period)/float64(over) >= catalog.DefaultMinimumFailures
}

// objectiveFor is the highest usual objective that the share of failures keeps, however unlucky they were counted, and that allows enough of them. kept is
// false if they keep none; 0 says that there are too few events for any.
func objectiveFor(failed, events float64, over time.Duration) (objective float64, kept bool) {
	if !enough(lowest, events, over) {
		return 0, false
	}
	_, high := failureRange(failed, events)
	objective = lowest
	for _, o := range catalog.UsualObjectives {
		if o <= highest && enough(o, events, over) && 1-o/100 >= high {
			objective, kept = o, true
		}
	}
	return objective, kept
}

// steps are the usual thresholds, in milliseconds.
var steps = []int{5, 10, 25, 50, 75, 100, 150, 200, 250, 300, 400, 500, 750, 1000, 1500, 2000, 2500, 3000, 5000, 7500, 10_000, 15_000, 30_000}

// thresholdFor is the lowest usual one that the 99th percentile is below; false if there is none.
func thresholdFor(p99 float64) (time.Duration, bool) {
	for _, ms := range steps {
		if p99 > 0 && p99 <= float64(ms) {
			return time.Duration(ms) * time.Millisecond, true
		}
	}
	return 0, false
}

// slos are those that the history of a service suggests, over the events that a selection takes; what they are is for the notes.
func slos(h *history, over time.Duration, events string, selection map[string]any) (all []slo, notes []string) {
	objective, kept := objectiveFor(h.failed, h.requests, over)
	low, high := failureRange(h.failed, h.requests)
	note := sprintf("availability: %s failed of %s (%s to %s with 95 %% certainty, if failures were independent).", percent(h.failed/h.requests), counted(h.requests, events, over), percent(low), percent(high))
	if kept {
		note += sprintf(" %v %% is the highest usual objective that this keeps.", objective)
	} else {
		note += sprintf(" That is more than any usual objective allows: %v %% burns.", objective)
	}
	sli := func(kind string, more map[string]any) map[string]map[string]any {
		of := map[string]any{}
		maps.Copy(of, selection)
		maps.Copy(of, more)
		return map[string]map[string]any{kind: of}
	}
	all, notes = append(all, slo{"availability", objective, sli("availability", nil)}), append(notes, note)
	if threshold, ok := thresholdFor(h.p99); ok {
		latency := 99.0
		if !enough(latency, h.requests, over) {
			latency = 95
		}
		if enough(latency, h.requests, over) {
			all = append(all, slo{"latency", latency, sli("latency", map[string]any{"threshold": catalog.FormatDuration(threshold)})})
			notes = append(notes, sprintf("latency: 99 %% took at most %s.", time.Duration(h.p99*float64(time.Millisecond)).Round(100*time.Microsecond)))
		}
	}
	return all, notes
}
