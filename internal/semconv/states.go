// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package semconv

import (
	"cmp"
	"math"
	"slices"
)

// A State is the state of an SLO. One holds at a time.
type State string

// The states. The slo processor emits all but StateUnknown, which readers use where nobody has emitted one.
const (
	// StateBurningFast: a pair of burn windows that pages is above its factor.
	StateBurningFast State = "burning_fast"
	// StateExhausted: the error budget of the whole period is spent, and it does not burn.
	StateExhausted State = "exhausted"
	// StateNew: the SLO has been measured for less than an hour, and it does not burn fast.
	StateNew State = "new"
	// StateBurningSlow: a pair of burn windows that opens a ticket is above its factor.
	StateBurningSlow State = "burning_slow"
	// StateNoData: no counter of the SLO has arrived for some time, not even one without an increase.
	StateNoData State = "no_data"
	// StateNeverSeen: the SLO has counters, and no event was ever counted: its SLI may select nothing.
	StateNeverSeen State = "never_seen"
	// StateUnknown: no state was emitted.
	StateUnknown State = "unknown"
	// StateOK: none of the others.
	StateOK State = "ok"
	// StateIdle: there was no event in the last hour, so no budget is spent.
	StateIdle State = "idle"
)

// States are all of them, worst first.
var States = []State{StateBurningFast, StateExhausted, StateBurningSlow, StateNoData, StateNeverSeen, StateUnknown, StateNew, StateOK, StateIdle}

// Severity orders states: 0 is the worst. A word that is no state has the severity of StateUnknown.
func (s State) Severity() int {
	if i := slices.Index(States, s); i >= 0 {
		return i
	}
	return slices.Index(States, StateUnknown)
}

// Worse reports whether a state needs somebody sooner than another.
func (s State) Worse(other State) bool { return s.Severity() < other.Severity() }

// Urgent reports whether somebody should look now.
func (s State) Urgent() bool { return s == StateExhausted || s == StateBurningFast }

// Health is the state of an SLO with the numbers that order SLOs of one state; NaN is not known.
type Health struct {
	State State
	// BurnRate is that of the last hour, Remaining the share of the error budget that is left.
	BurnRate, Remaining float64
}

// Compare orders the worst first: by state, then by burn rate, then by the budget that is left. A number that is not
// known comes last.
func (h Health) Compare(other Health) int {
	return cmp.Or(
		cmp.Compare(h.State.Severity(), other.State.Severity()),
		cmp.Compare(last(-h.BurnRate), last(-other.BurnRate)),
		cmp.Compare(last(h.Remaining), last(other.Remaining)),
	)
}

func last(f float64) float64 {
	if math.IsNaN(f) {
		return math.Inf(1)
	}
	return f
}
