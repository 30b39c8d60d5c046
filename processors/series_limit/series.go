// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package serieslimit

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/internal/datapoints"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/reserved"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// seriesIdleAfter is how long a series must not have been seen before it gives its room to another.
const seriesIdleAfter = time.Hour

// series bounds how many series the metrics of a service make: a client chooses attributes, and each combination is a series
// in whatever stores them.
type series struct {
	perService, others int

	mu sync.Mutex
	// of is by service. Those that the catalog does not name share one.
	of map[string]*seriesSet
	// families are the hashes of what Prometheus calls metrics, by the hash of what they are called here.
	families map[uint64]uint64
}

// maxFamilies is how many names are remembered, so that each is translated once.
const maxFamilies = 10_000

// A seriesSet is the series of a service, and when each was last seen, in Unix seconds.
type seriesSet struct {
	seen map[uint64]int64
	// names are the metrics that have a family, by resource and family.
	names map[uint64]name
	// size is the number of series as Prometheus counts them: a histogram has one for each bucket.
	size   int
	limit  int
	pruned int64
}

func newSeries(perService, others int) *series {
	return &series{perService: perService, others: others, of: make(map[string]*seriesSet), families: make(map[uint64]uint64)}
}

// drop removes the points of series that are beyond the limit of the service, and metrics whose name in Prometheus is another metric's of
// the same resource. It returns how many points there were of each. Prometheus has one more series for each resource, target_info.
// Metrics of reserved names have no limit: collectors send them, of as many SLOs as there are.
func (s *series) drop(rm pmetric.ResourceMetrics, service string, now time.Time) (beyond, colliding int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.set(service)
	if set == nil {
		return 0, 0
	}
	taker := seriesTaker{set: set, resource: identityOf(rm.Resource()), now: now.Unix()}
	taker.full = !set.take(taker.resource, 1, now.Unix()) // target_info
	for _, sm := range rm.ScopeMetrics().All() {
		sm.Metrics().RemoveIf(func(m pmetric.Metric) bool {
			if reserved.Family(m) != "" {
				return false
			}
			if !set.own(taker.resource^mix(s.family(m)), identityOfMetric(m), taker.now) {
				colliding += int64(datapoints.Count(m))
				return true
			}
			before := taker.dropped
			taker.metric(m)
			return taker.dropped != before && datapoints.Count(m) == 0
		})
	}
	return taker.dropped, colliding
}

// family is a hash of what Prometheus calls the metric.
func (s *series) family(m pmetric.Metric) uint64 {
	id := identityOfMetric(m)
	family, known := s.families[id]
	if !known {
		if len(s.families) >= maxFamilies {
			clear(s.families)
		}
		family = hashOf(names.OTLP(m))
		s.families[id] = family
	}
	return family
}

// identityOfMetric is a hash of what the metric is called here, and of its unit and type.
func identityOfMetric(m pmetric.Metric) uint64 {
	return hashOf(m.Name()) + mix(hashOf(m.Unit())+kind(m))
}

// kind is a number of its own for each type that Prometheus tells apart.
func kind(m pmetric.Metric) uint64 {
	k := uint64(m.Type()) << 1
	if m.Type() == pmetric.MetricTypeSum && m.Sum().IsMonotonic() {
		k |= 1
	}
	return k
}

// names are what Prometheus calls metrics, suffixes included.
var names = promname.New(otlptranslator.UnderscoreEscapingWithSuffixes)

// set is the service's; nil if it has no limit.
func (s *series) set(service string) *seriesSet {
	limit := s.perService
	if service == other {
		limit = s.others
	}
	if limit == 0 {
		return nil
	}
	set := s.of[service]
	if set == nil {
		set = &seriesSet{seen: make(map[uint64]int64), names: make(map[uint64]name), limit: limit}
		s.of[service] = set
	}
	return set
}

// keep drops the services that the catalog does not name any more.
func (s *series) keep(services map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.of {
		if name != other && !services[name] {
			delete(s.of, name)
		}
	}
}

// A name is the metric that came first in its family.
type name struct {
	metric uint64
	seen   int64
}

// own reports whether the family is the metric's: it came first, or the one that did has not been seen for an hour.
func (s *seriesSet) own(family, metric uint64, now int64) bool {
	first, known := s.names[family]
	switch {
	case known && first.metric != metric && now-first.seen <= int64(seriesIdleAfter/time.Second):
		return false
	case !known && len(s.names) >= s.limit:
		return true // its series find no room either
	}
	s.names[family] = name{metric, now}
	return true
}

// take reports whether the series may go on.
func (s *seriesSet) take(id uint64, size int, now int64) bool {
	if _, known := s.seen[id]; !known {
		if s.size+size > s.limit {
			s.prune(now)
			if s.size+size > s.limit {
				return false
			}
		}
		s.size += size
	}
	s.seen[id] = now<<16 | int64(min(size, 1<<16-1))
	return true
}

// prune forgets the series that are idle, at most once a minute.
func (s *seriesSet) prune(now int64) {
	if now-s.pruned < 60 {
		return
	}
	s.pruned = now
	for family, first := range s.names {
		if now-first.seen > int64(seriesIdleAfter/time.Second) {
			delete(s.names, family)
		}
	}
	for id, v := range s.seen {
		if now-v>>16 > int64(seriesIdleAfter/time.Second) {
			delete(s.seen, id)
			s.size -= int(v & (1<<16 - 1))
		}
	}
}

type seriesTaker struct {
	set      *seriesSet
	resource uint64
	full     bool // there is no room for the resource itself
	now      int64
	dropped  int64
}

func (t *seriesTaker) metric(m pmetric.Metric) {
	base := t.resource ^ hashOf(m.Name())
	beyond := func(attributes pcommon.Map, size int) bool {
		ok := !t.full && t.set.take(base+attributesOf(attributes), size, t.now)
		if !ok {
			t.dropped++
		}
		return !ok
	}
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		m.Gauge().DataPoints().RemoveIf(func(p pmetric.NumberDataPoint) bool { return beyond(p.Attributes(), 1) })
	case pmetric.MetricTypeSum:
		m.Sum().DataPoints().RemoveIf(func(p pmetric.NumberDataPoint) bool { return beyond(p.Attributes(), 1) })
	case pmetric.MetricTypeHistogram:
		m.Histogram().DataPoints().RemoveIf(func(p pmetric.HistogramDataPoint) bool {
			return beyond(p.Attributes(), p.BucketCounts().Len()+2) // and sum and count
		})
	case pmetric.MetricTypeExponentialHistogram:
		m.ExponentialHistogram().DataPoints().RemoveIf(func(p pmetric.ExponentialHistogramDataPoint) bool { return beyond(p.Attributes(), 1) })
	case pmetric.MetricTypeSummary:
		m.Summary().DataPoints().RemoveIf(func(p pmetric.SummaryDataPoint) bool {
			return beyond(p.Attributes(), p.QuantileValues().Len()+2)
		})
	}
}

// identityOf is a hash of the resource attributes that become labels.
func identityOf(resource pcommon.Resource) (id uint64) {
	for _, name := range [...]string{semconv.ServiceNamespace, semconv.ServiceName, semconv.ServiceInstanceID} {
		if v, ok := resource.Attributes().Get(name); ok {
			id = id*31 + hashOf(v.AsString())
		}
	}
	return id
}

// attributesOf is a hash of the attributes, whatever their order.
func attributesOf(attributes pcommon.Map) (id uint64) {
	for key, v := range attributes.All() {
		value := v.Str()
		if v.Type() != pcommon.ValueTypeStr {
			value = v.AsString()
		}
		id += mix(hashOf(key) + mix(hashOf(value)))
	}
	return id
}

// seed is another one in each process, so that nobody can make series that look like one.
var seed = maphash.MakeSeed()

func hashOf(text string) uint64 { return maphash.String(seed, text) }

// mix makes each bit depend on all bits (the finalizer of MurmurHash3), so that sums of hashes do not cancel.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
