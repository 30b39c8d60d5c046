// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import "time"

// A part is some of an SLO's series: a bit for each window, and one for each of the others.
type parts uint16

const (
	objectivePart parts = 1 << (maxWindows + iota)
	remainingPart
	coveragePart
	exhaustionPart
	maintenancePart

	allWindows parts = 1<<maxWindows - 1
	ofEvents         = allWindows | remainingPart | exhaustionPart // what only events can say
	everything       = allWindows | objectivePart | remainingPart | coveragePart | exhaustionPart | maintenancePart
)

func windowPart(w int) parts { return 1 << w }

// A reading is what is emitted of an SLO in one environment at one moment: the series whose values have changed, or all.
type reading struct {
	key
	values
	shard       *shard
	instance    *instance
	objective   *objective
	environment string
	group       string
	created     int64
	parts       parts
	// states are those whose series are emitted: 1 for values.state, 0 for the others.
	states stateSet
	// ended: these series were emitted before and are not any more. They get a last point that says so.
	ended bool
}

// Shown is what readers were given of an instance.
type shown struct {
	values
	// objective is nil if nothing was given, or that it has ended.
	objective *objective
	// whole is when all series are due again.
	whole int64
	// left are the states that do not hold any more, whose series are 0. They end some time after leftAt.
	left   stateSet
	leftAt int64
}

func (i *instance) reading(t *tracked, o *objective) reading {
	return reading{
		key: t.key, shard: t.shard, instance: i, objective: o, environment: i.environment, group: i.group, created: i.created, values: i.shown.values,
	}
}

// end is the last reading of an instance that was shown.
func (i *instance) end(t *tracked) reading {
	r := i.reading(t, i.shown.objective)
	r.parts, r.states, r.ended = everything, i.shown.left|i.shown.state.set(), true
	i.shown = shown{}
	return r
}

// show takes values to be shown: the reading has what is to be emitted of them, and gone, if it has any states, the states whose series end.
// All series are emitted if whole, at first, and every heartbeat. Phase, from 0 to 1, spreads the heartbeats of SLOs.
func (i *instance) show(t *tracked, v values, now int64, heartbeat time.Duration, phase float64, whole bool) (r, gone reading) {
	s, before, unseen := &i.shown, i.shown.values, i.shown.objective != nil && i.shown.state == neverSeen
	r.states = 0
	states, shownBefore := stateSet(0), s.objective != nil
	switch first := s.objective == nil; {
	case first: // a collector that spoke before may have said otherwise
		s.left, s.leftAt = allStates, now
		whole = true
	case v.state != before.state:
		s.left |= before.state.set()
		s.leftAt = now
		states = before.state.set() | v.state.set()
	}
	s.left &^= v.state.set()
	if s.objective != t.objective {
		s.whole, whole = now+int64(float64(heartbeat)*(1-phase)), true
	}
	due := now >= s.whole || s.whole > now+int64(heartbeat) // or the clock was set back
	if due {
		s.whole = now + int64(heartbeat)
	}
	var ends stateSet
	if due && now-s.leftAt >= int64(heartbeat) {
		ends, s.left = s.left, 0
	}
	s.values, s.objective = v, t.objective
	r, gone = i.reading(t, t.objective), i.reading(t, t.objective)
	if whole || due {
		r.parts, r.states = everything, s.left|v.state.set()
	} else {
		r.parts, r.states = v.changed(&before, t.objective), states
	}
	gone.states, gone.ended = ends, true
	switch seen := v.state != neverSeen; {
	case seen && unseen:
		r.parts |= ofEvents
	case !seen: // a budget of which nothing is known is not whole
		r.parts &^= ofEvents
		if shownBefore && !unseen {
			gone.parts = ofEvents
		}
	}
	return r, gone
}

// changed are the parts of v that are others than before.
func (v *values) changed(before *values, o *objective) (p parts) {
	for w := range o.steps {
		if v.errorRatio[w] != before.errorRatio[w] {
			p |= windowPart(w)
		}
	}
	if v.remaining != before.remaining {
		p |= remainingPart
	}
	if v.coverage != before.coverage {
		p |= coveragePart
	}
	if v.exhaustion != before.exhaustion {
		p |= exhaustionPart
	}
	if v.maintenance != before.maintenance {
		p |= maintenancePart
	}
	return p
}
