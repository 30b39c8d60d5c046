// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

const checkout = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec:
  owner: =payments
  maintenance: [{start: 2024-03-20T00:00:00Z, end: 2024-03-20T06:00:00Z, reason: upgrade}]
  slos:
    - {name: availability, objective: 99.9, sli: {availability: {}}}
    - {name: latency, objective: 99, sli: {latency: {threshold: 1s}}}
`

const (
	day  = 24 * time.Hour
	each = time.Hour
)

// march is a Prometheus with a month of an SLO: an hour in which version 2 fails, and six of maintenance in which all fails.
func march(t *testing.T) (*scenario.Scenario, string) {
	t.Helper()
	c, problems := catalog.Parse("checkout.yaml", []byte(checkout))
	require.NoError(t, problems.Err())
	start := time.Date(2024, time.February, 29, 0, 0, 0, 0, time.UTC)
	s := &scenario.Scenario{
		Name: t.Name(), Service: c.Services[0], SLO: c.Services[0].SLOs[0], Environment: "production", Start: start, Length: 33 * day, Scrape: time.Minute,
		Streams: []scenario.Stream{
			{Version: "1", Traffic: []scenario.Phase{
				{For: 5 * day, PerMinute: 10, Bad: 0.0001}, {For: 15 * day, PerMinute: 10}, {For: 6 * each, PerMinute: 10, Bad: 1}, {For: 20 * day, PerMinute: 10},
			}},
			{Version: "2", Life: scenario.Span{Begin: 10 * day, End: 10*day + each}, Traffic: []scenario.Phase{{For: each, PerMinute: 10, Bad: 0.5}}},
		},
		Versions: []scenario.Version{{Name: "2", Status: "canary", Life: scenario.Span{Begin: 10 * day, End: 10*day + each}, Instances: 1}},
	}
	p, err := scenario.Run(t.Context(), s, rulefmt.RuleGroups{}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	server := httptest.NewServer(p.Handler())
	t.Cleanup(server.Close)
	return s, server.URL
}

func run(args ...string) commandtest.Result {
	return commandtest.Run(NewCommand(), strings.NewReader(""), append([]string{"report"}, args...)...)
}

func TestMonth(t *testing.T) {
	s, address := march(t)
	folder := commandtest.Catalog(t, checkout)
	got := run("--month", "2024-03", "--catalog", folder, "--prometheus", address, "-o", "json")
	require.Equal(t, exit.OK, got.Code, "%v", got.Err)
	var r report
	require.NoError(t, json.Unmarshal([]byte(got.Stdout), &r))
	require.Len(t, r.SLOs, 2)
	c := r.SLOs[0]

	truth := scenario.Truth{Scenario: s}
	good, bad := truth.Events(day, 32*day)
	lostGood, lostBad := truth.Events(20*day, 20*day+6*each)
	assert.InEpsilon(t, bad-lostBad, c.Bad, 0.02)
	assert.InEpsilon(t, good+bad-lostGood-lostBad, c.Events, 0.002)
	assert.InEpsilon(t, (bad-lostBad)/(0.001*c.Events), float64(c.Spent), 0.02)
	assert.True(t, *c.Kept)
	assert.Equal(t, 6*3600.0, c.MaintenanceSeconds)
	assert.InDelta(t, 1-0.25/31, c.Measured, 0.001)
	assert.Empty(t, c.Unmeasured, "maintenance is not missing")

	require.NotEmpty(t, c.WorstHours)
	worst := c.WorstHours[0]
	assert.Equal(t, s.Start.Add(10*day), worst.Start.UTC())
	require.NotEmpty(t, worst.Versions)
	assert.Equal(t, "2", worst.Versions[0].Version)
	assert.Equal(t, "checkout-2", worst.Versions[0].Deployment)
	assert.InDelta(t, 300, worst.Versions[0].Bad, 15)
	assert.Equal(t, "2", c.Versions[0].Version, "what failed most in the month; maintenance does not count")

	assert.Nil(t, r.SLOs[1].Kept, "nothing was counted")

	for format, want := range map[string]string{"markdown": `# SLOs in 2024-03`, "html": "<h1>SLOs in 2024-03</h1>", "csv": "checkout,shop,'=payments"} {
		var text strings.Builder
		require.NoError(t, formats[format](&text, &r))
		assert.Contains(t, text.String(), want)
	}
	strict := commandtest.Catalog(t, strings.ReplaceAll(checkout, "99.9,", "99.99,"))
	assert.Equal(t, exit.NotOK, run("--month", "2024-03", "--catalog", strict, "--prometheus", address, "--service", "shop/checkout").Code)

	for want, args := range map[string][]string{
		"has no events":      {"--month", "2023-03", "--catalog", folder, "--prometheus", address},
		"is not a month":     {"--month", "March", "--catalog", folder},
		"has not begun":      {"--month", "2999-03", "--catalog", folder},
		"--time-zone":        {"--month", "2024-03", "--catalog", folder, "--time-zone", "Mars"},
		"--translation":      {"--month", "2024-03", "--catalog", folder, "--translation", "none"},
		"does not answer":    {"--month", "2024-03", "--catalog", folder, "--prometheus", "http://localhost:1"},
		"is not an address":  {"--month", "2024-03", "--catalog", folder, "--prometheus", "ftp://x"},
		"is not known":       {"--month", "2024-03", "--catalog", folder, "-o", "xml"},
		"no such file":       {"--month", "2024-03", "--catalog", folder + "/none"},
		"that --service nam": {"--month", "2024-03", "--catalog", folder, "--prometheus", address, "--service", "none"},
		"has errors":         {"--month", "2024-03", "--catalog", commandtest.Folder(t, map[string]string{"a.yaml": "kind: Service"})},
	} {
		got := run(args...)
		assert.Equal(t, exit.Usage, got.Code, want)
		assert.ErrorContains(t, got.Err, want)
		assert.Empty(t, got.Stdout)
	}
}

// Whatever a label says, it is text: in Markdown, in a page and in a spreadsheet.
func TestOutputIsEscaped(t *testing.T) {
	kept := false
	for _, hostile := range []string{"=cmd|'/c calc'!A1", "@SUM(1)", "+1", "-1", "<script>alert(1)</script>", "a|b[c](http://x)`d`", "\x1b[2J\n=1"} {
		r := &report{Month: "2024-03", SLOs: []compliance{{
			Service: hostile, Owner: hostile, Environment: hostile, SLO: hostile, Kept: &kept,
			Unmeasured: []gap{{Cause: ledger.Cause(hostile)}}, MoreUnmeasured: 2,
			WorstHours: []hour{{Versions: []version{{Version: hostile, Deployment: hostile}}}}, Versions: []version{{Version: hostile, Revision: hostile}},
		}}}
		var markdown, page, table strings.Builder
		require.NoError(t, writeMarkdown(&markdown, r))
		require.NoError(t, writeHTML(&page, r))
		require.NoError(t, writeCSV(&table, r))
		for _, text := range []string{markdown.String(), page.String()} {
			assert.NotContains(t, text, "<script>")
		}
		for _, text := range []string{markdown.String(), table.String()} {
			assert.NotContains(t, text, "\x1b")
		}
		assert.NotContains(t, markdown.String(), "[c](")
		rows, err := csv.NewReader(strings.NewReader(table.String())).ReadAll()
		require.NoError(t, err)
		for _, cell := range rows[1] {
			assert.NotContains(t, []string{"=", "@", "+", "-"}, cell[:min(1, len(cell))], cell)
		}
	}
}

// A collector's own history says why time was not measured.
func TestCausesOfACollector(t *testing.T) {
	now := time.Now().UTC()
	from := time.Date(now.Year(), now.Month()-1, 1, 0, 0, 0, 0, time.UTC)
	at := func(d int) time.Time { return from.AddDate(0, 0, d) }
	place := ledger.Place{
		Environment: "production",
		Measured:    []ledger.Span{{From: at(2), To: at(10)}, {From: at(11), To: at(28)}},
		Unmeasured: []ledger.Gap{
			{Span: ledger.Span{From: at(-10), To: at(2)}, Cause: ledger.NotFollowed}, {Span: ledger.Span{From: at(10), To: at(11)}, Cause: ledger.Stopped},
			{Span: ledger.Span{From: at(20), To: at(21)}, Cause: ledger.Damaged}, {Span: ledger.Span{From: at(22), To: at(23)}, Cause: "<script>"},
		},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.FormValue("slo")
		if name != "availability" {
			w.Header().Set(ledger.Unknown, "true")
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		assert.NoError(t, ledger.Write(r.Context(), w, tens{}, ledger.SLO{Name: name}, []ledger.Place{place}, at(2), at(28)))
		assert.NoError(t, ledger.End(w))
	}))
	defer server.Close()
	args := []string{"--month", from.Format("2006-01"), "--catalog", commandtest.Catalog(t, checkout), "--url", server.URL, "-o"}
	got := run(append(args, "json")...)
	require.NoError(t, got.Err)
	var r report
	require.NoError(t, json.Unmarshal([]byte(got.Stdout), &r))
	c := r.SLOs[0]
	require.GreaterOrEqual(t, len(c.Unmeasured), 4)
	assert.Equal(t, []gap{{at(0), at(2), ledger.NotFollowed}, {at(10), at(11), ledger.Stopped}, {at(20), at(21), ledger.Damaged}, {at(22), at(23), ""}}, c.Unmeasured[:4])
	assert.InDelta(t, 24/float64(at(0).AddDate(0, 1, 0).Sub(at(0))/day), c.Measured, 0.001)
	assert.Greater(t, float64(c.AtWorst), 10.0, "a day without an answer is much")

	text := run(append(args, "markdown")...).Stdout
	assert.Contains(t, text, "## Not measured")
	assert.Contains(t, text, "the collector that counts did not run")
	assert.NotContains(t, text, "script")
}

// A collector that is new has measured none of its SLOs before: that is one row, and not one for each of them.
func TestOneRowForWhatIsInCommon(t *testing.T) {
	from := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	begun, own := from.AddDate(0, 0, 20), from.AddDate(0, 0, 25)
	r := &report{TimeZone: "UTC"}
	for i, name := range []string{"availability", "latency", "freshness"} {
		c := compliance{Service: "checkout", Environment: "production", SLO: name, AtWorst: output.Number(i + 1), Unmeasured: []gap{{Start: from, End: begun, Cause: ledger.NotFollowed}}}
		if i == 2 {
			c.Service, c.Unmeasured = "payment", append(c.Unmeasured, gap{Start: own, End: own.Add(time.Hour)})
		}
		r.SLOs = append(r.SLOs, c)
	}
	assert.Equal(t, [][]string{
		{"2 services", "production", "3 SLOs", "2026-11-01 00:00", "2026-11-21 00:00", ledger.NotFollowed.Text(), "at most 300.0 %"},
		{"payment", "production", "freshness", "2026-11-26 00:00", "2026-11-26 01:00", ledger.Cause("").Text(), "-"},
	}, r.unmeasured())
}

// What the collector's ledger knows of a month is in its report.
func TestWhatSpentTheBudget(t *testing.T) {
	now := time.Now().UTC()
	from := time.Date(now.Year(), now.Month()-1, 1, 0, 0, 0, 0, time.UTC)
	place := ledger.Place{Environment: "production", Measured: []ledger.Span{{From: from, To: from.AddDate(0, 0, 2)}}}
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.FormValue("slo")
		switch {
		case name != "availability":
			w.Header().Set(ledger.Unknown, "true")
			w.WriteHeader(http.StatusNotFound)
		case r.FormValue("only") == "spent":
			asked++
			assert.Equal(t, "production", r.FormValue("environment"))
			assert.Equal(t, from.Format(time.RFC3339), r.FormValue("since"))
			assert.Equal(t, from.AddDate(0, 1, 0).Format(time.RFC3339), r.FormValue("until"))
			_, _ = w.Write([]byte(`{"data": {"spent": [{"slo": "latency", "causes": [{"attributes": [{"name": "other", "value": "SLO"}]}]}, {"slo": "availability", "causes": [
				{"attributes": [{"name": "app.plan", "value": "gold|<script>"}, {"name": "http.route", "value": "/pay"}], "share_of_bad": 0.71, "share_of_traffic": 0.05, "bad": 12}],
				"by_incident": [{"id": "20261121-031200-4bf92f35<script>", "from": "2026-11-21T03:12:00Z", "to": "2026-11-21T03:40:00Z", "bad": 900}], "other_incidents": 31, "outside_of_incidents": 72}]}}`))
		default:
			w.Header().Set("Content-Type", "application/x-ndjson")
			assert.NoError(t, ledger.Write(r.Context(), w, faulty{}, ledger.SLO{Name: name}, []ledger.Place{place}, from, from.AddDate(0, 0, 2)))
			assert.NoError(t, ledger.End(w))
		}
	}))
	defer server.Close()
	args := []string{"--month", from.Format("2006-01"), "--catalog", commandtest.Catalog(t, checkout), "--url", server.URL, "-o"}
	var r report
	require.NoError(t, json.Unmarshal([]byte(run(append(args, "json")...).Stdout), &r))
	require.Len(t, r.SLOs[0].Causes, 1)
	assert.Equal(t, 1, asked, "only of SLOs with bad events")
	assert.InDelta(t, 0.71, r.SLOs[0].Causes[0].OfBad, 1e-9)
	text := run(append(args, "markdown")...).Stdout
	assert.Contains(t, text, "## What spent the budgets")
	assert.Contains(t, text, "http.route=/pay")
	assert.Contains(t, text, "## Incidents that spent the budgets")
	assert.Regexp(t, `20261121-031200-4bf92f35.*2026-11-21 03:12 \| 2026-11-21 03:40 \| 900`, text)
	assert.Regexp(t, `all others \| - \| - \| 31`, text)
	assert.Regexp(t, `outside of incidents \| - \| - \| 72`, text)
	assert.Contains(t, text, "71.0 %")
	assert.NotContains(t, text, "<script>")
	assert.NotContains(t, run(append(args, "html")...).Stdout, "<script>")
}

// faulty has a bad event beside nine good ones in each minute.
type faulty struct{ tens }

func (f faulty) Minutes(of ledger.SLO, at ledger.Place, day time.Time, counted bool) []ledger.Minute {
	all := f.tens.Minutes(of, at, day, counted)
	for i := range all {
		all[i].Good, all[i].Bad = 9, 1
	}
	return all
}

// tens has ten good events in each minute.
type tens struct{}

func (tens) Places(ledger.SLO) ([]ledger.Place, bool) { return nil, true }

func (tens) Minutes(_ ledger.SLO, at ledger.Place, day time.Time, _ bool) (all []ledger.Minute) {
	for n := range int64(ledger.MinutesPerDay) {
		for _, m := range at.Measured {
			if start := day.Add(time.Duration(n) * time.Minute); !start.Before(m.From) && start.Before(m.To) {
				all = append(all, ledger.Minute{Start: start.Unix() / 60, Good: 10})
			}
		}
	}
	return all
}
