// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// shards of the state, each with a lock of its own.
const shards = 64

// Bytes of an entry besides its string: the entry, its place in the index, the string's own
// rounding. Measured with a million entries and rounded up; see BenchmarkMemory.
const (
	traceEntry   = 208
	idEntry      = 176
	largestEntry = max(traceEntry, idEntry) + longestID
)

// Bounds of what is kept of one trace.
const (
	maxAliases  = 8
	maxServices = 4
)

// state is what the signals of one collector share: which ID a trace has shown, and the way back.
type state struct {
	policy    string
	maxTraces int
	followed  bool // by a correlation that comes after
	seed      maphash.Seed
	divided   atomic.Bool // some trace is one of several requests
	traces    [shards]lru[pcommon.TraceID, shown]
	ids       [shards]lru[string, origin]

	mu      sync.Mutex
	waiting []chan struct{} // woken when a trace has an ID that it had not before
}

// shown is the ID of a trace.
type shown struct {
	id       string
	aliases  *[]string      // other IDs that items of the trace were sent with; never changed in place
	requests *requests      // nil for a trace of one
	weight   int32          // of them, as it is accounted for
	span     pcommon.SpanID // that has shown the ID
	notified int64          // when the way back was noted
	begin    int64          // the time of the trace's items, as far as they were seen with an ID
	end      int64
	services [maxServices]uint32
	by       evidence
	settled  bool // the root span has shown an ID
	doubt    bool // by text: it says two IDs
}

// hint reports whether the ID is only in the trace's text. It is that of no item then.
func (k *shown) hint() bool { return k.by == textEvidence || k.by == patternEvidence }

// spot is what an item says of where and when it was: its service, and its time.
type spot struct {
	service, peer uint32
	begin, end    int64
	span, parent  pcommon.SpanID // a log record has its span as the parent
	top           bool           // it is a root span that may have called for several requests
}

// sighting is an ID that an item of a trace shows.
type sighting struct {
	id   string
	by   evidence
	root bool
	at   spot
}

// answer is what the state says of a trace, or of an item that has shown it an ID.
type answer struct {
	id      string
	by      evidence
	loser   string
	aliases *[]string
	ids     []string // of the requests of the trace, if it has several, and which one the item belongs to is not known
	several bool     // the trace has several requests
	settled bool     // the root span has shown an ID, so it has only one
	shared  bool     // the ID that was shown is that of many traces
	changed bool     // the trace has another ID than before, or its first
}

// origin is the trace that showed an ID.
type origin struct {
	trace   pcommon.TraceID
	others  *[]pcommon.TraceID // more traces, at most as many as one ID may have
	since   int64
	several bool // there are more, or were
	shared  bool // there were too many for one request
}

func newState(c *Config) *state {
	s := &state{seed: maphash.MakeSeed()}
	s.bound(c)
	return s
}

// bound sets the bounds of a state that is empty.
func (s *state) bound(c *Config) {
	s.policy, s.maxTraces = c.OnConflict, c.MaxTraces
	// Half of the bytes for each way; the entries are traces.
	of := limits{entries: c.MaxEntries / shards, bytes: c.MaxBytes / 2 / shards, ttl: int64(c.TTL)}
	for i := range shards {
		s.traces[i].init(of, func(_ pcommon.TraceID, v shown) int {
			return traceEntry + len(v.id) + aliasBytes(v.aliases) + int(v.weight)
		})
		s.ids[i].init(of, func(id string, o origin) int { return idEntry + len(id) + otherBytes(o.others) })
	}
}

func aliasBytes(aliases *[]string) (n int) {
	if aliases != nil {
		for _, id := range *aliases {
			n += 16 + len(id)
		}
	}
	return n
}

func otherBytes(others *[]pcommon.TraceID) int {
	if others == nil {
		return 0
	}
	return 24 + 16*cap(*others)
}

func (s *state) shardOf(trace pcommon.TraceID) *lru[pcommon.TraceID, shown] {
	return &s.traces[maphash.Bytes(s.seed, trace[:])%shards]
}

// show notes that an item of the trace has the ID, and returns the ID that the item is to
// carry and, if they differ, the one that loses. Better evidence replaces what was shown before; a root span may
// overrule evidence that is as good, if the policy is root. The way back is noted when the ID is new for the trace, and now and then
// again, so that it is remembered as long as the trace.
func (s *state) show(trace pcommon.TraceID, one sighting, now int64) (is answer) {
	l := s.shardOf(trace)
	l.mu.Lock()
	if known := l.get(trace, now); known != nil && known.id == one.id && !known.hint() && known.requests == nil { // most are
		known.settled = known.settled || one.root
		known.by = max(known.by, one.by)
		known.see(one.at)
		is.id, is.by, is.aliases = known.id, known.by, known.aliases
		again := one.by > generatedHere && now-known.notified > l.limits.ttl/4
		if again {
			known.notified = now
		}
		l.mu.Unlock()
		if again {
			s.remember(one.id, trace, one.by, now)
		}
		return is
	}
	l.mu.Unlock()
	if one.by > generatedHere && s.remember(one.id, trace, one.by, now) {
		return answer{shared: true}
	}
	l.mu.Lock()
	is = s.decide(l, trace, one, now)
	l.get(trace, now).see(one.at)
	l.mu.Unlock()
	return is
}

// decide is show for one trace, under its lock.
func (s *state) decide(l *lru[pcommon.TraceID, shown], trace pcommon.TraceID, one sighting, now int64) answer {
	known := l.get(trace, now)
	if known == nil {
		id := strings.Clone(one.id)
		l.add(trace, shown{id: id, by: one.by, settled: one.root, notified: now, begin: math.MaxInt64, end: math.MinInt64, span: one.at.span}, now)
		return answer{id: id, by: one.by, changed: true}
	}
	if known.hint() {
		next := *known
		next.id, next.by, next.settled, next.notified = strings.Clone(one.id), one.by, one.root, now
		l.set(trace, next)
		return answer{id: next.id, by: one.by, changed: true}
	}
	if known.requests != nil && (!one.root || one.by != spanEvidence) {
		return s.ofSeveral(l, trace, known, one)
	}
	switch {
	case known.id == one.id:
		return known.answer()
	case one.by == spanEvidence && known.by == spanEvidence && !one.root && !known.settled && !one.at.span.IsEmpty() && s.policy != conflictKeep:
		return s.divide(l, trace, known, one)
	case one.by > known.by, one.by == known.by && one.root && (known.requests != nil || s.policy == conflictRoot && !known.settled):
		next := *known
		next.id, next.by, next.settled, next.notified = strings.Clone(one.id), one.by, one.root, now
		next.span, next.requests, next.weight = one.at.span, nil, 0
		next.aliases = withAlias(known.aliases, known.id, next.id)
		if known.requests != nil { // all of them were parts of this one
			for _, id := range known.requests.ids {
				next.aliases = withAlias(next.aliases, id, next.id)
			}
		}
		loser := ""
		if one.by == known.by {
			loser = known.id
		}
		l.set(trace, next)
		is := next.answer()
		is.loser, is.changed = loser, true
		return is
	case one.by <= generatedHere:
		return known.answer()
	case one.by < known.by:
		is := known.answer()
		is.loser = one.id
		return is
	case s.policy == conflictKeep:
		return answer{id: one.id, by: one.by, loser: known.id}
	}
	next := *known
	next.settled = next.settled || one.root
	next.aliases = withAlias(known.aliases, one.id, known.id)
	l.set(trace, next)
	is := next.answer()
	is.loser = one.id
	return is
}

func (k *shown) answer() (is answer) {
	if !k.hint() {
		is.id, is.by, is.aliases, is.settled = k.id, k.by, k.aliases, k.settled
	}
	return is
}

// withAlias returns the aliases with one more, the ID itself not among them.
func withAlias(aliases *[]string, alias, id string) *[]string {
	var all []string
	if aliases != nil {
		all = *aliases
	}
	if len(all) >= maxAliases && !slices.Contains(all, id) || slices.Contains(all, alias) && !slices.Contains(all, id) {
		return aliases
	}
	next := make([]string, 0, len(all)+1)
	for _, a := range all {
		if a != id {
			next = append(next, a)
		}
	}
	if !slices.Contains(next, alias) {
		next = append(next, strings.Clone(alias))
	}
	return &next
}

// see notes where and when an item of the trace was.
func (k *shown) see(at spot) {
	if at.begin != 0 {
		k.begin, k.end = min(k.begin, at.begin), max(k.end, at.end)
	}
	if at.service != k.services[0] {
		k.add(at.service)
	}
	if at.peer != 0 {
		k.add(at.peer)
	}
}

// add adds a service, if there is room.
func (k *shown) add(service uint32) {
	for i := range k.services {
		if k.services[i] == service || service == 0 {
			return
		}
		if k.services[i] == 0 {
			k.services[i] = service
			return
		}
	}
}

// hint notes an ID that is in the text of an item of the trace.
func (s *state) hint(trace pcommon.TraceID, id string, by evidence, at spot, now int64) {
	l := s.shardOf(trace)
	l.mu.Lock()
	switch known := l.get(trace, now); {
	case known == nil:
		l.add(trace, shown{id: strings.Clone(id), by: by, notified: now, begin: math.MaxInt64, end: math.MinInt64}, now)
	case known.hint():
		known.doubt = known.doubt || known.id != id
	}
	if known := l.get(trace, now); known != nil {
		known.see(at)
	}
	l.mu.Unlock()
}

// confirmed returns the ID that is in the trace's text, if there is only one, and a header or field of another trace has it too.
func (s *state) confirmed(trace pcommon.TraceID, now int64) (id string, ok bool) {
	of := s.shardOf(trace)
	of.mu.Lock()
	if known := of.get(trace, now); known != nil && known.hint() && !known.doubt {
		id = known.id
	}
	of.mu.Unlock()
	if id == "" {
		return "", false
	}
	l := &s.ids[maphash.String(s.seed, id)%shards]
	l.mu.Lock()
	known := l.get(id, now)
	ok = known != nil && !known.shared
	l.mu.Unlock()
	return id, ok
}

// id returns what is known of the trace. Its item was at the spot.
func (s *state) id(trace pcommon.TraceID, at spot, now int64) (is answer) {
	l := s.shardOf(trace)
	l.mu.Lock()
	if known := l.get(trace, now); known != nil {
		if is = known.answer(); known.requests != nil {
			is = known.requests.answer(at)
		}
		known.see(at)
	}
	l.mu.Unlock()
	return is
}

// remember notes the way back from the ID to the trace, and reports whether so many traces show the ID that it is not that of one request.
// A trace that only links to the request counts as one more trace, but not for that.
func (s *state) remember(id string, trace pcommon.TraceID, by evidence, now int64) (shared bool) {
	l := &s.ids[maphash.String(s.seed, id)%shards]
	var lost []pcommon.TraceID
	l.mu.Lock()
	known := l.get(id, now)
	switch {
	case known == nil:
		l.add(strings.Clone(id), origin{trace: trace, since: now}, now)
	case known.shared:
		shared = true
	case known.trace != trace && by <= linkEvidence:
		known.several = true
	case known.trace == trace || known.others != nil && slices.Contains(*known.others, trace):
	default:
		next := *known
		var others []pcommon.TraceID
		if known.others != nil {
			others = *known.others
		}
		others = append(others, trace)
		next.others, next.several = &others, true
		if now-known.since > l.limits.ttl { // they were not at the same time
			next.since, others = now, others[len(others)-1:]
		}
		if shared = len(others) >= s.maxTraces; shared {
			lost = append(slices.Clone(others[:len(others)-1]), known.trace)
			next.shared, next.others = true, nil
		}
		l.set(id, next)
	}
	l.mu.Unlock()
	for _, trace := range lost {
		s.forget(trace, id)
	}
	return shared
}

// forget removes what the trace has shown, if it is the ID.
func (s *state) forget(trace pcommon.TraceID, id string) {
	l := s.shardOf(trace)
	l.mu.Lock()
	if at, ok := l.index[trace]; ok && l.entries[at].value.id == id {
		l.remove(at)
	}
	l.mu.Unlock()
}

// certainty is how sure it is that a log record with an ID belongs to the trace that has shown it.
type certainty uint8

const (
	noTrace       certainty = iota // none has shown the ID
	severalTraces                  // a retry, a batch, or calls side by side
	sharedID                       // many
	otherService                   // the record's service is not seen in the trace
	otherTime                      // the record is before or after all that is seen of the trace
	unknownTime                    // the record does not say when it was
	nearTime                       // it is close to the trace, but not within
	certain
	certainties
)

var certaintyNames = [certainties]string{
	severalTraces: "several_traces", sharedID: "shared_id", otherService: "other_service", otherTime: "other_time", unknownTime: "unknown_time",
}

// slack is how far from a trace its log records may be: clocks of two processes differ.
const slack = int64(100e6)

// trace returns the trace that has shown the ID, and how sure it is that an item at the spot is of it.
func (s *state) trace(id string, at spot, now int64) (trace pcommon.TraceID, sure certainty) {
	l := &s.ids[maphash.String(s.seed, id)%shards]
	l.mu.Lock()
	from := l.get(id, now)
	switch {
	case from == nil:
	case from.shared:
		sure = sharedID
	case from.several:
		sure = severalTraces
	default:
		trace, sure = from.trace, certain
	}
	l.mu.Unlock()
	if sure != certain {
		return trace, sure
	}
	of := s.shardOf(trace)
	of.mu.Lock()
	defer of.mu.Unlock()
	known := of.get(trace, now)
	switch {
	case known == nil:
		return pcommon.TraceID{}, noTrace
	case known.by == linkEvidence:
		sure = severalTraces // the one that it links to, too
	case !slices.Contains(known.services[:], at.service):
		sure = otherService
	case at.begin == 0 || known.begin > known.end:
		sure = unknownTime
	case at.begin < known.begin-slack || at.begin > known.end+slack:
		sure = otherTime
	case at.begin < known.begin || at.begin > known.end:
		sure = nearTime
	}
	return trace, sure
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
