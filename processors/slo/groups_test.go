// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// groupedBy lets the SLO have groups, at most so many.
func groupedBy(most int, names ...string) func(*catalog.Service, *catalog.SLO) {
	return func(_ *catalog.Service, slo *catalog.SLO) { slo.GroupBy, slo.MaxGroups = names, most }
}

// in is the counter in a group, given as names and values.
func (c *counter) in(at time.Time, group ...string) pmetric.Metrics {
	md := c.metrics(at)
	each(md, func(dp pmetric.NumberDataPoint) {
		for i := 0; i < len(group); i += 2 {
			dp.Attributes().PutStr(group[i], group[i+1])
		}
	})
	return md
}

// byGroup are the values of a gauge, or the states that hold, by "environment host", of series that have not ended.
func (r *rig) byGroup(name string, more ...string) map[string]any {
	r.sink.Reset()
	r.flush(r.t.Context(), r.clock, true)
	found := map[string]any{}
	for _, md := range r.sink.AllMetrics() {
		for _, m := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
			if m.Name() != name {
				continue
			}
			for _, dp := range dataPoints(m).All() {
				key := strings.TrimSpace(text(dp.Attributes(), semconv.Environment) + " " + text(dp.Attributes(), "host.name"))
				switch {
				case dp.Flags().NoRecordedValue():
				case name == semconv.SLOStates.Name && dp.IntValue() == 1:
					found[key] = text(dp.Attributes(), semconv.SLOState)
				case name != semconv.SLOStates.Name && (len(more) == 0 || text(dp.Attributes(), semconv.SLOWindow) == more[0]):
					found[key] = value(dp)
				}
			}
		}
	}
	return found
}

// One bad host beside a large good one burns by itself.
func TestOneBadGroup(t *testing.T) {
	r := newRig(t, checkout(groupedBy(10, "host.name")))
	require.Equal(t, map[string]any{"production": "no_data"}, r.byGroup("slo.state"))
	start, large, small := r.clock, newCounter(r.clock), newCounter(r.clock)
	r.take(newCounter(start).metrics(r.clock))
	require.Equal(t, map[string]any{"production": "never_seen"}, r.byGroup("slo.state"))
	for range 180 {
		r.pass(time.Minute)
		r.take(large.add(10_000, 0).in(r.clock, "host.name", "a"))
		r.take(small.add(5, 5).in(r.clock, "host.name", "b"))
	}
	require.Equal(t, map[string]any{"production a": "ok", "production b": "burning_fast"}, r.byGroup("slo.state"), "none for the SLO as a whole")
	require.Equal(t, map[string]any{"production a": 0.0, "production b": 0.5}, r.byGroup("slo.error_ratio", "1h"))
	left := r.byGroup("slo.error_budget.remaining")
	require.Equal(t, 1.0, left["production a"])
	require.Less(t, left["production b"], 0.0)
}

// Agents may keep other groups apart. The limit holds here, too; a counter is in one group for good, and no event is lost.
func TestGroupsAgreeWithAModel(t *testing.T) {
	for seed := range uint64(5) {
		random := rand.New(rand.NewPCG(seed, 2))
		const limit, agents = 6, 3
		dir := t.TempDir()
		service := checkout(groupedBy(limit, "host.name"), environments("production", "staging"))
		r := newRigWith(t, stored(), noon, openStorage(t, dir), service)
		counters, total := map[string]*counter{}, sum{}
		for step := range 80 {
			r.pass(time.Duration(1+random.IntN(20)) * time.Second)
			for range 3 {
				host := fmt.Sprint("g", random.IntN(4+step/5))
				if random.IntN(10) == 0 {
					host = catalog.Overflow
				}
				agent, environment := fmt.Sprint("agent-", random.IntN(agents)), []string{"production", "staging"}[random.IntN(2)]
				c := counters[agent+environment+"/"+host]
				if c == nil {
					c = newCounter(r.clock.Add(-time.Second))
					c.instance, c.environment = agent, environment
					counters[agent+environment+"/"+host] = c
				}
				g, b := float64(random.IntN(5)), float64(random.IntN(3))
				total[good] += count(g) * oneEvent
				total[bad] += count(b) * oneEvent
				r.take(c.add(g, b).in(r.clock, "host.name", host))
			}
			if random.IntN(15) == 0 { // stopped and started
				clock := r.clock
				require.NoError(t, r.shutdown(t.Context()))
				r = newRigWith(t, stored(), clock, openStorage(t, dir), service)
			}
		}
		r.pass(time.Minute)
		for name, c := range counters {
			_, host, _ := strings.Cut(name, "/")
			r.take(c.in(r.clock, "host.name", host))
		}
		tracked := (*r.slos.Load())[key{"shop", "checkout", "availability"}]
		var counted sum
		streams := 0
		for _, i := range tracked.instances {
			if i.history != nil {
				counted[good] += i.history.total[good]
				counted[bad] += i.history.total[bad]
			}
			streams += len(i.streams)
		}
		require.Equal(t, total, counted, "seed %d", seed)
		require.Equal(t, 2*len(counters), streams, "each in one group")
		require.Equal(t, limit, tracked.groups())
		require.LessOrEqual(t, len(tracked.instances), limit+4)
	}
}

// A group that has no event in any window, and no counter, gives its place to another.
func TestGroupsAreForgotten(t *testing.T) {
	r := newRig(t, checkout(groupedBy(1, "host.name"), windowOf(catalog.Window{Rolling: 7 * day})))
	a, b := newCounter(r.clock), newCounter(r.clock)
	r.pass(time.Minute)
	r.take(a.add(1, 1).in(r.clock, "host.name", "a"))
	r.take(b.add(2, 2).in(r.clock, "host.name", "b"))
	require.Equal(t, map[string]any{"production a": 0.5, "production _overflow": 0.5}, r.byGroup("slo.error_ratio", "7d"))
	for range 9 { // b goes on, a does not
		r.pass(day)
		r.take(b.add(2, 2).in(r.clock, "host.name", "b"))
		r.checkpoint(t.Context(), r.clock, true)
	}
	c := newCounter(r.clock)
	r.pass(time.Second)
	r.take(c.add(1, 0).in(r.clock, "host.name", "c"))
	r.pass(time.Second)
	r.take(b.add(2, 2).in(r.clock, "host.name", "b"))
	require.Equal(t, map[string]any{"production c": 0.0, "production _overflow": 0.5}, r.byGroup("slo.error_ratio", "7d"), "b stays where it was counted")
}

// With other groups, an SLO begins anew.
func TestOtherGroups(t *testing.T) {
	r := newRig(t, checkout())
	c := newCounter(r.clock)
	r.pass(time.Minute)
	r.send(c.add(50, 50))
	require.Equal(t, map[string]any{"production": 0.5}, r.byGroup("slo.error_ratio", "30d"))
	r.catalog.swap(checkout(groupedBy(10, "host.name")))
	r.pass(5 * time.Second)
	r.send(c.add(1, 0)) // from an agent that has not read the new catalog
	h := newCounter(r.clock)
	r.pass(5 * time.Second)
	r.take(h.add(3, 1).in(r.clock, "host.name", "a"))
	require.Equal(t, map[string]any{"production a": 0.25}, r.byGroup("slo.error_ratio", "30d"))
	r.catalog.swap(checkout(groupedBy(10, "http.route")))
	require.Equal(t, map[string]any{"production": "no_data"}, r.byGroup("slo.state"))
}

// What cannot be a group is refused.
func TestImpossibleGroups(t *testing.T) {
	r := newRig(t, checkout(groupedBy(10, "host.name"), environments()))
	before := r.points(invalid)
	r.take(newCounter(r.clock).add(1, 0).in(r.clock, "host.name", "a\x00b"))
	r.take(newCounter(r.clock).add(1, 0).in(r.clock, "host.name", strings.Repeat("x", maxPlace)))
	c := newCounter(r.clock)
	c.environment = "a\x00host.name\x00b"
	r.take(c.add(1, 0).in(r.clock))
	require.Equal(t, 6, r.points(invalid)-before)
}

// The history of each group goes with its SLO to another gateway.
func TestGroupsMove(t *testing.T) {
	service := checkout(groupedBy(10, "host.name"))
	from, to := newRig(t, service), newRig(t, service)
	a, b := newCounter(from.clock), newCounter(from.clock)
	from.pass(time.Minute)
	to.pass(time.Minute)
	from.take(a.add(1, 1).in(from.clock, "host.name", "a"))
	from.take(b.add(2, 0).in(from.clock, "host.name", "b"))
	to.pass(time.Minute)
	from.pass(time.Minute)
	to.take(a.add(2, 0).in(to.clock, "host.name", "a"))
	var all []subject
	for _, i := range (*from.slos.Load())[key{"shop", "checkout", "availability"}].instances {
		all = append(all, subject{key{"shop", "checkout", "availability"}, i.place()})
	}
	_, err := to.takeOver(from.record(all))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"production a": 0.25, "production b": 0.0}, to.byGroup("slo.error_ratio", "30d"))
}

// The past of a group is asked for by its labels.
func TestPastOfGroups(t *testing.T) {
	h := hole{subject: subject{key{"shop", "checkout", "availability"}, "production\x00host.name\x00a\"b\x00http.route\x00"}}
	require.Equal(t, `slo_events_total{service_name="checkout",slo_name="availability",deployment_environment_name="production",service_namespace="shop",host_name="a\"b",http_route="",}`, h.query())
}

// Many groups stay within the limit.
func TestManyGroups(t *testing.T) {
	const values, limit = 10_000, 100
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	config := createDefaultConfig().(*Config)
	config.MaxStreamsPerSLO = 2 * values
	config.Peers, config.History = configoptional.None[PeersConfig](), configoptional.None[HistoryConfig]()
	r := newRigWith(t, config, noon, nil, checkout(groupedBy(limit, "host.name")))
	before := heap()
	for minute := range 10 {
		r.pass(time.Minute)
		for i := range values {
			c := newCounter(noon).add(float64(minute+1), 1)
			r.take(c.in(r.clock, "host.name", fmt.Sprint("host-", i)))
		}
	}
	tracked := (*r.slos.Load())[key{"shop", "checkout", "availability"}]
	require.Equal(t, limit, tracked.groups())
	rest := tracked.instance("production" + tracked.objective.rest)
	require.Len(t, rest.streams, 2*(values-limit))
	require.Equal(t, sum{10 * (values - limit) * oneEvent, (values - limit) * oneEvent}, rest.history.total)
	grown := heap() - before
	t.Logf("%d bytes for %d groups and the counters of %d", grown, limit, values)
	require.Less(t, grown, int64(8<<20))
	runtime.KeepAlive(r)
}

// A point of a group costs no allocation.
func TestPointsOfGroupsDoNotAllocate(t *testing.T) {
	r := newRig(t, checkout(groupedBy(10, "host.name")))
	sumOf := func(md pmetric.Metrics) pmetric.NumberDataPointSlice {
		return md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints()
	}
	md := newCounter(r.clock).in(r.clock, "host.name", "0")
	for i := range 100 {
		sumOf(newCounter(r.clock).add(float64(i), 1).in(r.clock, "host.name", strconv.Itoa(i))).MoveAndAppendTo(sumOf(md))
	}
	send := func() { _, _ = r.consume(t.Context(), md) }
	send()
	require.LessOrEqual(t, testing.AllocsPerRun(20, send), 10.0, "the buffers of a request of %d points", md.DataPointCount())
}

// Of an SLO that no event was ever counted for, nothing is shown as healthy.
func TestNothingCountedHasNoValues(t *testing.T) {
	r := newRig(t, checkout())
	names := func() (found []string) {
		for s := range r.flushed() {
			name, _, _ := strings.Cut(s, "{")
			if !slices.Contains(found, name) {
				found = append(found, name)
			}
		}
		slices.Sort(found)
		return found
	}
	require.Len(t, names(), 8, "no_data")
	c := newCounter(r.clock)
	r.pass(5 * time.Second)
	r.send(c)
	names()
	require.Len(t, r.ended(), 2*8+2, "ratios, burn rates, budget, exhaustion")
	for range 3 {
		r.pass(time.Minute)
		r.send(c)
	}
	require.Equal(t, []string{"slo.digest", "slo.objective", "slo.period.coverage", "slo.state"}, names(), "never_seen")
	r.sink.Reset()
	r.pass(5 * time.Second)
	r.send(c.add(1, 0))
	r.flush(t.Context(), r.clock, false) // of changes
	g := gauges{}
	for _, md := range r.sink.AllMetrics() {
		g.collect(md)
	}
	require.Equal(t, 1.0, g.of(t, "slo.error_budget.remaining"))
	require.Equal(t, 0.0, g.of(t, "slo.burn_rate", "1h"))
	require.Equal(t, "new", g.state(t))
}
