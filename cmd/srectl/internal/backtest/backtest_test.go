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
var monday = time.Date(2024, time.March, 18, 0, 0, 0, 0, time.UTC)

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

// incident is a day of traffic: a burn that pages, one that does not, a canary that fails.
func incident(t *testing.T, sli, window string) *scenario.Scenario {
	t.Helper()
	c, problems := catalog.Parse("checkout.yaml", []byte(catalogText(99.9, window+", sli: "+sli)))
	require.NoError(t, problems.Err())
	service := c.Services[0]
	return &scenario.Scenario{
		Name: t.Name(), Service: service, SLO: service.SLOs[0], Environment: "production", Start: monday, Length: 22 * hour,
		Watch: scenario.Span{Begin: 11 * hour},
		Streams: []scenario.Stream{
			{Version: "1", Instance: "a", Resets: []time.Duration{14 * hour}, Traffic: []scenario.Phase{
				{For: 12 * hour, PerMinute: 60}, {For: 40 * minute, PerMinute: 60, Bad: 0.2}, {For: 2 * hour, PerMinute: 60},
				{For: hour, PerMinute: 40, Bad: 0.01}, {For: 12 * hour, PerMinute: 60},
			}},
			{Version: "2", Instance: "a", Life: scenario.Span{Begin: 18 * hour, End: 19 * hour}, Traffic: []scenario.Phase{{For: hour, PerMinute: 20, Bad: 0.5}}},
		},
		Versions: []scenario.Version{
			{Name: "1", Status: "completed", Instances: 2}, {Name: "2", Status: "canary", Life: scenario.Span{Begin: 18 * hour, End: 19 * hour}, Instances: 1},
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
			if testing.Short() && name != "counted" {
				t.Skip("each takes some seconds")
			}
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

// written is a Prometheus with the scenario and without rules.
func written(t testing.TB, s *scenario.Scenario) string {
	t.Helper()
	p, err := scenario.Run(t.Context(), s, rulefmt.RuleGroups{}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	server := httptest.NewServer(p.Handler())
	t.Cleanup(server.Close)
	return server.URL
}

func TestAgainst(t *testing.T) {
	s := incident(t, counted, "window: 7d")
	s.Scrape = minute
	address := written(t, s)
	strict := commandtest.Catalog(t, catalogText(99.9, "window: 7d, sli: "+counted))
	lax := commandtest.Catalog(t, catalogText(95, "window: 7d, sli: "+counted))

	r, got := ask(t, s, address, lax, "--against", strict)
	require.Equal(t, exit.OK, got.Code, "%v", got.Err)
	pages := func(o outcome) (names []string) {
		for _, a := range o.Alerts {
			if a.Severity == alerts.Page && a.SLO != "" {
				names = append(names, a.Alert)
			}
		}
		return names
	}
	assert.Empty(t, pages(r.Outcome), "a fifth of the events for 40 minutes is less than the budget of 95 % allows")
	assert.Contains(t, pages(*r.Against), "ErrorBudgetBurnCritical")
	assert.Equal(t, r.Against.SLOs[0].Bad, r.SLOs[0].Bad, "the same events")
	assert.Greater(t, r.SLOs[0].BudgetLeft, r.Against.SLOs[0].BudgetLeft)
	assert.InEpsilon(t, scenarioBad(s), r.SLOs[0].Bad, 0.01)

	_, got = ask(t, s, address, strict, "--max-pages-per-week", "0")
	assert.Equal(t, exit.NotOK, got.Code)

	table := commandtest.Run(NewCommand(), strings.NewReader(""), "backtest", "--catalog", lax, "--against", strict, "--prometheus", address,
		"--from", s.Start.Add(s.Watch.Begin).Format(time.RFC3339), "--to", s.Start.Add(s.Length).Format(time.RFC3339))
	require.Equal(t, exit.OK, table.Code, "%v", table.Err)
	assert.Contains(t, table.Stdout, "99.9 % → 95 %")
	assert.Contains(t, table.Stdout, "gone")
	assert.Empty(t, table.Stderr, "no progress but on a terminal")
}

func scenarioBad(s *scenario.Scenario) float64 {
	_, bad := scenario.Truth{Scenario: s}.Events(s.Watch.Begin, s.Length)
	return bad
}

// A burn is detected as fast as a table of the SRE Workbook says, and a page at night, when little traffic fails, is false.
func TestDetectionAndFalsePages(t *testing.T) {
	s := incident(t, counted, "window: 7d")
	s.Scrape, s.Versions = minute, nil
	s.Length, s.Watch = 6*24*hour, scenario.Span{Begin: 5 * 24 * hour}
	busy, quiet := 6000.0, 30.0
	s.Streams = []scenario.Stream{{Version: "1", Traffic: []scenario.Phase{
		{For: 5*24*hour + 2*hour, PerMinute: busy}, {For: 30 * minute, PerMinute: busy, Bad: 0.5}, {For: 8 * hour, PerMinute: busy},
		{For: 4 * hour, PerMinute: quiet}, {For: 20 * minute, PerMinute: quiet, Bad: 0.5}, {For: 8 * hour, PerMinute: quiet},
	}}}
	r, got := ask(t, s, written(t, s), commandtest.Catalog(t, catalogText(99.9, "window: 7d, sli: "+counted)))
	require.Contains(t, []int{exit.OK, exit.NotOK}, got.Code, "%v", got.Err)
	var critical []alertResult
	for _, a := range r.Alerts {
		if a.Alert == "ErrorBudgetBurnCritical" {
			critical = append(critical, a)
		}
	}
	require.Len(t, critical, 2, "%v", r.Alerts)
	assert.False(t, critical[0].False, "half of all events at peak")
	assert.True(t, critical[1].False, "300 events of 60 million")
	for _, a := range critical {
		assert.InDelta(t, 3*60, float64(*a.DetectedAfter), 2*60, "a minute until the hour has enough, and two of hold")
	}
	assert.GreaterOrEqual(t, r.FalsePageSeconds, critical[1].End.Sub(critical[1].Start).Seconds())
}

// Budgets of calendar periods and after resets are not those that the collector had with the catalog of then.
func TestBudgetsByTheCollector(t *testing.T) {
	for name, window := range map[string]string{
		"calendar": "calendar: {unit: month, timeZone: Europe/Madrid}",
		"reset":    "window: 7d, resets: [{at: 2024-03-18T12:20:00Z, by: ana, reason: it was a test}]",
	} {
		t.Run(name, func(t *testing.T) {
			s := incident(t, counted, window)
			s.Scrape = minute
			s.Budget = func(time.Duration) (float64, bool) { return -17, true } // of another catalog
			r, got := ask(t, s, written(t, s), commandtest.Catalog(t, catalogText(99.9, window+", sli: "+counted)))
			require.Contains(t, []int{exit.OK, exit.NotOK}, got.Code, "%v", got.Err)
			want := scenario.Truth{Scenario: s}.BudgetRemaining(s.Length)
			assert.InEpsilon(t, 1-want, 1-float64(r.SLOs[0].BudgetLeft), 0.02)
		})
	}
}

func TestSuggest(t *testing.T) {
	s := incident(t, counted, "window: 28d")
	s.Scrape, s.Versions = minute, nil
	s.Length, s.Watch = 21*24*hour, scenario.Span{Begin: 0}
	var traffic []scenario.Phase
	for i := range 21 {
		bad := 0.0005
		if i%5 == 0 {
			bad = 0.003
		}
		traffic = append(traffic, scenario.Phase{For: 24 * hour, PerMinute: 100, Bad: bad})
	}
	s.Streams = []scenario.Stream{{Version: "1", Traffic: traffic}}
	r, got := ask(t, s, written(t, s), commandtest.Catalog(t, catalogText(99.99, "window: 28d, sli: "+counted)), "--suggest")
	require.Equal(t, exit.NotOK, got.Code, "%v", got.Err)
	found := r.SLOs[0].Suggestion
	require.NotNil(t, found.Objective, found.Reason)
	assert.Equal(t, 99.8, float64(*found.Objective)*100, "a day in five fails 0.3 %, the others 0.05 %: 28 days with up to sixteen such days keep 99.8 %")
	assert.Less(t, found.Low, found.Ratio)
	assert.Less(t, found.Ratio, found.High)
	assert.Greater(t, found.Days, 19)
	pages := map[float64]int{}
	for _, p := range found.Pages {
		pages[float64(p.Objective)] = p.Pages
	}
	assert.Zero(t, pages[0.998], "0.3 % is 1.5 times what it allows, too little for a page")
	assert.Positive(t, pages[0.9999], "0.3 % is 30 times what it allows")
}

func TestCannotBeAsked(t *testing.T) {
	folder := commandtest.Catalog(t, commandtest.Service)
	broken := commandtest.Folder(t, map[string]string{"a.yaml": "kind: Service"})
	empty := incident(t, counted, "window: 7d")
	empty.Streams, empty.Versions = nil, nil
	address := written(t, empty)
	from := []string{"--from", "2024-03-18T08:00:00Z", "--to", "2024-03-18T10:00:00Z"}
	for want, args := range map[string][]string{
		"required flag":     {},
		"is not known":      {"--catalog", folder, "-o", "xml"},
		"no such file":      {"--catalog", folder + "/none"},
		"has errors":        {"--catalog", broken},
		"is not an address": {"--catalog", folder, "--prometheus", "ftp://x"},
		"does not answer":   {"--catalog", folder, "--prometheus", "http://localhost:1"},
		"--last":            {"--catalog", folder, "--last", "soon"},
		"--from and --last": {"--catalog", folder, "--last", "1d", "--from", "2024-03-18"},
		"is not a time":     {"--catalog", folder, "--from", "yesterday"},
		"has not come yet":  {"--catalog", folder, "--to", "2999-01-01"},
		"is empty":          {"--catalog", folder, "--from", "2024-03-18", "--to", "2024-03-18"},
		"--translation":     {"--catalog", folder, "--translation", "none"},
		"is longer than":    {"--catalog", folder, "--last", "900d"},
		"no SLO that":       {"--catalog", folder, "--service", "none"},
		"has no events":     append([]string{"--catalog", folder, "--prometheus", address}, from...),
		"--against: ":       append([]string{"--catalog", folder, "--prometheus", address, "--against", "no-such-revision"}, from...),
	} {
		got := commandtest.Run(NewCommand(), strings.NewReader(""), append([]string{"backtest"}, args...)...)
		assert.Equal(t, exit.Usage, got.Code, want)
		assert.ErrorContains(t, got.Err, want)
		assert.Empty(t, got.Stdout, want)
	}
}

// Whatever a label says, it is text in Markdown and on a terminal.
func TestOutputIsEscaped(t *testing.T) {
	hostile := "a|<b>`x`\x1b[2J[c](http://x)\n"
	r := result{Outcome: outcome{Catalog: hostile, SLOs: []sloResult{{Service: hostile, SLO: hostile, Environment: hostile, Group: map[string]string{"g": hostile}}},
		Alerts: []alertResult{{Alert: hostile, Service: hostile, Version: hostile}}, Warnings: []string{hostile}}}
	var text, markdown strings.Builder
	require.NoError(t, writeTable(&text, r))
	require.NoError(t, writeMarkdown(&markdown, r))
	assert.NotContains(t, text.String(), "\x1b")
	assert.NotContains(t, markdown.String(), "<b>")
	assert.NotContains(t, markdown.String(), "[c](")
	assert.NotContains(t, markdown.String(), "a|<")
	assert.NotContains(t, markdown.String(), "\x1b")
}

func BenchmarkMonth(b *testing.B) {
	c, problems := catalog.Parse("checkout.yaml", []byte(catalogText(99.9, "sli: "+counted)))
	require.NoError(b, problems.Err())
	s := &scenario.Scenario{Name: b.Name(), Service: c.Services[0], SLO: c.Services[0].SLOs[0], Environment: "production", Start: monday, Length: 60 * 24 * hour, Scrape: minute,
		Streams: []scenario.Stream{{Version: "1", Traffic: []scenario.Phase{{For: 60 * 24 * hour, PerMinute: 60, Bad: 0.0005}}}}}
	address := written(b, s)
	folder := commandtest.Catalog(b, catalogText(99.9, "sli: "+counted))
	for b.Loop() {
		got := commandtest.Run(NewCommand(), strings.NewReader(""), "backtest", "--catalog", folder, "--prometheus", address,
			"--from", s.Start.Add(30*24*hour).Format(time.RFC3339), "--to", s.Start.Add(s.Length).Format(time.RFC3339))
		require.Equal(b, exit.OK, got.Code, "%v", got.Err)
	}
}
