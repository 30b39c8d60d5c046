// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"slices"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/judge"
)

// A version has counters of its own in each place in which it runs, from the first event there. A place never gets or loses its
// attributes later: a series that got another name would fall to 0 for its readers.

// slotMark comes before each value of a place.
const slotMark = "\x00"

// appendSlot appends what the version in the place is found by, and what the journal and the checkpoint call it: the version, and the values
// of the place if there are any.
func appendSlot(to []byte, name string, at judge.Where) []byte {
	to = append(to, name...)
	if at != (judge.Where{}) {
		for _, value := range at {
			to = append(append(to, slotMark...), value...)
		}
	}
	return to
}

// parseSlot takes it apart.
func parseSlot(id string) (name string, at judge.Where) {
	if strings.Count(id, slotMark) != len(at) {
		return id, at
	}
	fields := strings.Split(id, slotMark)
	copy(at[:], fields[1:])
	return fields[0], at
}

// newSlot is a version without counters in the environment.
func newSlot(environment, id string) *version {
	v := &version{environment: environment, id: strings.Clone(id)}
	v.name, v.at = parseSlot(v.id)
	return v
}

// placed is the place without what is not part of the identity that is configured.
func (c *Config) placed(at judge.Where) judge.Where {
	if at == (judge.Where{}) {
		return at
	}
	for i, name := range judge.Places {
		if at[i] != "" && (!slices.Contains(c.Identity, name) || strings.Contains(at[i], slotMark)) {
			at[i] = ""
		}
	}
	return at
}

// beyond is the place of all that are beyond the limit, with a value for each that the place has.
func beyond(at judge.Where) judge.Where {
	for i := range at {
		if at[i] != "" {
			at[i] = overflow
		}
	}
	return at
}

// admit is the place, or the one of all beyond the limit. A place without telemetry for an hour gives up its room.
func (e *environment) admit(at judge.Where, now time.Time, most int) (_ judge.Where, full bool) {
	if at == (judge.Where{}) || at == beyond(at) {
		return at, false
	}
	lastSeen := make(map[judge.Where]time.Time)
	for _, v := range e.versions {
		if v.at != (judge.Where{}) && v.at != beyond(v.at) {
			lastSeen[v.at] = latest(lastSeen[v.at], v.lastSeen)
		}
	}
	if _, known := lastSeen[at]; known || len(lastSeen) < most {
		return at, false
	}
	idle, since := judge.Where{}, now.Add(-idleAfter)
	for other, seen := range lastSeen {
		if seen.Before(since) {
			idle, since = other, seen
		}
	}
	if idle == (judge.Where{}) {
		return beyond(at), true
	}
	for id, v := range e.versions {
		if v.at == idle {
			delete(e.versions, id)
		}
	}
	return at, false
}

// ofGroup is where a group counts that has part of the place among its own attributes: in the version without that part, or the series of the overflow would be
// shared by several places.
func (s *service) ofGroup(v *version, o *slo) *version {
	at := v.at
	for i, name := range judge.Places {
		if at[i] != "" && slices.Contains(o.by, name) {
			at[i] = ""
		}
	}
	e := s.environments[v.environment]
	if at == v.at || e == nil {
		return v
	}
	id := appendSlot(make([]byte, 0, 256), v.name, at)
	found := e.versions[string(id)]
	if found == nil {
		found = newSlot(e.name, string(id))
		e.versions[found.id] = found
	}
	found.lastSeen = latest(found.lastSeen, v.lastSeen)
	return found
}
