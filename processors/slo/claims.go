// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"cmp"
	"time"
)

// A subject is what collectors claim: an SLO at a place, which is an environment, or a group in one.
type subject struct {
	key
	environment string
}

// A claim says how a collector knows a subject. Durations are ages, so that clocks need not agree.
type claim struct {
	Namespace   string `json:"namespace,omitempty"`
	Service     string `json:"service"`
	SLO         string `json:"slo"`
	Environment string `json:"environment,omitempty"`
	// Memory is how far back the collector knows events.
	Memory time.Duration `json:"memory"`
	// Silence is the time since the last counter arrived; negative if none ever has.
	Silence time.Duration `json:"silence"`
	// Since is how long counters have arrived without a gap.
	Since time.Duration `json:"since"`
	// Counters is how many arrive.
	Counters int `json:"counters"`
}

func (c *claim) subject() subject {
	return subject{key{c.Namespace, c.Service, c.SLO}, c.Environment}
}

// claim is the collector's claim on the instance.
func (i *instance) claim(k key, now int64, release time.Duration) claim {
	c := claim{
		Namespace: k.namespace, Service: k.service, SLO: k.slo, Environment: i.place(),
		Memory: time.Duration(now - i.created), Silence: -1, Since: time.Duration(now - i.since),
	}
	if i.received != 0 {
		c.Silence = max(time.Duration(now-i.received), 0)
	}
	for n := range i.streams {
		if s := &i.streams[n]; s.fresh && s.length == 0 && now-s.seen <= int64(release) {
			c.Counters++
		}
	}
	return c
}

// later is the claim after a time without news of it.
func (c claim) later(d time.Duration) claim {
	c.Memory, c.Since = c.Memory+d, c.Since+d
	if c.Silence >= 0 {
		c.Silence += d
	}
	return c
}

// compareClaims orders claims of two collectors on one subject, and is positive if a is stronger. Stronger is, in this
// order: counters arrive; more of them; they have come here later, because counters that moved have their last
// place second to last; they have been silent for less time; the memory is longer. The names of the collectors decide between equals.
func compareClaims(a, b claim, nameOfA, nameOfB string, release time.Duration) int {
	alive := func(c claim) bool { return c.Silence >= 0 && c.Silence <= release }
	switch {
	case alive(a) && alive(b):
		return cmp.Or(cmp.Compare(a.Counters, b.Counters), cmp.Compare(b.Since, a.Since), cmp.Compare(nameOfB, nameOfA))
	case alive(a):
		return 1
	case alive(b):
		return -1
	}
	if ever := cmp.Compare(min(a.Silence, 0), min(b.Silence, 0)); ever != 0 { // one has never had a counter
		return ever
	}
	return cmp.Or(cmp.Compare(b.Silence, a.Silence), cmp.Compare(a.Memory, b.Memory), cmp.Compare(nameOfB, nameOfA))
}
