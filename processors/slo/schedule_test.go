// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A reader keeps the last point of each series, as a store does, and when it came.
type reader struct {
	gauges
	came map[string]time.Time
}

func newReader() *reader { return &reader{gauges{}, map[string]time.Time{}} }

// next lets the rig look at what is due, and returns how many points it emits.
func (r *rig) next(to *reader) (points int) {
	r.sink.Reset()
	r.flush(r.t.Context(), r.clock, false)
	for _, md := range r.sink.AllMetrics() {
		to.take(md, r.clock)
		points += md.DataPointCount()
	}
	return points
}

func (r *reader) take(md pmetric.Metrics, now time.Time) {
	for _, m := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		for _, dp := range dataPoints(m).All() {
			name := series(m.Name(), dp.Attributes())
			if dp.Flags().NoRecordedValue() {
				delete(r.gauges, name)
				delete(r.came, name)
				continue
			}
			r.gauges[name], r.came[name] = value(dp), now
		}
	}
}

// Between a reading and the time that it is said to stay until, nothing changes.
func TestValuesStayUntil(t *testing.T) {
	later := 0
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 9))
		window := []catalog.Window{
			{Rolling: 30 * day}, {Rolling: 7 * day}, {Rolling: 3 * day}, {Calendar: &catalog.Calendar{Unit: catalog.Month, Location: time.UTC}},
		}[r.IntN(4)]
		change := []func(*catalog.Service, *catalog.SLO){windowOf(window)}
		if r.IntN(3) == 0 {
			change = append(change, resets(catalog.Reset{At: noon.Add(time.Duration(r.Int64N(int64(20 * day)))), By: "x", Reason: "y"}))
		}
		service := checkout(change...)
		o := newObjective(service, service.SLOs[0])
		now := noon.UnixNano()
		i := &instance{environment: "production", created: now}
		i.history = newHistory(now, o)
		pace := []time.Duration{time.Second, time.Minute, hour, 12 * hour}[r.IntN(4)]
		for range 60 {
			to := now + 1 + r.Int64N(int64(pace))
			i.history.advance(to, o)
			i.history.add(now, to, good, count(r.IntN(3))*oneEvent*100)
			if r.IntN(10) == 0 {
				i.history.add(now, to, bad, count(1+r.IntN(3))*oneEvent)
			}
			now, i.received = to, to
		}
		for range 200 {
			v, next := i.compute(o, now, 5*minute)
			until := next.until()
			require.GreaterOrEqual(t, until, now)
			if until > now+int64(time.Second) {
				later++
			}
			for range 5 {
				at := now + r.Int64N(min(until-now, int64(10*day))+1)
				if at == until {
					continue
				}
				copied := *i
				h := i.history
				copied.history = h.clone()
				again, _ := copied.compute(o, at, 5*minute)
				require.Equal(t, v, again, "seed %d, %v of %v later", seed, time.Duration(at-now), time.Duration(until-now))
			}
			now = max(min(until, now+int64(40*day)), now+1+r.Int64N(int64(pace)))
			if now-noon.UnixNano() > int64(100*day) {
				break
			}
		}
	}
	require.Greater(t, later, 1000)
}

// What a reader has of changes is what a reader of everything has, or had not long before; no series is silent for longer
// than a heartbeat, and no two states hold.
func TestReaderOfChanges(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 11))
		services := func(percent float64) (all []*catalog.Service) {
			for _, s := range catalogOf(6) {
				s.SLOs[0].Objective = percent
				s.Maintenance = []catalog.Maintenance{{Start: noon.Add(4 * minute), End: noon.Add(5 * minute)}}
				all = append(all, s)
			}
			return all
		}
		changes, whole := newRig(t, services(99)...), newRig(t, services(99)...)
		interval := changes.config.FlushInterval
		latest := interval*3/2 + time.Second
		var counters []*counter
		for n := range 6 {
			c := newCounter(noon)
			c.service = "service-" + string(rune('0'+n))
			counters = append(counters, c)
		}
		view := newReader()
		var past []gauges // of everything, the newest last
		fewer, all := 0, 0
		for second := range 1500 {
			pass(time.Second, changes, whole)
			if second == 700 {
				changes.catalog.swap(services(95)[:5]...)
				whole.catalog.swap(services(95)[:5]...)
			}
			for n, c := range counters {
				if second%5 != 0 || second/200%2 == 1 && n%2 == 0 || n == 4 && second < 400 || second > 900 && n == 1 {
					continue
				}
				if r.IntN(2) == 0 {
					c.add(float64(r.IntN(20)), float64(r.IntN(40)/39))
				}
				changes.send(c)
				whole.send(c)
			}
			fewer += changes.next(view)
			past = append(past, whole.flushed())
			if late := int(latest/time.Second) + 1; len(past) > late {
				past = past[1:]
			}
			now := past[len(past)-1]
			all += len(now)
			holding := map[string]int{}
			for name, v := range view.gauges {
				require.LessOrEqual(t, changes.clock.Sub(view.came[name]), changes.config.Heartbeat, name)
				if rest, ok := strings.CutPrefix(name, "slo.state{"); ok && v == 1 {
					holding[strings.Join(strings.Fields(rest)[:4], " ")]++
				}
				if v == 0 && strings.HasPrefix(name, "slo.state{") {
					continue // a state that was left
				}
				require.True(t, slices.ContainsFunc(past, func(g gauges) bool { then, ok := g[name]; return ok && then == v }),
					"seed %d, second %d: %s is %v, not %v", seed, second, name, v, now[name])
			}
			for slo, n := range holding {
				require.Equal(t, 1, n, slo)
			}
			for name, v := range now {
				if _, ok := view.gauges[name]; !ok && !(v == 0 && strings.HasPrefix(name, "slo.state{")) {
					require.True(t, slices.ContainsFunc(past, func(g gauges) bool { _, ok := g[name]; return !ok }), name)
				}
			}
		}
		require.Less(t, fewer, all/10, "of points")
		require.Len(t, slices.Collect(maps.Keys(view.gauges)), len(slices.Collect(maps.Keys(past[len(past)-1]))))
	}
}

// Times at which nothing arrives, but something is to be said.
func TestStatesThatTimeBrings(t *testing.T) {
	r, view := newRig(t, checkout()), newReader()
	wait := func(d time.Duration) {
		for end := r.clock.Add(d); r.clock.Before(end); r.next(view) {
			r.pass(time.Second)
		}
	}
	c := newCounter(noon)
	wait(time.Second)
	require.Equal(t, "no_data", view.state(t))
	r.send(c.add(100, 0))
	r.next(view)
	require.Equal(t, "new", view.state(t), "at once")
	for view.state(t) == "new" {
		wait(5 * time.Second)
		r.send(c.add(100, 0))
		r.next(view)
	}
	require.WithinDuration(t, noon.Add(time.Hour), r.clock, 10*time.Second)
	require.Equal(t, "ok", view.state(t))
	for range 61 * 60 / 5 {
		wait(5 * time.Second)
		r.send(c)
	}
	require.Equal(t, "idle", view.state(t))
	wait(5*time.Minute + 10*time.Second)
	require.Equal(t, "no_data", view.state(t))
	require.Contains(t, view.gauges, "slo.state{"+checkoutAvailability+"idle }", "says that it does not hold")
	wait(2 * time.Minute)
	require.NotContains(t, view.gauges, "slo.state{"+checkoutAvailability+"idle }")
	require.Len(t, view.gauges, 1+1+8+8+1+1+1+1)
}

// An SLO without any change costs a heartbeat and no more.
func TestHeartbeatsAreSpread(t *testing.T) {
	const n = 1000
	r, view := newRig(t, catalogOf(n)...), newReader()
	r.next(view)
	most, total := 0, 0
	for range 600 {
		r.pass(time.Second)
		points := r.next(view)
		if r.clock.Sub(noon) > 2*time.Minute { // the other states have ended
			most, total = max(most, points), total+points
		}
	}
	require.InDelta(t, n*22*8, total, n*22)
	require.Less(t, most, n*22/20)
}

// What is refused comes again, whole.
func TestRefusedGaugesComeAgain(t *testing.T) {
	r, view := newRig(t, checkout()), newReader()
	require.Equal(t, 1+1+8+8+1+1+1+8, r.next(view))
	c := newCounter(noon)
	r.pass(time.Second)
	r.send(c.add(99, 1))
	taking := r.sloProcessor.next
	r.sloProcessor.next = consumertest.NewErr(context.DeadlineExceeded)
	require.Zero(t, r.next(view))
	r.sloProcessor.next = taking
	require.Zero(t, r.next(view), "not before the next flush")
	r.pass(r.config.FlushInterval)
	require.Greater(t, r.next(view), 1+8+8+1+1+1)
	require.Equal(t, 0.01, view.of(t, "slo.error_ratio", "5m"))
}

// The clock is set back by an hour.
func TestScheduleWhenTheClockIsSetBack(t *testing.T) {
	r, view := newRig(t, checkout()), newReader()
	r.next(view)
	r.pass(-time.Hour)
	require.Positive(t, r.next(view))
	r.send(newCounter(noon.Add(-2*time.Hour)).add(0, 1))
	r.next(view)
	require.Equal(t, 1.0, view.of(t, "slo.error_ratio", "5m"))
}

// Counters are answered when they come, and not when a second clock ticks.
func TestCountersAreAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &consumertest.MetricsSink{}
		p, err := NewFactory().CreateMetrics(t.Context(), settings(zap.NewNop()), createDefaultConfig(), sink)
		require.NoError(t, err)
		began := time.Now()
		require.NoError(t, p.Start(t.Context(), catalogHost(checkout())))
		c := newCounter(began)
		for flush := range 20 {
			time.Sleep(5*time.Second - time.Duration(flush%3)*time.Millisecond) // of the bubble's clock
			sink.Reset()
			require.NoError(t, p.ConsumeMetrics(t.Context(), c.add(90, float64(flush)).metrics(time.Now())))
			synctest.Wait()
			if flush == 0 {
				time.Sleep(time.Second) // the first pass of all comes at about the same time
			}
			g := gauges{}
			for _, md := range sink.AllMetrics() {
				g.collect(md)
			}
			if flush > 0 {
				require.InDelta(t, c.bad/(c.good+c.bad), g.of(t, "slo.error_ratio", "1h"), 1e-9, "flush %d", flush)
			}
		}
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// Many senders of one SLO are answered together.
func TestManySendersAreAnsweredTogether(t *testing.T) {
	r, view := newRig(t, checkout()), newReader()
	answers := 0
	var senders []*counter
	for n := range 100 {
		c := newCounter(noon)
		c.instance = "agent-" + strings.Repeat("x", n)
		senders = append(senders, c)
	}
	for n := range 1200 { // a minute
		r.pass(50 * time.Millisecond)
		r.send(senders[n%100].add(10, float64(n%7)))
		if r.next(view) > 0 {
			answers++
		}
	}
	require.InDelta(t, 24, answers, 4, "two in a flush interval, and a heartbeat")
}
