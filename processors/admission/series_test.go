// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

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
	a, err := newAdmission(settings(), defaults(func(c *Config) { c.MaxSeries, c.MaxSeriesOfOthers = 100, 50 }))
	require.NoError(t, err)
	require.NoError(t, a.start(t.Context(), host{}))
	t.Cleanup(func() { require.NoError(t, a.shutdown(t.Context())) })
	now := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	a.now = func() time.Time { return now }
	passes := func(md pmetric.Metrics) bool {
		got, err := a.metrics(t.Context(), md)
		require.NoError(t, err)
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
	require.Equal(t, 3, a.series.of["checkout"].size)

	a.series.keep(map[string]bool{})
	require.Nil(t, a.series.of["checkout"])
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
				md := metricsNamed(name)
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
		md := metricsNamed("queue.length")
		gauge := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().AppendEmpty()
		gauge.SetName("queue_length_total")
		gauge.SetEmptyGauge().DataPoints().AppendEmpty()
		_, colliding := s.drop(md.ResourceMetrics().At(0), other, start)
		require.EqualValues(t, 1, colliding)
		require.Equal(t, []string{"queue.length"}, namesIn(md))
	}
}
