// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"hash/maphash"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// shards of the state, each with a lock of its own.
const shards = 64

// Bytes of an entry besides its string: the entry, its place in the index, the string's own
// rounding. Measured with a million entries and rounded up; see BenchmarkMemory.
const (
	traceEntry   = 160
	idEntry      = 160
	largestEntry = max(traceEntry, idEntry) + longestID
)

// state is what the signals of one collector share: which ID a trace has shown, and the way back.
type state struct {
	policy string
	seed   maphash.Seed
	traces [shards]lru[pcommon.TraceID, shown]
	ids    [shards]lru[string, origin]
}

// shown is the ID of a trace.
type shown struct {
	id       string
	made     bool  // it was generated here: the first one that is shown takes its place
	linked   bool  // it is the ID of a trace that this one links to, and not followed further
	settled  bool  // the root span has shown it
	notified int64 // when the way back was noted
}

// origin is the trace that showed an ID.
type origin struct {
	trace     pcommon.TraceID
	ambiguous bool // there were several
}

func newState(c *Config) *state {
	s := &state{policy: c.OnConflict, seed: maphash.MakeSeed()}
	// Half of the bytes for each way; the entries are traces.
	of := limits{entries: c.MaxEntries / shards, bytes: c.MaxBytes / 2 / shards, ttl: int64(c.TTL)}
	for i := range shards {
		s.traces[i].init(of, func(_ pcommon.TraceID, v shown) int { return traceEntry + len(v.id) })
		s.ids[i].init(of, func(id string, _ origin) int { return idEntry + len(id) })
	}
	return s
}

func (s *state) shardOf(trace pcommon.TraceID) *lru[pcommon.TraceID, shown] {
	return &s.traces[maphash.Bytes(s.seed, trace[:])%shards]
}

// show notes that an item of the trace has the ID, and returns the ID that the item is to
// carry and, if they differ, the one that loses. A root span may overrule what was shown before,
// if the policy is root. The way back is noted when the ID is new for the trace, and now and then
// again, so that it is remembered as long as the trace.
func (s *state) show(trace pcommon.TraceID, one shown, root bool, now int64) (id, loser string) {
	shows := one.id
	l := s.shardOf(trace)
	l.mu.Lock()
	tell := !one.made
	one.notified = now
	known := l.get(trace, now)
	switch {
	case known == nil:
		one.id = strings.Clone(one.id)
		one.settled = root
		l.add(trace, one, now)
	case known.id == one.id:
		known.settled = known.settled || root
		known.linked = known.linked && one.linked
		known.made = known.made && one.made
		if tell = tell && now-known.notified > l.limits.ttl/4; tell {
			known.notified = now
		}
		one.id = known.id
	case known.made && !one.made, s.policy == conflictRoot && root && !known.settled && !one.made:
		if !known.made {
			loser = known.id
		}
		one.id = strings.Clone(one.id)
		one.settled = root
		l.set(trace, one)
	case one.made:
		one.id = known.id
	case s.policy == conflictKeep:
		loser = known.id
	default:
		one.id, loser = known.id, one.id
	}
	l.mu.Unlock()
	if tell {
		s.remember(shows, trace, now)
	}
	return one.id, loser
}

// id returns the ID that the trace has shown, "" for none.
func (s *state) id(trace pcommon.TraceID, now int64) (id string, linked bool) {
	l := s.shardOf(trace)
	l.mu.Lock()
	if known := l.get(trace, now); known != nil {
		id, linked = known.id, known.linked
	}
	l.mu.Unlock()
	return id, linked
}

// remember notes the way back from the ID to the trace.
func (s *state) remember(id string, trace pcommon.TraceID, now int64) {
	l := &s.ids[maphash.String(s.seed, id)%shards]
	l.mu.Lock()
	if known := l.get(id, now); known == nil {
		l.add(strings.Clone(id), origin{trace: trace}, now)
	} else if known.trace != trace {
		known.ambiguous = true
	}
	l.mu.Unlock()
}

// trace returns the trace that has shown the ID: none if there were several, or if it is not known.
func (s *state) trace(id string, now int64) (trace pcommon.TraceID, known bool) {
	l := &s.ids[maphash.String(s.seed, id)%shards]
	l.mu.Lock()
	if from := l.get(id, now); from != nil {
		if known = true; !from.ambiguous {
			trace = from.trace
		}
	}
	l.mu.Unlock()
	return trace, known
}

// usage is how much there is, and how many entries left because of the bounds and of their age.
type usage struct{ entries, bytes, full, expired int64 }

func (s *state) usage() (u usage) {
	for i := range shards {
		u.add(s.traces[i].usage())
		u.add(s.ids[i].usage())
	}
	return u
}

func (l *lru[K, V]) usage() usage {
	l.mu.Lock()
	defer l.mu.Unlock()
	return usage{int64(len(l.index)), int64(l.bytes), l.full, l.expired}
}

func (u *usage) add(v usage) {
	u.entries += v.entries
	u.bytes += v.bytes
	u.full += v.full
	u.expired += v.expired
}
