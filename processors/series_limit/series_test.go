// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package serieslimit

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor/processorhelper"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/processors/series_limit/internal/metadata"
)

// A source is a service_catalog extension with one service.
type source struct {
	component.StartFunc
	component.ShutdownFunc
}

var known = &catalog.Catalog{Services: []*catalog.Service{{Name: "checkout"}}}

func (source) Catalog() *catalog.Catalog       { return known }
func (source) Problems() catalog.Problems      { return nil }
func (source) Reading() servicecatalog.Reading { return servicecatalog.Reading{} }
func (source) Subscribe(f func(*catalog.Catalog)) func() {
	f(known)
	return func() {}
}

type host struct{ component.Host }

func (host) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{component.MustNewID("service_catalog"): source{}}
}

func defaults(change ...func(*Config)) *Config {
	c := createDefaultConfig().(*Config)
	for _, f := range change {
		f(c)
	}
	return c
}

// counters are metrics of these names, each with one point.
func counters(names ...string) pmetric.Metrics {
	md := pmetric.NewMetrics()
	metrics := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	for _, name := range names {
		name, unit, _ := strings.Cut(name, "|")
		m := metrics.AppendEmpty()
		m.SetName(name)
		m.SetUnit(unit)
		sum := m.SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.DataPoints().AppendEmpty().SetIntValue(1)
	}
	return md
}

func namesIn(md pmetric.Metrics) (names []string) {
	for _, m := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		names = append(names, m.Name())
	}
	return names
}

// gauge is a metric with one point.
func gauge(service, instance, queue string) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr(semconv.ServiceName, service)
	rm.Resource().Attributes().PutStr(semconv.ServiceInstanceID, instance)
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("queue.length")
	m.SetEmptyGauge().DataPoints().AppendEmpty().Attributes().PutStr("queue", queue)
	return md
}

func TestSeriesAreBoundedByService(t *testing.T) {
	l, err := newLimit(processortest.NewNopSettings(metadata.Type), defaults(func(c *Config) { c.MaxSeries, c.MaxSeriesOfOthers = 100, 50 }))
	require.NoError(t, err)
	require.NoError(t, l.start(t.Context(), host{}))
	t.Cleanup(func() { require.NoError(t, l.shutdown(t.Context())) })
	now := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	l.now = func() time.Time { return now }
	passes := func(md pmetric.Metrics) bool {
		got, err := l.metrics(t.Context(), md)
		if err != nil {
			require.ErrorIs(t, err, processorhelper.ErrSkipProcessingData, "nothing is left, and the sender has done nothing wrong")
		}
		return got.DataPointCount() == 1
	}
	passed := map[string]int{}
	for n := range 20_000 {
		for _, md := range []pmetric.Metrics{
			gauge("checkout", "1", fmt.Sprint("queue-", n)), gauge("checkout", fmt.Sprint("instance-", n), "a"),
			gauge(fmt.Sprint("job-", n), "1", "a"), gauge("other", fmt.Sprint("instance-", n), "a"),
		} {
			service, _ := md.ResourceMetrics().At(0).Resource().Attributes().Get(semconv.ServiceName)
			name := service.Str()
			if name != "checkout" {
				name = other
			}
			if passes(md) {
				passed[name]++
			}
		}
	}
	require.Equal(t, map[string]int{"checkout": 66, other: 25}, passed, "a new instance makes two: its metric and target_info")
	require.True(t, passes(gauge("checkout", "1", "queue-3")), "what came first goes on")
	now = now.Add(seriesIdleAfter)
	require.True(t, passes(gauge("checkout", "1", "queue-3")))
	require.False(t, passes(gauge("checkout", "1", "new")))
	now = now.Add(time.Minute)
	require.True(t, passes(gauge("checkout", "1", "new")), "the others are idle")
	require.Equal(t, 3, l.series.of["checkout"].size)

	l.series.keep(map[string]bool{})
	require.Nil(t, l.series.of["checkout"])
}

func TestHistogramIsManySeries(t *testing.T) {
	s := newSeries(21, 21)
	histogram := func(route string) pmetric.ResourceMetrics {
		rm := pmetric.NewMetrics().ResourceMetrics().AppendEmpty()
		m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		m.SetName("http.server.request.duration")
		p := m.SetEmptyHistogram().DataPoints().AppendEmpty()
		p.Attributes().PutStr("http.route", route)
		p.BucketCounts().FromRaw(make([]uint64, 8))
		return rm
	}
	for _, route := range []string{"/a", "/b"} {
		dropped, _ := s.drop(histogram(route), other, time.Now())
		require.Zero(t, dropped)
	}
	beyond := histogram("/c")
	dropped, _ := s.drop(beyond, other, time.Now())
	require.EqualValues(t, 1, dropped)
	require.Zero(t, beyond.ScopeMetrics().At(0).Metrics().Len(), "no metric without points is left")
}

func TestOrderOfAttributesDoesNotMatter(t *testing.T) {
	a, b, c := pmetric.NewNumberDataPoint(), pmetric.NewNumberDataPoint(), pmetric.NewNumberDataPoint()
	a.Attributes().PutStr("x", "1")
	a.Attributes().PutInt("y", 2)
	b.Attributes().PutInt("y", 2)
	b.Attributes().PutStr("x", "1")
	c.Attributes().PutStr("x", "2")
	c.Attributes().PutInt("y", 1)
	require.Equal(t, attributesOf(a.Attributes()), attributesOf(b.Attributes()))
	require.NotEqual(t, attributesOf(a.Attributes()), attributesOf(c.Attributes()))
}

// Of two metrics with one name in Prometheus, the first one goes on. Another service may use the same names.
func TestCollidingNames(t *testing.T) {
	start := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	for first, second := range map[string]string{
		"foo.bar": "foo_bar", "foo_bar": "foo.bar", "gr\u00f6\u00dfe": "gr\u00e4\u00dfe", "jobs|s": "jobs.seconds", "requests_total": "requests.total",
	} {
		t.Run(first, func(t *testing.T) {
			s := newSeries(100, 100)
			passes := func(name, service string, at time.Time) bool {
				md := counters(name)
				md.ResourceMetrics().At(0).Resource().Attributes().PutStr(semconv.ServiceName, service)
				_, colliding := s.drop(md.ResourceMetrics().At(0), other, at)
				require.Equal(t, md.DataPointCount() == 0, colliding == 1)
				return colliding == 0
			}
			require.True(t, passes(first, "a", start))
			require.False(t, passes(second, "a", start))
			require.True(t, passes(first, "a", start.Add(time.Minute)))
			require.True(t, passes(second, "b", start))
			require.True(t, passes(second, "a", start.Add(time.Minute+seriesIdleAfter+time.Second)), "the first one is gone")
			require.False(t, passes(first, "a", start.Add(time.Minute+seriesIdleAfter+time.Second)))
		})
	}
	s := newSeries(100, 100)
	for range 2 { // one name and two types
		md := counters("queue.length")
		gauge := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().AppendEmpty()
		gauge.SetName("queue_length_total")
		gauge.SetEmptyGauge().DataPoints().AppendEmpty()
		_, colliding := s.drop(md.ResourceMetrics().At(0), other, start)
		require.EqualValues(t, 1, colliding)
		require.Equal(t, []string{"queue.length"}, namesIn(md))
	}
}

// Collectors send as many as there are SLOs.
func TestReservedNamesHaveNoLimit(t *testing.T) {
	s := newSeries(1, 1)
	for n := range 100 {
		md := counters("slo.events", "deployment.info", "requests")
		for _, m := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
			m.Sum().DataPoints().At(0).Attributes().PutStr(semconv.ServiceName, fmt.Sprint("service-", n))
		}
		beyond, _ := s.drop(md.ResourceMetrics().At(0), other, time.Now())
		require.EqualValues(t, 1, beyond)
		require.Equal(t, []string{"slo.events", "deployment.info"}, namesIn(md))
	}
}
