// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package fleetclock finds out that the own clock is wrong from the times of the events that many senders send.
//
// For each sender it follows the offset: the time of its newest event, less the own time at which it came. If the own
// clock is right, nearly all offsets are near 0. If it is an hour ahead, all senders seem to be an hour late, and they
// stay so: their offsets do not move. A queue that delivers what is an hour old delivers it faster than it came about, so
// its offset shrinks. A single sender with a wrong clock is outvoted.
package fleetclock

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Quorum is the least number of senders that can correct the clock. They must be more than half of the active ones.
	Quorum = 3
	// Proof is how long an offset must have stayed where it is.
	Proof = time.Minute
	// Agreement is how far offsets may be apart, or move, to be the same.
	Agreement = 15 * time.Second
	// activeFor is how long a sender that sends nothing has a vote.
	activeFor = 2 * time.Minute
	// maxSenders bounds the memory. Further senders have no vote until one of them is silent.
	maxSenders = 1024
	// every is the least time between two votes.
	every = time.Second
)

// A Clock is safe for concurrent use. The zero value has no senders.
type Clock struct {
	offset atomic.Int64

	mu      sync.Mutex
	senders map[uint64]*sender
	voted   time.Time
}

type sender struct {
	offset time.Duration // of the newest request
	// anchor is an earlier offset, from which the later ones have not moved since then.
	anchor      time.Duration
	since, last time.Time
}

// Offset is what must be added to the own time to get that of the senders; 0 if the own clock is right, as far as is known.
func (c *Clock) Offset() time.Duration { return time.Duration(c.offset.Load()) }

// Observe takes the time of the newest event of a sender's request. It does nothing while another request is taken.
func (c *Clock) Observe(id uint64, newest, now time.Time) {
	if !c.mu.TryLock() {
		return
	}
	defer c.mu.Unlock()
	offset := newest.Sub(now)
	s := c.senders[id]
	if s == nil {
		if len(c.senders) >= maxSenders {
			c.vote(now)
			return
		}
		if c.senders == nil {
			c.senders = make(map[uint64]*sender)
		}
		s = &sender{anchor: offset, since: now}
		c.senders[id] = s
	}
	if apart(offset, s.anchor) > Agreement || setBack(now, s.last) {
		s.anchor, s.since = offset, now
	}
	s.offset, s.last = offset, now
	c.vote(now)
}

// vote forgets silent senders and finds the offset on which most of the others agree.
func (c *Clock) vote(now time.Time) {
	if elapsed := now.Sub(c.voted); elapsed < every && !setBack(now, c.voted) {
		return
	}
	c.voted = now
	var proven []time.Duration
	for id, s := range c.senders {
		if silent := now.Sub(s.last); silent > activeFor || setBack(now, s.last) {
			delete(c.senders, id)
		} else if now.Sub(s.since) >= Proof {
			proven = append(proven, s.offset)
		}
	}
	c.offset.Store(int64(agreed(proven, len(c.senders))))
}

// setBack reports whether the own clock was set back: requests that come at the same time are not in order of their times.
func setBack(now, before time.Time) bool { return before.Sub(now) > Agreement }

func agreed(offsets []time.Duration, active int) time.Duration {
	if len(offsets) < Quorum {
		return 0
	}
	slices.Sort(offsets)
	median := offsets[len(offsets)/2]
	agreeing := 0
	for _, o := range offsets {
		if apart(o, median) <= Agreement {
			agreeing++
		}
	}
	if agreeing < Quorum || 2*agreeing <= active || apart(median, 0) <= 2*Agreement {
		return 0
	}
	return median
}

func apart(a, b time.Duration) time.Duration {
	if d := (a - b).Abs(); d >= 0 {
		return d
	}
	return math.MaxInt64
}
