// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// groupedService has an SLO by host and route, of at most so many groups, and one without groups.
func groupedService(limit int) string {
	return fmt.Sprintf(`
metadata: {name: checkout}
spec:
  owner: payments
  slos:
    - {name: hosts, objective: 99.9, groupBy: [host.name, http.route], maxGroups: %d, sli: {availability: {}}}
    - {name: all, objective: 99.9, sli: {availability: {}}}
`, limit)
}

// spanAt is a request of a host and route.
func spanAt(host, route string, bad bool) spanOf {
	s := spanOf{kind: server, err: bad, attributes: map[string]any{}}
	if host != "" {
		s.attributes["host.name"] = host
	}
	if route != "" {
		s.attributes["http.route"] = route
	}
	return s
}

// groupsOf are the last points of the SLO by group, as "environment host route good bad", of all versions.
func groupsOf(md pmetric.Metrics, slo string) []string {
	type outcomes [2]float64
	series, sum := make(map[string]float64), make(map[string]*outcomes)
	for _, p := range points(md, semconv.SLOEvents.Name) {
		if attr(p, semconv.SLOName) != slo {
			continue
		}
		group := strings.Join([]string{attr(p, semconv.Environment), attr(p, "host.name"), attr(p, "http.route")}, " ")
		if sum[group] == nil {
			sum[group] = &outcomes{}
		}
		key, n := group+attr(p, semconv.ServiceVersion)+attr(p, semconv.SLOOutcome), 0
		if attr(p, semconv.SLOOutcome) == semconv.Bad {
			n = 1
		}
		sum[group][n] += p.DoubleValue() - series[key]
		series[key] = p.DoubleValue()
	}
	lines := make([]string, 0, len(sum))
	for group, n := range sum {
		lines = append(lines, fmt.Sprintf("%s %v %v", group, n[0], n[1]))
	}
	sort.Strings(lines)
	return lines
}

func TestGroupsOfSpans(t *testing.T) {
	f := start(t, catalogOf(t, groupedService(3)))
	require.Equal(t, []string{"- - - 0 0"}, groupsOf(f.flush(t), "hosts"), "0 until there is a group")
	f.traces(t, tracesOf(checkout("host.name", "of-resource"),
		spanAt("", "/pay", false), spanAt("a", "/pay", false), spanAt("a", "/pay", true), spanAt("a", "/cart", false), spanAt("b", "/pay", true), spanAt("c", "", true),
		spanOf{kind: server, attributes: map[string]any{"host.name": catalogOverflow, "http.route": "/x"}}))
	require.Equal(t, []string{
		"production _overflow _overflow 1 2",
		"production a /cart 1 0",
		"production a /pay 1 1",
		"production of-resource /pay 1 0",
	}, groupsOf(f.flush(t), "hosts"), "first come, and the rest together")
	require.Equal(t, []string{"production - - 4 3"}, groupsOf(f.flush(t), "all"))
	require.Equal(t, int64(2), f.counter(t, "otelcol_connector_sli_events_adjusted", reasonGroupOverflow))
	f.traces(t, tracesOf(checkout(), spanAt("", "", true)))
	require.Contains(t, groupsOf(f.flush(t), "hosts"), "production - - 0 1", "no attribute")
}

const catalogOverflow = "_overflow"

// Values are labels: bounded, printable, of one type.
func TestGroupValues(t *testing.T) {
	f := start(t, catalogOf(t, groupedService(100)))
	values := []any{"é", "a\nb\x00c", strings.Repeat("é", 200), "\xff\xfe", int64(7), 7.0, 7.5, true, []any{"x"}, ""}
	for _, v := range values {
		f.traces(t, tracesOf(checkout(), spanOf{kind: server, attributes: map[string]any{"host.name": v, "http.route": "/"}}))
	}
	require.ElementsMatch(t, []string{
		"production é / 1 0", "production a?b?c / 1 0", "production " + strings.Repeat("é", 128) + " / 1 0", "production ? / 1 0",
		"production 7 / 2 0", "production 7.5 / 1 0", "production true / 1 0", "production - / 2 0",
	}, groupsOf(f.flush(t), "hosts"))
}

// A model of groups: the first of each environment and set of values up to the limit, and the rest; every event is in one of them, after kills and
// repeats, too.
func TestGroupsAgreeWithAModel(t *testing.T) {
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 1))
		const limit = 7
		cat, d := catalogOf(t, groupedService(limit)), newDisk(t)
		f := start(t, cat, d.on(t))
		want, admitted := map[string]*[2]int{}, map[string]bool{}
		var last ptrace.Traces
		for step := range 60 {
			td := ptrace.NewTraces()
			for range 1 + random.IntN(3) {
				environment := []string{"production", "staging"}[random.IntN(2)]
				one := spansAt(f.clock.Now(), 1+random.IntN(4), "deployment.environment.name", environment, "service.version", strconv.Itoa(random.IntN(3)))
				for i, span := range one.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
					host := fmt.Sprint("host", random.IntN(4+step/4))
					span.Attributes().PutStr("host.name", host)
					span.Attributes().PutStr("http.route", "/")
					group := environment + " " + host + " /"
					if !admitted[group] && len(admitted) >= limit {
						group = environment + " _overflow _overflow"
					} else {
						admitted[group] = true
					}
					if want[group] == nil {
						want[group] = &[2]int{}
					}
					if i == 0 {
						want[group][1]++
					} else {
						want[group][0]++
					}
				}
				one.ResourceSpans().MoveAndAppendTo(td.ResourceSpans())
			}
			f.traces(t, td)
			last = td
			switch random.IntN(6) {
			case 0:
				f.traces(t, last) // sent again
			case 1:
				f.flush(t)
			case 2: // killed, and sent again
				now := f.clock.Now()
				d = d.killed(t)
				f = start(t, cat, d.on(t))
				f.clock.add(now.Sub(f.clock.Now()))
				f.traces(t, last)
			}
			f.clock.add(time.Duration(random.IntN(60)) * time.Second)
		}
		var lines []string
		for group, n := range want {
			lines = append(lines, fmt.Sprintf("%s %d %d", group, n[0], n[1]))
		}
		sort.Strings(lines)
		md := f.flush(t)
		require.Equal(t, lines, groupsOf(md, "hosts"), "seed %d %v %v", seed, groupsOf(md, "all"), lateOf(md))
		require.Greater(t, len(lines), limit)
	}
}

// A group that has had no event for the period gives its place to another one, and begins anew.
func TestGroupsAreForgotten(t *testing.T) {
	dir := t.TempDir()
	cat := catalogOf(t, groupedService(2))
	f := startUnbound(t, cat, stored(t, dir))
	f.traces(t, tracesOf(checkout(), spanAt("a", "/", true), spanAt("b", "/", false), spanAt("c", "/", false)))
	f.flush(t)
	f.clock.add(20 * 24 * time.Hour)
	f.traces(t, tracesOf(checkout(), spanAt("b", "/", false), spanAt("d", "/", false)))
	require.Equal(t, []string{"production _overflow _overflow 2 0", "production a / 0 1", "production b / 2 0"}, groupsOf(f.flush(t), "hosts"))
	require.NoError(t, f.Shutdown(t.Context()))

	g := startAt(t, cat, f.clock.Now(), stored(t, dir))
	t.Cleanup(func() { require.NoError(t, g.Shutdown(t.Context())) })
	g.clock.add(10 * 24 * time.Hour)
	g.traces(t, tracesOf(checkout(), spanAt("a", "/", true)))
	require.Equal(t, []string{"production _overflow _overflow 2 0", "production a / 0 2", "production b / 2 0"}, groupsOf(g.flush(t), "hosts"), "an event keeps it")
	g.clock.add(21 * 24 * time.Hour)
	g.flush(t)
	g.traces(t, tracesOf(checkout(), spanAt("e", "/", false), spanAt("b", "/", false)))
	require.Equal(t, []string{"production _overflow _overflow 1 0", "production a / 0 2", "production e / 1 0"}, groupsOf(g.flush(t), "hosts"))
	for i, o := range g.registry.service(serviceKey{name: "checkout"}).slos {
		require.True(t, o == nil || o.index == i)
	}
	require.Less(t, len(g.registry.service(serviceKey{name: "checkout"}).slos), 7, "places are taken again")
}

// With other groups, an SLO begins anew, and no event is in two series of one name.
func TestOtherGroups(t *testing.T) {
	f := start(t, catalogOf(t, groupedService(10)))
	f.traces(t, tracesOf(checkout(), spanAt("a", "/", true)))
	f.flush(t)
	f.source.swap(catalogOf(t, strings.Replace(groupedService(10), "groupBy: [host.name, http.route], maxGroups: 10, ", "", 1)))
	f.traces(t, tracesOf(checkout(), spanAt("a", "/", false)))
	require.Equal(t, []string{"production - - 1 0", "production a / 0 1"}, groupsOf(f.flush(t), "hosts"), "the last counts of what was")
	require.Equal(t, []string{"production - - 1 0"}, groupsOf(f.flush(t), "hosts"))
	f.source.swap(catalogOf(t, groupedService(10)))
	require.Equal(t, []string{"production - - 1 0"}, groupsOf(f.flush(t), "hosts"), "not 0 beside it")
	require.Equal(t, []string{"production - - 0 0"}, groupsOf(f.flush(t), "hosts"))
	f.traces(t, tracesOf(checkout(), spanAt("b", "/", false)))
	require.Equal(t, []string{"production b / 1 0"}, groupsOf(f.flush(t), "hosts"))
}

func TestGroupsOfLogs(t *testing.T) {
	f := start(t, catalogOf(t, `
metadata: {name: checkout}
spec:
  owner: payments
  slos:
    - {name: hosts, objective: 99.9, groupBy: [host.name], sli: {logs: {good: 'severity_number < 17'}}}
`))
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	fill(rl.Resource().Attributes(), checkout("host.name", "r"))
	records := rl.ScopeLogs().AppendEmpty().LogRecords()
	for _, host := range []string{"a", "a", ""} {
		record := records.AppendEmpty()
		record.SetSeverityNumber(plog.SeverityNumberError)
		if host != "" {
			record.Attributes().PutStr("host.name", host)
		}
	}
	require.NoError(t, f.ConsumeLogs(t.Context(), ld))
	require.Equal(t, []string{"production a - 0 2", "production r - 0 1"}, groupsOf(f.flush(t), "hosts"))
}

// Both sides of a metrics SLI are compared in each group, also over a restart between them.
func TestGroupsOfMetrics(t *testing.T) {
	dir := t.TempDir()
	cat := catalogOf(t, `
metadata: {name: checkout}
spec:
  owner: payments
  slos:
    - {name: hosts, objective: 99.9, groupBy: [host.name], maxGroups: 2, sli: {metrics: {good: {name: good}, total: {name: total}}}}
    - {name: sides, objective: 99.9, groupBy: [host.name], sli: {metrics: {good: {name: good}, bad: {name: failed}}}}
`)
	f := startUnbound(t, cat, stored(t, dir))
	send := func(f *fixture, name string, values ...any) {
		md := pmetric.NewMetrics()
		rm := md.ResourceMetrics().AppendEmpty()
		fill(rm.Resource().Attributes(), checkout())
		m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		m.SetName(name)
		sum := m.SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		for i := 0; i < len(values); i += 2 {
			dp := sum.DataPoints().AppendEmpty()
			dp.Attributes().PutStr("host.name", values[i].(string))
			dp.SetIntValue(int64(values[i+1].(int)))
			dp.SetStartTimestamp(pcommon.NewTimestampFromTime(f.clock.Now().Add(-time.Second)))
			dp.SetTimestamp(pcommon.NewTimestampFromTime(f.clock.Now()))
		}
		require.NoError(t, f.ConsumeMetrics(t.Context(), md))
	}
	send(f, "good", "a", 9, "b", 1, "c", 5)
	send(f, "total", "a", 10)
	require.Equal(t, []string{"production a - 9 1"}, groupsOf(f.flush(t), "hosts"))
	now := f.clock.Now().Add(-time.Second)
	require.NoError(t, f.Shutdown(t.Context()))
	g := start(t, cat, stored(t, dir))
	g.clock.add(now.Sub(g.clock.Now()))
	send(g, "total", "b", 20, "c", 6)
	send(g, "failed", "c", 3)
	md := g.flush(t)
	require.Equal(t, []string{"production _overflow - 5 1", "production a - 9 1", "production b - 1 19"}, groupsOf(md, "hosts"))
	require.Equal(t, []string{"production a - 9 0", "production b - 1 0", "production c - 5 3"}, groupsOf(md, "sides"))
}

// Many values stay within the limit, and lose nothing.
func TestManyGroups(t *testing.T) {
	const values, limit = 10_000, 100
	f := start(t, catalogOf(t, groupedService(limit)), func(c *Config, _ host) { c.Exemplars = 5 })
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	for i := range values {
		f.traces(t, tracesOf(checkout(), spanAt(fmt.Sprint("host-", i), "/", i%2 == 0)))
	}
	md := f.flush(t)
	groups := groupsOf(md, "hosts")
	require.Len(t, groups, limit+1)
	require.Equal(t, "production _overflow _overflow 4950 4950", groups[0])
	md = pmetric.NewMetrics()
	f.sink.Reset()
	perGroup := float64(heap()-before) / limit
	t.Logf("%.0f bytes for each group", perGroup)
	require.Less(t, perGroup, 4096.0)
	require.Zero(t, md.DataPointCount())
}

// The groups of the batches of benchmarks: one for each span, in a request.
const groupedBenchmark = `
metadata: {name: service-0}
spec:
  owner: team
  slos:
    - {name: availability, objective: 99.9, groupBy: [group], sli: {availability: {}}}
    - {name: latency, objective: 99, groupBy: [group], sli: {latency: {threshold: 300ms}}}
`

func groupedBatch(groups int) ptrace.Traces {
	td := ptrace.NewTraces()
	benchmarkBatches(1)[0].CopyTo(td)
	for i, span := range td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
		span.Attributes().PutStr("group", fmt.Sprint("group-", i%groups))
	}
	return td
}

// Groups cost no allocation, whether they are kept apart or not.
func TestGroupsDoNotAllocate(t *testing.T) {
	for _, groups := range []int{1, 10, 100} {
		f := start(t, catalogOf(t, strings.ReplaceAll(groupedBenchmark, "groupBy: [group]", "groupBy: [group], maxGroups: 50")))
		td := groupedBatch(groups)
		for range 10 {
			f.traces(t, td)
		}
		allocated := testing.AllocsPerRun(100, func() { _ = f.ConsumeTraces(t.Context(), td) })
		// One allocation for each event would be 2. The race detector empties the pool now and then: then the tallies are made again.
		require.Less(t, allocated/spansPerBatch, 0.5, "a span")
	}
}

// Of an SLO that is grouped by a flag, the events of each variant are counted apart.
func TestGroupsOfVariants(t *testing.T) {
	f := start(t, catalogOf(t, `
metadata: {name: checkout}
spec:
  owner: payments
  slos: [{name: variants, objective: 99.9, groupBy: [feature_flag.new_check], sli: {availability: {}}}]
`))
	td := tracesOf(checkout(), spanOf{kind: server}, spanOf{kind: server}, spanOf{kind: server, err: true}, spanOf{kind: server})
	spans := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	for i, variant := range []string{"off", "off", "on"} { // the last has not asked
		e := spans.At(i).Events().AppendEmpty()
		e.SetName(semconv.EventFlagEval)
		e.Attributes().PutStr(semconv.FlagKey, "new-check")
		e.Attributes().PutStr(semconv.FlagVariant, variant)
	}
	f.traces(t, td)
	counted := map[string]float64{}
	for _, p := range points(f.flush(t), semconv.SLOEvents.Name) {
		counted[attr(p, "feature_flag.new_check")+" "+attr(p, semconv.SLOOutcome)] += p.DoubleValue()
	}
	require.Equal(t, map[string]float64{"off good": 2, "off bad": 0, "on good": 0, "on bad": 1, "- good": 1, "- bad": 0}, counted)
}
