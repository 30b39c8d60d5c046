// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package backtest

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

const (
	minute = time.Minute
	hour   = time.Hour
)

// monday is in the middle of a month.
var monday = time.Date(2026, time.March, 16, 0, 0, 0, 0, time.UTC)

const (
	counted = `{availability: {}}`
	queried = `{prometheus: {errors: 'sum(rate(old_errors_total[{{.window}}]))', total: 'sum(rate(old_requests_total[{{.window}}]))'}}`
	grouped = `{prometheus: {errors: 'sum by (version) (rate(old_errors_total[{{.window}}]))', total: 'sum by (version) (rate(old_requests_total[{{.window}}]))'}}`
)

func catalogText(objective float64, rest string) string {
	return fmt.Sprintf(`apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec:
  owner: payments
  tier: 1
  slos:
    - {name: availability, objective: %v, %s}
`, objective, rest)
}

// incident is a day and a half of traffic: a canary that fails, a burn that pages, silence.
func incident(t *testing.T, sli, window string) *scenario.Scenario {
	t.Helper()
	c, problems := catalog.Parse("checkout.yaml", []byte(catalogText(99.9, window+", sli: "+sli)))
	require.NoError(t, problems.Err())
	service := c.Services[0]
	return &scenario.Scenario{
		Name: t.Name(), Service: service, SLO: service.SLOs[0], Environment: "production", Start: monday, Length: 36 * hour,
		Watch: scenario.Span{Begin: 8 * hour},
		Streams: []scenario.Stream{
			{Version: "1", Instance: "a", Resets: []time.Duration{15 * hour}, Traffic: []scenario.Phase{
				{For: 12 * hour, PerMinute: 60}, {For: 40 * minute, PerMinute: 60, Bad: 0.2}, {For: 5 * hour, PerMinute: 60},
				{For: 3 * hour, PerMinute: 40, Bad: 0.01}, {For: 12 * hour, PerMinute: 60},
			}},
			{Version: "2", Instance: "a", Life: scenario.Span{Begin: 22 * hour, End: 23 * hour}, Traffic: []scenario.Phase{{For: hour, PerMinute: 20, Bad: 0.5}}},
		},
		Versions: []scenario.Version{
			{Name: "1", Status: "completed", Instances: 2}, {Name: "2", Status: "canary", Life: scenario.Span{Begin: 22 * hour, End: 23 * hour}, Instances: 1},
		},
	}
}

// played is a Prometheus with the scenario, whose rules lived through it; and the address of its API.
func played(t *testing.T, s *scenario.Scenario) (*scenario.Playback, string) {
	t.Helper()
	file, _ := alerts.Generate(s.Service, alerts.DefaultOptions())
	p, err := scenario.Run(t.Context(), s, rulefmt.RuleGroups{Groups: file.Groups}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	server := httptest.NewServer(p.Handler())
	t.Cleanup(server.Close)
	return p, server.URL
}

// ask runs the command over the watched time of the scenario.
func ask(t *testing.T, s *scenario.Scenario, address, folder string, more ...string) (result, commandtest.Result) {
	t.Helper()
	args := append([]string{"backtest", "--catalog", folder, "--prometheus", address, "-o", "json",
		"--from", s.Start.Add(s.Watch.Begin).Format(time.RFC3339), "--to", s.Start.Add(s.Length).Format(time.RFC3339)}, more...)
	got := commandtest.Run(NewCommand(), strings.NewReader(""), args...)
	var r result
	if got.Err == nil || got.Code == exit.NotOK {
		require.NoError(t, json.Unmarshal([]byte(got.Stdout), &r), got.Stdout)
	}
	return r, got
}

type firing struct {
	alert, environment, version string
	start, end                  time.Time
}

// The rules that lived through the time, evaluated group by group, and the backtest over the API of the same data have the same alerts, to
// the second, and the same budget.
func TestTheSameAsLive(t *testing.T) {
	for name, sli := range map[string]string{"counted": counted, "queried": queried, "grouped": grouped} {
		t.Run(name, func(t *testing.T) {
			s := incident(t, sli, "window: 7d")
			live, address := played(t, s)
			r, got := ask(t, s, address, commandtest.Catalog(t, catalogText(99.9, "window: 7d, sli: "+sli)))
			require.Contains(t, []int{exit.OK, exit.NotOK}, got.Code, "%v", got.Err)

			var want, have []firing
			for _, e := range live.Episodes {
				if e.Firing != 0 {
					end := s.Length
					if e.Resolved != 0 {
						end = e.Resolved
					}
					want = append(want, firing{e.Alert, e.Labels.Get("deployment_environment_name"), e.Labels.Get("service_version") + e.Labels.Get("version"), s.Start.Add(e.Firing), s.Start.Add(end)})
				}
			}
			for _, a := range r.Alerts {
				have = append(have, firing{a.Alert, a.Environment, a.Version + a.Group["version"], a.Start, a.End})
			}
			require.GreaterOrEqual(t, len(want), 3, "%v", live.Episodes)
			assert.ElementsMatch(t, want, have)

			for _, row := range r.SLOs {
				query := `slo:period_error_budget_remaining:ratio{version="` + row.Group["version"] + `"}`
				budget, ok, err := live.Query(t.Context(), s.Length, query)
				require.NoError(t, err)
				require.True(t, ok, query)
				assert.InDelta(t, budget, float64(row.BudgetLeft), 1e-9)
			}
		})
	}
}
