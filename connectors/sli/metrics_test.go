// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const (
	cumulativeSum = pmetric.AggregationTemporalityCumulative
	deltaSum      = pmetric.AggregationTemporalityDelta
)

func metricsService(sli string) string {
	return "metadata: {name: checkout}\nspec:\n  owner: payments\n  slos: [{name: m, objective: 99, sli: {metrics: " + sli + "}}]\n"
}

// payload is one export of the checkout service.
type payload struct {
	md pmetric.Metrics
	sm pmetric.ScopeMetrics
}

func export() payload {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	fill(rm.Resource().Attributes(), map[string]any{"service.name": "checkout"})
	return payload{md, rm.ScopeMetrics().AppendEmpty()}
}

// at is a time of a point, in seconds after the connector's start.
func at(seconds int) pcommon.Timestamp {
	return pcommon.NewTimestampFromTime(epoch.Add(time.Duration(seconds) * time.Second))
}

func (p payload) sum(name string, t pmetric.AggregationTemporality, start, time pcommon.Timestamp, value float64, attributes ...string) payload {
	m := p.sm.Metrics().AppendEmpty()
	m.SetName(name)
	sum := m.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(t)
	dp := sum.DataPoints().AppendEmpty()
	dp.SetStartTimestamp(start)
	dp.SetTimestamp(time)
	dp.SetDoubleValue(value)
	for i := 0; i < len(attributes); i += 2 {
		dp.Attributes().PutStr(attributes[i], attributes[i+1])
	}
	return p
}

func (p payload) histogram(name, unit string, start, time pcommon.Timestamp, bounds []float64, counts ...uint64) payload {
	m := p.sm.Metrics().AppendEmpty()
	m.SetName(name)
	m.SetUnit(unit)
	h := m.SetEmptyHistogram()
	h.SetAggregationTemporality(cumulativeSum)
	dp := h.DataPoints().AppendEmpty()
	dp.SetStartTimestamp(start)
	dp.SetTimestamp(time)
	dp.ExplicitBounds().FromRaw(bounds)
	dp.BucketCounts().FromRaw(counts)
	var all uint64
	for _, n := range counts {
		all += n
	}
	dp.SetCount(all)
	return p
}

func (f *fixture) metrics(t testing.TB, payloads ...payload) {
	t.Helper()
	for _, p := range payloads {
		require.NoError(t, f.ConsumeMetrics(t.Context(), p.md))
	}
}

// outcome flushes and returns the sums over all series.
func (f *fixture) outcome(t testing.TB) (goodSum, badSum float64) {
	t.Helper()
	return outcomeOf(f.flush(t))
}

func outcomeOf(md pmetric.Metrics) (goodSum, badSum float64) {
	last := make(map[string]pmetric.NumberDataPoint)
	for _, p := range points(md, semconv.SLOEvents.Name) {
		last[text4(p, semconv.ServiceName, semconv.Environment, semconv.ServiceVersion, semconv.SLOName, semconv.SLOOutcome)] = p
	}
	for _, p := range last {
		if attr(p, semconv.SLOOutcome) == semconv.Good {
			goodSum += p.DoubleValue()
		} else {
			badSum += p.DoubleValue()
		}
	}
	return goodSum, badSum
}

func TestMetrics(t *testing.T) {
	const (
		goodTotal = `{good: {name: good}, total: {name: all}}`
		badTotal  = `{bad: {name: bad}, total: {name: all}}`
		goodBad   = `{good: {name: good}, bad: {name: bad}}`
		byMatch   = `{good: {name: all, match: 'attributes["late"] == "no"'}, total: {name: all}}`
		latency   = `{good: {name: took, threshold: 300ms}, total: {name: took}}`
	)
	bounds := []float64{0.1, 0.3, 1}
	for name, test := range map[string]struct {
		sli       string
		payloads  []payload
		good, bad float64
		reason    string // a remark that is made
	}{
		"good and total, begun after the connector": {goodTotal, []payload{
			export().sum("good", cumulativeSum, at(1), at(10), 7).sum("all", cumulativeSum, at(1), at(10), 10),
			export().sum("good", cumulativeSum, at(1), at(20), 8).sum("all", cumulativeSum, at(1), at(20), 12),
		}, 8, 4, ""},
		"begun before: the first value is where counting begins": {goodTotal, []payload{
			export().sum("good", cumulativeSum, at(-9), at(10), 7).sum("all", cumulativeSum, at(-9), at(10), 10),
			export().sum("good", cumulativeSum, at(-9), at(20), 8).sum("all", cumulativeSum, at(-9), at(20), 12),
		}, 1, 1, ""},
		"no start time": {goodTotal, []payload{
			export().sum("good", cumulativeSum, 0, at(10), 7).sum("all", cumulativeSum, 0, at(10), 10),
			export().sum("good", cumulativeSum, 0, at(20), 8).sum("all", cumulativeSum, 0, at(20), 12),
		}, 1, 1, ""},
		"a new stream of an old process is an increase: its first error": {byMatch, []payload{
			export().sum("all", cumulativeSum, at(-9), at(10), 7, "late", "no"),
			export().sum("all", cumulativeSum, at(-9), at(20), 9, "late", "no").sum("all", cumulativeSum, at(-9), at(20), 1, "late", "yes"),
		}, 2, 1, ""},
		"two payloads of the first collection are where counting begins": {byMatch, []payload{
			export().sum("all", cumulativeSum, at(-9), at(10), 7, "late", "no"),
			export().sum("all", cumulativeSum, at(-9), at(10)+5000, 3, "late", "yes"),
			export().sum("all", cumulativeSum, at(-9), at(20), 8, "late", "no").sum("all", cumulativeSum, at(-9), at(20), 4, "late", "yes"),
		}, 1, 1, ""},
		"delta": {goodTotal, []payload{
			export().sum("good", deltaSum, at(-9), at(10), 7).sum("all", deltaSum, at(-9), at(10), 10),
			export().sum("good", deltaSum, at(10), at(20), 1).sum("all", deltaSum, at(10), at(20), 2),
		}, 8, 4, ""},
		"a restart of the sender": {goodTotal, []payload{
			export().sum("good", cumulativeSum, at(1), at(10), 7).sum("all", cumulativeSum, at(1), at(10), 10),
			export().sum("good", cumulativeSum, at(15), at(20), 2).sum("all", cumulativeSum, at(15), at(20), 3),
		}, 9, 4, ""},
		"bad and total": {badTotal, []payload{export().sum("bad", deltaSum, 0, at(10), 1).sum("all", deltaSum, 0, at(10), 10)}, 9, 1, ""},
		"good and bad":  {goodBad, []payload{export().sum("bad", deltaSum, 0, at(10), 1).sum("good", deltaSum, 0, at(10), 9)}, 9, 1, ""},
		"streams of one metric by attribute": {byMatch, []payload{
			export().sum("all", deltaSum, 0, at(10), 7, "late", "no").sum("all", deltaSum, 0, at(10), 3, "late", "yes"),
		}, 7, 3, ""},
		"an outage seen at once: one metric, no good point": {byMatch, []payload{
			export().sum("all", deltaSum, 0, at(10), 3, "late", "yes"),
		}, 0, 3, ""},
		"the sides in two payloads, an instant apart": {goodTotal, []payload{
			export().sum("all", deltaSum, 0, at(10)+1000, 10), export().sum("good", deltaSum, 0, at(10), 7),
		}, 7, 3, ""},
		"one side waits": {goodTotal, []payload{export().sum("all", deltaSum, 0, at(10), 10)}, 0, 0, ""},
		"one side is late, and comes": {goodTotal, []payload{
			export().sum("all", deltaSum, 0, at(10), 10), export().sum("all", deltaSum, 0, at(20), 10),
			export().sum("good", deltaSum, 0, at(10), 7), export().sum("good", deltaSum, at(10), at(20), 8),
		}, 15, 5, ""},
		"twice the same": {goodTotal, []payload{
			export().sum("good", cumulativeSum, at(1), at(10), 7).sum("all", cumulativeSum, at(1), at(10), 10),
			export().sum("good", cumulativeSum, at(1), at(10), 7).sum("all", cumulativeSum, at(1), at(10), 10),
		}, 7, 3, ""},
		"falls without a restart": {goodBad, []payload{
			export().sum("good", cumulativeSum, at(1), at(10), 7), export().sum("good", cumulativeSum, at(1), at(20), 5),
		}, 7, 0, reasonRegressed},
		"NaN":       {goodBad, []payload{export().sum("good", deltaSum, 0, at(10), math.NaN())}, 0, 0, reasonInvalidPoint},
		"1e300":     {goodBad, []payload{export().sum("good", deltaSum, 0, at(10), 1e300)}, 0, 0, reasonInvalidPoint},
		"less than": {goodBad, []payload{export().sum("good", deltaSum, 0, at(10), -1)}, 0, 0, reasonInvalidPoint},
		"no time":   {goodBad, []payload{export().sum("good", deltaSum, 0, 0, 1)}, 0, 0, reasonInvalidPoint},
		"no temporality": {goodBad, []payload{
			export().sum("good", pmetric.AggregationTemporalityUnspecified, 0, at(10), 1),
		}, 0, 0, reasonNotACounter},
		"a histogram's threshold": {latency, []payload{
			export().histogram("took", "s", at(1), at(10), bounds, 4, 3, 2, 1),
			export().histogram("took", "s", at(1), at(20), bounds, 5, 3, 2, 2),
		}, 8, 4, ""},
		"in milliseconds":    {latency, []payload{export().histogram("took", "ms", at(1), at(10), []float64{100, 300}, 4, 3, 2)}, 7, 2, ""},
		"not a unit of time": {latency, []payload{export().histogram("took", "By", at(1), at(10), bounds, 4, 3, 2, 1)}, 0, 0, reasonUnit},
		"a plain threshold":  {`{good: {name: took, threshold: 1}, total: {name: took}}`, []payload{export().histogram("took", "By", at(1), at(10), bounds, 4, 3, 2, 1)}, 9, 1, ""},
		"not a bucket's bound": {latency, []payload{
			export().histogram("took", "s", at(1), at(10), []float64{0.1, 1}, 4, 4, 2),
		}, 0, 0, reasonThreshold},
		"interpolated": {`{good: {name: took, threshold: 325ms, betweenBuckets: interpolate}, total: {name: took}}`, []payload{
			export().histogram("took", "s", at(1), at(10), []float64{0.1, 1}, 4, 4, 2),
		}, 5, 5, ""},
		"a threshold on a sum": {latency, []payload{export().sum("took", deltaSum, 0, at(10), 5)}, 0, 0, reasonThreshold},
		"our own counters":     {`{good: {name: slo.events}, total: {name: slo.events}}`, []payload{export().sum("slo.events", deltaSum, 0, at(10), 5)}, 0, 0, ""},
		"a condition that fails on one point leaves the others": {`{good: {name: all, match: 'attributes["x"] == nil or attributes["x"] + 1 == 2'}, total: {name: all}}`, []payload{
			export().sum("all", deltaSum, 0, at(10), 5).sum("all", deltaSum, 0, at(10), 3, "x", "y"),
		}, 5, 0, reasonConditionError},
		"a condition that fails on one side": {`{good: {name: good, match: 'attributes["x"] + 1 == 2'}, total: {name: all}}`, []payload{
			export().sum("all", deltaSum, 0, at(10), 5).sum("good", deltaSum, 0, at(10), 3),
		}, 0, 0, reasonConditionError},
		"a condition that fails": {`{good: {name: all, match: 'Int(attributes["x"]) > Int("y") or attributes["x"] + 1 == 2'}, total: {name: all}}`, []payload{
			export().sum("all", deltaSum, 0, at(10), 5),
		}, 0, 0, reasonConditionError},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, catalogOf(t, metricsService(test.sli)))
			f.metrics(t, test.payloads...)
			goodSum, badSum := f.outcome(t)
			assert.Equal(t, test.good, goodSum, "good")
			assert.Equal(t, test.bad, badSum, "bad")
			if test.reason != "" {
				assert.Positive(t, f.counter(t, "otelcol_connector_sli_events_dropped", test.reason), test.reason)
			}
		})
	}
}

func TestSettleTimeout(t *testing.T) {
	f := start(t, catalogOf(t, metricsService(`{good: {name: good}, total: {name: all}}`)))
	f.metrics(t, export().sum("all", deltaSum, 0, at(10), 10))
	f.clock.add(time.Minute - 2*time.Second)
	goodSum, badSum := f.outcome(t)
	require.Zero(t, goodSum+badSum)
	goodSum, badSum = f.outcome(t)
	require.Equal(t, []float64{0, 10}, []float64{goodSum, badSum}, "an outage: no good one came")
	require.Equal(t, int64(10), f.counter(t, "otelcol_connector_sli_events_adjusted", reasonTimeout))

	f.metrics(t, export().sum("all", deltaSum, at(10), at(20), 10).sum("good", deltaSum, at(10), at(20), 12))
	f.clock.add(time.Minute)
	goodSum, badSum = f.outcome(t)
	require.Equal(t, []float64{12, 10}, []float64{goodSum, badSum}, "more good ones than there were: none is bad")
	require.Equal(t, int64(2), f.counter(t, "otelcol_connector_sli_events_adjusted", reasonPartExceedsTotal))
}

// The counter says that there are more good events than events, the log of which SLO; of each once an hour.
func TestExcessIsLoggedBySLO(t *testing.T) {
	f := start(t, catalogOf(t, "metadata: {name: checkout}\nspec:\n  owner: payments\n  slos:\n"+
		"    - {name: orders, objective: 99, sli: {metrics: {good: {name: good}, total: {name: all}}}}\n"+
		"    - {name: refunds, objective: 99, sli: {metrics: {bad: {name: failed}, total: {name: all}}}}\n"+
		"    - {name: fine, objective: 99, sli: {metrics: {good: {name: all}, total: {name: all}}}}\n"))
	written, logs := observer.New(zap.WarnLevel)
	f.logger = zap.New(written)
	entries := func(after time.Duration) (all []map[string]any) {
		f.clock.add(after)
		from, to := at(int(after.Seconds())+1), at(int(after.Seconds())+2)
		f.metrics(t, export().sum("all", deltaSum, from, to, 10).sum("good", deltaSum, from, to, 12).sum("failed", deltaSum, from, to, 11))
		f.clock.add(time.Minute) // for the side that is behind
		f.flush(t)
		for _, entry := range logs.TakeAll() {
			all = append(all, entry.ContextMap())
		}
		return all
	}
	first := entries(0)
	require.Len(t, first, 2)
	for _, entry := range first {
		assert.Equal(t, []any{reasonPartExceedsTotal, `"checkout"`, 10.0}, []any{entry["reason"], entry["service"], entry["total"]})
		assert.NotEmpty(t, entry["fix"])
		switch entry["slo"] {
		case `"orders"`:
			assert.Equal(t, 12.0, entry["good"])
		case `"refunds"`:
			assert.Equal(t, 11.0, entry["bad"])
		default:
			assert.Fail(t, "another SLO", entry)
		}
	}
	assert.Empty(t, entries(10*time.Minute))
	assert.Len(t, entries(time.Hour), 2)
}

func TestPendingIsSettledAtTheEnd(t *testing.T) {
	f := startUnbound(t, catalogOf(t, metricsService(`{good: {name: good}, total: {name: all}}`)))
	f.metrics(t, export().sum("all", deltaSum, 0, at(10), 10))
	require.NoError(t, f.Shutdown(t.Context()))
	goodSum, badSum := outcomeOf(f.sink.AllMetrics()[0])
	require.Equal(t, []float64{0, 10}, []float64{goodSum, badSum})
}

// A threshold that one side cannot count says nothing of the other: all of it is dropped.
func TestRefusedSideDropsBoth(t *testing.T) {
	f := start(t, catalogOf(t, metricsService(`{good: {name: took, threshold: 300ms}, total: {name: all}}`)))
	f.metrics(t,
		export().sum("all", deltaSum, 0, at(10), 10),
		export().histogram("took", "s", at(1), at(10), []float64{0.1, 1}, 4, 4, 2))
	f.clock.add(2 * time.Minute)
	goodSum, badSum := f.outcome(t)
	require.Zero(t, goodSum+badSum)
	require.Equal(t, int64(11), f.counter(t, "otelcol_connector_sli_events_dropped", reasonThreshold), "the point, and the ten")
}

func TestStreamsAreBounded(t *testing.T) {
	f := start(t, catalogOf(t, metricsService(`{good: {name: good}, bad: {name: bad}}`)), func(c *Config, _ host) { c.MaxStreams = 3 })
	for i := range 10 {
		f.metrics(t, export().sum("good", cumulativeSum, at(1), at(10), 1, "n", strconv.Itoa(i)))
	}
	goodSum, _ := f.outcome(t)
	require.Equal(t, 3.0, goodSum)
	require.Equal(t, int64(7), f.counter(t, "otelcol_connector_sli_events_dropped", reasonStreams))

	f.clock.add(streamIdle + time.Second)
	f.flush(t) // forgets them
	f.metrics(t, export().sum("good", cumulativeSum, at(1), at(20), 5, "n", "0"))
	goodSum, _ = f.outcome(t)
	require.Equal(t, 3.0, goodSum, "one that comes back does not count from its start again")
	f.metrics(t, export().sum("good", cumulativeSum, at(1), at(30), 6, "n", "0"))
	goodSum, _ = f.outcome(t)
	require.Equal(t, 4.0, goodSum)
}

// A stream that was forgotten while its sender went on does not count twice when it comes back.
func TestForgottenStreamOfALiveSender(t *testing.T) {
	f := start(t, catalogOf(t, metricsService(`{good: {name: good}, bad: {name: bad}}`)))
	f.metrics(t, export().sum("good", cumulativeSum, at(1), at(10), 1, "n", "a").sum("good", cumulativeSum, at(1), at(10), 1, "n", "b"))
	for i := range 5 {
		f.clock.add(streamIdle / 3)
		f.metrics(t, export().sum("good", cumulativeSum, at(1), at(20+i), 1, "n", "a"))
		f.flush(t)
	}
	f.metrics(t, export().sum("good", cumulativeSum, at(1), at(40), 5, "n", "b"))
	goodSum, _ := f.outcome(t)
	require.Equal(t, 2.0, goodSum)
}

func TestOwnMetricsAreNoSignOfLife(t *testing.T) {
	f := start(t, catalogOf(t, oneSLO("name: checkout", "")))
	f.metrics(t, export().sum(semconv.SLOEvents.Name, cumulativeSum, at(1), at(10), 1))
	require.Empty(t, points(f.flush(t), semconv.LastSeen.Name))
	f.metrics(t, export().sum("any", cumulativeSum, at(1), at(10), 1))
	require.Len(t, points(f.flush(t), semconv.LastSeen.Name), 1)
}

func TestExponentialHistogram(t *testing.T) {
	dp := pmetric.NewExponentialHistogramDataPoint()
	dp.SetScale(1) // base is the square root of 2
	dp.SetZeroCount(2)
	dp.Positive().SetOffset(-2) // (1/2, √½] (√½, 1] (1, √2] (√2, 2] (2, 2√2]
	dp.Positive().BucketCounts().FromRaw([]uint64{1, 2, 4, 8, 16})
	dp.Negative().BucketCounts().FromRaw([]uint64{3})
	for _, test := range []struct {
		bound float64
		exact bool
		want  float64
	}{
		{0, true, 5}, {0.25, true, 5}, {0.5, true, 5}, {1, true, 8}, {math.Sqrt2, true, 12}, {2, true, 20}, {4, true, 36}, {1024, true, 36},
		{(math.Sqrt2 + 2) / 2, false, 16}, {1e-3, false, 5}, {3e9, false, 36},
	} {
		got, ok := exponentialAtMost(dp, test.bound, false)
		assert.Equal(t, test.exact, ok, test.bound)
		if !test.exact {
			got, ok = exponentialAtMost(dp, test.bound, true)
			assert.True(t, ok, test.bound)
		}
		assert.InDelta(t, test.want, got, 1e-9, test.bound)
	}
	for _, bound := range []float64{-1, math.NaN(), math.Inf(1)} {
		_, ok := exponentialAtMost(dp, bound, true)
		assert.False(t, ok, bound)
	}
	dp.SetScale(1 << 30)
	_, ok := exponentialAtMost(dp, 1, true)
	assert.False(t, ok)
}

// Two counters of some resources go through a network that splits, repeats, delays and loses
// exports, while the senders restart. With the last export of each life in, what was counted is what was sent.
func TestMetricsAgainstAModel(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		f := start(t, catalogOf(t, metricsService(`{good: {name: good}, total: {name: all}}`)))
		var sentGood, sentAll float64
		for resource := range 1 + r.IntN(3) {
			now := 1
			for range 1 + r.IntN(3) {
				life := simulate(r, resource, &now, &sentGood, &sentAll)
				f.metrics(t, life...)
				if r.IntN(2) == 0 {
					f.flush(t)
				}
			}
		}
		goodSum, badSum := f.outcome(t)
		require.Equal(t, sentGood, goodSum, "seed %d", seed)
		require.Equal(t, sentAll-sentGood, badSum, "seed %d", seed)
	}
}

// simulate is what arrives of one life of a sender.
func simulate(r *rand.Rand, resource int, now *int, sentGood, sentAll *float64) []payload {
	began := at(*now)
	var goodSum, all float64
	var arrives []payload
	send := func(what ...func(payload) payload) {
		p := export()
		p.md.ResourceMetrics().At(0).Resource().Attributes().PutInt("service.instance.id", int64(resource))
		for _, w := range what {
			p = w(p)
		}
		arrives = append(arrives, p)
	}
	for step, steps := 0, 1+r.IntN(10); step < steps; step++ {
		*now += 1 + r.IntN(10)
		n, g := r.IntN(10), r.IntN(10)
		goodSum, all = goodSum+float64(g), all+float64(n+g)
		when, gs, as := at(*now), goodSum, all
		good := func(p payload) payload { return p.sum("good", cumulativeSum, began, when, gs) }
		total := func(p payload) payload { return p.sum("all", cumulativeSum, began, when+3000, as) }
		last := step == steps-1
		switch {
		case !last && r.IntN(5) == 0: // lost
		case r.IntN(3) == 0:
			send(total)
			send(good)
		default:
			send(good, total)
		}
		if len(arrives) > 0 && r.IntN(4) == 0 {
			arrives = append(arrives, arrives[r.IntN(len(arrives))]) // repeated, late
		}
	}
	*now += 2
	*sentGood += goodSum
	*sentAll += all
	return arrives
}
