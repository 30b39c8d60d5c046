// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A story is a few hours of a service, the same for all of its SLOs: even traffic, of which at most one stretch
// fails. It does not depend on any rule, so that rules can be tested against it.
type story struct {
	name      string
	perMinute int
	// All events fail for so long from failAt on.
	failAt, failing time.Duration
	// silentAt is when the service sends its last telemetry; 0 is never.
	silentAt time.Duration
	// uncounted: no SLO has counters.
	uncounted bool
	// checks are the times at which firing alerts are compared, or a little later.
	checks []time.Duration
	// length is that of the story.
	length time.Duration
}

// stories are the inputs of the unit tests of each service.
var stories = []story{
	{
		name:      "everything fails for an hour",
		perMinute: 600, failAt: time.Hour, failing: time.Hour,
		checks: []time.Duration{50 * time.Minute, 85 * time.Minute, 115 * time.Minute, 2 * time.Hour, 3 * time.Hour, 270 * time.Minute},
	},
	{
		name:      "one event a minute, and two fail",
		perMinute: 1, failAt: 10 * time.Minute, failing: 2 * time.Minute,
		checks: []time.Duration{15 * time.Minute, 25 * time.Minute, 40 * time.Minute},
	},
	{
		name:      "the service stops sending telemetry",
		perMinute: 600, silentAt: 15 * time.Minute,
		checks: []time.Duration{15 * time.Minute, 40 * time.Minute},
	},
	{
		name:      "the service is alive, but its SLIs have no counters",
		uncounted: true,
		checks:    []time.Duration{5 * time.Minute, 25 * time.Minute},
	},
}

// alive is how long the service sends telemetry.
func (s story) alive() time.Duration {
	if s.silentAt > 0 {
		return s.silentAt
	}
	return s.length
}

// errorRatio is the share of bad events in the window that ends at to; 0 without events.
func (s story) errorRatio(window, to time.Duration) float64 {
	from := max(to-window, 0)
	if s.silentAt > 0 {
		to = min(to, s.silentAt)
	}
	if to <= from {
		return 0
	}
	return float64(max(min(to, s.failAt+s.failing)-max(from, s.failAt), 0)) / float64(to-from)
}

// spent is how much of the budget of a period is spent at a time, if the rest of the period has as much traffic; 1 is all.
func (s story) spent(slo *catalog.SLO, at time.Duration) float64 {
	period := slo.Window.Nominal()
	return s.errorRatio(period, at) / slo.ErrorBudget() * min(float64(at)/float64(period), 1)
}

// failures are the bad events of a window.
func (s story) failures(window, to time.Duration) float64 {
	bad := max(min(to, s.failAt+s.failing)-max(to-window, s.failAt), 0)
	return bad.Minutes() * float64(s.perMinute)
}

// events are all events of a window.
func (s story) events(window, to time.Duration) float64 {
	return (min(to, s.alive()) - max(to-window, 0)).Minutes() * float64(s.perMinute)
}

// counters are the values of the counters of good and of bad events, a sample a minute.
func (s story) counters() (good, bad string) {
	each := float64(s.perMinute)
	until := s.length
	if s.silentAt > 0 {
		until = s.silentAt
	}
	if s.failing == 0 {
		return line(0, each, until, true) + line(each*until.Minutes(), 0, s.length-until, false), line(0, 0, s.length, true)
	}
	end := s.failAt + s.failing
	before, failed := each*s.failAt.Minutes(), each*s.failing.Minutes()
	good = line(0, each, s.failAt, true) + line(before, 0, s.failing, false) + line(before, each, s.length-end, false)
	bad = line(0, 0, s.failAt, true) + line(0, each, s.failing, false) + line(failed, 0, s.length-end, false)
	return good, bad
}

// Recorded series are a little later than the events, and ratios are sometimes close to thresholds. A result is
// certain only if it depends on neither.
const (
	late      = step + 3*interval
	tolerance = 0.05
)

// A forecast says for each minute of a story whether an alert fires, and whether that is certain.
type forecast struct{ fires, sure []bool }

// forecast looks at minutes up to the last.
func (s story) forecast(a Alert, last time.Duration) forecast {
	minutes := int(last/interval) + 1
	f := forecast{make([]bool, minutes), make([]bool, minutes)}
	holds := kindOf(a).holds
	for i, seen := range []struct {
		by  float64
		lag time.Duration
	}{{1, 0}, {1 - tolerance, 0}, {1 + tolerance, 0}, {1 - tolerance, late}, {1 + tolerance, late}} {
		held := 0 // how many minutes in a row the condition holds
		for m := range minutes {
			at := time.Duration(m) * interval
			if at >= seen.lag && holds != nil && holds(s, a, at-seen.lag, seen.by) {
				held++
			} else {
				held = 0
			}
			fires := held > int(a.For/interval)
			if i == 0 {
				f.fires[m], f.sure[m] = fires, true
			}
			f.sure[m] = f.sure[m] && fires == f.fires[m]
		}
	}
	return f
}
