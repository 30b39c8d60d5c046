// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

const rate = 600 // events a minute

type (
	stream = scenario.Stream
	phase  = scenario.Phase
	span   = scenario.Span
)

// steady is traffic without failures for a day, then for ten minutes with most of it failing, then without again.
func steady(perMinute float64) []phase {
	return []phase{{For: day, PerMinute: perMinute}, {For: 10 * minute, PerMinute: perMinute, Bad: 0.8}, {For: day, PerMinute: perMinute}}
}

// What collectors, networks and deployments do to the counters changes neither the budget nor who is
// called: each scenario has the same ten bad minutes, or none.
func TestCounters(t *testing.T) {
	clean := []phase{{For: 2 * day, PerMinute: rate}}
	restart := func(at time.Duration) stream {
		const down = 3 * minute
		traffic := []phase{{For: day, PerMinute: rate}, {For: 10 * minute, PerMinute: rate, Bad: 0.8}, {For: at - day - 10*minute, PerMinute: rate}, {For: down}, {For: day, PerMinute: rate}}
		return stream{Resets: []time.Duration{at + down}, Gaps: []span{{Begin: at, End: at + down}}, Traffic: traffic}
	}
	tests := map[string]struct {
		streams []stream
		quiet   bool
		// unread is the share of the failures that no scrape could see before the counters were reset; unrated
		// the share that the rate() of a query does not see, or sees twice.
		unread, unrated float64
	}{
		"first-ever error after 24 clean hours": {
			streams: []stream{{Traffic: steady(rate)}},
		},
		"first-ever error series after 24 clean hours": {
			streams: []stream{{Sparse: true, Traffic: steady(rate)}}, unrated: 0.02,
		},
		"silence after the failures": {
			streams: []stream{{Traffic: []phase{
				{For: day, PerMinute: rate}, {For: 10 * minute, PerMinute: rate, Bad: 0.8}, {For: 10 * minute, PerMinute: rate}, {For: hour}, {For: day, PerMinute: rate},
			}}},
		},
		"counter reset while it burns": {
			streams: []stream{{Resets: []time.Duration{day + 5*minute}, Traffic: steady(rate)}}, unread: 0.1, unrated: 0.05,
		},
		"counter reset without failures": {
			streams: []stream{{Resets: []time.Duration{day + 5*minute}, Traffic: clean}}, quiet: true,
		},
		"new replica without failures": {
			streams: []stream{{Instance: "a", Traffic: clean}, {Instance: "b", Life: span{Begin: day + 5*minute}, Traffic: clean}}, quiet: true,
		},
		"new replica that fails": {
			streams: []stream{{Instance: "a", Traffic: clean}, {Instance: "b", Life: span{Begin: day}, Traffic: steady(rate)[1:]}},
		},
		"labels change after the failures": {
			streams: []stream{{Instance: "a", Life: span{End: day + 20*minute}, Traffic: steady(rate)}, {Instance: "z", Life: span{Begin: day + 20*minute}, Traffic: clean}},
		},
		"scrapes fail while it burns": {
			streams: []stream{{Gaps: []span{{Begin: day + 4*minute, End: day + 6*minute}}, Traffic: steady(rate)}}, unrated: 0.12,
		},
		"scrapes fail for 20 minutes after the failures": {
			streams: []stream{{Gaps: []span{{Begin: day + 40*minute, End: day + hour}}, Traffic: steady(rate)}},
		},
		"collector restarts while it burns, down for three minutes": {
			streams: []stream{restart(day + 10*minute)}, unread: 0.1, unrated: 0.02,
		},
		"collector restarts after the failures, down for three minutes": {
			streams: []stream{restart(day + 20*minute)},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			objectives(t, periods, func(t *testing.T, s scenario.Scenario) {
				s.Streams, s.Alive = test.streams, []span{{}}
				s.Watch.Begin, s.Length = 23*hour, 27*hour
				p := sweep(t, &s)
				checkAlerts(t, p)
				lost := test.unread
				if s.SLO.SLI.Prometheus != nil {
					lost = test.unrated
				}
				checkBudget(t, p, lost)
				if test.quiet {
					assert.Empty(t, p.Episodes)
				} else {
					assert.Len(t, p.Fired("ErrorBudgetBurnCritical"), 1, "%v", p.Episodes)
				}
			})
		})
	}
}

// At one request a minute one failure is past every paging threshold, and is nobody's night. Five are.
func TestLowTraffic(t *testing.T) {
	for name, test := range map[string]struct {
		failures time.Duration
		calls    bool
	}{
		"one failure":    {1, false},
		"three failures": {3, false}, // of 60 an hour, at an objective of 99.9 %, that is chance once in a few years
		"five failures":  {5, true},
	} {
		t.Run(name, func(t *testing.T) {
			objectives(t, periods, func(t *testing.T, s scenario.Scenario) {
				failures, lost := test.failures, 0.0
				if s.SLO.SLI.Prometheus != nil && test.calls {
					failures++ // of six rate() sees five, see reference
				}
				if s.SLO.SLI.Prometheus != nil {
					lost = 0.05
				}
				s.Streams = []stream{{Traffic: []phase{{For: day, PerMinute: 1}, {For: failures * minute, PerMinute: 1, Bad: 1}, {For: day, PerMinute: 1}}}}
				s.Watch.Begin, s.Length = 23*hour, 27*hour
				p := sweep(t, &s)
				checkAlerts(t, p)
				checkBudget(t, p, lost)
				assert.Equal(t, test.calls, len(p.Alerts()) > 0, "%v", p.Episodes)
			})
		})
	}
}

// A service that stops sending is silent; one whose telemetry comes without its SLI is not measured; one
// without requests is neither.
func TestSilence(t *testing.T) {
	traffic := []phase{{For: 2 * hour, PerMinute: rate}}
	for name, test := range map[string]struct {
		stream stream
		alive  []span
		fires  []string
	}{
		"idle":         {stream{Traffic: traffic}, []span{{}}, nil},
		"silent":       {stream{Traffic: traffic}, nil, []string{"ServiceSilent"}},
		"not measured": {stream{Life: span{End: 2 * hour}, Traffic: traffic}, []span{{}}, []string{"SLIMissing"}},
		"measured again": {
			stream{Gaps: []span{{Begin: hour, End: 2 * hour}}, Traffic: []phase{{For: day, PerMinute: rate}}}, []span{{}}, []string{"SLIMissing"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			objectives(t, periods, func(t *testing.T, s scenario.Scenario) {
				s.Streams, s.Alive = []stream{test.stream}, test.alive
				s.Watch.Begin, s.Length = 30*minute, 4*hour
				p := sweep(t, &s)
				checkAlerts(t, p)
				checkBudget(t, p, 0)
				assert.Equal(t, test.fires, p.Alerts(), "%v", p.Episodes)
			})
		})
	}
}
