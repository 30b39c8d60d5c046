// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracesampler

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// An outcome says why a trace is kept, or that it is not. Of two, the greater one holds.
type outcome uint8

const (
	undecided outcome = iota
	dropped           // by the trace's ID
	share             // by the trace's ID
	link              // another trace that is kept has a link to this one, or is linked from here
	recent            // of a new deployment
	condition         // a condition of the configuration
	failed            // a span has the status ERROR
	bad               // an SLO counts a bad event
)

var reasons = [...]string{share: "share", link: "link", recent: "recent", condition: "condition", failed: "error", bad: "bad"}

// itself reports whether the trace is kept for what is in it.
func (o outcome) itself() bool { return o > link }

// A decision is an outcome and, for a share, the rejection threshold of its probability (56 bits).
type decision struct {
	outcome
	threshold uint64
}

func (d decision) kept() bool { return d.outcome > dropped }

// decisions remembers traces that are decided, in two generations: one that no span asked for in the time of a generation is forgotten.
type decisions struct {
	young, old map[pcommon.TraceID]decision
	max        int
	every      time.Duration
	since      time.Time
}

func newDecisions(most int, every time.Duration) decisions {
	return decisions{young: make(map[pcommon.TraceID]decision), old: make(map[pcommon.TraceID]decision), max: most, every: every}
}

// get is the trace's decision; undecided if it has none.
func (d *decisions) get(id pcommon.TraceID) decision {
	if known, ok := d.young[id]; ok {
		return known
	}
	known, ok := d.old[id]
	if ok {
		d.young[id] = known
	}
	return known
}

// put decides the trace, unless a greater outcome holds already. It returns false then.
func (d *decisions) put(id pcommon.TraceID, next decision) bool {
	if d.get(id).outcome >= next.outcome {
		return false
	}
	d.young[id] = next
	return true
}

// rotate forgets the older generation when the younger one is full or has lasted for its time.
func (d *decisions) rotate(now time.Time) {
	if len(d.young) >= d.max || now.Sub(d.since) >= d.every {
		d.old, d.young, d.since = d.young, d.old, now
		clear(d.young)
	}
}
