// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package arrivals remembers what arrived of each service, so that the page can say why it does not count.
//
// The work is per resource and not per span: a few counters under a lock. Now and then it copies a few spans or log records as a
// sample, which is judged only when somebody asks. Its size is bounded: the registry of the service catalog admits the identities, and all
// samples together have a number of bytes.
package arrivals

import (
	"cmp"
	"context"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/admission"
	"github.com/otelcol-sre/otelcol-sre/internal/datapoints"
	"github.com/otelcol-sre/otelcol-sre/internal/doctor"
	"github.com/otelcol-sre/otelcol-sre/internal/judge"
)

// MaxBytes is enough for samples of a hundred busy services.
const MaxBytes = 16 << 20

// Bounds of what is remembered.
const (
	maxSenders   = 2000
	maxInstances = 16
	maxPeers     = 8
	maxMetrics   = 300
	// ring is how many samples of a signal are kept per sender, maxItems how many spans or log records one has, and maxSample its size in bytes.
	ring      = 4
	maxItems  = 64
	maxSample = 32 << 10
	// The first samples are taken sampleFirst apart, and later ones sampleEvery.
	sampleFirst = time.Second
	sampleEvery = 5 * time.Second
	// period is for how long the offset of a clock is the largest that was seen.
	period = 30 * time.Second
	// forget is how long after its newest telemetry a sender is forgotten.
	forget = time.Hour
)

// Options are what a record needs.
type Options struct {
	// MaxBytes bounds all samples; 0 keeps none.
	MaxBytes int
	Now      func() time.Time
}

// A Record is what arrived. It may be used concurrently.
type Record struct {
	Options

	mu      sync.RWMutex
	admit   *admission.Registry
	senders map[admission.Identity]*sender

	budget sync.Mutex
	bytes  int
}

// New makes an empty record, with a registry of its own until [Record.Admit].
func New(o Options) *Record {
	return &Record{Options: o, admit: admission.New(admission.DefaultLimits(), o.Now), senders: make(map[admission.Identity]*sender)}
}

// Admit sets the registry that admits identities.
func (r *Record) Admit(registry *admission.Registry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.admit = registry
}

// The signals that have samples.
const (
	spans = iota
	logs
	signals
)

// A sender is what arrived under one identity.
type sender struct {
	admission.Identity

	mu        sync.Mutex
	forgotten bool // no sample is kept
	created   time.Time
	spans     int64
	logs      int64
	points    int64
	last      time.Time
	sdk       string
	instances map[string]*instance
	peers     map[netip.Addr]time.Time
	metrics   map[string]*doctor.Metric
	samples   [signals]samples
}

// An instance is a process. best is the largest offset of its clock in this period and the one before.
type instance struct {
	last  time.Time
	since time.Time
	timed bool
	best  [2]time.Duration
}

// samples are those of one signal, in OTLP's encoding; next is the place of the next.
type samples struct {
	data  [ring][]byte
	taken int
	due   time.Time
}

// SawTraces remembers spans that arrived. The context has the address that they came from.
func (r *Record) SawTraces(ctx context.Context, td ptrace.Traces) {
	now, peer := r.Now(), peerOf(ctx)
	for _, rs := range td.ResourceSpans().All() {
		n, ended := 0, pcommon.Timestamp(0)
		for _, scope := range rs.ScopeSpans().All() {
			if of := scope.Spans().Len(); of > 0 {
				n += of
				ended = max(ended, scope.Spans().At(of-1).EndTimestamp())
			}
		}
		if s := r.sender(rs.Resource(), now); s != nil && n > 0 {
			s.mu.Lock()
			s.spans += int64(n)
			s.saw(rs.Resource(), peer, ended, now)
			due := r.MaxBytes > 0 && s.samples[spans].isDue(now)
			s.mu.Unlock()
			if due {
				r.keep(s, spans, sampleSpans(rs, n))
			}
		}
	}
}

// SawLogs remembers log records that arrived.
func (r *Record) SawLogs(ctx context.Context, ld plog.Logs) {
	now, peer := r.Now(), peerOf(ctx)
	for _, rl := range ld.ResourceLogs().All() {
		n, written := 0, pcommon.Timestamp(0)
		for _, scope := range rl.ScopeLogs().All() {
			if of := scope.LogRecords().Len(); of > 0 {
				n += of
				written = max(written, scope.LogRecords().At(of-1).Timestamp())
			}
		}
		if s := r.sender(rl.Resource(), now); s != nil && n > 0 {
			s.mu.Lock()
			s.logs += int64(n)
			s.saw(rl.Resource(), peer, written, now)
			due := r.MaxBytes > 0 && s.samples[logs].isDue(now)
			s.mu.Unlock()
			if due {
				r.keep(s, logs, sampleLogs(rl, n))
			}
		}
	}
}

// SawMetrics remembers the names and types of metrics that arrived, and how many data points.
func (r *Record) SawMetrics(ctx context.Context, md pmetric.Metrics) {
	now, peer := r.Now(), peerOf(ctx)
	for _, rm := range md.ResourceMetrics().All() {
		s := r.sender(rm.Resource(), now)
		if s == nil {
			continue
		}
		s.mu.Lock()
		for _, scope := range rm.ScopeMetrics().All() {
			for _, m := range scope.Metrics().All() {
				s.points += int64(datapoints.Count(m))
				s.sawMetric(m, now)
			}
		}
		s.saw(rm.Resource(), peer, 0, now)
		s.mu.Unlock()
	}
}

// sender is the one of the resource; nil if there is no room for it.
func (r *Record) sender(resource pcommon.Resource, now time.Time) *sender {
	id := judge.Identify(resource)
	r.mu.RLock()
	admitted := r.admit.Admit(admission.Identity{Namespace: id.Namespace, Service: id.Name, Environment: id.Environment, Version: id.Version})
	s := r.senders[admitted]
	r.mu.RUnlock()
	if s != nil {
		return s
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.senders[admitted]; s != nil {
		return s
	}
	if len(r.senders) >= maxSenders {
		r.expire(now)
	}
	if len(r.senders) >= maxSenders {
		return nil
	}
	s = &sender{Identity: admitted, created: now, instances: map[string]*instance{}, peers: map[netip.Addr]time.Time{}, metrics: map[string]*doctor.Metric{}}
	r.senders[admitted] = s
	return s
}

// expire forgets senders that have been silent for long. r.mu must be held.
func (r *Record) expire(now time.Time) {
	for id, s := range r.senders {
		s.mu.Lock()
		if now.Sub(s.last) > forget && now.Sub(s.created) > forget { // a new one has seen nothing yet
			delete(r.senders, id)
			s.forgotten = true
			for i := range s.samples {
				for _, data := range s.samples[i].data {
					r.take(-len(data))
				}
			}
		}
		s.mu.Unlock()
	}
}

// saw notes who sent it. s.mu must be held.
func (s *sender) saw(resource pcommon.Resource, peer netip.Addr, newest pcommon.Timestamp, now time.Time) {
	s.last = now
	if peer.IsValid() {
		if _, known := s.peers[peer]; known || len(s.peers) < maxPeers {
			s.peers[peer] = now
		}
	}
	id := ""
	if v, ok := resource.Attributes().Get("service.instance.id"); ok && v.Type() == pcommon.ValueTypeStr {
		id = v.Str()
	}
	i := s.instances[id]
	if i == nil {
		s.sdk = cmp.Or(sdkOf(resource), s.sdk)
		i = s.newInstance(id, now)
	}
	i.last = now
	if newest == 0 {
		return
	}
	offset := newest.AsTime().Sub(now)
	if now.Sub(i.since) > period {
		i.best[1], i.best[0], i.since = i.best[0], offset, now
	}
	if !i.timed {
		i.best, i.timed = [2]time.Duration{offset, offset}, true
	}
	i.best[0] = max(i.best[0], offset)
}

// newInstance takes the place of the one that was seen longest ago if there are too many.
func (s *sender) newInstance(id string, now time.Time) *instance {
	if len(s.instances) >= maxInstances {
		oldest := slices.MinFunc(slices.Collect(maps.Keys(s.instances)), func(a, b string) int { return s.instances[a].last.Compare(s.instances[b].last) })
		delete(s.instances, oldest)
	}
	const longest = 128
	i := &instance{since: now}
	s.instances[strings.Clone(id[:min(len(id), longest)])] = i
	return i
}

func sdkOf(resource pcommon.Resource) string {
	var parts []string
	for _, key := range []string{"telemetry.sdk.name", "telemetry.sdk.language", "telemetry.sdk.version"} {
		if v, ok := resource.Attributes().Get(key); ok && v.Str() != "" {
			const longest = 40
			parts = append(parts, strings.Clone(v.Str()[:min(len(v.Str()), longest)]))
		}
	}
	return strings.ToValidUTF8(strings.Join(parts, " "), "?")
}

func (s *sender) sawMetric(m pmetric.Metric, now time.Time) {
	known := s.metrics[m.Name()]
	if known == nil {
		if len(s.metrics) >= maxMetrics {
			return
		}
		const longest = 256
		known = &doctor.Metric{Name: strings.Clone(m.Name()[:min(len(m.Name()), longest)])}
		s.metrics[known.Name] = known
	}
	known.LastSeen = now
	known.Monotonic, known.Temporality = false, ""
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		known.Type = "gauge"
	case pmetric.MetricTypeSum:
		known.Type, known.Monotonic, known.Temporality = "sum", m.Sum().IsMonotonic(), temporality(m.Sum().AggregationTemporality())
	case pmetric.MetricTypeHistogram:
		known.Type, known.Temporality = "histogram", temporality(m.Histogram().AggregationTemporality())
	case pmetric.MetricTypeExponentialHistogram:
		known.Type, known.Temporality = "exponential_histogram", temporality(m.ExponentialHistogram().AggregationTemporality())
	case pmetric.MetricTypeSummary:
		known.Type = "summary"
	default:
		known.Type = ""
	}
}

func temporality(t pmetric.AggregationTemporality) string {
	switch t {
	case pmetric.AggregationTemporalityDelta:
		return "delta"
	case pmetric.AggregationTemporalityCumulative:
		return "cumulative"
	default:
		return "unspecified"
	}
}

// peerOf is the address of the client, without its port.
func peerOf(ctx context.Context) netip.Addr {
	switch addr := client.FromContext(ctx).Addr.(type) {
	case *net.TCPAddr:
		ip, _ := netip.AddrFromSlice(addr.IP)
		return ip.Unmap()
	case *net.IPAddr:
		ip, _ := netip.AddrFromSlice(addr.IP)
		return ip.Unmap()
	default:
		return netip.Addr{}
	}
}

// isDue reports whether it is time for a sample, and sets the time of the next one.
func (s *samples) isDue(now time.Time) bool {
	if now.Before(s.due) {
		return false
	}
	every := sampleEvery
	if s.taken < ring {
		every = sampleFirst
	}
	s.due = now.Add(every)
	return true
}

// keep keeps a sample in the place of the oldest of its sender, if there is room.
func (r *Record) keep(s *sender, signal int, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(data) == 0 || s.forgotten {
		return
	}
	of := &s.samples[signal]
	place := &of.data[of.taken%ring]
	if r.take(len(data) - len(*place)) {
		*place = data
		of.taken++
	}
}

// take takes bytes of the budget, or gives them back.
func (r *Record) take(n int) bool {
	r.budget.Lock()
	defer r.budget.Unlock()
	if n > 0 && r.bytes+n > r.MaxBytes {
		return false
	}
	r.bytes += n
	return true
}

// sampleSpans copies some of n spans, evenly spread.
func sampleSpans(rs ptrace.ResourceSpans, n int) []byte {
	for items := maxItems; items > 0; items /= 8 {
		td := ptrace.NewTraces()
		to := td.ResourceSpans().AppendEmpty()
		rs.Resource().CopyTo(to.Resource())
		step, at := max(n/items, 1), 0
		for _, scope := range rs.ScopeSpans().All() {
			into := to.ScopeSpans().AppendEmpty()
			scope.Scope().CopyTo(into.Scope())
			for _, span := range scope.Spans().All() {
				if at%step == 0 && at/step < items {
					span.CopyTo(into.Spans().AppendEmpty())
				}
				at++
			}
		}
		data, err := new(ptrace.ProtoMarshaler).MarshalTraces(td)
		if err == nil && len(data) <= maxSample {
			return data
		}
	}
	return nil
}

// sampleLogs copies some of n log records, evenly spread.
func sampleLogs(rl plog.ResourceLogs, n int) []byte {
	for items := maxItems; items > 0; items /= 8 {
		ld := plog.NewLogs()
		to := ld.ResourceLogs().AppendEmpty()
		rl.Resource().CopyTo(to.Resource())
		step, at := max(n/items, 1), 0
		for _, scope := range rl.ScopeLogs().All() {
			into := to.ScopeLogs().AppendEmpty()
			scope.Scope().CopyTo(into.Scope())
			for _, record := range scope.LogRecords().All() {
				if at%step == 0 && at/step < items {
					record.CopyTo(into.LogRecords().AppendEmpty())
				}
				at++
			}
		}
		data, err := new(plog.ProtoMarshaler).MarshalLogs(ld)
		if err == nil && len(data) <= maxSample {
			return data
		}
	}
	return nil
}

// Senders are what arrived, by service, namespace, environment and version.
func (r *Record) Senders() []doctor.Sender {
	r.mu.Lock()
	r.expire(r.Now())
	all := slices.Collect(maps.Values(r.senders))
	r.mu.Unlock()
	senders := []doctor.Sender{}
	for _, s := range all {
		if one := s.report(); !one.LastSeen.IsZero() {
			senders = append(senders, one)
		}
	}
	slices.SortFunc(senders, func(a, b doctor.Sender) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Version, b.Version))
	})
	return senders
}

func (s *sender) report() doctor.Sender {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := doctor.Sender{
		Service: s.Service, Namespace: s.Namespace, Environment: s.Environment, Version: s.Version, SDK: s.sdk,
		Spans: s.spans, LogRecords: s.logs, DataPoints: s.points, LastSeen: s.last.UTC(),
		Instances: []doctor.Instance{}, Peers: []string{}, Kinds: []string{}, Metrics: []doctor.Metric{},
	}
	for _, id := range slices.Sorted(maps.Keys(s.instances)) {
		i := s.instances[id]
		one.Instances = append(one.Instances, doctor.Instance{ID: strings.ToValidUTF8(id, "?"), LastSeen: i.last.UTC(), Offset: max(i.best[0], i.best[1]).Seconds()})
	}
	for peer := range s.peers {
		one.Peers = append(one.Peers, peer.String())
	}
	slices.Sort(one.Peers)
	for _, name := range slices.Sorted(maps.Keys(s.metrics)) {
		m := *s.metrics[name]
		m.Name = strings.ToValidUTF8(m.Name, "?")
		one.Metrics = append(one.Metrics, m)
	}
	kinds := judge.Kinds(0)
	for _, data := range s.samples[spans].data {
		td, err := new(ptrace.ProtoUnmarshaler).UnmarshalTraces(data)
		if err != nil || len(data) == 0 {
			continue
		}
		one.Traces = append(one.Traces, td)
		for _, rs := range td.ResourceSpans().All() {
			for _, scope := range rs.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					kinds |= judge.KindOf(span.Kind())
				}
			}
		}
	}
	if kinds != 0 {
		one.Kinds = strings.Split(kinds.String(), ", ")
	}
	for _, data := range s.samples[logs].data {
		if ld, err := new(plog.ProtoUnmarshaler).UnmarshalLogs(data); err == nil && len(data) > 0 {
			one.Logs = append(one.Logs, ld)
		}
	}
	return one
}
