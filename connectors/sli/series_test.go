// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/judge"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// oneSLO is a service with one availability SLO; more goes into its spec.
func oneSLO(name, more string) string {
	return fmt.Sprintf("metadata: {%s}\nspec:\n  owner: payments\n  %s\n  slos: [{name: a, objective: 99, sli: {availability: {}}}]\n", name, more)
}

func (f *fixture) traces(t testing.TB, td ptrace.Traces) {
	t.Helper()
	require.NoError(t, f.ConsumeTraces(t.Context(), td))
}

func TestSeries(t *testing.T) {
	f := start(t, catalogOf(t, checkoutService))
	require.Equal(t, []string{
		"checkout/-/- availability bad 0", "checkout/-/- availability good 0",
		"checkout/-/- latency bad 0", "checkout/-/- latency good 0",
	}, f.counts(t), "at 0 before there is telemetry")

	f.traces(t, tracesOf(checkout(), spanOf{kind: server}, spanOf{kind: server, err: true}))
	require.Equal(t, []string{
		"checkout/production/1.0 availability bad 1", "checkout/production/1.0 availability good 1",
		"checkout/production/1.0 latency bad 0", "checkout/production/1.0 latency good 2",
	}, f.counts(t), "what held the place is gone")

	f.traces(t, tracesOf(map[string]any{"service.name": "checkout", "deployment.environment": "staging"}, spanOf{kind: ptrace.SpanKindInternal}))
	require.Subset(t, f.counts(t), []string{"checkout/staging/- availability bad 0", "checkout/staging/- availability good 0"},
		"an environment that was seen is at 0 as well, by its deprecated name too")

	f.traces(t, tracesOf(map[string]any{"service.name": "checkout"}, spanOf{kind: server}))
	require.Subset(t, f.counts(t), []string{"checkout/-/- availability bad 0", "checkout/-/- availability good 1"}, "none is its own")
}

func TestListedEnvironments(t *testing.T) {
	f := start(t, catalogOf(t, oneSLO("name: checkout", "environments: [production, staging]")))
	f.traces(t, tracesOf(checkout(), spanOf{kind: server}))
	f.traces(t, tracesOf(checkout("deployment.environment.name", "dev"), spanOf{kind: server}))
	f.traces(t, tracesOf(map[string]any{"service.name": "checkout"}, spanOf{kind: server}))
	md := f.flush(t)
	require.Equal(t, []string{
		"checkout/production/1.0 a bad 0", "checkout/production/1.0 a good 1",
		"checkout/staging/- a bad 0", "checkout/staging/- a good 0",
	}, texts(md))
	var seen []string
	for _, p := range points(md, semconv.LastSeen.Name) {
		seen = append(seen, attr(p, semconv.Environment))
		assert.Equal(t, float64(epoch.Unix()), p.DoubleValue())
	}
	require.ElementsMatch(t, []string{"production", "dev", "-"}, seen)
}

func TestNamespaces(t *testing.T) {
	f := start(t, catalogOf(t, oneSLO("name: cart, namespace: shop", ""), oneSLO("name: cart", ""), oneSLO("name: pay, namespace: shop", "")))
	in := func(name, namespace string) {
		f.traces(t, tracesOf(map[string]any{"service.name": name, "service.namespace": namespace}, spanOf{kind: server}))
	}
	in("cart", "shop")
	in("cart", "other")
	in("cart", "")
	in("pay", "other")
	in("nobody", "shop")
	got := make(map[string]float64)
	for _, p := range points(f.flush(t), semconv.SLOEvents.Name) {
		if attr(p, semconv.SLOOutcome) == semconv.Good {
			got[text4(p, semconv.ServiceNamespace, semconv.ServiceName)] = p.DoubleValue()
		}
	}
	require.Equal(t, map[string]float64{"shop/cart": 1, "-/cart": 2, "shop/pay": 0}, got)
}

// A series starts before its first event, at 0, for those who append points.
func TestRiseFromZero(t *testing.T) {
	f := start(t, catalogOf(t, oneSLO("name: checkout", "")))
	f.flush(t)
	f.clock.add(time.Minute)
	created := pcommon.NewTimestampFromTime(f.clock.Now())
	f.traces(t, tracesOf(checkout(), spanOf{kind: server}))
	md := f.flush(t)

	rm := md.ResourceMetrics().At(0)
	require.Equal(t, map[string]any{"service.name": "otelcol-sre", "service.instance.id": "collector-1"}, rm.Resource().Attributes().AsRaw())
	sum := rm.ScopeMetrics().At(0).Metrics().At(0)
	require.Equal(t, "{event}", sum.Unit())
	require.True(t, sum.Sum().IsMonotonic())
	require.Equal(t, pmetric.AggregationTemporalityCumulative, sum.Sum().AggregationTemporality())

	all := points(md, semconv.SLOEvents.Name)
	require.Len(t, all, 3, "good at 0, good, bad")
	for i, want := range []struct {
		value   float64
		time    pcommon.Timestamp
		outcome string
	}{
		{0, created, semconv.Good}, {1, created + 1e9, semconv.Good}, {0, created + 1e9, semconv.Bad},
	} {
		assert.Equal(t, want.value, all[i].DoubleValue(), i)
		assert.Equal(t, want.time, all[i].Timestamp(), i)
		assert.Equal(t, created, all[i].StartTimestamp(), i)
		assert.Equal(t, want.outcome, attr(all[i], semconv.SLOOutcome), i)
	}
	require.Len(t, points(f.flush(t), semconv.SLOEvents.Name), 2, "once")
}

// Flushes may follow each other at once; stores tell points apart by the millisecond.
func TestPointsAreMillisecondsApart(t *testing.T) {
	f := start(t, catalogOf(t, oneSLO("name: checkout", "")))
	f.traces(t, tracesOf(checkout(), spanOf{kind: server}))
	for range 3 {
		f.core.flush(t.Context())
	}
	last := make(map[string]pcommon.Timestamp)
	for _, md := range f.sink.AllMetrics() {
		for _, p := range points(md, semconv.SLOEvents.Name) {
			require.GreaterOrEqual(t, p.Timestamp(), last[attr(p, semconv.SLOOutcome)]+tick)
			last[attr(p, semconv.SLOOutcome)] = p.Timestamp()
		}
	}
}

// What held its place at 0 and counts later rises from where it was last known to be 0.
func TestRiseOfAPlaceholder(t *testing.T) {
	f := start(t, catalogOf(t, oneSLO("name: checkout", "")))
	f.flush(t)
	f.traces(t, tracesOf(checkout(), spanOf{kind: server}))
	f.flush(t)
	zeroAt := pcommon.NewTimestampFromTime(f.clock.Now())
	f.traces(t, tracesOf(map[string]any{"service.name": "checkout"}, spanOf{kind: server}))
	var got []pcommon.Timestamp
	for _, p := range points(f.flush(t), semconv.SLOEvents.Name) {
		if attr(p, semconv.Environment) == "-" && attr(p, semconv.SLOOutcome) == semconv.Good {
			got = append(got, p.Timestamp())
		}
	}
	require.Equal(t, []pcommon.Timestamp{zeroAt, zeroAt + 1e9}, got)
}

func TestPrometheusSLIIsNotCounted(t *testing.T) {
	f := start(t, catalogOf(t, `
metadata: {name: checkout}
spec:
  owner: payments
  slos: [{name: legacy, objective: 99, sli: {prometheus: {errors: 'sum(rate(e[{{.window}}]))', total: 'sum(rate(t[{{.window}}]))'}}}]
`))
	f.traces(t, tracesOf(checkout(), spanOf{kind: server}))
	md := f.flush(t)
	require.Empty(t, points(md, semconv.SLOEvents.Name))
	require.Len(t, points(md, semconv.LastSeen.Name), 1)
}

func TestOverflow(t *testing.T) {
	f := start(t, catalogOf(t, oneSLO("name: checkout", "")), func(c *Config, _ host) { c.MaxVersions, c.MaxEnvironments = 2, 2 })
	version := func(v string) {
		f.traces(t, tracesOf(checkout("service.version", v), spanOf{kind: server}))
	}
	for i := range 1000 {
		version(fmt.Sprint("v", i))
	}
	require.Equal(t, []string{
		"checkout/production/other a bad 0", "checkout/production/other a good 998",
		"checkout/production/v0 a bad 0", "checkout/production/v0 a good 1",
		"checkout/production/v1 a bad 0", "checkout/production/v1 a good 1",
	}, f.counts(t))
	require.Equal(t, int64(998), f.counter(t, "otelcol_connector_sli_events_adjusted", reasonVersionOverflow))

	f.clock.add(idleAfter)
	version("v1")
	f.clock.add(time.Minute)
	version("new") // in the room of v0, which is idle
	require.Equal(t, []string{
		"checkout/production/new a bad 0", "checkout/production/new a good 1",
		"checkout/production/other a bad 0", "checkout/production/other a good 998",
		"checkout/production/v1 a bad 0", "checkout/production/v1 a good 2",
	}, f.counts(t))

	for i := range 100 {
		f.traces(t, tracesOf(map[string]any{"service.name": "checkout", "deployment.environment.name": fmt.Sprint("e", i)}, spanOf{kind: server}))
	}
	require.Subset(t, f.counts(t), []string{"checkout/e0/- a good 1", "checkout/other/- a good 99"})
	f.clock.add(2 * idleAfter)
	f.traces(t, tracesOf(map[string]any{"service.name": "checkout", "deployment.environment.name": "late"}, spanOf{kind: server}))
	require.Contains(t, f.counts(t), "checkout/late/- a good 1")
}

func TestHostileResources(t *testing.T) {
	f := start(t, catalogOf(t, oneSLO("name: checkout", "")))
	long := strings.Repeat("é", 1<<19) // 1 MiB
	for _, resource := range []map[string]any{
		nil,
		{"service.name": nil},
		{"service.name": []any{"checkout"}},
		{"service.name": long},
		{"service.name": "checkout", "service.version": long, "deployment.environment.name": "a\xff\xfeb"},
		{"service.name": "checkout", "service.version": 2},
	} {
		f.traces(t, tracesOf(resource, spanOf{kind: server, attributes: map[string]any{"x": long, "correlation.id": long}}))
	}
	got := f.counts(t)
	require.Subset(t, got, []string{
		"checkout/a?b/" + strings.Repeat("é", judge.MaxLabel/2) + " a good 1",
		"checkout/-/2 a good 1",
	})
	require.Len(t, got, 4)
}

func TestLastSeenMovesWithArrival(t *testing.T) {
	f := start(t, catalogOf(t, oneSLO("name: checkout", "")))
	first := f.flush(t)
	require.Equal(t, 1, first.MetricCount(), "not before it was seen, and not as a metric without points")
	require.NotEmpty(t, points(first, semconv.SLOEvents.Name))
	f.clock.add(time.Hour)
	f.traces(t, tracesOf(checkout(), spanOf{kind: ptrace.SpanKindInternal}))
	want := float64(f.clock.Now().Unix())
	f.clock.add(time.Hour)
	p := points(f.flush(t), semconv.LastSeen.Name)
	require.Len(t, p, 1)
	require.Equal(t, want, p[0].DoubleValue())
}

// A check shows nothing of whether the service lives.
func TestChecksAreNotSeen(t *testing.T) {
	f := start(t, catalogOf(t, oneSLO("name: checkout", "")))
	checked := tracesOf(checkout(), spanOf{kind: ptrace.SpanKindClient, attributes: map[string]any{"check.name": "home", "user_agent.synthetic.type": "test"}})
	checked.ResourceSpans().At(0).Resource().Attributes().PutStr("user_agent.synthetic.type", "test")
	f.traces(t, checked)
	require.Empty(t, points(f.flush(t), semconv.LastSeen.Name))
	f.traces(t, tracesOf(checkout(), spanOf{kind: ptrace.SpanKindInternal}))
	want := float64(f.clock.Now().Unix())
	f.clock.add(time.Hour)
	f.traces(t, checked)
	p := points(f.flush(t), semconv.LastSeen.Name)
	require.Len(t, p, 1)
	require.Equal(t, want, p[0].DoubleValue())
}

func TestExemplars(t *testing.T) {
	f := start(t, catalogOf(t, checkoutService), func(c *Config, _ host) { c.Exemplars = 2 })
	with := func(id string) spanOf {
		return spanOf{kind: server, err: true, took: time.Second, attributes: map[string]any{"correlation.id": id}}
	}
	f.traces(t, tracesOf(checkout(), with("one"), with("two"), spanOf{kind: server}, with(strings.Repeat("x", 52))))
	for _, p := range points(f.flush(t), semconv.SLOEvents.Name) {
		if attr(p, semconv.SLOOutcome) == semconv.Good || p.DoubleValue() == 0 {
			require.Zero(t, p.Exemplars().Len())
			continue
		}
		require.Equal(t, 2, p.Exemplars().Len(), "the last two")
		first, second := p.Exemplars().At(0), p.Exemplars().At(1)
		assert.Equal(t, pcommon.TraceID{15: 2}, first.TraceID())
		assert.Equal(t, pcommon.SpanID{7: 2}, first.SpanID())
		assert.Equal(t, map[string]any{"correlation.id": "two"}, first.FilteredAttributes().AsRaw())
		assert.Equal(t, pcommon.NewTimestampFromTime(epoch.Add(time.Second)), first.Timestamp())
		assert.Equal(t, 1.0, first.DoubleValue())
		assert.Empty(t, second.FilteredAttributes().AsRaw(), "too long for a label")
	}
	for _, p := range points(f.flush(t), semconv.SLOEvents.Name) {
		require.Zero(t, p.Exemplars().Len(), "shown once")
	}
}

func TestExemplarsOff(t *testing.T) {
	f := start(t, catalogOf(t, checkoutService), func(c *Config, _ host) { c.Exemplars = 0 })
	f.traces(t, tracesOf(checkout(), spanOf{kind: server, err: true}))
	for _, p := range points(f.flush(t), semconv.SLOEvents.Name) {
		require.Zero(t, p.Exemplars().Len())
	}
}
