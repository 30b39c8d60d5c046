// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"cmp"
	"slices"
)

// An instance of a version. There are many of them, so it is small. Times are Unix nanoseconds.
type instance struct {
	id     uint64
	last   int64  // its newest telemetry, by its own clock
	offset int64  // from its clock to ours: the shortest way that its telemetry has taken
	first  int64  // since when it is seen without a long pause; moved on while it catches up
	heard  uint32 // when it was last heard, in seconds of the service's clock; 0 for never
	// version is the serial number of the version that runs on it.
	version uint32
}

func newInstance(id uint64, version uint32, at, now int64, c *Config) instance {
	return instance{id: id, version: version, last: at, offset: c.offset(now - at), first: now}
}

// near reports whether a clock is taken to be right: then telemetry is as old as it says.
func (c *Config) near(lag int64) bool { return lag >= -int64(c.Settle) && lag <= int64(c.Settle) }

// offset is what a lag at arrival says about the clock. One that is a little behind may be right, and the way long.
func (c *Config) offset(lag int64) int64 {
	if lag > 0 && c.near(lag) {
		return 0
	}
	return lag
}

// place puts the time of telemetry on our clock. It is believed if the clock is right or the instance has been seen
// for Confirm, without catching up: from a queue that drains, telemetry comes faster than time passes.
func (i *instance) place(at, now int64, named bool, c *Config) (when int64, believed bool) {
	lag := now - at
	if !named { // many may be behind it, so there is no one clock
		when = at
		if lag < 0 || lag > int64(c.Recent) {
			when = now
		}
		i.last, i.offset = max(i.last, when), 0
		return when, true
	}
	if now-i.seen() > int64(c.InstanceTTL) {
		i.first = now
	}
	switch late := lag - i.offset; {
	case late > int64(c.Recent): // the clock was set back, or there is no telling
		*i = instance{id: i.id, version: i.version, heard: i.heard, last: at, offset: c.offset(lag), first: now}
	case late < 0:
		offset := c.offset(lag)
		i.first = min(now, i.first+i.offset-offset)
		i.offset = offset
	case late > int64(c.Settle)/2 && !c.near(i.offset): // out of step: not a clock that is wrong, but one late item after another
		i.first = now
	}
	i.last = max(i.last, at)
	when = min(at+i.offset, now)
	return when, c.near(i.offset) || when-i.first >= int64(c.Confirm)
}

// seen is when it was last seen, by our clock.
func (i *instance) seen() int64 { return i.last + i.offset }

// instances are sorted by ID.
type instances []instance

func (all instances) find(id uint64) (int, bool) {
	return slices.BinarySearchFunc(all, id, func(i instance, id uint64) int { return cmp.Compare(i.id, id) })
}

// add takes in an instance. If there is no room it is not kept; its version counts all the same.
func (s *service) add(i instance, now int64) *instance {
	if s.full() && now-s.pruned >= step {
		s.prune(now, int64(s.config.InstanceTTL))
	}
	if s.full() {
		s.stats.refused.Add(1)
		return &i
	}
	n, _ := s.instances.find(i.id)
	s.instances = slices.Insert(s.instances, n, i)
	s.stats.instances.Add(1)
	return &s.instances[n]
}

// full says that there is no room for another instance.
func (s *service) full() bool {
	return len(s.instances) >= s.config.MaxInstances || s.stats.instances.Load() >= int64(s.config.MaxTotal)
}

// prune drops the instances that have not been seen for the age.
func (s *service) prune(now, age int64) {
	s.pruned = now
	s.drop(func(i *instance) bool { return now-i.seen() > age })
}

func (s *service) drop(drop func(*instance) bool) {
	before := len(s.instances)
	s.instances = slices.DeleteFunc(s.instances, func(i instance) bool { return drop(&i) })
	s.stats.instances.Add(int64(len(s.instances) - before))
}

// live counts the live instances of the version, and of all.
func (s *service) live(serial uint32, now int64) (own, all int) {
	for n := range s.instances {
		i := &s.instances[n]
		if now-i.seen() >= int64(s.config.InstanceTTL) {
			continue
		}
		all++
		if i.version == serial {
			own++
		}
	}
	return own, all
}
