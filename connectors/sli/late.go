// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"hash/maphash"
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A when tells whether an event counts now.
type when uint8

const (
	onTime when = iota
	late
	future
	whens = iota
)

// lateReason is by when.
var lateReason = [whens]string{late: semconv.Late, future: semconv.Future}

// times are those at which an event that counts now ended: near the own clock's time, or near that on which most senders agree.
type times struct{ own, fleet interval }

type interval struct{ from, to pcommon.Timestamp }

func (i interval) has(t pcommon.Timestamp) bool { return i.from <= t && t <= i.to }

// timesAt are the times as seen now.
func (c *core) timesAt(now time.Time) times {
	if c.config.LateAfter == 0 {
		all := interval{0, math.MaxUint64}
		return times{all, all}
	}
	around := func(t time.Time) interval {
		return interval{pcommon.NewTimestampFromTime(t.Add(-c.config.LateAfter)), pcommon.NewTimestampFromTime(t.Add(c.config.FutureTolerance))}
	}
	t := times{own: around(now)}
	t.fleet = t.own
	if offset := c.fleet.Offset(); offset != 0 {
		t.fleet = around(now.Add(offset))
	}
	return t
}

// of tells when an event that ended at a time was. One without a time is now.
func (t *times) of(ended pcommon.Timestamp) when {
	switch {
	case ended == 0 || t.own.has(ended) || t.fleet.has(ended):
		return onTime
	case ended < t.fleet.from:
		return late
	default:
		return future
	}
}

// lateCounts are the counters of a series for events that do not count now, by when.
type lateCounts struct {
	outcomes [whens]outcomes
	// emitted: the next consumer has had them.
	emitted [whens]bool
	// past are the late ones again, by the time in which they ended, in order.
	past []pastCounter
}

// senderHash makes numbers of texts that nobody outside the process can foresee.
type senderHash struct{ seed maphash.Seed }

func (h senderHash) hash(s string) uint64 { return maphash.String(h.seed, s) }
