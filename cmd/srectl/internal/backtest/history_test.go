// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package backtest

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
	statuspage "github.com/otelcol-sre/otelcol-sre/extensions/status_page"
	"github.com/otelcol-sre/otelcol-sre/processors/slo"
	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

// followed is the status page of a collector that has counted the scenario.
func followed(t *testing.T, s *scenario.Scenario, folder string) string {
	t.Helper()
	free, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())

	extensions := host{}
	start := func(factory extension.Factory, change func(component.Config)) {
		config := factory.CreateDefaultConfig()
		change(config)
		e, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), config)
		require.NoError(t, err)
		extensions[component.NewID(factory.Type())] = e
		require.NoError(t, e.Start(t.Context(), extensions))
		t.Cleanup(func() { require.NoError(t, e.Shutdown(context.WithoutCancel(t.Context()))) })
	}
	start(servicecatalog.NewFactory(), func(c component.Config) { c.(*servicecatalog.Config).Directory = []string{folder} })
	start(statuspage.NewFactory(), func(c component.Config) {
		config := c.(*statuspage.Config)
		config.ServerConfig.NetAddr.Endpoint, config.Prometheus.Endpoint = address, "http://localhost:1"
	})
	factory := slo.NewFactory()
	p, err := factory.CreateMetrics(t.Context(), processortest.NewNopSettings(factory.Type()), factory.CreateDefaultConfig(), consumertest.NewNop())
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), extensions))
	t.Cleanup(func() { require.NoError(t, p.Shutdown(context.WithoutCancel(t.Context()))) })
	for at := time.Duration(0); at <= s.Length; at += s.Interval() {
		require.NoError(t, p.ConsumeMetrics(t.Context(), scenario.SLIEvents(s, at)))
	}
	return "http://" + address
}

// lately is the incident, until now, scraped at the end of each minute.
func lately(t *testing.T) *scenario.Scenario {
	t.Helper()
	s := incident(t, counted, "window: 7d")
	s.Start, s.Scrape = time.Now().UTC().Truncate(minute).Add(-s.Length), minute
	s.Streams[0].Resets = nil // in the step of a reset, PromQL extrapolates
	return s
}

// The minute history of a collector answers as a Prometheus does that has scraped the same counters: the same events, budgets and alerts.
func TestHistoryEqualsPrometheus(t *testing.T) {
	s := lately(t)
	folder := commandtest.Catalog(t, catalogText(99.9, "window: 7d, sli: "+counted))
	page := followed(t, s, folder)
	scraped, got := ask(t, s, written(t, s), folder)
	require.Contains(t, []int{exit.OK, exit.NotOK}, got.Code, "%v", got.Err)
	kept, gotKept := askHistory(t, s, page, folder)
	require.Equal(t, got.Code, gotKept.Code, "%v", gotKept.Err)
	assert.Empty(t, kept.Prometheus)
	assert.Equal(t, page, kept.Collector)

	require.Len(t, kept.SLOs, 1)
	a, b := scraped.SLOs[0], kept.SLOs[0]
	assert.Equal(t, a.Events, b.Events)
	assert.Equal(t, a.Bad, b.Bad)
	assert.Equal(t, a.Environment, b.Environment)
	assert.InDelta(t, float64(a.BudgetLeft), float64(b.BudgetLeft), 1e-9)
	assert.InDelta(t, float64(a.Coverage), float64(b.Coverage), 1e-9)
	ofSLOs := func(r result) (all []alertResult) {
		for _, alert := range r.Alerts {
			if alert.SLO != "" && alert.Version == "" {
				all = append(all, alert)
			}
		}
		return all
	}
	require.NotEmpty(t, ofSLOs(scraped))
	assert.Equal(t, ofSLOs(scraped), ofSLOs(kept))

	lax := commandtest.Catalog(t, catalogText(95, "window: 7d, sli: "+counted))
	other, got := askHistory(t, s, page, lax, "--against", folder)
	require.Equal(t, exit.OK, got.Code, "%v", got.Err)
	assert.Equal(t, b.BudgetLeft, other.Against.SLOs[0].BudgetLeft)
	assert.Greater(t, other.SLOs[0].BudgetLeft, b.BudgetLeft)

	queries := commandtest.Catalog(t, strings.ReplaceAll(catalogText(99.9, "window: 7d, sli: "+queried), "availability", "legacy"))
	_, got = askHistory(t, s, page, queries)
	assert.Equal(t, exit.Usage, got.Code)
	assert.Contains(t, got.Stderr, "its SLI is PromQL, of which a collector has no history")
}

func askHistory(t *testing.T, s *scenario.Scenario, page, folder string, more ...string) (result, commandtest.Result) {
	t.Helper()
	args := append([]string{"backtest", "--catalog", folder, "--url", page, "-o", "json",
		"--from", s.Start.Add(s.Watch.Begin).Format(time.RFC3339), "--to", s.Start.Add(s.Length).Format(time.RFC3339)}, more...)
	got := commandtest.Run(NewCommand(), strings.NewReader(""), args...)
	var r result
	if got.Err == nil || got.Code == exit.NotOK {
		require.NoError(t, json.Unmarshal([]byte(got.Stdout), &r), got.Stdout)
	}
	return r, got
}

// A server that is something else, or says what cannot be, gives an error with its fix, and does not keep the command busy.
func TestHistoryOfAnotherServer(t *testing.T) {
	s := lately(t)
	folder := commandtest.Catalog(t, catalogText(99.9, "window: 7d, sli: "+counted))
	head := `{"slo":"availability","environment":"production","measured":[["0001-01-01T00:00:00Z","9999-01-01T00:00:00Z"]]}` + "\n"
	for want, answer := range map[string]string{
		"is not one of minutes":      "<html>",
		"the answer was cut off":     head,
		"has minutes that cannot be": head + `{"day":"2026-11-01T00:00:00Z","minutes":[[7,1,0],[7,1,0]]}` + "\n",
		"minutes that cannot be":     head + `{"day":"2026-11-02T00:00:00Z","minutes":[[7,1,0]]}` + "\n" + `{"day":"2026-11-01T00:00:00Z","minutes":[[7,1,0]]}` + "\n" + `{"end":true}`,
		"it has minutes of the SLO ": strings.ReplaceAll(head, "availability", "x\\u001b") + `{"end":true}`,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-ndjson")
			_, _ = io.WriteString(w, answer)
		}))
		_, got := askHistory(t, s, server.URL, folder)
		assert.Equal(t, exit.Usage, got.Code, want)
		assert.ErrorContains(t, got.Err, want)
		assert.NotContains(t, got.Err.Error(), "\x1b")
		server.Close()
	}
	for want, address := range map[string]string{"is not an address": "ftp://x", "does not answer": "http://localhost:1"} {
		_, got := askHistory(t, s, address, folder)
		assert.Equal(t, exit.Usage, got.Code)
		assert.ErrorContains(t, got.Err, want)
	}
	_, got := askHistory(t, s, "http://localhost:1", folder, "--prometheus", "http://localhost:2")
	assert.ErrorContains(t, got.Err, "none of the others can be")
}
