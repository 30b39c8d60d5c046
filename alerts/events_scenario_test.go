package alerts_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts/scenario"
)

// steady is traffic without failures, then for ten minutes with them, then without again.
func steady(perMinute, bad float64, before, after time.Duration) []scenario.Phase {
	return []scenario.Phase{{For: before, PerMinute: perMinute}, {For: 10 * minute, PerMinute: perMinute, Bad: bad}, {For: after, PerMinute: perMinute}}
}

// What collectors, networks and deployments do to the counters changes neither the budget nor who is
// called: each scenario has the same ten bad minutes, or none.
func TestCounters(t *testing.T) {
	const rate = 600
	burns := []string{"ErrorBudgetBurnCritical", "ErrorBudgetBurnHigh", "ErrorBudgetBurnMedium"}
	tests := map[string]struct {
		streams []scenario.Stream
		alerts  []string
		// unread is the share of the failures that no scrape could see before the counters began anew.
		unread float64
	}{
		"counter reset while it burns": {
			streams: []scenario.Stream{{Version: "1", Resets: []time.Duration{24*hour + 5*minute}, Traffic: steady(rate, 0.5, 24*hour, 2*hour)}},
			alerts:  burns, unread: 0.1,
		},
		"collector restarts while it burns, down for three minutes": {
			streams: []scenario.Stream{{
				Version: "1", Resets: []time.Duration{24*hour + 13*minute}, Gaps: []scenario.Span{{Begin: 24*hour + 10*minute, End: 24*hour + 13*minute}},
				Traffic: append(steady(rate, 0.5, 24*hour, 0), scenario.Phase{For: 3 * minute}, scenario.Phase{For: 2 * hour, PerMinute: rate}),
			}},
			alerts: burns, unread: 0.1,
		},
		"first-ever error after 24 clean hours": {
			streams: []scenario.Stream{{Version: "1", Traffic: steady(rate, 0.5, 24*hour, 2*hour)}},
			alerts:  burns,
		},
		"first-ever error series after 24 clean hours": {
			streams: []scenario.Stream{{Version: "1", Sparse: true, Traffic: steady(rate, 0.5, 24*hour, 2*hour)}},
			alerts:  burns,
		},
		"silence after the failures": {
			streams: []scenario.Stream{{Version: "1", Traffic: append(steady(rate, 0.5, 24*hour, 10*minute),
				scenario.Phase{For: hour}, scenario.Phase{For: hour, PerMinute: rate})}},
			alerts: burns,
		},
		"counter reset without failures": {
			streams: []scenario.Stream{{Version: "1", Resets: []time.Duration{24*hour + 5*minute}, Traffic: steady(rate, 0, 24*hour, 2*hour)}},
		},
		"new replica without failures": {
			streams: []scenario.Stream{
				{Version: "1", Instance: "a", Traffic: steady(rate, 0, 24*hour, 2*hour)},
				{Version: "1", Instance: "b", Life: scenario.Span{Begin: 24*hour + 5*minute}, Traffic: []scenario.Phase{{For: 2 * hour, PerMinute: rate}}},
			},
		},
		"new replica that fails": {
			streams: []scenario.Stream{
				{Version: "1", Instance: "a", Traffic: steady(rate, 0, 24*hour, 2*hour)},
				{Version: "1", Instance: "b", Life: scenario.Span{Begin: 24 * hour}, Traffic: steady(rate, 0.5, 0, 2*hour)},
			},
			alerts: burns,
		},
		"labels change after the failures": {
			streams: []scenario.Stream{
				{Version: "1", Instance: "a", Life: scenario.Span{End: 24*hour + 20*minute}, Traffic: steady(rate, 0.5, 24*hour, 10*minute)},
				{Version: "1", Instance: "z", Life: scenario.Span{Begin: 24*hour + 20*minute}, Traffic: []scenario.Phase{{For: 2 * hour, PerMinute: rate}}},
			},
			alerts: burns,
		},
		"scrapes fail while it burns": {
			streams: []scenario.Stream{{Version: "1", Gaps: []scenario.Span{{Begin: 24*hour + 4*minute, End: 24*hour + 6*minute}}, Traffic: steady(rate, 0.5, 24*hour, 2*hour)}},
			alerts:  burns,
		},
		"scrapes fail for 20 minutes after the failures": {
			streams: []scenario.Stream{{Version: "1", Gaps: []scenario.Span{{Begin: 24*hour + 40*minute, End: 25 * hour}}, Traffic: steady(rate, 0.5, 24*hour, 2*hour)}},
			alerts:  burns,
		},
		"collector restarts after the failures, down for three minutes": {
			streams: []scenario.Stream{{
				Version: "1", Resets: []time.Duration{24*hour + 23*minute}, Gaps: []scenario.Span{{Begin: 24*hour + 20*minute, End: 24*hour + 23*minute}},
				Traffic: append(steady(rate, 0.5, 24*hour, 10*minute), scenario.Phase{For: 3 * minute}, scenario.Phase{For: 2 * hour, PerMinute: rate}),
			}},
			alerts: burns,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := life(t, counted, rolling)
			s.Name, s.Streams, s.Length = name, test.streams, 26*hour
			s.Alive = []scenario.Span{{}}
			s.Watch.Begin = 23 * hour
			p := sweep(t, &s)
			if test.unread == 0 {
				checkPairs(t, p)
			}
			checkBudgetWithin(t, p, s.Length, max(test.unread, 0.01))
			fired := slices.DeleteFunc(p.Alerts(), func(name string) bool { return name == "ErrorBudgetExhausted" })
			assert.ElementsMatch(t, test.alerts, fired, "%v", p.Episodes)
		})
	}
}

// At one request a minute one failure is past every paging threshold, and is nobody's night. Five are.
func TestLowTraffic(t *testing.T) {
	tests := map[string]struct {
		failures int
		pages    []string
	}{
		"one failure":   {1, nil},
		"four failures": {4, nil},
		"five failures": {5, []string{"ErrorBudgetBurnHigh"}}, // too few, too soon over for Critical
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := life(t, counted, rolling)
			s.Name, s.Length = name, 26*hour
			s.Watch.Begin = 23 * hour
			s.Streams = []scenario.Stream{{Version: "1", Traffic: []scenario.Phase{
				{For: 24 * hour, PerMinute: 1}, {For: time.Duration(test.failures) * minute, PerMinute: 1, Bad: 1}, {For: 2 * hour, PerMinute: 1},
			}}}
			p := sweep(t, &s)
			checkPairs(t, p)
			var pages []string
			for _, e := range p.Episodes {
				if e.Firing != 0 && e.Labels.Get("severity") == "page" && !slices.Contains(pages, e.Alert) {
					pages = append(pages, e.Alert)
				}
			}
			assert.Equal(t, test.pages, pages, "%v", p.Episodes)
			if test.failures < minFailures {
				assert.Empty(t, p.Alerts(), "%v", p.Episodes)
			}
		})
	}
}

// A service that stops sending is silent; one whose telemetry comes without its SLI is not measured; one
// without requests is neither.
func TestSilence(t *testing.T) {
	const rate = 60
	tests := map[string]struct {
		stream scenario.Stream
		alive  []scenario.Span
		want   string
		from   time.Duration
	}{
		"idle": {
			stream: scenario.Stream{Version: "1", Traffic: []scenario.Phase{{For: 2 * hour, PerMinute: rate}}},
			alive:  []scenario.Span{{}},
		},
		"silent": {
			stream: scenario.Stream{Version: "1", Traffic: []scenario.Phase{{For: 2 * hour, PerMinute: rate}}},
			want:   "ServiceSilent", from: 2*hour + 15*minute, // ten minutes old, for five
		},
		"not measured": {
			stream: scenario.Stream{Version: "1", Life: scenario.Span{End: 2 * hour}, Traffic: []scenario.Phase{{For: 2 * hour, PerMinute: rate}}},
			alive:  []scenario.Span{{}},
			want:   "SLIMissing", from: 2*hour + 25*minute, // five for the last step, ten without, for ten
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := life(t, counted, rolling)
			s.Name, s.Streams, s.Alive, s.Length = name, []scenario.Stream{test.stream}, test.alive, 4*hour
			s.Watch.Begin = hour
			p := sweep(t, &s)
			if test.want == "" {
				assert.Empty(t, p.Alerts(), "%v", p.Episodes)
				return
			}
			require.Equal(t, []string{test.want}, p.Alerts(), "%v", p.Episodes)
			assert.InDelta(t, test.from.Minutes(), p.Fired(test.want)[0].Firing.Minutes(), 5)
			assert.Zero(t, p.Fired(test.want)[0].Resolved)
		})
	}
}
