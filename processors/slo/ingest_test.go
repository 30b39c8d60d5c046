// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// total is what the checkout service's SLO has counted in an environment.
func (r *rig) total(environment string) sum {
	t := (*r.slos.Load())[key{"shop", "checkout", "availability"}]
	i := t.instance(environment)
	if i == nil || i.history == nil {
		return sum{}
	}
	return i.history.total
}

func (r *rig) requireTotal(good, bad float64) {
	r.t.Helper()
	got := r.total("production")
	require.Equal(r.t, [2]float64{good, bad}, [2]float64{got[0].events(), got[1].events()})
}

// requireCounted wants so many events of the SLO to count.
func (r *rig) requireCounted(good, bad float64) {
	r.t.Helper()
	t := (*r.slos.Load())[key{"shop", "checkout", "availability"}]
	i := t.instance("production")
	i.history.advance(r.clock.UnixNano(), t.objective)
	got := i.counted(t.objective, i.measured).last(t.objective.own, int64(30*day))
	require.Equal(r.t, [2]float64{good, bad}, [2]float64{got[0].events(), got[1].events()})
}

// each calls f for every data point of slo.events.
func each(md pmetric.Metrics, f func(pmetric.NumberDataPoint)) pmetric.Metrics {
	points := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints()
	for i := range points.Len() {
		f(points.At(i))
	}
	return md
}

func TestVerdicts(t *testing.T) {
	attribute := func(name, value string) func(pmetric.NumberDataPoint) {
		return func(dp pmetric.NumberDataPoint) { dp.Attributes().PutStr(name, value) }
	}
	for name, test := range map[string]struct {
		change func(pmetric.NumberDataPoint)
		want   verdict
		counts bool
	}{
		"sound":             {func(pmetric.NumberDataPoint) {}, counted, true},
		"integer":           {func(dp pmetric.NumberDataPoint) { dp.SetIntValue(10) }, counted, true},
		"not a number":      {func(dp pmetric.NumberDataPoint) { dp.SetDoubleValue(math.NaN()) }, invalid, false},
		"infinite":          {func(dp pmetric.NumberDataPoint) { dp.SetDoubleValue(math.Inf(1)) }, invalid, false},
		"negative":          {func(dp pmetric.NumberDataPoint) { dp.SetDoubleValue(-1) }, invalid, false},
		"absurdly large":    {func(dp pmetric.NumberDataPoint) { dp.SetDoubleValue(1e300) }, invalid, false},
		"no time":           {func(dp pmetric.NumberDataPoint) { dp.SetTimestamp(0); dp.SetStartTimestamp(0) }, invalid, false},
		"starts after time": {func(dp pmetric.NumberDataPoint) { dp.SetStartTimestamp(dp.Timestamp() + 1) }, invalid, false},
		"no value":          {func(dp pmetric.NumberDataPoint) { dp.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true)) }, ended, false},
		"third outcome":     {attribute(semconv.SLOOutcome, "ugly"), invalid, false},
		"no outcome":        {func(dp pmetric.NumberDataPoint) { dp.Attributes().Remove(semconv.SLOOutcome) }, invalid, false},
		"outcome not text":  {func(dp pmetric.NumberDataPoint) { dp.Attributes().PutInt(semconv.SLOOutcome, 1) }, invalid, false},
		"other service":     {attribute(semconv.ServiceName, "payment"), unknownSLO, false},
		"other namespace":   {attribute(semconv.ServiceNamespace, "attic"), unknownSLO, false},
		"other SLO":         {attribute(semconv.SLOName, "latency"), unknownSLO, false},
		"other environment": {attribute(semconv.Environment, "staging"), unknownSLO, false},
		"a little ahead":    {func(dp pmetric.NumberDataPoint) { dp.SetTimestamp(dp.Timestamp() + 9e9) }, counted, true},
		"an hour ahead":     {func(dp pmetric.NumberDataPoint) { dp.SetTimestamp(dp.Timestamp() + 3600e9) }, clockSkew, true},
		"wholly in future": {func(dp pmetric.NumberDataPoint) {
			dp.SetTimestamp(dp.Timestamp() + 3600e9)
			dp.SetStartTimestamp(dp.Timestamp() - 1e9)
		}, clockSkew, true},
		"two days ahead":  {func(dp pmetric.NumberDataPoint) { dp.SetTimestamp(dp.Timestamp() + 48*3600e9) }, clockSkew, true},
		"the end of time": {func(dp pmetric.NumberDataPoint) { dp.SetTimestamp(math.MaxUint64) }, invalid, false},
		"31 days old": {func(dp pmetric.NumberDataPoint) {
			dp.SetTimestamp(dp.Timestamp() - 31*86400e9)
			dp.SetStartTimestamp(1)
		}, tooOld, false},
		"starts now":       {func(dp pmetric.NumberDataPoint) { dp.SetStartTimestamp(dp.Timestamp()) }, forgotten, false},
		"no start":         {func(dp pmetric.NumberDataPoint) { dp.SetStartTimestamp(0) }, forgotten, false},
		"version too long": {attribute(semconv.ServiceVersion, strings.Repeat("x", 1<<20)), counted, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, checkout())
			r.pass(minute)
			r.take(each(newCounter(noon).add(10, 10).metrics(r.clock), test.change))
			for v := range verdicts {
				want := 0
				if v == test.want {
					want = 2
				}
				assert.Equal(t, want, r.points(v), v.String())
			}
			if test.counts {
				r.requireTotal(10, 10)
			} else {
				r.requireTotal(0, 0)
			}
			for name, v := range r.flushed() {
				assert.False(t, math.IsNaN(v) || math.IsInf(v, 0), name)
			}
		})
	}
}

func TestOtherMetricsPass(t *testing.T) {
	r := newRig(t, checkout())
	md := newCounter(noon).add(1, 1).metrics(r.clock)
	m := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
	m.SetName("http.server.request.duration")
	r.take(md)
	m.SetName(semconv.SLOEvents.Name)
	m.Sum().SetIsMonotonic(false)
	r.take(md)
	m.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
	r.take(md)
	m.SetEmptyHistogram().DataPoints().AppendEmpty()
	r.take(md)
	m.SetEmptyExponentialHistogram().DataPoints().AppendEmpty()
	r.take(md)
	m.SetEmptySummary().DataPoints().AppendEmpty()
	r.take(md)
	pmetric.NewMetric().CopyTo(m)
	m.SetName(semconv.SLOEvents.Name)
	r.take(md)
	require.Equal(t, 2+1+1+1+1, r.points(invalid))
	require.Zero(t, r.points(counted))
}

func TestDuplicateLateAndRestartedSenders(t *testing.T) {
	r := newRig(t, checkout())
	a, b := newCounter(r.clock), newCounter(r.clock)
	b.instance = "agent-2"
	r.pass(10 * time.Second)
	older := a.add(10, 1).metrics(r.clock)
	r.take(older)
	r.take(older)
	r.send(b.add(100, 10))
	require.Equal(t, 2, r.points(duplicate))
	r.requireTotal(110, 11)

	r.pass(10 * time.Second)
	r.send(a.add(5, 0))
	r.take(older)
	require.Equal(t, 2, r.points(outOfOrder))
	r.requireTotal(115, 11)

	r.pass(10 * time.Second)
	a.start, a.good, a.bad = r.clock, 0, 0 // the sender restarts under the same name
	r.pass(10 * time.Second)
	r.send(a.add(7, 1))
	require.Equal(t, 2, r.points(restarted))
	r.requireTotal(122, 12)

	a.good = 3
	r.pass(10 * time.Second)
	r.send(a)
	require.Equal(t, 1, r.points(regressed))
	r.requireTotal(122, 12)

	c := newCounter(r.clock) // another version is another stream of the same SLO
	c.version = "2.0"
	r.pass(10 * time.Second)
	r.send(c.add(1, 1))
	r.requireTotal(123, 13)
}

func TestDelta(t *testing.T) {
	r := newRig(t, checkout())
	delta := func(good, bad float64, from, to time.Time) pmetric.Metrics {
		md := newCounter(from).add(good, bad).metrics(to)
		md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		return md
	}
	r.pass(minute)
	first := delta(10, 1, noon, noon.Add(10*time.Second))
	r.take(first)
	r.take(delta(20, 2, noon.Add(10*time.Second), noon.Add(20*time.Second)))
	r.take(first)
	r.requireTotal(30, 3)
	require.Equal(t, 2, r.points(outOfOrder))
	r.take(delta(5, 5, time.Time{}, noon.Add(30*time.Second))) // no start
	r.requireTotal(35, 8)
}

// A sender that was cut off for an hour sends it all at once: that is no spike.
func TestCutOffSenderIsNoSpike(t *testing.T) {
	r := newRig(t, checkout(objectiveOf(99)))
	c := newCounter(r.clock)
	for range 12 {
		r.pass(5 * time.Second)
		r.send(c.add(100, 0))
	}
	r.pass(hour)
	r.send(c.add(3600, 360))
	h := (*r.slos.Load())[key{"shop", "checkout", "availability"}].instance("production").history
	require.InDelta(t, 330, h.last(0, int64(5*minute)).all().events(), 330*0.02)
	require.InDelta(t, 30, h.last(0, int64(5*minute))[bad].events(), 1)
}

// Late points are put where they belong in time.
func TestLatePoints(t *testing.T) {
	r := newRig(t, checkout())
	c := newCounter(noon)
	r.pass(2 * hour)
	r.take(c.metrics(noon.Add(time.Second)))
	r.take(c.add(0, 50).metrics(noon.Add(minute)))
	g := r.flushed()
	require.Zero(t, g.of(t, "slo.error_ratio", "1h"))
	require.Equal(t, 1.0, g.of(t, "slo.error_ratio", "6h"))
	require.Equal(t, "new", g.state(t), "a minute is all that is known")
}

func TestForgottenStream(t *testing.T) {
	config := createDefaultConfig().(*Config)
	r := newRigWith(t, config, noon, nil, checkout())
	c := newCounter(r.clock)
	r.pass(minute)
	r.send(c.add(100, 1))

	r.pass(config.StreamTTL + minute)
	r.checkpoint(t.Context(), r.clock, true) // tidies
	r.send(c.add(50, 1))
	require.Equal(t, 2, r.points(forgotten), "what it holds may have been counted")
	r.requireTotal(100, 1)
	r.pass(minute)
	r.send(c.add(7, 0))
	r.requireTotal(107, 1)

	// One that began after the last point of the forgotten ones cannot be one of them, however old it is.
	d := newCounter(noon.Add(hour))
	d.instance = "agent-2"
	r.send(d.add(1000, 10))
	r.requireTotal(1107, 11)
}

func TestTooManyStreams(t *testing.T) {
	config := createDefaultConfig().(*Config)
	config.MaxStreamsPerSLO = 4
	r := newRigWith(t, config, noon, nil, checkout())
	r.pass(minute)
	for i := range 4 {
		c := newCounter(noon)
		c.instance = strconv.Itoa(i)
		r.send(c.add(10, 1))
	}
	require.Equal(t, 4, r.points(counted))
	require.Equal(t, 4, r.points(overflow))
	r.requireTotal(20, 2)
}

func TestEnvironments(t *testing.T) {
	config := createDefaultConfig().(*Config)
	config.MaxEnvironments = 2
	r := newRigWith(t, config, noon, nil, checkout(environments()))
	placeholder := newCounter(noon)
	placeholder.environment = ""
	r.send(placeholder)
	require.Contains(t, r.flushed(), "slo.objective{ shop checkout availability }")

	r.pass(minute)
	for _, e := range []string{"production", "staging", "test", strings.Repeat("e", 257)} {
		c := newCounter(noon)
		c.environment = e
		r.send(c.add(10, 0))
	}
	require.Equal(t, 2, r.points(overflow))
	require.Equal(t, 2, r.points(invalid))
	g := r.flushed()
	require.Contains(t, g, "slo.objective{ shop checkout production availability }")
	require.Contains(t, g, "slo.objective{ shop checkout staging availability }")
	require.NotContains(t, g, "slo.objective{ shop checkout availability }", "the placeholder goes when there is another")
	require.Contains(t, r.ended(), "slo.objective{ shop checkout availability }", "and its readers are notified")
	require.Len(t, r.ended(), 1+1+8+8+1+1+1+8)
	r.flushed()
	require.Empty(t, r.ended(), "once")

	r.send(placeholder.add(1, 0))
	r.pass(minute)
	r.send(placeholder)
	require.Contains(t, r.flushed(), "slo.objective{ shop checkout availability }", "but has events itself")

	// An environment that is gone makes room when its last event has left every window.
	r.pass(31 * day)
	r.checkpoint(t.Context(), r.clock, true)
	c := newCounter(r.clock)
	c.environment = "test"
	r.send(c)
	require.Contains(t, r.flushed(), "slo.objective{ shop checkout test availability }")
}

// A catalog service without a namespace matches any.
func TestAnyNamespace(t *testing.T) {
	r := newRig(t, checkout(func(s *catalog.Service, _ *catalog.SLO) { s.Namespace = "" }))
	r.pass(minute)
	c := newCounter(noon)
	r.send(c.add(99, 1))
	c.namespace = "attic"
	r.send(c)
	g := r.flushed()
	require.InDelta(t, 0.01, g["slo.error_ratio{ checkout production availability 1h }"], 1e-9)
	require.Equal(t, 4, r.points(counted))
}

// Many senders, whose points the network loses, repeats, delays and reorders, and who restart:
// every window agrees with the events as they happened, within one step and the time that no point got through.
func TestWindowsAgainstEvents(t *testing.T) {
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 11))
		r := newRig(t, checkout())
		var events exactHistory
		senders := make([]*counter, 1+random.IntN(4))
		last := make([]time.Time, len(senders))
		for i := range senders {
			senders[i] = newCounter(r.clock)
			senders[i].instance = strconv.Itoa(i)
			last[i] = r.clock
		}
		var silent time.Duration // the longest time that no point of a sender got through
		var delayed []pmetric.Metrics
		for range 3000 {
			r.pass(5 * time.Second)
			if random.IntN(400) == 0 {
				r.pass(time.Duration(random.Int64N(int64(5 * hour))))
			}
			for i, c := range senders {
				for range random.IntN(6) {
					at := r.clock.Add(-time.Duration(random.Int64N(int64(5 * time.Second)))).UnixNano()
					e := exactIncrease{from: at - 1, to: at}
					if random.IntN(10) == 0 {
						e.n[bad] = 1
						c.bad++
					} else {
						e.n[good] = 1
						c.good++
					}
					events = append(events, e)
				}
				md := c.metrics(r.clock)
				switch random.IntN(8) {
				case 0: // lost
				case 1:
					delayed = append(delayed, md)
				case 2: // repeated
					r.take(md)
					fallthrough
				default:
					r.take(md)
					silent = max(silent, r.clock.Sub(last[i]))
					last[i] = r.clock
				}
			}
			if len(delayed) > 5 {
				random.Shuffle(len(delayed), func(i, j int) { delayed[i], delayed[j] = delayed[j], delayed[i] })
				for _, md := range delayed {
					r.take(md)
				}
				delayed = nil
			}
			if random.IntN(100) == 0 {
				i := random.IntN(len(senders))
				r.take(senders[i].metrics(r.clock)) // its last word
				silent = max(silent, r.clock.Sub(last[i]))
				senders[i].start, senders[i].good, senders[i].bad = r.clock, 0, 0
				last[i] = r.clock
			}
		}
		r.pass(time.Millisecond)
		r.send(senders...)
		var want sum
		for _, e := range events {
			for o := range outcomes {
				want[o] += count(e.n[o]) * oneEvent
			}
		}
		require.Equal(t, want, r.total("production"), "every event once")
		h := (*r.slos.Load())[key{"shop", "checkout", "availability"}].instance("production").history
		o := newObjective(checkout(), checkout().SLOs[0])
		for w, window := range burnWindows {
			slack := o.steps[w] + int64(silent)
			requireWithinOneStep(t, events, h.last(w, window.length), h.now-window.length, h.now, slack, window.name)
		}
	}
}

func TestConcurrency(t *testing.T) {
	services := []*catalog.Service{checkout()}
	r := newRig(t, services...)
	r.pass(hour)
	var wg sync.WaitGroup
	const senders, rounds = 8, 200
	for s := range senders {
		wg.Go(func() {
			c := newCounter(noon)
			c.instance = strconv.Itoa(s)
			for i := range rounds {
				_, err := r.consume(t.Context(), c.add(9, 1).metrics(noon.Add(time.Duration(i+1)*time.Second)))
				assert.NoError(t, err)
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			r.flush(t.Context(), r.clock, true)
			r.checkpoint(t.Context(), r.clock, true)
		}
	})
	wg.Go(func() {
		for range 50 {
			r.catalog.swap()
			r.catalog.swap(services...)
		}
	})
	wg.Wait()
	for s := range senders { // what came while the catalog did not name the SLO
		c := newCounter(noon)
		c.instance = strconv.Itoa(s)
		r.send(c.add(9*rounds, rounds))
	}
	r.requireTotal(9*rounds*senders, rounds*senders)
}

// An input costs one allocation, its points none, once the rings are as wide as they need.
func TestPointsDoNotAllocate(t *testing.T) {
	services := catalogOf(100)
	newRig(t, services...).requireNoAllocations(t, services)
}

// requireNoAllocations sends counters of all services.
func (r *rig) requireNoAllocations(t *testing.T, services []*catalog.Service) {
	const runs = 100
	var inputs []pmetric.Metrics
	for i := range runs + 3 {
		inputs = append(inputs, batches(services, 1e6*float64(min(i, 1))+float64(i), noon.Add(time.Duration(i)*5*time.Second))...)
	}
	next := func() {
		_, _ = r.consume(t.Context(), inputs[0])
		inputs = inputs[1:]
		r.pass(5 * time.Second)
	}
	next()
	next() // the rings are there
	require.LessOrEqual(t, testing.AllocsPerRun(runs, next), 1.0)
	require.Equal(t, 2*len(services)*(runs+3), r.points(counted))
}

// A sender whose clock was ahead, by however much, counts on as soon as it is set right: its counter goes on, or has
// begun again.
func TestSenderWhoseClockWasAhead(t *testing.T) {
	for name, test := range map[string]struct {
		restarted bool
		want      float64
	}{
		"goes on":     {false, 30},
		"began again": {true, 25},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, checkout())
			const ahead = 25 * hour
			c := newCounter(noon.Add(ahead))
			r.pass(minute)
			r.take(c.add(10, 0).metrics(r.clock.Add(ahead)))
			r.pass(minute)
			r.take(c.add(10, 0).metrics(r.clock.Add(ahead)))
			r.requireTotal(20, 0)
			r.pass(minute)
			c.start = r.clock.Add(-time.Second)
			if test.restarted {
				c.good = 0
				r.send(c.add(5, 0))
			} else {
				r.send(c.add(10, 0))
			}
			r.requireTotal(test.want, 0)
			r.pass(minute)
			r.send(c.add(10, 0))
			r.requireTotal(test.want+10, 0)
			require.Zero(t, r.points(invalid))
		})
	}
}
