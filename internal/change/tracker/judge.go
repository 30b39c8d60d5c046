// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/change"
)

// judgedAgain is how old a verdict is whose reason is said again: each reason is another series.
const judgedAgain = 10 * time.Minute

// undecided is the verdict that says nothing yet.
const undecided = "inconclusive"

// Judge takes what the SLOs say of a change. It is announced when it is certain for the first time, and when it is another.
func (t *Tracker) Judge(id string, gate change.Gate) {
	one := change.Change{Gate: gate}
	one.Bound()
	if one.Gate.Verdict == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.byID(id)
	if e == nil || e.Gate.Verdict == one.Gate.Verdict && one.Gate.At.Sub(e.Gate.At) < judgedAgain {
		return
	}
	news := e.Gate.Verdict != one.Gate.Verdict && (e.Gate.Verdict != "" || one.Gate.Verdict != undecided)
	e.Gate, e.news, t.modified = one.Gate, e.news || news, true
}
