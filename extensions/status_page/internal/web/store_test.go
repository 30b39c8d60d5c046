// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	prometheusstore "github.com/otelcol-sre/otelcol-sre/exporters/prometheus_store"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/prometheus"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/recent"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/runbook"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/processors/correlation"
	"github.com/otelcol-sre/otelcol-sre/runbooks"

	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
)

// A store is the embedded Prometheus, with its API on a socket.
type store struct {
	exporter.Metrics
	client *http.Client
}

func startStore(t testing.TB, rules string) *store {
	t.Helper()
	return startStoreWith(t, rules, otlptranslator.UnderscoreEscapingWithSuffixes)
}

func startStoreWith(t testing.TB, rules string, strategy otlptranslator.TranslationStrategyOption) *store {
	t.Helper()
	s := launchStore(t, storeFolder(t), rules, strategy, 100*time.Millisecond)
	t.Cleanup(func() { s.stop(t) })
	return s
}

// storeFolder is a folder whose path is short enough for a socket in it.
func storeFolder(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "page") //nolint:usetesting // the path of a socket is short
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	return folder
}

// launchStore starts a store on the data of a folder.
func launchStore(t testing.TB, folder, rules string, strategy otlptranslator.TranslationStrategyOption, interval time.Duration) *store {
	t.Helper()
	socket := filepath.Join(folder, "api")
	ruleFile := filepath.Join(folder, "rules.yaml")
	require.NoError(t, os.WriteFile(ruleFile, []byte(rules), 0o600))
	factory := prometheusstore.NewFactory()
	config := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"transport": "unix", "endpoint": socket, "directory": filepath.Join(folder, "data"),
		"external_url": "http://prometheus.test", "rule_files": []any{ruleFile}, "evaluation_interval": interval.String(),
		"translation_strategy": string(strategy),
	}).Unmarshal(config))
	metrics, err := factory.CreateMetrics(t.Context(), exportertest.NewNopSettings(factory.Type()), config)
	require.NoError(t, err)
	require.NoError(t, metrics.Start(t.Context(), componenttest.NewNopHost()))
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	return &store{metrics, &http.Client{Transport: transport}}
}

func (s *store) stop(t testing.TB) {
	t.Helper()
	s.client.CloseIdleConnections()
	require.NoError(t, s.Shutdown(context.Background()))
}

// waitForAlert waits until an alert fires: then the rules have been evaluated.
func (s *store) waitForAlert(t testing.TB, name string) {
	t.Helper()
	require.Eventually(t, func() bool { return s.fires(t, name) }, time.Minute, 20*time.Millisecond)
}

// fires reports whether an alert does.
func (s *store) fires(t testing.TB, name string) bool {
	t.Helper()
	query := "http://prometheus.test/api/v1/query?query=" + url.QueryEscape(fmt.Sprintf(`ALERTS{alertname=%q, alertstate="firing"}`, name))
	resp, err := s.client.Get(query)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return err == nil && strings.Contains(string(body), name)
}

// A batch is points of one time, by the names and attributes of the design.
type batch struct {
	at      time.Time
	md      pmetric.Metrics
	metrics map[string]pmetric.Metric
	scope   pmetric.ScopeMetrics
}

func newBatch(at time.Time) *batch {
	return batchOf(at, attributes{"service.name": "otelcol-sre", "service.instance.id": "collector-1"})
}

func batchOf(at time.Time, resource attributes) *batch {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	for k, v := range resource {
		rm.Resource().Attributes().PutStr(k, v)
	}
	return &batch{at, md, map[string]pmetric.Metric{}, rm.ScopeMetrics().AppendEmpty()}
}

type attributes map[string]string

func (a attributes) and(more ...string) attributes {
	all := attributes{}
	maps.Copy(all, a)
	for i := 0; i < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return all
}

func (b *batch) metric(name, unit string) (pmetric.Metric, bool) {
	if m, ok := b.metrics[name]; ok {
		return m, false
	}
	m := b.scope.Metrics().AppendEmpty()
	m.SetName(name)
	m.SetUnit(unit)
	b.metrics[name] = m
	return m, true
}

func (b *batch) gauge(name, unit string, value float64, of attributes) {
	m, created := b.metric(name, unit)
	if created {
		m.SetEmptyGauge()
	}
	b.fill(m.Gauge().DataPoints().AppendEmpty(), value, of)
}

func (b *batch) counter(name, unit string, value float64, of attributes) {
	m, created := b.metric(name, unit)
	if created {
		m.SetEmptySum().SetIsMonotonic(true)
		m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	}
	b.fill(m.Sum().DataPoints().AppendEmpty(), value, of)
}

func (b *batch) fill(p pmetric.NumberDataPoint, value float64, of attributes) {
	p.SetTimestamp(pcommon.NewTimestampFromTime(b.at))
	p.SetDoubleValue(value)
	for k, v := range of {
		p.Attributes().PutStr(k, v)
	}
}

// slo is all gauges of an SLO, as the slo processor emits them.
func (b *batch) slo(of attributes, objective float64, state string, left, burn float64) {
	b.gauge("slo.objective", "1", objective, of)
	b.gauge("slo.error_budget.remaining", "1", left, of)
	b.gauge("slo.error_budget.exhaustion", "s", max(0, left*2_592_000/max(burn, 1)), of)
	for _, window := range []string{"5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"} {
		b.gauge("slo.burn_rate", "1", burn, of.and("slo.window", window))
	}
	for _, s := range []string{"ok", "burning_slow", "burning_fast", "exhausted", "idle", "no_data"} {
		holds := 0.0
		if s == state {
			holds = 1
		}
		b.gauge("slo.state", "", holds, of.and("slo.state", s))
	}
}

func (b *batch) push(t testing.TB, s *store) {
	t.Helper()
	require.NoError(t, s.ConsumeMetrics(context.Background(), b.md))
}

// A visitor reads pages.
type visitor struct {
	t       testing.TB
	handler http.Handler
	recent  *recent.Window
}

// open serves the pages of a catalog, from a store.
func open(t testing.TB, client *http.Client, c *catalog.Catalog, runbooks string) *visitor {
	return openAt(t, client, c, runbooks, time.Now)
}

func openAt(t testing.TB, client *http.Client, c *catalog.Catalog, runbooks string, now func() time.Time) *visitor {
	t.Helper()
	return openFrom(t, client, loaded{catalog: c}, runbooks, now)
}

func openFrom(t testing.TB, client *http.Client, source Source, folder string, now func() time.Time) *visitor {
	t.Helper()
	return openWith(t, client, Options{
		Source: source, Names: names.New(otlptranslator.UnderscoreEscapingWithSuffixes), Runbooks: library(folder), Now: now,
	})
}

// library has a folder of runbooks only: pages of the catalog are for tests that ask for them.
func library(folder string) *runbook.Library {
	return runbook.NewLibrary(runbook.Folder(folder), func() *catalog.Catalog { return &catalog.Catalog{} }, runbooks.DefaultOptions())
}

// openWith adds the Prometheus, and a window to search in.
func openWith(t testing.TB, client *http.Client, o Options) *visitor {
	t.Helper()
	asked, err := prometheus.New(prometheus.Options{Endpoint: "http://prometheus.test", HTTP: client, Timeout: time.Minute, Now: o.Now})
	require.NoError(t, err)
	t.Cleanup(asked.Close)
	o.Prometheus, o.Endpoint = asked, "http://prometheus.test"
	o.Recent = recent.New(recent.Options{MaxBytes: 1 << 20, MaxAge: 15 * time.Minute, Now: o.Now})
	o.Explainer = correlation.NewExplainer
	if o.Translation == "" {
		o.Translation = otlptranslator.UnderscoreEscapingWithSuffixes
	}
	o.Patience = cmp.Or(o.Patience, time.Minute) // the machine may be slow
	o.Book = book.New(book.Options{Source: asked, Catalog: o.Catalog, Names: promname.New(o.Translation), Now: o.Now})
	if o.Runbooks == nil {
		o.Runbooks = runbook.NewLibrary("", o.Catalog, runbooks.DefaultOptions())
	}
	return &visitor{t, New(o), o.Recent}
}

// loaded is a catalog that was read once.
type loaded struct {
	catalog  *catalog.Catalog
	problems catalog.Problems
	reading  servicecatalog.Reading
}

func (l loaded) Catalog() *catalog.Catalog       { return l.catalog }
func (l loaded) Problems() catalog.Problems      { return l.problems }
func (l loaded) Reading() servicecatalog.Reading { return l.reading }

func (v *visitor) do(method, url string, header ...string) *http.Response {
	r := httptest.NewRequest(method, url, http.NoBody)
	r.RequestURI = url
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	v.handler.ServeHTTP(w, r)
	return w.Result()
}

// page is the text of a page that must be there.
func (v *visitor) page(url string, header ...string) string {
	v.t.Helper()
	resp := v.do(http.MethodGet, url, header...)
	body, err := io.ReadAll(resp.Body)
	require.NoError(v.t, err)
	require.Equal(v.t, http.StatusOK, resp.StatusCode, "%s: %s", url, body)
	return string(body)
}

func parse(t testing.TB, yaml string) *catalog.Catalog {
	t.Helper()
	c, problems := catalog.Parse("shop.yaml", []byte(yaml))
	require.NoError(t, problems.Err())
	return c
}

// document is a service of the catalog in YAML.
func document(name, owner string, tier int, more string) string {
	return fmt.Sprintf(`---
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: %q, namespace: shop}
spec:
  owner: %q
  tier: %d
  environments: [production]
%s`, name, owner, tier, more)
}
