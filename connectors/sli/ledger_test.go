// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const ledgerLost = "otelcol_connector_sli_ledger_events_lost"

// A gateway takes counters and tables from agents, as the slo processor does: a table in place of an earlier one of the same agent, SLO and start.
type gateway struct {
	// refuse reports whether a request is refused; sometimes it is taken all the same.
	refuse func() (refused, taken bool)
	// counters are by agent and series, tables by agent, SLO and start.
	counters map[string]float64
	tables   map[string]taken
	largest  int
}

type taken struct {
	slo   string
	until pcommon.Timestamp
	bad   float64
	rows  []byte
}

func newGateway() *gateway {
	return &gateway{refuse: func() (bool, bool) { return false, true }, counters: make(map[string]float64), tables: make(map[string]taken)}
}

// from is the gateway as an agent has it.
func (g *gateway) from(agent string) consumer.Metrics {
	next, err := consumer.NewMetrics(func(_ context.Context, md pmetric.Metrics) error {
		refused, taken := g.refuse()
		if taken {
			g.take(agent, md)
		}
		if refused {
			return errors.New("the connection broke")
		}
		return nil
	})
	if err != nil {
		panic(err)
	}
	return next
}

// nameOf is the SLO, with its group and environment.
func nameOf(p pmetric.NumberDataPoint) string {
	return text4(p, semconv.SLOName, semconv.Environment, semconv.ServiceName, "tenant")
}

func (g *gateway) take(agent string, md pmetric.Metrics) {
	for _, p := range points(md, semconv.SLOEvents.Name) {
		if attr(p, semconv.SLOOutcome) == semconv.Bad && !p.Flags().NoRecordedValue() {
			g.counters[agent+" "+nameOf(p)+" "+attr(p, semconv.ServiceVersion)] = p.DoubleValue()
		}
	}
	bytes := 0
	for _, p := range points(md, semconv.SLOLedgerTable.Name) {
		rows, _ := p.Attributes().Get(semconv.SLOLedgerRows)
		key := fmt.Sprint(agent, " ", nameOf(p), " ", int64(p.StartTimestamp()))
		if earlier, ok := g.tables[key]; ok && earlier.until > p.Timestamp() {
			continue
		}
		g.tables[key] = taken{nameOf(p), p.Timestamp(), p.DoubleValue(), append([]byte(nil), rows.Bytes().AsRaw()...)}
		bytes += rows.Bytes().Len()
	}
	g.largest = max(g.largest, bytes)
}

// bad are the bad events of each SLO, by its counters, and merged those of its tables.
func (g *gateway) bad() map[string]float64 {
	sums := make(map[string]float64)
	for series, n := range g.counters {
		if n > 0 {
			sums[strings.Fields(series)[1]] += n
		}
	}
	return sums
}

func (g *gateway) merged(t testing.TB) map[string]*attribution.Table {
	t.Helper()
	all := make(map[string]*attribution.Table)
	for _, table := range g.tables {
		read, err := attribution.Read(table.rows)
		require.NoError(t, err)
		assert.Equal(t, read.Booked(), table.bad)
		if all[table.slo] == nil {
			all[table.slo] = attribution.New(attribution.Counting)
		}
		all[table.slo].Merge(read)
	}
	return all
}

// sumsUp checks that every dimension of every table adds up, to the last event, to what the counters have.
func (g *gateway) sumsUp(t *testing.T, slack float64) map[string]*attribution.Table {
	t.Helper()
	merged := g.merged(t)
	for slo, bad := range g.bad() {
		require.Contains(t, merged, slo)
		assert.InDelta(t, bad, merged[slo].Booked(), slack, slo)
	}
	for slo, table := range merged {
		require.Contains(t, g.bad(), slo)
		for _, d := range table.Dimensions() {
			sum := d.Other + d.Without
			for _, l := range d.Lines {
				sum += l.Bad
			}
			assert.Equal(t, table.Booked(), sum, "%s by %s", slo, d.Name)
		}
	}
	return merged
}

const ledgerService = `
metadata: {name: checkout}
spec:
  owner: payments
  slos:
    - {name: availability, objective: 99.9, sli: {availability: {}}}
    - {name: latency, objective: 99, sli: {latency: {threshold: 300ms}}}
    - {name: tenants, objective: 99, groupBy: [tenant], maxGroups: 5, sli: {availability: {}}}
    - {name: lines, objective: 99, sli: {logs: {good: 'severity_number < SEVERITY_NUMBER_ERROR'}}}
    - {name: jobs, objective: 99, sli: {metrics: {total: {name: jobs}, good: {name: jobs, match: 'attributes["result"] == "ok"'}}}}
    - {name: mails, objective: 99, sli: {metrics: {bad: {name: mails.failed}, total: {name: mails}}}}
    - {name: calls, objective: 99, sli: {metrics: {bad: {name: calls.failed}, good: {name: calls.done}}}}
`

// An agent is a collector that is stopped and started again.
type agent struct {
	*fixture
	name    string
	disk    disk
	options []option
	jobs    [2][2]int64
	sent    []ptrace.Traces
}

func (a *agent) start(t testing.TB, g *gateway, at time.Time) {
	a.fixture = startAt(t, catalogOf(t, ledgerService), at, append([]option{a.disk.on(t), withLedger}, a.options...)...)
	a.core.next = g.from(a.name)
}

func randomSpans(r *rand.Rand, at time.Time, fractional bool) ptrace.Traces {
	td := ptrace.NewTraces()
	for range 1 + r.IntN(2) {
		rs := td.ResourceSpans().AppendEmpty()
		fill(rs.Resource().Attributes(), checkout("service.version", strconv.Itoa(r.IntN(3)), "k8s.pod.name", fmt.Sprintf("checkout-%d", r.IntN(80)),
			"deployment.environment.name", []string{"production", "staging"}[r.IntN(2)]))
		spans := rs.ScopeSpans().AppendEmpty().Spans()
		for range r.IntN(40) {
			span := spans.AppendEmpty()
			var trace pcommon.TraceID
			binary.LittleEndian.PutUint64(trace[:], r.Uint64())
			span.SetTraceID(trace)
			span.SetSpanID(pcommon.SpanID(trace[:8]))
			span.SetKind(server)
			ended := at
			if r.IntN(20) == 0 {
				ended = at.Add(-time.Hour) // late
			}
			span.SetEndTimestamp(pcommon.NewTimestampFromTime(ended))
			span.SetStartTimestamp(pcommon.NewTimestampFromTime(ended.Add(-time.Duration(r.IntN(400)) * time.Millisecond)))
			if r.IntN(3) == 0 {
				span.Status().SetCode(ptrace.StatusCodeError)
			}
			if r.IntN(4) == 0 {
				span.TraceState().FromRaw("ot=th:c")
				if fractional {
					span.TraceState().FromRaw(fmt.Sprintf("ot=th:%x", 1+r.IntN(14)*0x1000+0xabc))
				}
			}
			span.SetName(fmt.Sprintf("op %d", r.IntN(4)))
			attributes := span.Attributes()
			for range r.IntN(30) {
				attributes.PutStr(fmt.Sprintf("app.%c", 'a'+rune(r.IntN(30))), fmt.Sprintf("v%d", r.IntN(1+r.IntN(200))))
			}
			if r.IntN(2) == 0 {
				attributes.PutStr("tenant", strconv.Itoa(r.IntN(8)))
			}
			if r.IntN(5) == 0 {
				attributes.PutStr("k8s.pod.name", "of the span")
				attributes.PutInt("http.response.status_code", 200+r.Int64N(4)*100)
			}
		}
	}
	return td
}

func randomLogs(r *rand.Rand, at time.Time) plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	fill(rl.Resource().Attributes(), checkout("host.name", fmt.Sprint("host", r.IntN(3))))
	records := rl.ScopeLogs().AppendEmpty().LogRecords()
	for range r.IntN(20) {
		record := records.AppendEmpty()
		record.SetTimestamp(pcommon.NewTimestampFromTime(at) - pcommon.Timestamp(r.IntN(1000)))
		record.SetSeverityNumber([]plog.SeverityNumber{plog.SeverityNumberInfo, plog.SeverityNumberError}[r.IntN(2)])
		record.Body().SetStr(fmt.Sprint("text ", r.IntN(1000)))
		record.Attributes().PutStr("queue", fmt.Sprint("queue", r.IntN(3)))
	}
	return ld
}

// jobMetrics are counters that go on: jobs by result and kind, mails without attributes of the failed ones, and calls as deltas.
func (a *agent) jobMetrics(r *rand.Rand, since, at time.Time) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	fill(rm.Resource().Attributes(), checkout("k8s.pod.name", "worker-"+a.name))
	metrics := rm.ScopeMetrics().AppendEmpty().Metrics()
	add := func(name string, temporality pmetric.AggregationTemporality, value float64, attributes map[string]any) {
		m := metrics.AppendEmpty()
		m.SetName(name)
		sum := m.SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(temporality)
		p := sum.DataPoints().AppendEmpty()
		p.SetStartTimestamp(pcommon.NewTimestampFromTime(since))
		p.SetTimestamp(pcommon.NewTimestampFromTime(at))
		p.SetDoubleValue(value)
		fill(p.Attributes(), attributes)
	}
	for result := range 2 {
		for kind := range 2 {
			a.jobs[result][kind] += r.Int64N(5)
			add("jobs", pmetric.AggregationTemporalityCumulative, float64(a.jobs[result][kind]), map[string]any{"result": []string{"ok", "failed"}[result], "kind": fmt.Sprint("kind", kind)})
		}
	}
	add("mails", pmetric.AggregationTemporalityDelta, float64(10+r.IntN(5)), nil)
	add("mails.failed", pmetric.AggregationTemporalityDelta, float64(r.IntN(5)), map[string]any{"relay": "a"})
	add("calls.failed", pmetric.AggregationTemporalityDelta, float64(r.IntN(5)), map[string]any{"peer.service": fmt.Sprint("peer", r.IntN(3))})
	add("calls.done", pmetric.AggregationTemporalityDelta, float64(r.IntN(50)), nil)
	return md
}

// What the tables of two agents have adds up to the bad events that their counters have, to the last one: with events that are sent again, weights,
// more values, attributes and groups than there is room for, refused flushes, lost answers, and restarts, also twice in a minute.
func TestLedgerAddsUp(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			fractional := seed%2 == 1
			g := newGateway()
			agents := []*agent{{name: "a", disk: newDisk(t)}, {name: "b", disk: newDisk(t)}}
			now := epoch
			for _, a := range agents {
				a.start(t, g, now)
			}
			for range 120 {
				a := agents[r.IntN(len(agents))]
				step := time.Duration(r.IntN(4000)) * time.Millisecond
				if r.IntN(15) == 0 {
					step = 50 * time.Second
				}
				now = now.Add(step)
				for _, a := range agents {
					a.clock.add(now.Sub(a.clock.Now()))
				}
				switch n := r.IntN(20); {
				case n < 9:
					td := randomSpans(r, now, fractional)
					a.sent = append(a.sent, td)
					a.traces(t, td)
				case n < 11 && len(a.sent) > 0:
					a.traces(t, a.sent[len(a.sent)-1-r.IntN(min(3, len(a.sent)))])
				case n < 13:
					require.NoError(t, a.ConsumeLogs(t.Context(), randomLogs(r, now)))
				case n < 15:
					require.NoError(t, a.ConsumeMetrics(t.Context(), a.jobMetrics(r, epoch, now)))
				case n == 15:
					g.refuse = func() (bool, bool) { return r.IntN(2) == 0, r.IntN(2) == 0 }
					g.refuse = orTaken(g.refuse)
				case n == 16:
					g.refuse = func() (bool, bool) { return false, true }
				case n == 17 && r.IntN(3) == 0:
					g.refuse = func() (bool, bool) { return false, true }
					require.NoError(t, a.Shutdown(t.Context()))
					a.start(t, g, now)
				default:
					a.core.flush(t.Context())
				}
			}
			g.refuse = func() (bool, bool) { return false, true }
			for range 2 {
				for _, a := range agents {
					a.clock.add(2 * time.Minute) // what metrics SLIs have pending is settled
					a.core.flush(t.Context())
				}
			}
			slack := 1e-6
			if fractional {
				slack = 0.01
			}
			merged := g.sumsUp(t, slack)
			for _, slo := range []string{"availability/production/checkout/-", "jobs/production/checkout/-", "lines/production/checkout/-", "calls/production/checkout/-"} {
				require.Contains(t, merged, slo)
			}
			for _, a := range agents {
				assert.Zero(t, a.total(t, ledgerLost))
				assert.Zero(t, a.ledger.books.Load(), "after a minute without a bad event nothing is left")
				require.NoError(t, a.Shutdown(t.Context()))
			}
		})
	}
}

// orTaken lets a request that is not refused be taken.
func orTaken(refuse func() (bool, bool)) func() (bool, bool) {
	return func() (bool, bool) {
		refused, taken := refuse()
		return refused, taken || !refused
	}
}

// ledgerFixture is an agent with the ledger and no disk, whose tables the gateway has.
func ledgerFixture(t testing.TB, g *gateway, options ...option) *fixture {
	f := start(t, catalogOf(t, ledgerService), append([]option{withLedger}, options...)...)
	f.core.next = g.from("a")
	return f
}

func failedSpans(n int, more ...string) ptrace.Traces {
	spans := make([]spanOf, n)
	for i := range spans {
		spans[i] = spanOf{kind: server, err: true, attributes: map[string]any{"http.route": fmt.Sprint("/", i%3)}}
	}
	return tracesOf(checkout(more...), spans...)
}

func TestLedgerIsOffUnlessConfigured(t *testing.T) {
	g := newGateway()
	f := start(t, catalogOf(t, ledgerService))
	f.core.next = g.from("a")
	f.traces(t, failedSpans(10))
	f.core.flush(t.Context())
	assert.Empty(t, g.tables)
	assert.NotEmpty(t, g.bad())
}

// A table is sent when it has changed, under one key in its minute, and once more when its last state was not taken.
func TestTablesOfMinutes(t *testing.T) {
	g := newGateway()
	sent := 0
	f := ledgerFixture(t, g)
	next := f.core.next
	counting, err := consumer.NewMetrics(func(ctx context.Context, md pmetric.Metrics) error {
		sent += len(points(md, semconv.SLOLedgerTable.Name))
		return next.ConsumeMetrics(ctx, md)
	})
	require.NoError(t, err)
	f.core.next = counting
	keys := func() (of []string) {
		for key, table := range g.tables {
			if table.slo == "availability/production/checkout/-" {
				of = append(of, fmt.Sprintf("%s: %v", time.Unix(0, mustInt(t, strings.Fields(key)[2])).UTC().Format("15:04:05"), table.bad))
			}
		}
		return of
	}
	f.traces(t, failedSpans(3)) // at 03:04:05
	f.core.flush(t.Context())
	require.Equal(t, 2, sent, "availability, and tenants without a tenant")
	f.core.flush(t.Context())
	require.Equal(t, 2, sent, "nothing new")
	f.clock.add(20 * time.Second)
	f.traces(t, failedSpans(4))
	f.core.flush(t.Context())
	require.Equal(t, []string{"03:04:05: 7"}, keys())
	f.clock.add(10 * time.Second)
	f.traces(t, failedSpans(1))
	f.clock.add(30 * time.Second) // 03:05:05
	f.traces(t, failedSpans(5))
	f.core.flush(t.Context())
	require.ElementsMatch(t, []string{"03:04:05: 8", "03:05:05: 5"}, keys())
	require.EqualValues(t, 2, f.ledger.books.Load())
	f.clock.add(time.Minute)
	f.core.flush(t.Context())
	require.EqualValues(t, 2, f.ledger.books.Load(), "good events are sampled for one more minute")
	f.clock.add(time.Minute)
	f.core.flush(t.Context())
	require.Zero(t, f.ledger.books.Load())
	checkout := f.registry.shards[serviceKey{name: "checkout"}.shard()].services[serviceKey{name: "checkout"}]
	require.Nil(t, checkout.books.all)
	require.Nil(t, checkout.books.reader)
	require.Nil(t, checkout.books.sampled.Load())
	g.sumsUp(t, 0)
}

// A clock that is corrected by some seconds stays in its minute. One that was hours ahead begins another table, and does not put all that is bad into one for hours.
func TestTablesAfterTheClockWentBack(t *testing.T) {
	g := newGateway()
	f := ledgerFixture(t, g)
	keys := func() (of []string) {
		for key, table := range g.tables {
			if table.slo == "availability/production/checkout/-" {
				of = append(of, fmt.Sprintf("%s: %v", time.Unix(0, mustInt(t, strings.Fields(key)[2])).UTC().Format("15:04:05"), table.bad))
			}
		}
		return of
	}
	f.traces(t, failedSpans(3)) // at 03:04:05
	f.clock.add(-30 * time.Second)
	f.traces(t, failedSpans(1))
	f.core.flush(t.Context())
	require.Equal(t, []string{"03:04:05: 4"}, keys())
	f.clock.add(-2 * time.Hour)
	f.traces(t, failedSpans(5))
	f.core.flush(t.Context())
	f.clock.add(time.Minute)
	f.traces(t, failedSpans(2))
	f.core.flush(t.Context())
	require.ElementsMatch(t, []string{"03:04:05: 4", "01:03:35: 5", "01:04:35: 2"}, keys())
	g.sumsUp(t, 0)
}

func mustInt(t testing.TB, s string) (n int64) {
	_, err := fmt.Sscan(s, &n)
	require.NoError(t, err)
	return n
}

// A gateway that takes nothing for hours costs a bounded number of bytes: first the samples of the oldest minutes go, then their sums, and that is counted.
func TestTablesThatNobodyTakes(t *testing.T) {
	g := newGateway()
	f := ledgerFixture(t, g)
	g.refuse = func() (bool, bool) { return true, false }
	r := rand.New(rand.NewPCG(1, 6))
	sent := 0.0
	for range 120 {
		f.traces(t, randomSpans(r, f.clock.Now(), false))
		f.core.flush(t.Context())
		f.clock.add(time.Minute)
	}
	checkout := f.registry.shards[serviceKey{name: "checkout"}.shard()].services[serviceKey{name: "checkout"}]
	for key, o := range checkout.books.all {
		assert.LessOrEqual(t, o.waiting(), mostFinished, key)
	}
	g.refuse = func() (bool, bool) { return false, true }
	f.core.flush(t.Context())
	for _, n := range g.bad() {
		sent += n
	}
	booked := 0.0
	for _, table := range g.merged(t) {
		booked += table.Booked()
	}
	assert.Positive(t, f.counter(t, ledgerLost, reasonGivenUp))
	assert.InDelta(t, sent, booked+float64(f.counter(t, ledgerLost, reasonGivenUp)), 1e-6, "what is lost is counted")
}

func TestNoMoreTablesThanConfigured(t *testing.T) {
	g := newGateway()
	f := ledgerFixture(t, g, func(cfg *Config, _ host) { cfg.Ledger.Get().MaxSLOs = 1 })
	f.traces(t, failedSpans(3)) // availability, and tenants
	f.traces(t, failedSpans(2, "deployment.environment.name", "staging"))
	f.core.flush(t.Context())
	require.Len(t, g.tables, 1)
	require.EqualValues(t, 1, f.ledger.books.Load())
	require.EqualValues(t, 3+2+2, f.counter(t, ledgerLost, reasonSLOs))
}

// The share of traffic of a value, by the sampled good events, is its share of the good events.
func TestGoodEventsAreAFairSample(t *testing.T) {
	g := newGateway()
	f := ledgerFixture(t, g)
	f.ledger.limits.Seed = 7
	r := rand.New(rand.NewPCG(1, 7))
	f.traces(t, failedSpans(1))
	good := map[string]float64{}
	all := 0.0
	for range 400 {
		var spans []spanOf
		for range 1 + r.IntN(60) {
			tenant := fmt.Sprint("tenant-", min(r.IntN(10), 3))
			good[tenant]++
			all++
			spans = append(spans, spanOf{kind: server, attributes: map[string]any{"http.route": tenant}})
		}
		f.traces(t, tracesOf(checkout(), spans...))
	}
	for i := range 4 {
		f.traces(t, tracesOf(checkout(), spanOf{kind: server, err: true, attributes: map[string]any{"http.route": fmt.Sprint("tenant-", i)}}))
	}
	f.core.flush(t.Context())
	table := g.merged(t)["availability/production/checkout/-"]
	names := make(map[attribution.ID]string)
	at := 0
	for i, d := range table.Dimensions() {
		if d.Name == "http.route" {
			at = i
			for _, l := range d.Lines {
				names[l.ID] = l.Value
			}
		}
	}
	estimated, sum, rows := make(map[string]float64), 0.0, 0
	for row := range table.GoodRows() {
		estimated[names[row.IDs[at]]] += row.Weight
		sum += row.Weight
		rows++
	}
	assert.Greater(t, rows, attribution.Counting.GoodRows/3)
	assert.LessOrEqual(t, rows, attribution.Counting.GoodRows)
	assert.InEpsilon(t, all, sum, 0.15)
	for name, n := range good {
		assert.InDelta(t, n/all, estimated[name]/sum, 0.1, name)
	}
}

// What the catalog and the configuration allow or deny decides what is a dimension; resource attributes and feature flags are some, personal data is none.
func TestDimensionsOfSpans(t *testing.T) {
	g := newGateway()
	cat := catalogOf(t, strings.Replace(ledgerService, "owner: payments", "owner: payments\n  ledger: {allow: [customer.*], deny: [cart.kind]}", 1))
	f := start(t, cat, withLedger, func(cfg *Config, _ host) { cfg.Ledger.Get().Allow = []string{"user.plan"} })
	f.core.next = g.from("a")
	td := tracesOf(checkout("k8s.pod.name", "checkout-1", "host.ip", "10.0.0.1"), spanOf{kind: server, err: true, attributes: map[string]any{
		"customer.id": "1234567", "cart.kind": "big", "user.plan": "gold", "user.email": "a@b.example", "app.contact": "a@b.example", "http.response.status_code": 503, "url.query": "q=1",
	}})
	span := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
	span.SetName("POST /pay")
	flag := span.Events().AppendEmpty()
	flag.SetName(semconv.EventFlagEval)
	flag.Attributes().PutStr(semconv.FlagKey, "new-checkout")
	flag.Attributes().PutStr(semconv.FlagVariant, "on")
	for i, variant := range []any{[]any{"a", "b"}, map[string]any{"a": "b"}, []byte("bytes"), true} { // only the last one is plain
		flag := span.Events().AppendEmpty()
		flag.SetName(semconv.EventFlagEval)
		flag.Attributes().PutStr(semconv.FlagKey, fmt.Sprint("odd-", i))
		require.NoError(t, flag.Attributes().PutEmpty(semconv.FlagVariant).FromRaw(variant))
	}
	f.traces(t, td)
	f.core.flush(t.Context())
	found := make(map[string]string)
	for _, d := range g.merged(t)["availability/production/checkout/-"].Dimensions() {
		found[d.Name] = ""
		for _, l := range d.Lines {
			found[d.Name] = fmt.Sprint(l.Value, " ", l.Bad)
		}
		if len(d.Lines) == 0 {
			found[d.Name] = fmt.Sprint("hidden ", d.Other)
		}
	}
	assert.Equal(t, map[string]string{
		"span.name": "POST /pay 1", "span.status": "error 1", "customer.id": "1234567 1", "user.plan": "gold 1", "app.contact": "hidden 1", "http.response.status_code": "503 1",
		"feature_flag.new-checkout": "on 1", "feature_flag.odd-3": "true 1", "k8s.pod.name": "checkout-1 1", "service.version": "1.0 1",
	}, found)
}

// With a thousand SLOs that burn, no request is larger than receivers take.
func TestRequestsWithTablesAreBounded(t *testing.T) {
	var documents []string
	for i := range 150 {
		documents = append(documents, strings.Replace(ledgerService, "name: checkout", fmt.Sprint("name: service-", i), 1))
	}
	g := newGateway()
	f := start(t, catalogOf(t, documents...), withLedger, func(cfg *Config, _ host) { cfg.Ledger.Get().MaxSLOs = 5000 })
	f.core.next = g.from("a")
	r := rand.New(rand.NewPCG(1, 8))
	for i := range 150 {
		for range 3 {
			td := randomSpans(r, f.clock.Now(), false)
			for _, rs := range td.ResourceSpans().All() {
				rs.Resource().Attributes().PutStr("service.name", fmt.Sprint("service-", i))
			}
			f.traces(t, td)
		}
	}
	f.core.flush(t.Context())
	assert.Greater(t, len(g.tables), 1000)
	assert.Greater(t, g.largest, mostSent/2)
	assert.Less(t, g.largest, mostSent+mostFinished)
	g.sumsUp(t, 1e-6)
}

// Requests, swaps of the catalog and flushes at the same time book each event once.
func TestLedgerConcurrently(t *testing.T) {
	g := newGateway()
	f := ledgerFixture(t, g, exactly)
	var requests [4][]ptrace.Traces
	for i := range requests {
		r := rand.New(rand.NewPCG(uint64(i), 9))
		for range 30 {
			requests[i] = append(requests[i], randomSpans(r, epoch, false))
		}
	}
	var senders sync.WaitGroup
	for i := range requests {
		senders.Go(func() {
			for n, td := range requests[i] {
				assert.NoError(t, f.ConsumeTraces(context.Background(), td))
				if n%10 == 0 {
					assert.NoError(t, f.ConsumeTraces(context.Background(), td))
					f.source.swap(catalogOf(t, ledgerService))
				}
			}
		})
	}
	for range 20 {
		f.core.flush(t.Context())
		f.clock.add(3 * time.Second)
	}
	senders.Wait()
	f.core.flush(t.Context())
	assert.NotEmpty(t, g.tables)
	g.sumsUp(t, 1e-6)
}

// A request with more values and names than a batch has room for is booked in several, and a million values and long texts take no more room than few.
func TestLedgerOfAMillionValues(t *testing.T) {
	g := newGateway()
	f := ledgerFixture(t, g)
	const requests, spans = 50, 5000
	long := strings.Repeat("x", 1<<20)
	for i := range requests {
		td := ptrace.NewTraces()
		rs := td.ResourceSpans().AppendEmpty()
		fill(rs.Resource().Attributes(), checkout())
		all := rs.ScopeSpans().AppendEmpty().Spans()
		for j := range spans {
			span := all.AppendEmpty()
			span.SetKind(server)
			span.SetEndTimestamp(pcommon.NewTimestampFromTime(epoch))
			span.SetStartTimestamp(span.EndTimestamp() - 1)
			span.Status().SetCode(ptrace.StatusCodeError)
			n := strconv.Itoa(i*spans + j)
			for k := range 4 {
				span.Attributes().PutStr("app."+string(rune('a'+k)), "v "+n[len(n)/2:]+" "+n[:len(n)/2])
			}
			span.Attributes().PutStr("app.n"+n, "<b>\r\n"+n)
			if j == 0 {
				span.SetName(long)
				span.Attributes().PutStr("http.route", long)
				span.Attributes().PutStr("service.version", long)
			}
		}
		f.traces(t, td)
	}
	f.core.flush(t.Context())
	merged := g.sumsUp(t, 0)
	require.Equal(t, float64(requests*spans), merged["availability/production/checkout/-"].Booked())
	for _, d := range merged["availability/production/checkout/-"].Dimensions() {
		for _, l := range d.Lines {
			assert.LessOrEqual(t, len(l.Value), 64)
			assert.NotContains(t, l.Value, "\n")
		}
	}
	checkout := f.registry.shards[serviceKey{name: "checkout"}.shard()].services[serviceKey{name: "checkout"}]
	for key, o := range checkout.books.all {
		assert.LessOrEqual(t, o.table.Size()+o.waiting(), 64<<10, key.slo.name)
	}
}

// A bad span that called in vain has the dependency, if the call is in the same request: that which failed last, by its service or else by its address.
func TestDependenciesThatFailed(t *testing.T) {
	for name, deny := range map[string][]string{"": nil, "denied": {"server.address"}} {
		t.Run(name, func(t *testing.T) {
			g := newGateway()
			f := ledgerFixture(t, g, func(cfg *Config, _ host) { cfg.Ledger.Get().Deny = deny })
			td := tracesOf(checkout(),
				spanOf{kind: server, err: true}, spanOf{kind: server, err: true}, spanOf{kind: server, err: true}, spanOf{kind: server, err: true, attributes: map[string]any{"peer.service": "own"}}, spanOf{kind: server, err: true}, spanOf{kind: server})
			spans := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
			for i := range spans.Len() {
				spans.At(i).SetTraceID(pcommon.TraceID{1, byte(i)})
				spans.At(i).SetSpanID(pcommon.SpanID{2, byte(i)})
			}
			call := func(of int, trace byte, took pcommon.Timestamp, status ptrace.StatusCode, attribute, value string) {
				span := spans.AppendEmpty()
				span.SetKind(ptrace.SpanKindClient)
				span.SetTraceID(pcommon.TraceID{1, trace})
				span.SetSpanID(pcommon.SpanID{3, byte(spans.Len())})
				span.SetParentSpanID(pcommon.SpanID{2, byte(of)})
				span.SetEndTimestamp(took)
				span.Status().SetCode(status)
				span.Attributes().PutStr(attribute, value)
			}
			call(0, 0, 10, ptrace.StatusCodeError, "peer.service", "bank")
			call(0, 0, 30, ptrace.StatusCodeUnset, "peer.service", "stock")
			call(1, 1, 30, ptrace.StatusCodeError, "server.address", "db.internal")
			call(1, 1, 10, ptrace.StatusCodeError, "peer.service", "before")
			call(2, 9, 10, ptrace.StatusCodeError, "peer.service", "of another trace")
			call(3, 3, 10, ptrace.StatusCodeError, "peer.service", "called")
			call(5, 5, 10, ptrace.StatusCodeError, "peer.service", "tried again")
			f.traces(t, td)
			f.core.flush(t.Context())
			found := map[string]float64{}
			for _, d := range g.sumsUp(t, 0)["availability/production/checkout/-"].Dimensions() {
				if d.Name == "peer.service" {
					found["without"] = d.Without
					for _, l := range d.Lines {
						found[l.Value] = l.Bad
					}
				}
			}
			want := map[string]float64{"bank": 1, "db.internal": 1, "own": 1, "without": 2}
			if deny != nil {
				want = map[string]float64{"bank": 1, "own": 1, "without": 3}
			}
			assert.Equal(t, want, found)
		})
	}
}

// Batches are settled together, of a bounded number of services, and at the latest when somebody needs the tables: all of them have what was counted.
func TestBatchesAreSettledTogether(t *testing.T) {
	const services = mostUnsettled + 5
	g := newGateway()
	f := start(t, catalogOf(t, benchmarkCatalog(services)...), withLedger)
	f.core.next = g.from("a")
	of := func(i int) *books {
		key := serviceKey{name: "service-" + strconv.Itoa(i)}
		return &f.registry.shards[key.shard()].services[key].books
	}
	for round := range 3 {
		for i := range services {
			for pod := range 2 {
				f.traces(t, tracesOf(checkout("service.name", "service-"+strconv.Itoa(i), "k8s.pod.name", "pod-"+strconv.Itoa(pod)),
					spanOf{kind: server, err: true, attributes: map[string]any{"http.route": "/" + strconv.Itoa(round), "app.kind": "a kind with a long name"}}))
			}
			assert.Equal(t, i < mostUnsettled, of(i).isUnsettled)
		}
		assert.EqualValues(t, mostUnsettled, f.ledger.unsettled.Load())
	}
	f.core.flush(t.Context())
	assert.Zero(t, f.ledger.unsettled.Load())
	tables := g.sumsUp(t, 0)
	require.Len(t, tables, services)
	for name, table := range tables {
		require.Equal(t, 6.0, table.Booked(), name)
		lines := make(map[string][]float64)
		for _, s := range table.Dimensions() {
			for _, l := range s.Lines {
				lines[s.Name] = append(lines[s.Name], l.Bad)
			}
		}
		assert.Equal(t, map[string][]float64{"k8s.pod.name": {3, 3}, "http.route": {2, 2, 2}, "app.kind": {6}, "span.status": {6}, "service.version": {6}}, lines, name)
	}
}

// A service that the catalog does not name any more takes no room from others, also if its events are still being counted.
func TestBooksOfAServiceThatIsGone(t *testing.T) {
	g := newGateway()
	f := start(t, catalogOf(t, benchmarkCatalog(2)...), withLedger)
	f.core.next = g.from("a")
	f.traces(t, tracesOf(checkout("service.name", "service-1"), spanOf{kind: server, err: true}))
	require.EqualValues(t, 1, f.ledger.books.Load())
	key := serviceKey{name: "service-1"}
	gone := f.registry.shards[key.shard()].services[key]
	availability := bookKey{gone.slos[0], "production"}
	f.core.takeAll(catalogOf(t, benchmarkCatalog(1)...))
	for range 3 {
		f.core.flush(t.Context())
	}
	require.NotContains(t, f.registry.shards[key.shard()].services, key)
	assert.Zero(t, f.ledger.books.Load())
	assert.Zero(t, f.ledger.unsettled.Load())
	gone.books.bookIncrease(availability, 1, unknown, unknown, f.core.now())
	assert.Zero(t, f.ledger.books.Load())
	assert.EqualValues(t, 1, f.ledger.unbooked.Load())
}
