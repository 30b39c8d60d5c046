// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scorecard

import (
	"fmt"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

const (
	minute = time.Minute
	hour   = time.Hour
	day    = 24 * hour
)

// A Call says who should be called.
type Call string

// Those that are called: by a page, by a ticket, or not at all.
const (
	Page    Call = "page"
	Ticket  Call = "ticket"
	Nothing Call = "nobody"
)

// A Fault is a scenario with a label.
type Fault struct {
	*scenario.Scenario
	// Kind is the heading above it in the table.
	Kind string
	// Call is who should be called between Begin and End, when events failed. Where nobody should be, they are 0.
	Call       Call
	Begin, End time.Duration
	// Collector computes the gauges of the scenario.
	Collector scenario.Collector
}

// monday is in the middle of a month.
var monday = time.Date(2026, time.March, 16, 0, 0, 0, 0, time.UTC)

// traffic is what one collector counts of one version: phase by phase.
type traffic []scenario.Phase

// busy and night are events per minute; usual is the share of them that fails at any time, a tenth of the budget.
const (
	busy  = 600
	night = 6
	usual = 0.0001
)

// lead is how long everything is well before a fault: longer than the long windows of all pages. Watched is how long of it.
const (
	lead    = 7 * hour
	watched = 10 * minute
	after   = 90 * minute
)

func phase(length time.Duration, perMinute, bad float64) scenario.Phase {
	return scenario.Phase{For: length, PerMinute: perMinute, Bad: bad}
}

// fault begins a fault of one stream of traffic after the lead: with the usual traffic before it, then the phases, then the usual traffic again.
func fault(name string, call Call, perMinute float64, phases ...scenario.Phase) *Fault {
	f := &Fault{Scenario: &scenario.Scenario{
		Name: name, Environment: "production", Start: monday, Scrape: 15 * time.Second,
		Alive: []scenario.Span{{}},
	}, Call: call, Begin: lead, Collector: scenario.Collector{Flush: 5 * time.Second, Coarse: true, Lead: 4 * time.Second}}
	all := traffic{phase(lead, perMinute, usual)}
	f.End = f.Begin
	for _, p := range phases {
		all, f.End = append(all, p), f.End+p.For
	}
	all = append(all, phase(30*day, perMinute, usual))
	f.Streams = []scenario.Stream{{Version: "1", Traffic: all}}
	f.Watch.Begin, f.Length = lead-watched, f.End+after
	if call == Nothing {
		f.Begin, f.End = 0, 0
	}
	return f.with(99.9)
}

// with gives the fault an objective, in percent, and the service more lines of its catalog file.
func (f *Fault) with(objective float64, lines ...string) *Fault {
	more := ""
	for _, line := range lines {
		more += "  " + line + "\n"
	}
	c, problems := catalog.Parse("checkout.yaml", fmt.Appendf(nil, `
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec:
  owner: payments
%s  slos:
    - {name: availability, objective: %v, sli: {availability: {}}}
`, more, objective))
	if err := problems.Err(); err != nil {
		panic(err)
	}
	f.Service, f.SLO = c.Services[0], c.Services[0].SLOs[0]
	return f
}

// change edits the fault.
func (f *Fault) change(edit func(*Fault)) *Fault {
	edit(f)
	return f
}
