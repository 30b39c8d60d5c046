// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts_test

import (
	"context"
	"sort"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
	"github.com/otelcol-sre/otelcol-sre/processors/slo"
	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

// collectorBudget is the gauge of the error budget as the collector has it: the slo processor itself lives
// through the scenario, on the scenario's clock, and is sent the counters a second before each scrape.
func collectorBudget(t *testing.T, s *scenario.Scenario) func(time.Duration) (float64, bool) {
	t.Helper()
	type point struct {
		at    time.Duration
		value float64
	}
	var points []point // in order
	synctest.Test(t, func(t *testing.T) {
		const ahead = time.Second
		ctx, scrape := context.Background(), s.Interval()
		time.Sleep(time.Until(s.Start.Add(-scrape)))
		factory := slo.NewFactory()
		config := factory.CreateDefaultConfig().(*slo.Config)
		config.FlushInterval = scrape
		gauges, err := consumer.NewMetrics(func(_ context.Context, md pmetric.Metrics) error {
			if v, at, ok := budgetOf(md); ok {
				points = append(points, point{s.Until(at), v})
			}
			return nil
		})
		require.NoError(t, err)
		processor, err := factory.CreateMetrics(ctx, processortest.NewNopSettings(factory.Type()), config, gauges)
		require.NoError(t, err)
		require.NoError(t, processor.Start(ctx, catalogHost{s.Service}))
		for at := -ahead; at < s.Length; at += scrape {
			time.Sleep(time.Until(s.Start.Add(at)))
			require.NoError(t, processor.ConsumeMetrics(ctx, sliEvents(s, max(at, 0))))
		}
		time.Sleep(2 * ahead)
		require.NoError(t, processor.Shutdown(ctx))
	})
	const lookback = 5 * time.Minute // of Prometheus: the gauge is emitted when it changes, and at a heartbeat
	return func(at time.Duration) (float64, bool) {
		n := sort.Search(len(points), func(n int) bool { return points[n].at > at })
		if n == 0 || at-points[n-1].at > lookback {
			return 0, false
		}
		return points[n-1].value, true
	}
}

// budgetOf finds what is left of the only SLO's budget among metrics.
func budgetOf(md pmetric.Metrics) (remaining float64, at time.Time, ok bool) {
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				if m.Name() == "slo.error_budget.remaining" {
					dp := m.Gauge().DataPoints().At(0)
					return dp.DoubleValue(), dp.Timestamp().AsTime(), true
				}
			}
		}
	}
	return 0, time.Time{}, false
}

// sliEvents are the scenario's counters as the sli connectors send them.
func sliEvents(s *scenario.Scenario, at time.Duration) pmetric.Metrics {
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
			dp.SetStartTimestamp(pcommon.NewTimestampFromTime(s.Start.Add(reading.Since)))
			dp.SetTimestamp(pcommon.NewTimestampFromTime(s.Start.Add(at)))
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
