// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"slices"
	"sort"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/processors/slo"
)

// A Collector computes the gauges of a scenario's SLO: the slo processor itself lives through the scenario, on the scenario's
// clock.
type Collector struct {
	// Flush is how often counters arrive and gauges are emitted. Before the watch it is a minute, if Coarse.
	Flush  time.Duration
	Coarse bool
	// Lead is how long before a scrape the last counters arrive.
	Lead time.Duration
	// Forgets are the times at which the processor restarts without its state.
	Forgets []time.Duration
	// Lost are the gauges that no scrape finds.
	Lost []Span
}

// Gauges are the series that a scrape of the collector finds.
func (c Collector) Gauges(t *testing.T, s *Scenario) []Other {
	t.Helper()
	seen := &gaugeSeries{scenario: s, names: promname.New(otlptranslator.UnderscoreEscapingWithSuffixes), values: map[string]*gaugeValues{}}
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		time.Sleep(time.Until(s.Start.Add(-time.Minute)))
		running := c.start(ctx, t, s, seen)
		forgets := slices.Clone(c.Forgets)
		for at := -c.Lead; at < s.Length; at += c.step(s, at) {
			time.Sleep(time.Until(s.Start.Add(at)))
			if len(forgets) > 0 && at >= forgets[0] {
				require.NoError(t, running.Shutdown(ctx))
				running, forgets = c.start(ctx, t, s, seen), forgets[1:]
			}
			require.NoError(t, running.ConsumeMetrics(ctx, SLIEvents(s, max(at, 0))))
		}
		time.Sleep(2 * c.Flush)
		require.NoError(t, running.Shutdown(ctx))
	})
	return seen.others(c.Lost)
}

func (c Collector) step(s *Scenario, at time.Duration) time.Duration {
	if next := at + time.Minute; c.Coarse && next < s.Watch.Begin-10*time.Minute {
		return time.Minute
	}
	return c.Flush
}

func (c Collector) start(ctx context.Context, t *testing.T, s *Scenario, gauges *gaugeSeries) processor.Metrics {
	t.Helper()
	factory := slo.NewFactory()
	config := factory.CreateDefaultConfig().(*slo.Config)
	config.FlushInterval = c.Flush
	next, err := consumer.NewMetrics(gauges.consume)
	require.NoError(t, err)
	p, err := factory.CreateMetrics(ctx, processortest.NewNopSettings(factory.Type()), config, next)
	require.NoError(t, err)
	require.NoError(t, p.Start(ctx, catalogHost{s.Service}))
	return p
}

// gaugeSeries are what the processor has emitted, by series.
type gaugeSeries struct {
	scenario *Scenario
	names    promname.Names
	values   map[string]*gaugeValues
}

type gaugeValues struct {
	labels labels.Labels
	points []gaugePoint // in order
}

type gaugePoint struct {
	at    time.Duration
	value float64
	ended bool
}

func (g *gaugeSeries) consume(_ context.Context, md pmetric.Metrics) error {
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				if m.Type() != pmetric.MetricTypeGauge {
					continue
				}
				for _, dp := range m.Gauge().DataPoints().All() {
					g.add(m, dp)
				}
			}
		}
	}
	return nil
}

func (g *gaugeSeries) add(m pmetric.Metric, dp pmetric.NumberDataPoint) {
	key := m.Name()
	for _, distinct := range []string{semconv.Environment, semconv.SLOWindow, semconv.SLOState} {
		if v, ok := dp.Attributes().Get(distinct); ok {
			key += " " + v.Str()
		}
	}
	if g.values[key] == nil {
		b := labels.NewBuilder(labels.FromStrings(model.MetricNameLabel, g.names.OTLP(m), "job", job, "instance", collectorInstance))
		for attribute, v := range dp.Attributes().All() {
			b.Set(g.names.Attribute(attribute), v.AsString())
		}
		g.values[key] = &gaugeValues{labels: b.Labels()}
	}
	v := dp.DoubleValue()
	if dp.ValueType() == pmetric.NumberDataPointValueTypeInt {
		v = float64(dp.IntValue())
	}
	one := g.values[key]
	one.points = append(one.points, gaugePoint{g.scenario.Until(dp.Timestamp().AsTime()), v, dp.Flags().NoRecordedValue()})
}

func (g *gaugeSeries) others(lost []Span) []Other {
	var all []Other
	for _, v := range g.values {
		all = append(all, Other{v.labels, func(at time.Duration) (float64, bool) {
			if slices.ContainsFunc(lost, func(s Span) bool { return s.holds(at) }) {
				return 0, false
			}
			return v.at(at)
		}})
	}
	slices.SortFunc(all, func(a, b Other) int { return labels.Compare(a.Labels, b.Labels) })
	return all
}

// at is the newest point, unless Prometheus has forgotten it: a gauge is emitted when it changes, and at a heartbeat.
func (v *gaugeValues) at(at time.Duration) (float64, bool) {
	const lookback = 5 * time.Minute
	n := sort.Search(len(v.points), func(n int) bool { return v.points[n].at > at })
	if n == 0 || at-v.points[n-1].at > lookback || v.points[n-1].ended {
		return 0, false
	}
	return v.points[n-1].value, true
}

// SLIEvents are the scenario's counters as the sli connectors send them.
func SLIEvents(s *Scenario, at time.Duration) pmetric.Metrics {
	md := pmetric.NewMetrics()
	for i := range s.Streams {
		stream := &s.Streams[i]
		reading, ok := stream.Read(at)
		if !ok {
			continue
		}
		rm := md.ResourceMetrics().AppendEmpty()
		rm.Resource().Attributes().PutStr("service.instance.id", stream.Instance)
		m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		m.SetName("slo.events")
		sum := m.SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		for outcome, events := range map[string]float64{"good": reading.Good, "bad": reading.Bad} {
			dp := sum.DataPoints().AppendEmpty()
			dp.SetStartTimestamp(pcommon.NewTimestampFromTime(s.Start.Add(reading.Since + stream.Ahead)))
			dp.SetTimestamp(pcommon.NewTimestampFromTime(s.Start.Add(at + stream.Ahead)))
			dp.SetDoubleValue(events)
			for name, value := range map[string]string{
				"service.name": s.Service.Name, "service.namespace": s.Service.Namespace, "service.version": stream.Version,
				"deployment.environment.name": s.Environment, "slo.name": s.SLO.Name, "slo.outcome": outcome,
			} {
				dp.Attributes().PutStr(name, value)
			}
		}
	}
	return md
}

// catalogHost is a collector whose service_catalog holds one service.
type catalogHost struct{ service *catalog.Service }

func (h catalogHost) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{component.MustNewID("service_catalog"): oneService{catalog: &catalog.Catalog{Services: []*catalog.Service{h.service}}}}
}

type oneService struct {
	component.StartFunc
	component.ShutdownFunc
	catalog *catalog.Catalog
}

func (o oneService) Catalog() *catalog.Catalog { return o.catalog }

func (oneService) Problems() catalog.Problems { return nil }

func (oneService) Reading() servicecatalog.Reading { return servicecatalog.Reading{} }

func (o oneService) Subscribe(f func(*catalog.Catalog)) (cancel func()) {
	f(o.catalog)
	return func() {}
}
