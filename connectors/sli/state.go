// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/flush"
	"github.com/otelcol-sre/otelcol-sre/internal/judge"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// checkpointVersion is the format of the records below.
const checkpointVersion = 1

const (
	// keyResource is the record of the instance ID that the series were written under.
	keyResource = "instance"
	// keyJournal is the record of where in the journal the checkpoint ends.
	keyJournal = "journal"
	// keyLate is the record of the counters of late and future events.
	keyLate = "late"
	// keyPast is the record of those of late events by the time in which they ended.
	keyPast = "past"
)

func shardKey(i int) string { return fmt.Sprintf("counters/%02d", i) }

// restore takes up the counters where the last run left them: the same series, with the same
// start times, under the same instance ID. What cannot be read is set aside and reported.
func (c *core) restore(ctx context.Context) error {
	now := c.now()
	instance, err := c.load(ctx, now, keyResource)
	if err != nil {
		return err
	}
	if instance != nil {
		c.resource.Attributes().PutStr(semconv.ServiceInstanceID, string(instance))
		c.pause.end = pcommon.NewTimestampFromTime(now)
	} else {
		id, _ := c.resource.Attributes().Get(semconv.ServiceInstanceID)
		if err := c.store.Save(ctx, checkpoint.Record{Key: keyResource, Payload: []byte(id.Str())}); err != nil {
			c.failed(ctx, now, flush.Save, "The instance ID could not be saved", err)
		}
	}
	c.lastFlush = c.pause.end
	c.registry.mu.Lock()
	defer c.registry.mu.Unlock()
	for i := range shards {
		payload, err := c.load(ctx, now, shardKey(i))
		if err != nil {
			return err
		}
		services, err := decode(payload)
		if err != nil {
			c.failed(ctx, now, flush.Restore, "Saved SLI counters are invalid; they start from zero", errors.Join(err, c.store.SetAside(ctx, shardKey(i))))
			continue
		}
		for _, s := range services {
			c.registry.adopt(s)
			for _, pair := range s.pairs() {
				// The clock may have been set back: times go on from where the series begin.
				c.lastFlush = max(c.lastFlush, pair.start)
			}
		}
	}
	payload, err := c.load(ctx, now, keyLate)
	if err != nil {
		return err
	}
	if err := c.registry.decodeLate(payload); err != nil {
		c.failed(ctx, now, flush.Restore, "Saved counters of late events are invalid; they start from zero", errors.Join(err, c.store.SetAside(ctx, keyLate)))
	}
	if payload, err = c.load(ctx, now, keyPast); err != nil {
		return err
	}
	if err := c.registry.decodePast(payload, pcommon.NewTimestampFromTime(now)); err != nil {
		c.failed(ctx, now, flush.Restore, "Saved counters of times in the past are invalid; they start from zero", errors.Join(err, c.store.SetAside(ctx, keyPast)))
	}
	if err := c.replayJournal(ctx, now); err != nil {
		return err
	}
	c.pause.start = min(c.registry.lastSeen(), c.pause.end)
	return nil
}

// A pause is the time in which nothing was counted, from the last that is in the counters, or a little earlier, until the restart.
type pause struct{ start, end pcommon.Timestamp }

// lastSeen is when the newest event arrived; 0 if none has. r.mu must be held.
func (r *registry) lastSeen() (newest pcommon.Timestamp) {
	for i := range r.shards {
		for _, s := range r.shards[i].services {
			for _, e := range s.environments {
				if !e.lastSeen.IsZero() {
					newest = max(newest, pcommon.NewTimestampFromTime(e.lastSeen))
				}
			}
		}
	}
	return newest
}

// load reads a record. One that is damaged is reported and as good as none.
func (c *core) load(ctx context.Context, now time.Time, key string) ([]byte, error) {
	payload, err := c.store.Load(ctx, key)
	if errors.Is(err, checkpoint.ErrDamaged) {
		c.failed(ctx, now, flush.Restore, "Saved SLI counters cannot be read; they start from zero", err)
		return nil, nil
	}
	return payload, err
}

// A shard's record is its services, each with its SLOs, environments, versions in each place, and counters.
// Numbers are varints but for the counters, which are IEEE 754 doubles; strings and lists begin
// with their length; times are Unix nanoseconds.

func (s *shard) encode() []byte {
	var w checkpoint.Writer
	w.Length(len(s.services))
	for _, svc := range s.services {
		svc.mu.Lock()
		svc.encode(&w)
		svc.mu.Unlock()
	}
	return w
}

func (s *service) encode(w *checkpoint.Writer) {
	w.Text(s.namespace)
	w.Text(s.name)
	w.Length(len(s.slos))
	for _, o := range s.slos {
		if o == nil {
			w.Text("")
			continue
		}
		w.Text(o.record())
	}
	w.Length(len(s.environments))
	for _, e := range s.environments {
		w.Text(e.name)
		w.Time(e.lastSeen)
		w.Length(len(e.versions))
		for _, v := range e.versions {
			w.Text(v.id)
			w.Time(v.lastSeen)
			w.Length(len(v.series))
			for _, pair := range v.series {
				if pair == nil {
					w.Uint(0)
					continue
				}
				w.Uint(uint64(pair.start))
				w.Float(pair.good)
				w.Float(pair.bad)
			}
		}
	}
	for _, o := range s.slos {
		if o != nil {
			o.tracker.encode(w, s)
		}
	}
}

// encode writes the tracker's streams and what is pending; nothing but a 0 for none.
func (t *tracker) encode(w *checkpoint.Writer, s *service) {
	if t == nil {
		w.Uint(0)
		return
	}
	w.Uint(1)
	w.Uint(t.definition)
	w.Uint(uint64(t.part))
	w.Uint(uint64(t.since))
	w.Length(len(t.streams))
	for key, stream := range t.streams {
		w.Uint(uint64(key.side))
		w.Bytes(key.id[:])
		w.Uint(uint64(stream.Start))
		w.Uint(uint64(stream.Time))
		w.Float(stream.Value)
		w.Bytes(stream.sender[:])
		w.Time(stream.seen)
	}
	w.Length(len(t.senders))
	for key, s := range t.senders {
		w.Uint(uint64(key.side))
		w.Bytes(key.id[:])
		w.Uint(uint64(s.first))
		w.Time(s.seen)
		if s.forgot {
			w.Uint(1)
		} else {
			w.Uint(0)
		}
	}
	for resource, p := range t.pending {
		if !s.holds(p.version) || s.ids[p.slo.id] != p.slo {
			delete(t.pending, resource) // the catalog no longer keeps its environment
		}
	}
	w.Length(len(t.pending))
	for resource, p := range t.pending {
		w.Bytes(resource[:])
		w.Text(p.version.environment)
		w.Text(p.version.id)
		w.Float(p.total)
		w.Float(p.part)
		w.Uint(uint64(p.totalTime))
		w.Uint(uint64(p.partTime))
		w.Time(p.since)
		if p.slo.group { // no reason has a byte 0
			w.Text(p.refused + "\x00" + p.slo.id)
		} else {
			w.Text(p.refused)
		}
	}
}

// decode reads a shard's record. No record is an empty shard.
func decode(record []byte) ([]*service, error) {
	if record == nil {
		return nil, nil
	}
	r := reader{checkpoint.NewReader(record)}
	services := make([]*service, 0, 8)
	for range r.Length(1) {
		services = append(services, decodeService(&r))
	}
	return services, r.End()
}

func decodeService(r *reader) *service {
	s := &service{ids: make(map[string]*slo), environments: make(map[string]*environment)}
	s.namespace, s.name = r.Text(), r.Text()
	for i := range r.Length(1) {
		name := r.Text()
		if name == "" {
			s.slos = append(s.slos, nil)
			continue
		}
		o, ok := decodeSLO(name, i)
		if r.Require(ok && s.ids[o.id] == nil); !ok {
			break
		}
		s.slos = append(s.slos, o)
		s.ids[o.id] = o
	}
	for _, o := range slices.Clone(s.slos) {
		if o != nil && o.group && !r.Failed() {
			s.join(o.groupID, o)
		}
	}
	for range r.Length(1) {
		e := &environment{name: r.Text(), lastSeen: r.Time(), versions: make(map[string]*version)}
		s.environments[e.name] = e
		for range r.Length(1) {
			v := newSlot(e.name, r.Text())
			v.lastSeen = r.Time()
			e.versions[v.id] = v
			for i := range r.Length(1) {
				v.series = append(v.series, decodeSeries(r))
				if pair := v.series[i]; pair != nil && (i >= len(s.slos) || s.slos[i] == nil) {
					r.Fail("a counter of no SLO")
				}
			}
		}
	}
	for _, o := range s.slos {
		if o != nil {
			o.tracker = decodeTracker(r, s, o)
		}
	}
	return s
}

func decodeTracker(r *reader, s *service, of *slo) *tracker {
	if r.uint() == 0 {
		return nil
	}
	t := newTracker(r.uint(), judge.Side(r.uint()), pcommon.Timestamp(r.uint()))
	for range r.Length(1) {
		key := streamKey{side: judge.Side(r.uint()), id: r.id()}
		st := &stream{}
		st.Start, st.Time, st.Value = pcommon.Timestamp(r.uint()), pcommon.Timestamp(r.uint()), r.count()
		st.sender, st.seen = r.id(), r.Time()
		t.streams[key] = st
	}
	for range r.Length(1) {
		key := streamKey{side: judge.Side(r.uint()), id: r.id()}
		t.senders[key] = &sender{first: pcommon.Timestamp(r.uint()), seen: r.Time(), forgot: r.uint() != 0}
	}
	for range r.Length(1) {
		resource := r.id()
		p := &pending{slo: of}
		if env := s.environments[r.Text()]; env != nil {
			p.version = env.versions[r.Text()]
		}
		p.total, p.part = r.count(), r.count()
		p.totalTime, p.partTime = pcommon.Timestamp(r.uint()), pcommon.Timestamp(r.uint())
		p.since = r.Time()
		var group string
		if p.refused, group, _ = strings.Cut(r.Text(), "\x00"); group != "" {
			p.slo = s.ids[group]
			r.Require(p.slo != nil)
		}
		if p.version == nil {
			r.Fail("something pending for no version")
			break
		}
		t.pending[resource] = p
	}
	return t
}

// decodeSeries reads a pair that, as far as can be known, the next consumer has had.
func decodeSeries(r *reader) *series {
	start := pcommon.Timestamp(r.uint())
	if start == 0 {
		return nil
	}
	return &series{start: start, zeroAt: start, good: r.count(), bad: r.count(), emitted: true}
}

// A reader reads a record.
type reader struct{ checkpoint.Reader }

// uint reads any number.
func (r *reader) uint() uint64 { return r.Uint(math.MaxUint64) }

func (r *reader) id() (id streamID) {
	copy(id[:], r.Bytes(len(id)))
	return id
}

// count reads a number of events.
func (r *reader) count() float64 {
	f := r.Float()
	if !(f >= 0) || math.IsInf(f, 0) {
		r.Fail("a counter is not a number of 0 or more")
		return 0
	}
	return f
}
