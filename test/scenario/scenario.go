// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A Scenario is the life of one SLO. All times in it are counted from its Start.
type Scenario struct {
	Name    string
	Service *catalog.Service
	SLO     *catalog.SLO
	// Environment is the deployment.environment.name of all that happens.
	Environment string
	Start       time.Time
	Length      time.Duration
	// Scrape is the time between two scrapes, 30 s unless it is set.
	Scrape time.Duration
	// Watch is the time for which every rule group runs at its own interval. What comes
	// before is filled in; nothing is evaluated after it.
	Watch   Span
	Streams []Stream
	// Alive is when the service sends any telemetry, besides when Streams have traffic.
	Alive []Span
	// Versions are the deployments that the collector reports.
	Versions []Version
	// Others are further series. They are all there is of a scenario without an SLO.
	Others []Other
	// Down is when Prometheus does not run: nothing is written, not even that a series ended.
	Down []Span
	// Budget is the collector's gauge of the error budget, as a scrape reads it; the truth, unless it is set.
	Budget func(at time.Duration) (remaining float64, ok bool)
}

// An Other is a series of something else than the SLO: what a scrape finds at a time, or nothing.
type Other struct {
	Labels labels.Labels
	At     func(time.Duration) (v float64, ok bool)
}

// A Version is a deployment, as deployment_info and its companions show it.
type Version struct {
	Name      string
	Status    string
	Life      Span
	Instances float64
}

// Interval is the time between two scrapes.
func (s *Scenario) Interval() time.Duration {
	if s.Scrape == 0 {
		return 30 * time.Second
	}
	return s.Scrape
}

// Until is the time of the scenario that has passed at t.
func (s *Scenario) Until(t time.Time) time.Duration { return t.Sub(s.Start) }

func (s *Scenario) isDown(t time.Time) bool {
	return slices.ContainsFunc(s.Down, func(span Span) bool { return span.holds(s.Until(t)) })
}

// end is when the watch is over.
func (s *Scenario) end() time.Time {
	if s.Watch.End != 0 {
		return s.Start.Add(s.Watch.End)
	}
	return s.Start.Add(s.Length)
}

// LastSeen is when the newest telemetry before at came, and whether any did.
func (s *Scenario) LastSeen(at time.Duration) (time.Duration, bool) {
	last := time.Duration(-1)
	see := func(span Span) {
		if span.Begin > at {
			return
		}
		if span.End == 0 || span.End > at {
			span.End = at
		}
		last = max(last, span.End)
	}
	for _, span := range s.Alive {
		see(span)
	}
	for i := range s.Streams {
		begin := s.Streams[i].Life.Begin
		for _, p := range s.Streams[i].Traffic {
			if p.PerMinute > 0 {
				see(Span{begin, begin + p.For})
			}
			begin += p.For
		}
	}
	return last, last >= 0
}
