// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusscrape

import (
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/internal/promname"
)

// A store keeps the last point of each series, made for many series of numbers: one takes a value, two times and a pointer to its
// labels, which it shares with the other metrics that have the same ones.
type store struct {
	names      promname.Names
	scheme     model.ValidationScheme // of names
	expiration int64
	seeds      [2]maphash.Seed

	mu       sync.Mutex
	families map[string]*family
	order    []*family
	metrics  map[metricID]*family // nil for what cannot be served
	sets     map[id]*labelSet
	targets  map[id]*target
	buffer   labelBuffer
}

// An id is a hash of 128 bits.
type id [2]uint64

// A metricID is what the name in Prometheus follows from.
type metricID struct {
	name, unit string
	kind       pmetric.MetricType
	monotonic  bool
}

// A family is a metric as Prometheus sees it.
type family struct {
	name, help string
	kind       dto.MetricType
	samples    []*sample
}

// A sample is the last point of a series.
type sample struct {
	family *family
	labels *labelSet
	value  float64
	// time is that of the point, and updated when it came, Unix nanoseconds.
	time, updated int64
	// next is another sample with the same labels.
	next  *sample
	more  *more // what a number does not have
	index int32 // in family.samples
}

// More is the rest of a point.
type more struct {
	created      pcommon.Timestamp
	exemplars    []*dto.Exemplar
	distribution any // a data point of another type than numbers
}

// A labelSet is the labels of one series or several, as text: those of the points, and those that all points of a resource share.
type labelSet struct {
	own    string
	shared *string
	id     id
	first  *sample
}

// A target is a resource, whose attributes are the labels of target_info.
type target struct {
	attributes id
	sample     *sample
}

func newStore(c *Config) *store {
	scheme := model.UTF8Validation
	if c.TranslationStrategy.ShouldEscape() {
		scheme = model.LegacyValidation
	}
	return &store{
		scheme: scheme, names: promname.New(c.TranslationStrategy), expiration: c.MetricExpiration.Nanoseconds(),
		seeds:    [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		families: make(map[string]*family), metrics: make(map[metricID]*family), sets: make(map[id]*labelSet), targets: make(map[id]*target),
	}
}

// take keeps the points of all metrics. The error names those that cannot be served, once each.
func (s *store) take(md pmetric.Metrics, now int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, rm := range md.ResourceMetrics().All() {
		b := &s.buffer
		b.resource(rm.Resource().Attributes())
		s.target(now)
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				f, err := s.family(m)
				if err != nil {
					errs = append(errs, err)
				}
				if f != nil {
					s.metric(f, m, now)
				}
			}
		}
	}
	return errors.Join(errs...)
}

// maxMetrics bounds what is remembered of names; those beyond are looked up each time.
const maxMetrics = 100_000

// family is that of a metric; nil if it cannot be served, with an error the first time.
func (s *store) family(m pmetric.Metric) (*family, error) {
	key := metricID{name: m.Name(), unit: m.Unit(), kind: m.Type(), monotonic: m.Type() == pmetric.MetricTypeSum && m.Sum().IsMonotonic()}
	if f, known := s.metrics[key]; known {
		return f, nil
	}
	key.name, key.unit = strings.Clone(key.name), strings.Clone(key.unit)
	if len(s.metrics) >= maxMetrics {
		clear(s.metrics)
	}
	name := s.names.OTLP(m)
	f := s.families[name]
	kind := kindOf(m)
	switch {
	case !s.scheme.IsValidMetricName(name):
		s.metrics[key] = nil
		return nil, fmt.Errorf("%.200q has no letter that a metric in Prometheus can have", m.Name())
	case f == nil:
		f = &family{name: name, help: strings.Clone(m.Description()), kind: kind}
		s.families[name] = f
		s.order = append(s.order, f)
	case f.kind != kind && len(f.samples) == 0:
		f.kind, f.help = kind, strings.Clone(m.Description())
	case f.kind != kind:
		s.metrics[key] = nil
		return nil, fmt.Errorf("%.200q would be the %s %.200q, and there is a %s of that name", m.Name(), kind, name, f.kind)
	}
	s.metrics[key] = f
	return f, nil
}

func kindOf(m pmetric.Metric) dto.MetricType {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return dto.MetricType_GAUGE
	case pmetric.MetricTypeSum:
		if m.Sum().IsMonotonic() {
			return dto.MetricType_COUNTER
		}
		return dto.MetricType_GAUGE
	case pmetric.MetricTypeSummary:
		return dto.MetricType_SUMMARY
	default:
		return dto.MetricType_HISTOGRAM
	}
}

func (s *store) metric(f *family, m pmetric.Metric, now int64) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		for _, dp := range m.Gauge().DataPoints().All() {
			s.number(f, dp, now)
		}
	case pmetric.MetricTypeSum:
		if m.Sum().AggregationTemporality() != pmetric.AggregationTemporalityCumulative {
			return
		}
		for _, dp := range m.Sum().DataPoints().All() {
			s.number(f, dp, now)
		}
	case pmetric.MetricTypeHistogram:
		if m.Histogram().AggregationTemporality() != pmetric.AggregationTemporalityCumulative {
			return
		}
		for _, dp := range m.Histogram().DataPoints().All() {
			if p := s.point(f, dp.Attributes(), dp.Timestamp(), dp.Flags(), now); p != nil {
				kept := pmetric.NewHistogramDataPoint()
				dp.CopyTo(kept)
				p.keep(kept, kept.Attributes())
			}
		}
	case pmetric.MetricTypeExponentialHistogram:
		if m.ExponentialHistogram().AggregationTemporality() != pmetric.AggregationTemporalityCumulative {
			return
		}
		for _, dp := range m.ExponentialHistogram().DataPoints().All() {
			if p := s.point(f, dp.Attributes(), dp.Timestamp(), dp.Flags(), now); p != nil {
				kept := pmetric.NewExponentialHistogramDataPoint()
				dp.CopyTo(kept)
				p.keep(kept, kept.Attributes())
			}
		}
	case pmetric.MetricTypeSummary:
		for _, dp := range m.Summary().DataPoints().All() {
			if p := s.point(f, dp.Attributes(), dp.Timestamp(), dp.Flags(), now); p != nil {
				kept := pmetric.NewSummaryDataPoint()
				dp.CopyTo(kept)
				p.keep(kept, kept.Attributes())
			}
		}
	}
}

// keep keeps a point of another type than numbers, without its attributes.
func (p *sample) keep(point any, attributes pcommon.Map) {
	attributes.Clear()
	p.more = &more{distribution: point}
}

func (s *store) number(f *family, dp pmetric.NumberDataPoint, now int64) {
	p := s.point(f, dp.Attributes(), dp.Timestamp(), dp.Flags(), now)
	if p == nil {
		return
	}
	p.value = dp.DoubleValue()
	if dp.ValueType() == pmetric.NumberDataPointValueTypeInt {
		p.value = float64(dp.IntValue())
	}
	if f.kind != dto.MetricType_COUNTER {
		return
	}
	if p.more == nil {
		p.more = &more{}
	}
	p.more.created = dp.StartTimestamp()
	if dp.Exemplars().Len() > 0 {
		p.more.exemplars = exemplars(dp.Exemplars())
	}
}

// point is the sample of the series, to be filled with the point's value; nil if the point is none, or older than the last one.
func (s *store) point(f *family, attributes pcommon.Map, time pcommon.Timestamp, flags pmetric.DataPointFlags, now int64) *sample {
	b := &s.buffer
	b.point(attributes)
	key := b.hash(s.seeds)
	set := s.sets[key]
	p := set.of(f)
	switch {
	case flags.NoRecordedValue():
		if p != nil {
			s.remove(p)
		}
		return nil
	case p == nil:
		return f.add(s.ensure(set, key), int64(time), now)
	case int64(time) < p.time:
		return nil
	}
	p.time, p.updated = int64(time), now
	return p
}

// of is the set's sample of the family; nil if there is none.
func (s *labelSet) of(f *family) *sample {
	if s == nil {
		return nil
	}
	for p := s.first; p != nil; p = p.next {
		if p.family == f {
			return p
		}
	}
	return nil
}

// ensure is the set of the labels at hand, made if it is nil.
func (s *store) ensure(set *labelSet, key id) *labelSet {
	if set == nil {
		set = &labelSet{own: s.buffer.own(s.names, s.scheme), shared: s.buffer.shared(), id: key}
		s.sets[key] = set
	}
	return set
}

func (f *family) add(set *labelSet, time, now int64) *sample {
	p := &sample{family: f, labels: set, time: time, updated: now, index: int32(len(f.samples)), next: set.first}
	f.samples = append(f.samples, p)
	set.first = p
	return p
}

// remove forgets a series.
func (s *store) remove(p *sample) {
	all := p.family.samples
	last := all[len(all)-1]
	all[p.index], last.index = last, p.index
	all[len(all)-1] = nil
	p.family.samples = all[:len(all)-1]
	at := &p.labels.first
	for *at != p {
		at = &(*at).next
	}
	*at = p.next
	if p.labels.first == nil {
		delete(s.sets, p.labels.id)
	}
}

const targetInfo = "target_info"

// target keeps the attributes of the present resource, if they say which one it is.
func (s *store) target(now int64) {
	b := &s.buffer
	if b.job == "" || b.instance == "" {
		return
	}
	key, attributes := b.targetID(s.seeds), b.hash(s.seeds)
	t := s.targets[key]
	if t != nil && t.attributes == attributes {
		t.sample.updated = now
		return
	}
	if t != nil {
		s.remove(t.sample)
	}
	f := s.families[targetInfo]
	if f == nil {
		f = &family{name: targetInfo, help: "Target metadata", kind: dto.MetricType_GAUGE}
		s.families[targetInfo] = f
		s.order = append(s.order, f)
	}
	p := f.add(s.ensure(s.sets[attributes], attributes), now, now)
	p.value = 1
	s.targets[key] = &target{attributes, p}
}

// sweep forgets what has expired.
func (s *store) sweep(now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.order[:0]
	for _, f := range s.order {
		for _, v := range slices.Backward(f.samples) {
			if v.updated < now-s.expiration {
				s.remove(v)
			}
		}
		if len(f.samples) > 0 {
			kept = append(kept, f)
		} else {
			delete(s.families, f.name)
		}
	}
	clear(s.order[len(kept):])
	if len(kept) < len(s.order) {
		clear(s.metrics) // some lead to what is gone
	}
	s.order = kept
	for key, t := range s.targets {
		if t.sample.updated < now-s.expiration {
			delete(s.targets, key)
		}
	}
}

// A row is a sample as it is served.
type row struct {
	labels *labelSet
	value  float64
	more   more
}

// rows are the samples of a family that have not expired, as of now.
func (s *store) rows(f *family, now int64, into []row) []row {
	s.mu.Lock()
	defer s.mu.Unlock()
	into = into[:0]
	for _, p := range f.samples {
		if p.updated < now-s.expiration {
			continue
		}
		r := row{labels: p.labels, value: p.value}
		if p.more != nil {
			r.more = *p.more
		}
		into = append(into, r)
	}
	return into
}

// all are the families.
func (s *store) all() []*family {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*family(nil), s.order...)
}
