package sli

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/judge"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// checkpointVersion is the format of the records below.
const checkpointVersion = 1

// keyResource is the record of the instance ID that the series were written under.
const keyResource = "instance"

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
	} else {
		id, _ := c.resource.Attributes().Get(semconv.ServiceInstanceID)
		if err := c.store.Save(ctx, checkpoint.Record{Key: keyResource, Payload: []byte(id.Str())}); err != nil {
			c.trouble(ctx, now, stageSave, "The instance ID could not be saved", err)
		}
	}
	c.registry.mu.Lock()
	defer c.registry.mu.Unlock()
	for i := range shards {
		payload, err := c.load(ctx, now, shardKey(i))
		if err != nil {
			return err
		}
		services, err := decode(payload)
		if err != nil {
			c.trouble(ctx, now, stageRestore, "Saved SLI counters make no sense; they start anew", errors.Join(err, c.store.SetAside(ctx, shardKey(i))))
			continue
		}
		for _, s := range services {
			c.registry.adopt(s)
		}
	}
	return nil
}

// load reads a record. One that is damaged is reported and as good as none.
func (c *core) load(ctx context.Context, now time.Time, key string) ([]byte, error) {
	payload, err := c.store.Load(ctx, key)
	if errors.Is(err, checkpoint.ErrDamaged) {
		c.trouble(ctx, now, stageRestore, "Saved SLI counters cannot be read; they start anew", err)
		return nil, nil
	}
	return payload, err
}

// A shard's record is its services, each with its SLOs, environments, versions and counters.
// Numbers are varints but for the counters, which are IEEE 754 doubles; strings and lists begin
// with their length; times are Unix nanoseconds.

func (s *shard) encode() []byte {
	var w writer
	w.length(len(s.services))
	for _, svc := range s.services {
		svc.mu.Lock()
		svc.encode(&w)
		svc.mu.Unlock()
	}
	return w.bytes
}

func (s *service) encode(w *writer) {
	w.string(s.namespace)
	w.string(s.name)
	w.length(len(s.slos))
	for _, o := range s.slos {
		if o == nil {
			w.string("")
			continue
		}
		w.string(o.name)
	}
	w.length(len(s.environments))
	for _, e := range s.environments {
		w.string(e.name)
		w.time(e.lastSeen)
		w.length(len(e.versions))
		for _, v := range e.versions {
			w.string(v.name)
			w.time(v.lastSeen)
			w.length(len(v.series))
			for _, pair := range v.series {
				if pair == nil {
					w.uint(0)
					continue
				}
				w.uint(uint64(pair.start))
				w.float(pair.good)
				w.float(pair.bad)
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
func (t *tracker) encode(w *writer, s *service) {
	if t == nil {
		w.uint(0)
		return
	}
	w.uint(1)
	w.uint(t.definition)
	w.uint(uint64(t.part))
	w.uint(uint64(t.since))
	w.length(len(t.streams))
	for key, stream := range t.streams {
		w.uint(uint64(key.side))
		w.bytes = append(w.bytes, key.id[:]...)
		w.uint(uint64(stream.Start))
		w.uint(uint64(stream.Time))
		w.float(stream.Value)
		w.bytes = append(w.bytes, stream.sender[:]...)
		w.time(stream.seen)
	}
	w.length(len(t.senders))
	for key, s := range t.senders {
		w.uint(uint64(key.side))
		w.bytes = append(w.bytes, key.id[:]...)
		w.uint(uint64(s.first))
		w.time(s.seen)
		if s.forgot {
			w.uint(1)
		} else {
			w.uint(0)
		}
	}
	for resource, p := range t.pending {
		if !s.holds(p.version) {
			delete(t.pending, resource) // the catalog no longer keeps its environment
		}
	}
	w.length(len(t.pending))
	for resource, p := range t.pending {
		w.bytes = append(w.bytes, resource[:]...)
		w.string(p.version.environment)
		w.string(p.version.name)
		w.float(p.total)
		w.float(p.part)
		w.uint(uint64(p.totalTime))
		w.uint(uint64(p.partTime))
		w.time(p.since)
		w.string(p.refused)
	}
}

// decode reads a shard's record. No record is an empty shard.
func decode(record []byte) ([]*service, error) {
	if record == nil {
		return nil, nil
	}
	r := reader{bytes: record}
	services := make([]*service, 0, 8)
	for range r.length() {
		services = append(services, decodeService(&r))
	}
	if r.err == nil && len(r.bytes) > 0 {
		r.fail("something follows the last service")
	}
	return services, r.err
}

func decodeService(r *reader) *service {
	s := &service{environments: make(map[string]*environment)}
	s.namespace, s.name = r.string(), r.string()
	for i := range r.length() {
		name := r.string()
		if name == "" {
			s.slos = append(s.slos, nil)
			continue
		}
		s.slos = append(s.slos, &slo{name: name, index: i})
	}
	for range r.length() {
		e := &environment{name: r.string(), lastSeen: r.time(), versions: make(map[string]*version)}
		s.environments[e.name] = e
		for range r.length() {
			v := &version{environment: e.name, name: r.string(), lastSeen: r.time()}
			e.versions[v.name] = v
			for i := range r.length() {
				v.series = append(v.series, decodeSeries(r))
				if pair := v.series[i]; pair != nil && (i >= len(s.slos) || s.slos[i] == nil) {
					r.fail("a counter of no SLO")
				}
			}
		}
	}
	for _, o := range s.slos {
		if o != nil {
			o.tracker = decodeTracker(r, s)
		}
	}
	return s
}

func decodeTracker(r *reader, s *service) *tracker {
	if r.uint() == 0 {
		return nil
	}
	t := newTracker(r.uint(), judge.Side(r.uint()), pcommon.Timestamp(r.uint()))
	for range r.length() {
		key := streamKey{side: judge.Side(r.uint()), id: r.id()}
		st := &stream{}
		st.Start, st.Time, st.Value = pcommon.Timestamp(r.uint()), pcommon.Timestamp(r.uint()), r.count()
		st.sender, st.seen = r.id(), r.time()
		t.streams[key] = st
	}
	for range r.length() {
		key := streamKey{side: judge.Side(r.uint()), id: r.id()}
		t.senders[key] = &sender{first: pcommon.Timestamp(r.uint()), seen: r.time(), forgot: r.uint() != 0}
	}
	for range r.length() {
		resource := r.id()
		p := &pending{}
		if env := s.environments[r.string()]; env != nil {
			p.version = env.versions[r.string()]
		}
		p.total, p.part = r.count(), r.count()
		p.totalTime, p.partTime = pcommon.Timestamp(r.uint()), pcommon.Timestamp(r.uint())
		p.since, p.refused = r.time(), r.string()
		if p.version == nil {
			r.fail("something pending for no version")
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

type writer struct{ bytes []byte }

func (w *writer) uint(n uint64) { w.bytes = binary.AppendUvarint(w.bytes, n) }
func (w *writer) length(n int)  { w.uint(uint64(n)) }
func (w *writer) float(f float64) {
	w.bytes = binary.BigEndian.AppendUint64(w.bytes, math.Float64bits(f))
}

func (w *writer) string(s string) {
	w.length(len(s))
	w.bytes = append(w.bytes, s...)
}

func (w *writer) time(t time.Time) {
	if t.IsZero() {
		w.uint(0)
		return
	}
	w.uint(uint64(t.UnixNano()))
}

// A reader reads what a writer wrote. After an error it reads nothing but zeros.
type reader struct {
	bytes []byte
	err   error
}

func (r *reader) fail(why string) {
	if r.err == nil {
		r.err = errors.New(why)
	}
	r.bytes = nil
}

func (r *reader) uint() uint64 {
	n, size := binary.Uvarint(r.bytes)
	if size <= 0 {
		r.fail("it ends in the middle of a number")
		return 0
	}
	r.bytes = r.bytes[size:]
	return n
}

// length reads the length of a list or string: never more than bytes are left, as every
// element takes at least one.
func (r *reader) length() int {
	n := r.uint()
	if n > uint64(len(r.bytes)) {
		r.fail("a length is past its end")
		return 0
	}
	return int(n)
}

func (r *reader) take(n int) []byte {
	if n > len(r.bytes) {
		r.fail("it is cut short")
		return nil
	}
	taken := r.bytes[:n]
	r.bytes = r.bytes[n:]
	return taken
}

func (r *reader) string() string { return string(r.take(r.length())) }

func (r *reader) time() time.Time {
	if n := r.uint(); n != 0 && n <= math.MaxInt64 {
		return time.Unix(0, int64(n))
	}
	return time.Time{}
}

func (r *reader) id() (id streamID) {
	copy(id[:], r.take(len(id)))
	return id
}

func (r *reader) float() float64 {
	b := r.take(8)
	if b == nil {
		return 0
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b))
}

// count reads a number of events.
func (r *reader) count() float64 {
	f := r.float()
	if !(f >= 0) || math.IsInf(f, 0) {
		r.fail("a counter is not a number of 0 or more")
		return 0
	}
	return f
}
