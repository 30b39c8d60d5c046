// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/arrivals"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/prometheus"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/runbook"
	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/processors/correlation"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

// A company has 2,500 services with two SLOs each, in a store with four hours of their series.
const (
	companySize = 2500
	companyPast = 4 * time.Hour
	companyStep = 2 * time.Minute
	// everyBurning is how many services have one whose first SLO burns fast, for 40 minutes.
	everyBurning = 100
	burnedFor    = 40 * time.Minute
	// pastIncidents are those that are over.
	pastIncidents = 60
)

type company struct {
	store *store
	// until is when its past ends, from then on its series are pushed; start is when SLOs began to burn.
	until, start time.Time
	pushed       time.Time
}

func companyService(i int) string { return fmt.Sprint("service-", i) }

func isBurning(i int) bool { return i%everyBurning == 3 }

func companyCatalog(t testing.TB) *catalog.Catalog {
	t.Helper()
	folder := t.TempDir()
	for i := range companySize {
		depends := ""
		if next := i + 1; next < companySize {
			depends = "  dependsOn: [" + companyService(next) + "]\n"
		}
		text := document(companyService(i), fmt.Sprint("team-", i%80), 1+i%4, depends+`  slos:
    - {name: availability, objective: 99.9, sli: {availability: {}}}
    - {name: latency, objective: 99, sli: {latency: {threshold: 300ms}}}
  deployment: {kubernetes: {namespace: shop, kind: Deployment, name: `+companyService(i)+`}}
`)
		require.NoError(t, os.WriteFile(filepath.Join(folder, companyService(i)+".yaml"), []byte(text), 0o600))
	}
	c, problems := catalog.Load(folder)
	require.NoError(t, problems.Err())
	return c
}

// foundCompany builds the company: its series once, then their past, which is written as blocks, as a store has them.
func foundCompany(t testing.TB) *company {
	t.Helper()
	folder := storeFolder(t)
	c := &company{until: time.Now().Truncate(time.Second)}
	c.start = c.until.Add(-burnedFor)
	c.store = launchStore(t, folder, "groups: []", otlptranslator.UnderscoreEscapingWithSuffixes, time.Minute)
	c.push(t, c.until)
	c.store.stop(t)
	c.backfill(t, filepath.Join(folder, "data"))
	n := promname.New(otlptranslator.UnderscoreEscapingWithSuffixes)
	of := "max by (service_namespace, service_name, slo_name, deployment_environment_name) (" + n.Metric(semconv.SLOBurnRate.Metric) + `{slo_window="1h"})`
	c.store = launchStore(t, folder, `groups:
- name: fleet
  interval: 15s
  rules:
  - {record: "slo:sli_error:ratio_rate1h", expr: '`+of+` * 0.001'}
  - {alert: ErrorBudgetBurnCritical, expr: '`+of+` > 14.4', labels: {severity: page, slo_alert: ErrorBudgetBurnCritical, environment: production}}
`, otlptranslator.UnderscoreEscapingWithSuffixes, 30*time.Second)
	t.Cleanup(func() { c.store.stop(t) })
	c.waitForRules(t)
	return c
}

func (c *company) waitForRules(t testing.TB) {
	t.Helper()
	c.push(t, time.Now())
	require.Eventually(t, func() bool { // a busy machine may take minutes
		c.goOn(t)
		return c.store.fires(t, "ErrorBudgetBurnCritical")
	}, 15*time.Minute, time.Second)
}

// goOn pushes what the company sends every half minute.
func (c *company) goOn(t testing.TB) {
	t.Helper()
	if now := time.Now(); now.Sub(c.pushed) >= 30*time.Second {
		c.push(t, now)
	}
}

var companyBuckets = []float64{5, 10, 25, 50, 75, 100, 150, 250, 400, 600, 1000, 2500, 5000, 10000, 30000}

// push sends all series at a time.
func (c *company) push(t testing.TB, at time.Time) {
	t.Helper()
	b := newBatch(at)
	c.pushed = at
	seconds := at.Sub(c.until.Add(-24 * time.Hour)).Seconds()
	for i := range companySize {
		of := attributes{"service.name": companyService(i), "service.namespace": "shop", "deployment.environment.name": "production"}
		c.slos(b, of, i, seconds)
		in := of.and("span.kind", "SPAN_KIND_SERVER", "service.version", "2.0.0")
		b.counter("traces.span.metrics.calls", "", 20*seconds, in.and("status.code", "STATUS_CODE_UNSET"))
		b.counter("traces.span.metrics.calls", "", seconds/50, in.and("status.code", "STATUS_CODE_ERROR"))
		b.histogram("traces.span.metrics.duration", "ms", 20*seconds, companyBuckets, in.and("status.code", "STATUS_CODE_UNSET"))
		for version, ago := range map[string]time.Duration{"1.0.0": 20 * time.Hour, "2.0.0": burnedFor + time.Minute + time.Duration(i%every(i))*time.Minute} {
			deployed := of.and("service.version", version, "deployment.status", "completed", "vcs.ref.head.revision", "02c9b5d"+version[:1])
			b.gauge("deployment.start_time", "s", float64(c.until.Add(-ago).Unix()), deployed)
			b.gauge("deployment.info", "", 1, deployed.and("user.name", "alice"))
		}
		b.gauge("deployment.instances", "{instance}", 3, of.and("service.version", "2.0.0"))
		call := attributes{"client": companyService(i), "client_service.namespace": "shop", "server": companyService(i + 1), "server_service.namespace": "shop", "client_deployment.environment.name": "production", "server_deployment.environment.name": "production"}
		if i+1 < companySize {
			c.calls(b, call, seconds)
		}
		if i%5 == 0 {
			c.calls(b, call.and("server", "postgresql", "connection_type", "database"), seconds)
		}
	}
	b.gauge("otelcol_exporter_prometheus_store_rule_files", "", 1, attributes{"state": "loaded"})
	b.push(t, c.store)
}

// every spreads deployments: those of services that burn are from then, others from the last hours.
func every(i int) int {
	if isBurning(i) {
		return 1
	}
	return 300
}

func (c *company) slos(b *batch, of attributes, i int, seconds float64) {
	for n, name := range []string{"availability", "latency"} {
		slo := of.and("slo.name", name)
		state, left, burn := "ok", 1-float64(i%97)/100, float64(i%90)/100
		bad := seconds / 50
		switch {
		case n == 0 && isBurning(i):
			state, left, burn = "burning_fast", 0.4, 40
			bad = 2 * b.at.Sub(c.start).Seconds()
		case n == 1 && i%50 == 7:
			state, left, burn = "exhausted", -0.2, 1.2
		case n == 1 && i%40 == 9:
			state, left, burn = "burning_slow", 0.3, 3
		}
		b.slo(slo, []float64{0.999, 0.99}[n], state, left, burn)
		b.gauge("slo.period.coverage", "1", 1, slo)
		counted := slo.and("service.version", "2.0.0")
		b.counter("slo.events", "{event}", 20*seconds, counted.and("slo.outcome", "good"))
		b.counter("slo.events", "{event}", bad, counted.and("slo.outcome", "bad"))
	}
}

func (*company) calls(b *batch, call attributes, seconds float64) {
	b.counter("traces_service_graph_request_total", "", 20*seconds, call)
	b.counter("traces_service_graph_request_failed_total", "", seconds/50, call)
	for _, side := range []string{"client", "server"} {
		b.histogram("traces_service_graph_request_"+side, "s", 20*seconds, companyBuckets, call)
	}
}

// histogram adds one with the same number of values in each bucket.
func (b *batch) histogram(name, unit string, count float64, bounds []float64, of attributes) {
	m, created := b.metric(name, unit)
	if created {
		m.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	}
	p := m.Histogram().DataPoints().AppendEmpty()
	p.SetTimestamp(pcommon.NewTimestampFromTime(b.at))
	p.ExplicitBounds().FromRaw(bounds)
	each := uint64(count) / uint64(len(bounds)+1)
	for range len(bounds) + 1 {
		p.BucketCounts().Append(each)
	}
	p.SetCount(each * uint64(len(bounds)+1))
	p.SetSum(count * 100)
	for k, v := range of {
		p.Attributes().PutStr(k, v)
	}
}

// backfill writes the past of all series of a folder as blocks of two hours: counters rose steadily, gauges were as they are, and
// what burns began to 40 minutes ago.
func (c *company) backfill(t testing.TB, folder string) {
	t.Helper()
	type last struct {
		labels labels.Labels
		value  float64
	}
	var all []last
	db, err := tsdb.OpenDBReadOnly(folder, "", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	q, err := db.Querier(math.MinInt64, math.MaxInt64)
	require.NoError(t, err)
	found := q.Select(t.Context(), false, nil, labels.MustNewMatcher(labels.MatchRegexp, model.MetricNameLabel, ".+"))
	for found.Next() {
		series := found.At()
		samples := series.Iterator(nil)
		for samples.Next() == chunkenc.ValFloat {
			_, v := samples.At()
			all = append(all, last{series.Labels(), v})
		}
	}
	require.NoError(t, found.Err())
	require.NoError(t, q.Close())
	require.NoError(t, db.Close())
	const block = 2 * time.Hour
	for from := c.until.Add(-companyPast); from.Before(c.until); from = from.Add(block) {
		w, err := tsdb.NewBlockWriter(slog.New(slog.DiscardHandler), folder, 2*block.Milliseconds())
		require.NoError(t, err)
		app := w.Appender(t.Context())
		for i, one := range all {
			c.write(t, app, one.labels, from, from.Add(block), c.past(one.labels, one.value))
			if i%10_000 == 9_999 {
				require.NoError(t, app.Commit())
				app = w.Appender(t.Context())
			}
		}
		c.fired(t, app, from, from.Add(block))
		require.NoError(t, app.Commit())
		_, err = w.Flush(t.Context())
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	t.Logf("%d series", len(all))
}

func (*company) write(t testing.TB, app storage.Appender, of labels.Labels, from, to time.Time, at func(time.Time) float64) {
	t.Helper()
	var ref storage.SeriesRef
	var err error
	for when := from; when.Before(to); when = when.Add(companyStep) {
		v := at(when)
		if math.IsNaN(v) && !value.IsStaleNaN(v) {
			continue
		}
		ref, err = app.Append(ref, of, when.UnixMilli(), v)
		require.NoError(t, err)
	}
}

// past is what a series was.
func (c *company) past(of labels.Labels, now float64) func(time.Time) float64 {
	var i int
	_, _ = fmt.Sscanf(of.Get("service_name"), "service-%d", &i)
	name := of.Get(model.MetricNameLabel)
	burned := isBurning(i) && of.Get("slo_name") == "availability"
	counts := slices.ContainsFunc([]string{"_total", "_bucket", "_count", "_sum"}, func(end string) bool { return strings.HasSuffix(name, end) })
	return func(at time.Time) float64 {
		switch {
		case counts && burned && of.Get("slo_outcome") == "bad":
			return now * max(0, at.Sub(c.start).Seconds()) / burnedFor.Seconds()
		case counts:
			return now * (1 - c.until.Sub(at).Hours()/24)
		case !burned || !at.Before(c.start):
			return now
		case strings.HasPrefix(name, "slo_burn_rate"):
			return 0.4
		case strings.HasPrefix(name, "slo_error_budget_remaining"):
			return 0.9
		case of.Get("slo_state") == "ok":
			return 1
		case of.Get("slo_state") != "":
			return 0
		}
		return now
	}
}

// fired writes the record of the alerts.
func (c *company) fired(t testing.TB, app storage.Appender, from, to time.Time) {
	t.Helper()
	write := func(i int, began, ended time.Time) {
		c.write(t, app, labels.FromStrings(model.MetricNameLabel, "ALERTS", "alertname", "ErrorBudgetBurnCritical", "alertstate", "firing", "severity", "page", "slo_alert", "ErrorBudgetBurnCritical",
			"environment", "production", "deployment_environment_name", "production", "service_name", companyService(i), "service_namespace", "shop", "slo_name", "availability"), from, to, func(at time.Time) float64 {
			switch {
			case at.Before(began) || at.Sub(ended) > companyStep:
				return math.NaN()
			case at.After(ended):
				return math.Float64frombits(value.StaleNaN)
			}
			return 1
		})
	}
	for i := range companySize {
		if isBurning(i) {
			write(i, c.start.Add(2*time.Minute), c.until)
		}
	}
	for n := range pastIncidents {
		began := c.until.Add(-companyPast + time.Duration(n)*3*time.Minute)
		write(n*companySize/pastIncidents+50, began, began.Add(15*time.Minute))
	}
}

// A leap is a clock that can be put ahead, so that answers are old.
type leap struct{ ahead atomic.Int64 }

func (l *leap) by(step time.Duration) { l.ahead.Add(int64(step)) }

func (l *leap) now() time.Time { return time.Now().Add(time.Duration(l.ahead.Load())) }

// A companyPage serves the pages of a company, of which the alerts are followed as by the extension.
type companyPage struct {
	*visitor
	company *company
	asked   leap
}

func openCompany(t testing.TB) *companyPage {
	t.Helper()
	p := &companyPage{company: foundCompany(t)}
	c := companyCatalog(t)
	source := loaded{catalog: c}
	client, err := prometheus.New(prometheus.Options{Endpoint: "http://prometheus.test", HTTP: p.company.store.client, Timeout: time.Minute, Now: p.asked.now})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	now := time.Now()
	record := arrivals.New(arrivals.Options{MaxBytes: arrivals.MaxBytes, Now: time.Now})
	for i := range companySize {
		td := ptrace.NewTraces()
		rs := td.ResourceSpans().AppendEmpty()
		resource(rs.Resource(), companyService(i))
		span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		span.SetKind(ptrace.SpanKindServer)
		span.SetTraceID(orderTrace)
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(now))
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Millisecond)))
		record.SawTraces(t.Context(), td)
	}
	const one = 3
	environment := []ledger.Place{{Environment: "production", Measured: []ledger.Span{{From: now.Add(-30 * 24 * time.Hour), To: now}}}}
	keeper := &memory{of: ledger.SLO{Namespace: "shop", Service: companyService(one), Name: "availability"}, places: environment}
	spent := &planted{slo: attribution.Question{Namespace: "shop", Service: companyService(one), Environment: "production", SLO: "availability"}}
	for i := range 2000 {
		spent.rows = append(spent.rows, plantedRow{at: now.Add(-time.Duration(i%40) * time.Minute), values: map[string]string{"http.route": fmt.Sprint("/orders/", i%50), "tenant": fmt.Sprint("t", i)}, bad: 1, good: float64(i % 7)})
	}
	known := names.New(otlptranslator.UnderscoreEscapingWithSuffixes)
	window := fullWindow(now)
	alerts := book.New(book.Options{Source: client, Catalog: source.Catalog, Names: promname.New(otlptranslator.UnderscoreEscapingWithSuffixes), Now: time.Now})
	require.NoError(t, alerts.Refresh(t.Context()))
	following, stop := context.WithCancel(context.Background())
	var follower sync.WaitGroup
	follower.Go(func() { alerts.Follow(following, 15*time.Second, func(error) {}) })
	t.Cleanup(func() {
		stop()
		follower.Wait()
	})
	p.visitor = &visitor{t: t, recent: window, handler: New(Options{
		Source: source, Recent: window, Prometheus: client, Endpoint: "http://prometheus.test", Names: known, Translation: otlptranslator.UnderscoreEscapingWithSuffixes,
		Runbooks: runbook.NewLibrary("", source.Catalog, runbooks.DefaultOptions()), Explainer: correlation.NewExplainer, Arrivals: record,
		Keepers: func() []ledger.Keeper { return []ledger.Keeper{keeper} }, Explainers: func() []attribution.Keeper { return []attribution.Keeper{spent} }, Patience: time.Minute, Now: time.Now,
		Book: alerts,
	})}
	return p
}

// incident is the newest one that is open.
func (p *companyPage) incident() string {
	var all struct {
		Data struct{ Incidents []struct{ ID, State string } }
	}
	require.NoError(p.t, json.Unmarshal([]byte(p.page("/incidents", "Accept", "application/json")), &all))
	for _, one := range all.Data.Incidents {
		if one.State == "open" {
			return one.ID
		}
	}
	require.Fail(p.t, "no incident is open", "%v", all)
	return ""
}

// companyPages are all pages, by their names.
func (p *companyPage) all() map[string]string {
	const trace = "01000000000000000000000000000000"
	return map[string]string{
		"/": "/", "/?filtered": "/?owner=team-1&sort=-budget&q=latency", "/?size=500": "/?size=500",
		"/services": "/services", "/services?history=1h": "/services?history=1h", "/services/SERVICE": "/services/service-3", "/services/SERVICE?range=1h": "/services/service-3?range=1h",
		"/alerts": "/alerts", "/incidents": "/incidents", "/incidents/ID": "/incidents/" + p.incident(), "/deployments": "/deployments",
		"/requests": "/requests", "/requests?status=failed": "/requests?status=failed", "/requests/compare": "/requests/compare?id=" + trace + "&id=01000100000000000000000000000000",
		"/search": "/search?id=" + trace, "/map": "/map", "/map?all=1": "/map?all=1", "/map?service=": "/map?service=shop%2Fservice-1203&depth=2",
		"/ledger": "/ledger?service=shop%2Fservice-3", "/ledger?only=spent": "/ledger?service=shop%2Fservice-3&only=spent",
		"/runbooks/": "/runbooks/", "/runbooks/SERVICE/": "/runbooks/service-3/", "/runbooks/SERVICE/slo-NAME": "/runbooks/service-3/slo-availability",
		"/runbooks/SERVICE/ALERT": "/runbooks/service-3/ServiceSilent", "/runbooks/SERVICE/rollback": "/runbooks/service-3/rollback",
		"/collector": "/collector", "/doctor": "/doctor", "/catalog": "/catalog", "/why-not/ID": "/why-not/" + trace, "/gate/SERVICE": "/gate/service-3?version=2.0.0",
		"/rules/SERVICE.yaml": "/rules/service-3.yaml", "/dashboards/SERVICE.json": "/dashboards/service-3.json",
	}
}

// withoutJSON are pages that have one form only.
var withoutJSON = []string{"/rules/SERVICE.yaml", "/dashboards/SERVICE.json"}

// BenchmarkPages looks at each page of a company with 5,000 SLOs: when somebody looked ten seconds ago, as an open page does, and when nobody
// has for ten minutes, so that Prometheus is asked everything.
func BenchmarkPages(b *testing.B) {
	p := openCompany(b)
	pages := p.all()
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		for _, kind := range []string{"text/html", "application/json"} {
			if kind == "application/json" && slices.Contains(withoutJSON, name) {
				continue
			}
			for look, ago := range map[string]time.Duration{"again": 10 * time.Second, "first": 10 * time.Minute} {
				b.Run(strings.ReplaceAll(name, "/", ":")+" "+path.Base(kind)+" "+look, func(b *testing.B) { p.look(b, pages[name], kind, ago) })
			}
		}
	}
}

func (p *companyPage) look(b *testing.B, at, kind string, ago time.Duration) {
	b.Helper()
	p.page(at, "Accept", kind)
	var took []time.Duration
	var busy time.Duration
	size := 0
	for b.Loop() {
		b.StopTimer()
		p.company.goOn(b)
		p.asked.by(ago)
		b.StartTimer()
		began, used := time.Now(), processorTime(b)
		size = len(p.page(at, "Accept", kind))
		took = append(took, time.Since(began))
		busy += processorTime(b) - used
	}
	slices.Sort(took)
	for _, share := range []int{50, 95} {
		b.ReportMetric(float64(took[len(took)*share/100].Microseconds())/1000, fmt.Sprintf("p%d-ms", share))
	}
	b.ReportMetric(float64(size)/1024, "KiB")
	b.ReportMetric(float64(busy.Microseconds())/1000/float64(len(took)), "cpu-ms")
}

// processorTime is what the process has used, the store included.
func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var used syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
