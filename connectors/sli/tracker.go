// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatautil"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/cumulative"
	"github.com/otelcol-sre/otelcol-sre/internal/judge"
)

const (
	// streamIdle is how long a stream that has no points is remembered.
	streamIdle = time.Hour
	// tellExcessEvery is the least time between two log records about one SLO with more good events than in total.
	tellExcessEvery = time.Hour
	// maxCount is the most events that a double counts one by one.
	maxCount = 1 << 53
	// sameCollection is how far apart, at most, the points of one collection are: an SDK
	// reads its instruments one after the other.
	sameCollection = pcommon.Timestamp(500 * time.Millisecond)
)

// A streamID is a hash of what identifies a stream: resource, scope, metric and attributes.
type streamID [16]byte

// A tracker follows the streams of one metrics SLI. It is guarded by its service's mu.
type tracker struct {
	// definition is a hash of the SLI: with another one, streams mean something else.
	definition uint64
	// part is the side that is taken from the total to give the other; SideTotal when the SLI
	// has no total, but good and bad.
	part judge.Side
	// since: a cumulative stream that began later and is seen for the first time counts
	// from its start, as nothing of it can have been counted.
	since   pcommon.Timestamp
	streams map[streamKey]*stream
	// senders are the resources that streams come from, for each side.
	senders map[streamKey]*sender
	pending map[streamID]*pending // by resource
	// complained: metrics and reasons that were logged.
	complained map[string]bool
	// exceeded is the time of the last log record that the part was more than the total.
	exceeded time.Time
}

type streamKey struct {
	side judge.Side
	id   streamID
}

type stream struct {
	cumulative.Stream
	sender streamID
	seen   time.Time
}

// A sender is what is known of a resource that sends streams. A stream that is new in a later
// collection than the first holds only what is new, however old its start: the first error of
// a long-lived process is an increase, not where counting begins.
type sender struct {
	first pcommon.Timestamp
	seen  time.Time
	// forgot: a stream of it was forgotten, so a new one may be an old one that comes back.
	forgot bool
}

// pending are increases of one resource that wait until both sides have come as far: only
// then is total − good the number of bad events.
type pending struct {
	version *version
	// slo is the SLO, or its group, that they count for.
	slo                 *slo
	total, part         float64
	totalTime, partTime pcommon.Timestamp
	since               time.Time // arrival of the oldest
	// refused, if not empty, is why points of a side cannot be counted: then neither side can.
	refused string
}

func definitionOf(m *catalog.Metrics) uint64 {
	h := fnv.New64a()
	for _, s := range []*catalog.MetricSelection{m.Good, m.Bad, m.Total} {
		if s == nil {
			_, _ = fmt.Fprint(h, "-;")
			continue
		}
		_, _ = fmt.Fprintf(h, "%q %q;", s.Name, s.Match)
		if s.Threshold != nil {
			_, _ = fmt.Fprintf(h, "%+v;", *s.Threshold)
		}
	}
	return h.Sum64()
}

func partOf(m *catalog.Metrics) judge.Side {
	switch {
	case m.Total == nil:
		return judge.SideTotal
	case m.Bad != nil:
		return judge.SideBad
	default:
		return judge.SideGood
	}
}

func (t *tracker) paired() bool { return t.part != judge.SideTotal }

// track gives the SLO a tracker for its metrics SLI, the one it has if it means the same.
func (s *service) track(r *registry, o *slo, m *catalog.Metrics, now time.Time) {
	var definition uint64
	if m != nil {
		definition = definitionOf(m)
	}
	if t := o.tracker; t != nil && (m == nil || t.definition != definition) {
		s.settle(t, now, 0, newRemarks())
		r.streams.Add(-int64(len(t.streams)))
		o.tracker, s.dirty = nil, true
	}
	if m != nil && o.tracker == nil {
		o.tracker = newTracker(definition, partOf(m), pcommon.NewTimestampFromTime(now))
	}
}

func newTracker(definition uint64, part judge.Side, since pcommon.Timestamp) *tracker {
	return &tracker{
		definition: definition, part: part, since: since,
		streams: make(map[streamKey]*stream), senders: make(map[streamKey]*sender), pending: make(map[streamID]*pending), complained: make(map[string]bool),
	}
}

// An addition adds the observations of one resource to a service.
type addition struct {
	registry   *registry
	service    *service
	version    *version
	resource   streamID
	now        time.Time
	maxStreams int
	remarks    *remarks
	// attributes are those of the resource. shares are what each stream adds to the bad events that are pending, of SLIs of one metric.
	attributes pcommon.Map
	shares     map[streamID]map[streamID]streamShare
}

// A streamShare is of one stream: what it adds to the total, less the good events, or the bad ones.
type streamShare struct {
	bad        float64
	attributes pcommon.Map
}

// share notes that a data point adds to what is pending.
func (a *addition) share(t *tracker, o observation, n float64) {
	if !o.rule.OneMetric || a.service.books.of == nil || n == 0 {
		return
	}
	switch {
	case o.selection.Side == judge.SideTotal && t.part == judge.SideBad:
		return
	case o.selection.Side != judge.SideTotal && t.part != judge.SideBad:
		n = -n
	}
	key := a.pendingKey(o)
	if a.shares == nil {
		a.shares = make(map[streamID]map[streamID]streamShare)
	}
	if a.shares[key] == nil {
		a.shares[key] = make(map[streamID]streamShare)
	}
	a.shares[key][o.stream] = streamShare{a.shares[key][o.stream].bad + n, o.attributes}
}

// book books what was pending by stream, if the streams add up to it, and otherwise as a whole, with the attributes of the resource only.
func (a *addition) book(key streamID, p *pending, bad float64) {
	sum, sound := 0.0, true
	for _, s := range a.shares[key] {
		sum += s.bad
		sound = sound && s.bad >= 0
	}
	of := bookKey{p.slo, p.version.environment}
	if !sound || math.Abs(sum-bad) > 1e-9*bad {
		a.service.books.bookIncrease(of, bad, a.attributes, unknown, a.now)
		return
	}
	for _, s := range a.shares[key] {
		a.service.books.bookIncrease(of, s.bad, a.attributes, s.attributes, a.now)
	}
}

// all adds the observations and returns those that are refused for the first time.
func (a *addition) all(observations []observation) (refused []observation) {
	s := a.service
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty = true
	observations, undecided := decided(observations)
	for _, o := range undecided {
		a.remarks.dropped[remark{o.refused, s.serviceKey, o.rule.slo.name}]++
		if o.rule.tracker.complain(o) {
			refused = append(refused, o)
		}
	}
	for _, o := range observations {
		t := o.rule.tracker
		if o.refused == "" {
			o.refused = a.add(t, o)
		}
		if o.refused == "" {
			continue
		}
		a.remarks.dropped[remark{o.refused, s.serviceKey, o.rule.slo.name}]++
		if t.paired() && o.refused != reasonRegressed {
			if p := a.pendingOf(t, o); p != nil {
				p.refused = o.refused
				p.reach(o)
			}
		}
		if o.refused != reasonRegressed && o.refused != reasonInvalidPoint && t.complain(o) {
			refused = append(refused, o)
		}
	}
	for _, o := range observations {
		t := o.rule.tracker
		if p := t.pending[a.pendingKey(o)]; p != nil && p.complete() {
			bad := s.count(t, p, a.now, a.remarks)
			a.book(a.pendingKey(o), p, bad)
			delete(t.pending, a.pendingKey(o))
		}
	}
	return refused
}

// decided leaves out the data points on which a condition of their rule failed, if the rule is of
// one metric: such a point is on no side, and the others are as good as ever.
func decided(observations []observation) (rest, undecided []observation) {
	type point struct {
		rule   *metricRule
		stream streamID
	}
	var out map[point]bool
	for _, o := range observations {
		if o.refused == reasonConditionError && o.rule.OneMetric {
			if out == nil {
				out = make(map[point]bool)
			}
			out[point{o.rule, o.stream}] = true
			undecided = append(undecided, o)
		}
	}
	if out == nil {
		return observations, nil
	}
	for _, o := range observations {
		if !out[point{o.rule, o.stream}] {
			rest = append(rest, o)
		}
	}
	return rest, undecided
}

// complain reports whether the refusal is the first of its kind.
func (t *tracker) complain(o observation) bool {
	key := o.selection.Metric + " " + o.refused
	first := !t.complained[key]
	t.complained[key] = true
	return first
}

// add counts one point, or leaves it pending. The reason why it cannot is returned.
func (a *addition) add(t *tracker, o observation) (refused string) {
	if o.point.Value > maxCount {
		return reasonInvalidPoint
	}
	key := streamKey{side: o.selection.Side, id: o.stream}
	s, known := t.streams[key]
	if !known {
		if a.registry.streams.Load() >= int64(a.maxStreams) {
			return reasonStreams
		}
		s = &stream{sender: a.resource}
	}
	increase, verdict := s.Advance(o.point)
	switch verdict {
	case cumulative.Invalid:
		return reasonInvalidPoint
	case cumulative.Regressed:
		return reasonRegressed
	case cumulative.First:
		t.streams[key] = s
		a.registry.streams.Add(1)
		if !o.point.Delta && !t.whole(o.point, streamKey{side: o.selection.Side, id: a.resource}) {
			increase.Value = 0 // where counting begins
		}
	}
	s.seen = a.now
	t.send(streamKey{side: o.selection.Side, id: a.resource}, o.point.Time, a)
	if !t.paired() {
		if increase.Value > 0 {
			group := a.group(o)
			if pair := a.service.at(a.version, group, a.now); pair != nil {
				pair.add(o.selection.Side, increase.Value)
				if o.selection.Side == judge.SideBad {
					a.service.books.bookIncrease(bookKey{group, a.version.environment}, increase.Value, a.attributes, o.attributes, a.now)
				}
			}
		}
		return ""
	}
	p := a.pendingOf(t, o)
	if p == nil {
		return reasonStreams
	}
	if o.selection.Side == judge.SideTotal {
		p.total += increase.Value
	} else {
		p.part += increase.Value
	}
	p.reach(o)
	a.share(t, o, increase.Value)
	return ""
}

// whole reports whether all that the first point of a cumulative stream holds is new.
func (t *tracker) whole(p cumulative.Point, from streamKey) bool {
	if p.Start != 0 && p.Start >= t.since {
		return true
	}
	s := t.senders[from]
	return s != nil && !s.forgot && p.Time > s.first+sameCollection
}

// send notes that a resource sent a point.
func (t *tracker) send(from streamKey, time pcommon.Timestamp, a *addition) {
	s := t.senders[from]
	if s == nil {
		if len(t.senders) >= a.maxStreams {
			return
		}
		s = &sender{first: time}
		t.senders[from] = s
	}
	s.seen = a.now
}

func (s *series) add(to judge.Side, n float64) {
	if to == judge.SideGood {
		s.good += n
	} else {
		s.bad += n
	}
}

// pendingOf is what the resource has pending, in the group; nil when there is no room for it.
func (a *addition) pendingOf(t *tracker, o observation) *pending {
	key := a.pendingKey(o)
	p := t.pending[key]
	if p == nil && len(t.pending) < a.maxStreams {
		p = &pending{version: a.version, slo: a.group(o), since: a.now}
		t.pending[key] = p
	}
	return p
}

// pendingKey is the resource, and the group if there are any.
func (a *addition) pendingKey(o observation) streamID {
	if o.rule.Groups == nil {
		return a.resource
	}
	return pdatautil.Hash(pdatautil.WithString(string(a.resource[:])), pdatautil.WithString(o.group))
}

// group is the SLO, or its group, that the observation counts for.
func (a *addition) group(o observation) *slo {
	base := o.rule.slo
	if o.rule.Groups == nil {
		return base
	}
	key := appendEnvironment(nil, a.version.environment)
	environment := len(key)
	key = append(key, o.group...)
	group := a.service.admit(base, key, environment, a.now)
	if group.overflows() && !bytes.Equal(key[environment:], base.groups.overflowKey) {
		a.remarks.adjusted[remark{reasonGroupOverflow, a.service.serviceKey, base.name}]++
	}
	return group
}

// reach notes how far a side, or with one metric both, has come.
func (p *pending) reach(o observation) {
	if o.selection.Side == judge.SideTotal || o.rule.OneMetric {
		p.totalTime = max(p.totalTime, o.point.Time)
	}
	if o.selection.Side != judge.SideTotal || o.rule.OneMetric {
		p.partTime = max(p.partTime, o.point.Time)
	}
}

// complete reports whether both sides have come as far and make sense together.
func (p *pending) complete() bool {
	if p.totalTime == 0 || p.partTime == 0 {
		return false
	}
	apart := max(p.totalTime, p.partTime) - min(p.totalTime, p.partTime)
	return apart <= sameCollection && (p.part <= p.total || p.refused != "")
}

// count adds what was pending to the counters, and returns how many bad events that were.
func (s *service) count(t *tracker, p *pending, now time.Time, remarks *remarks) (bad float64) {
	if p.total == 0 && p.part == 0 {
		return 0
	}
	if p.refused != "" {
		remarks.dropped[remark{p.refused, s.serviceKey, p.slo.name}] += int64(max(p.total, p.part))
		return 0
	}
	pair := s.at(p.version, p.slo, now)
	if pair == nil {
		return 0
	}
	if p.part > p.total {
		remarks.adjusted[remark{reasonPartExceedsTotal, s.serviceKey, p.slo.name}] += int64(p.part - p.total)
		if now.Sub(t.exceeded) >= tellExcessEvery {
			t.exceeded = now
			remarks.exceeded = append(remarks.exceeded, excess{s.name, p.slo.name, t.part.String(), p.part, p.total})
		}
	}
	rest := judge.SideBad
	bad = max(0, p.total-p.part)
	if t.part == judge.SideBad {
		rest = judge.SideGood
		bad = p.part
	}
	pair.add(t.part, p.part)
	pair.add(rest, max(0, p.total-p.part))
	s.dirty = true
	return bad
}

// settle counts what has been pending for longer than timeout: the other side does not come.
func (s *service) settle(t *tracker, now time.Time, timeout time.Duration, remarks *remarks) {
	for resource, p := range t.pending {
		if now.Sub(p.since) < timeout {
			continue
		}
		if p.refused == "" && p.total != p.part {
			remarks.adjusted[remark{reasonTimeout, s.serviceKey, p.slo.name}] += int64(max(p.total, p.part))
		}
		bad := s.count(t, p, now, remarks)
		s.books.bookIncrease(bookKey{p.slo, p.version.environment}, bad, unknown, unknown, now)
		delete(t.pending, resource)
		s.dirty = true
	}
}

// sweep counts increases that have waited long enough and forgets idle streams. s.mu must be held.
func (s *service) sweep(r *registry, now time.Time, timeout time.Duration, remarks *remarks) {
	for _, o := range s.slos {
		if o == nil || o.tracker == nil {
			continue
		}
		s.settle(o.tracker, now, timeout, remarks)
		r.streams.Add(-int64(o.tracker.expire(now)))
	}
	s.forgetGroups(now)
}

// expire forgets streams without points. Should one come back it must not count from its start
// again, so from now on only streams count so that began after its last point, and a new one of
// its sender not either.
func (t *tracker) expire(now time.Time) (expired int) {
	for key, s := range t.streams {
		if now.Sub(s.seen) <= streamIdle {
			continue
		}
		t.since = max(t.since, min(s.Time+1, pcommon.NewTimestampFromTime(now)))
		if from := t.senders[streamKey{side: key.side, id: s.sender}]; from != nil {
			from.forgot = true
		}
		delete(t.streams, key)
		expired++
	}
	for key, s := range t.senders {
		if now.Sub(s.seen) > streamIdle {
			delete(t.senders, key)
		}
	}
	return expired
}
