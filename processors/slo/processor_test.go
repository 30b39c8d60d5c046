// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/processors/slo/internal/metadata"
)

// start of most tests: a Saturday, no multiple of anything.
var noon = time.Date(2026, 3, 14, 12, 0, 7, 123456789, time.UTC)

const (
	minute = time.Minute
	hour   = time.Hour
	day    = 24 * time.Hour
)

// A fakeCatalog is a service_catalog extension whose catalog the test swaps.
type fakeCatalog struct {
	component.StartFunc
	component.ShutdownFunc

	mu      sync.Mutex
	catalog *catalog.Catalog
	follow  []func(*catalog.Catalog)
}

func (f *fakeCatalog) Catalog() *catalog.Catalog {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.catalog
}

func (*fakeCatalog) Problems() catalog.Problems { return nil }

func (*fakeCatalog) Reading() servicecatalog.Reading { return servicecatalog.Reading{} }

func (f *fakeCatalog) Subscribe(fn func(*catalog.Catalog)) func() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.follow = append(f.follow, fn)
	fn(f.catalog)
	n := len(f.follow) - 1
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.follow[n] = func(*catalog.Catalog) {}
	}
}

func (f *fakeCatalog) swap(services ...*catalog.Service) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.catalog = &catalog.Catalog{Services: services}
	for _, fn := range f.follow {
		fn(f.catalog)
	}
}

type fakeHost struct {
	extensions map[component.ID]component.Component
}

func (h fakeHost) GetExtensions() map[component.ID]component.Component { return h.extensions }

// checkout is a service with one SLO, availability.
func checkout(change ...func(*catalog.Service, *catalog.SLO)) *catalog.Service {
	slo := &catalog.SLO{
		Name: "availability", Objective: 99.9, Window: catalog.Window{Rolling: 30 * day},
		SLI: catalog.SLI{Availability: &catalog.Availability{}},
	}
	service := &catalog.Service{Name: "checkout", Namespace: "shop", Environments: []string{"production"}, SLOs: []*catalog.SLO{slo}}
	for _, c := range change {
		c(service, slo)
	}
	return service
}

func objectiveOf(percent float64) func(*catalog.Service, *catalog.SLO) {
	return func(_ *catalog.Service, slo *catalog.SLO) { slo.Objective = percent }
}

func windowOf(w catalog.Window) func(*catalog.Service, *catalog.SLO) {
	return func(_ *catalog.Service, slo *catalog.SLO) { slo.Window = w }
}

func environments(names ...string) func(*catalog.Service, *catalog.SLO) {
	return func(service *catalog.Service, _ *catalog.SLO) { service.Environments = names }
}

func resets(r ...catalog.Reset) func(*catalog.Service, *catalog.SLO) {
	return func(_ *catalog.Service, slo *catalog.SLO) { slo.Resets = r }
}

func maintenance(m ...catalog.Maintenance) func(*catalog.Service, *catalog.SLO) {
	return func(service *catalog.Service, _ *catalog.SLO) { service.Maintenance = m }
}

// A rig is a processor whose clock the test turns. Its loop does not run: the test flushes.
type rig struct {
	*sloProcessor
	t       *testing.T
	clock   time.Time
	catalog *fakeCatalog
	host    fakeHost
	sink    *consumertest.MetricsSink
}

func settings(logger *zap.Logger) processor.Settings {
	set := processortest.NewNopSettings(metadata.Type)
	set.ID = component.NewID(metadata.Type)
	set.Logger = logger
	return set
}

func newRig(t *testing.T, services ...*catalog.Service) *rig {
	return newRigWith(t, createDefaultConfig().(*Config), noon, nil, services...)
}

func newRigWith(t *testing.T, config *Config, clock time.Time, storage component.Component, services ...*catalog.Service) *rig {
	t.Helper()
	return newRigOf(t, config, clock, storage, &catalog.Catalog{Services: services})
}

func newRigOf(t *testing.T, config *Config, clock time.Time, storage component.Component, c *catalog.Catalog) *rig {
	t.Helper()
	r := &rig{t: t, clock: clock, sink: &consumertest.MetricsSink{}, catalog: &fakeCatalog{catalog: c}}
	r.host = fakeHost{map[component.ID]component.Component{component.MustNewID("service_catalog"): r.catalog}}
	if config.Storage != nil {
		r.host.extensions[*config.Storage] = storage
	}
	var err error
	r.sloProcessor, err = newProcessor(settings(zap.NewNop()), config, r.sink)
	require.NoError(t, err)
	r.now = func() time.Time { return r.clock }
	require.NoError(t, r.open(t.Context(), r.host))
	t.Cleanup(func() { _ = r.shutdown(context.WithoutCancel(t.Context())) })
	return r
}

func (r *rig) pass(d time.Duration) { r.clock = r.clock.Add(d) }

// A counter is one sender's pair of counters.
type counter struct {
	instance, namespace, service, slo, environment, version string
	start                                                   time.Time
	good, bad                                               float64
}

func newCounter(start time.Time) *counter {
	return &counter{instance: "agent-1", namespace: "shop", service: "checkout", slo: "availability", environment: "production", version: "1.0", start: start}
}

func (c *counter) add(good, bad float64) *counter {
	c.good += good
	c.bad += bad
	return c
}

// metrics are the counters as a sender sends them at the time.
func (c *counter) metrics(at time.Time) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr(semconv.ServiceName, "otelcol-sre")
	rm.Resource().Attributes().PutStr(semconv.ServiceInstanceID, c.instance)
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName(semconv.SLOEvents.Name)
	s := m.SetEmptySum()
	s.SetIsMonotonic(true)
	s.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	for o, value := range []float64{c.good, c.bad} {
		dp := s.DataPoints().AppendEmpty()
		dp.SetTimestamp(pcommon.NewTimestampFromTime(at))
		if !c.start.IsZero() {
			dp.SetStartTimestamp(pcommon.NewTimestampFromTime(c.start))
		}
		dp.SetDoubleValue(value)
		a := dp.Attributes()
		a.PutStr(semconv.ServiceName, c.service)
		if c.namespace != "" {
			a.PutStr(semconv.ServiceNamespace, c.namespace)
		}
		if c.environment != "" {
			a.PutStr(semconv.Environment, c.environment)
		}
		if c.version != "" {
			a.PutStr(semconv.ServiceVersion, c.version)
		}
		a.PutStr(semconv.SLOName, c.slo)
		a.PutStr(semconv.SLOOutcome, outcome(o).String())
	}
	return md
}

// send sends the counters as of the rig's clock.
func (r *rig) send(counters ...*counter) {
	for _, c := range counters {
		r.take(c.metrics(r.clock))
	}
}

func (r *rig) take(md pmetric.Metrics) {
	r.t.Helper()
	got, err := r.consume(r.t.Context(), md)
	require.NoError(r.t, err)
	require.Equal(r.t, md, got)
}

// flushed are all gauges as of now, by name, and then attributes as text.
func (r *rig) flushed() gauges {
	r.sink.Reset()
	r.flush(r.t.Context(), r.clock, true)
	g := gauges{}
	for _, md := range r.sink.AllMetrics() {
		g.collect(md)
	}
	return g
}

// ended are the series that the last flush said have ended, each in a metric of its own.
func (r *rig) ended() (names []string) {
	for _, md := range r.sink.AllMetrics() {
		for _, m := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
			if m.Type() != pmetric.MetricTypeGauge {
				continue
			}
			for _, dp := range m.Gauge().DataPoints().All() {
				if dp.Flags().NoRecordedValue() {
					require.Equal(r.t, 1, m.Gauge().DataPoints().Len())
					names = append(names, series(m.Name(), dp.Attributes()))
				}
			}
		}
	}
	return names
}

// gauges are values by series: a name, and the values of the attributes in the order of names.
type gauges map[string]float64

func (g gauges) collect(md pmetric.Metrics) {
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				for _, dp := range dataPoints(m).All() {
					if !dp.Flags().NoRecordedValue() {
						g[series(m.Name(), dp.Attributes())] = value(dp)
					}
				}
			}
		}
	}
}

func value(dp pmetric.NumberDataPoint) float64 {
	if dp.ValueType() == pmetric.NumberDataPointValueTypeInt {
		return float64(dp.IntValue())
	}
	return dp.DoubleValue()
}

func series(name string, attributes pcommon.Map) string {
	s := name + "{"
	for _, a := range []string{semconv.ServiceNamespace, semconv.ServiceName, semconv.Environment, semconv.SLOName, semconv.SLOWindow, semconv.SLOState, semconv.SLOOutcome} {
		if v, ok := attributes.Get(a); ok {
			s += " " + v.Str()
		}
	}
	return s + " }"
}

const checkoutAvailability = " shop checkout production availability "

// of is the value of the checkout service's series, with a last attribute if there is one.
func (g gauges) of(t *testing.T, name string, last ...string) float64 {
	t.Helper()
	s := name + "{" + checkoutAvailability
	for _, l := range last {
		s += l + " "
	}
	v, ok := g[s+"}"]
	require.True(t, ok, "%s among %v", s, g)
	return v
}

// state is the state that holds.
func (g gauges) state(t *testing.T) string {
	t.Helper()
	var holding []string
	for s := range states {
		if g["slo.state{"+checkoutAvailability+s.String()+" }"] == 1 {
			holding = append(holding, s.String())
		}
	}
	require.Len(t, holding, 1)
	return holding[0]
}

// points is how many points had the verdict.
func (r *rig) points(v verdict) int { return int(r.stats.points[v].Load()) }

func TestGauges(t *testing.T) {
	r := newRig(t, checkout())
	c := newCounter(r.clock)
	r.send(c)
	r.pass(5 * time.Second)
	r.send(c.add(998, 2))
	g := r.flushed()

	require.Equal(t, 0.999, g.of(t, "slo.objective"))
	for _, w := range []string{"5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"} {
		require.InDelta(t, 0.002, g.of(t, "slo.error_ratio", w), 1e-12, w)
		require.InDelta(t, 2, g.of(t, "slo.burn_rate", w), 1e-9, w)
	}
	require.InDelta(t, 1, g.of(t, "slo.error_budget.remaining"), 1e-9, "five seconds spend next to nothing of a month")
	require.Equal(t, (15 * day).Seconds(), g.of(t, "slo.error_budget.exhaustion"), "at twice the rate")
	require.Equal(t, "new", g.state(t))
	require.Equal(t, 4, r.points(counted))
	require.Len(t, g, 1+1+8+8+1+1+1+8)
}
