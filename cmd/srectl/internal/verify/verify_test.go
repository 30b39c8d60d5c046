// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/internal/gate"
	"github.com/otelcol-sre/otelcol-sre/internal/golden"
)

// prometheus answers range queries about a version 1 and a canary 2 of checkout, which began ten minutes ago.
func prometheus(t *testing.T, canaryGood, canaryBad float64) *httptest.Server {
	t.Helper()
	began := time.Now().Add(-10 * time.Minute)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !assert.NoError(t, r.ParseForm()) || r.URL.Path != "/api/v1/query_range" {
			http.NotFound(w, r)
			return
		}
		at := func(key string) float64 {
			f, err := strconv.ParseFloat(r.Form.Get(key), 64)
			assert.NoError(t, err)
			return f
		}
		type series struct {
			Metric map[string]string `json:"metric"`
			Values [][2]any          `json:"values"`
		}
		found := []*series{}
		add := func(from time.Time, perSecond, constant float64, labels ...string) {
			s := &series{Metric: map[string]string{"service_name": "checkout", "service_namespace": "shop", "slo_name": "availability"}}
			for i := 0; i < len(labels); i += 2 {
				s.Metric[labels[i]] = labels[i+1]
			}
			for now := at("start"); now <= at("end"); now += at("step") {
				if ran := now - float64(from.UnixMilli())/1000; ran >= 0 {
					s.Values = append(s.Values, [2]any{now, strconv.FormatFloat(constant+perSecond*ran, 'f', -1, 64)})
				}
			}
			if len(s.Values) > 0 {
				found = append(found, s)
			}
		}
		switch query := r.Form.Get("query"); {
		case strings.HasPrefix(query, "slo_objective_ratio{"):
			add(began.Add(-time.Hour), 0, 0.99)
		case strings.HasPrefix(query, "change_time_seconds{"):
			if strings.Contains(query, `change_name="new-check"`) {
				add(began, 0, float64(began.Unix()))
			}
		case strings.HasPrefix(query, "slo_events_total{") && strings.Contains(query, `service_name="checkout"`):
			add(began.Add(-3*time.Hour), 100, 0, "service_version", "1", "slo_outcome", "good")
			add(began.Add(-3*time.Hour), 0.01, 0, "service_version", "1", "slo_outcome", "bad")
			add(began, canaryGood, 0, "service_version", "2", "slo_outcome", "good")
			add(began, canaryBad, 0, "service_version", "2", "slo_outcome", "bad")
		}
		assert.NoError(t, json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"resultType": "matrix", "result": found}}))
	}))
	t.Cleanup(server.Close)
	return server
}

const document = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec: {slos: [{name: availability, objective: 99, sli: {availability: {}}}]}
`

func TestOfAPrometheus(t *testing.T) {
	t.Setenv("OTELCOL_SRE_CATALOG", "")
	bad, good := prometheus(t, 9, 1), prometheus(t, 10, 0.001)
	folder := commandtest.Catalog(t, document)
	for name, test := range map[string]struct {
		args []string
		code int
		says string
	}{
		"a bad canary":              {[]string{"--url", bad.URL, "--version", "2"}, 1, "checkout 2: fail"},
		"the newest":                {[]string{"--url", bad.URL}, 1, "checkout 2: fail"},
		"with the catalog":          {[]string{"--url", bad.URL, "--version", "2", "--catalog", folder}, 1, "10%"},
		"a good canary":             {[]string{"--url", good.URL, "--version", "2", "--since", "20m"}, 0, "checkout 2: pass"},
		"a change of a flag":        {[]string{"--url", good.URL, "--flag", "new-check"}, 0, "checkout new-check: pass"},
		"since when it is given":    {[]string{"--url", good.URL, "--flag", "other", "--since", "10m"}, 0, "checkout other: pass"},
		"one that is not known":     {[]string{"--url", bad.URL, "--flag", "other"}, 2, "No change of the flag other is known within the last hour"},
		"a version without traffic": {[]string{"--url", good.URL, "--version", "3"}, 2, "inconclusive"},
	} {
		got := commandtest.Run(NewCommand(), nil, append([]string{"verify", "--service", "shop/checkout", "--for", "0"}, test.args...)...)
		assert.Equal(t, test.code, got.Code, "%s: %v", name, got.Err)
		assert.Contains(t, got.Stdout, test.says, name)
	}
	got := commandtest.Run(NewCommand(), nil, "verify", "--service", "none", "--for", "0", "--url", good.URL, "--catalog", folder)
	assert.Equal(t, 2, got.Code)
	require.ErrorContains(t, got.Err, "is not in the catalog")
	got = commandtest.Run(NewCommand(), nil, "verify", "--service", "checkout", "--slo", "moon", "--for", "0", "--url", good.URL)
	assert.Equal(t, 2, got.Code)
	require.ErrorContains(t, got.Err, "the service has no SLO")
}

// page is a status page with one answer of its gate.
func page(t *testing.T, status int, data string, asked *string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/gate/") {
			w.WriteHeader(http.StatusNotFound)
			_, _ = fmt.Fprint(w, `{"time": "2026-11-30T12:00:00Z", "problem": {"what": "no such page", "fix": ""}}`)
			return
		}
		*asked = r.URL.String()
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, data)
	}))
	t.Cleanup(server.Close)
	return server
}

const hostile = `{"time": "2026-11-30T12:00:00Z", "data": {"service": "checkout", "version": "\u001b[2J<b>2|", "since": "2026-11-30T11:50:00Z", "until": "2026-11-30T12:00:00Z",
"verdict": "fail", "reason": "<script>\u202e & | *it* failed", "slos": [
{"slo": "avail|ability", "environment": "pro\u001b[31mduction", "verdict": "fail", "events": 600, "bad": 60, "bad_share": 0.1, "bad_share_low": 0.06, "bad_share_high": 0.15, "allowed_share": 0.01,
 "compared_with": "versions beside it", "other_events": 60000, "other_bad_share": 0.001, "times_as_often": 100, "times_low": 40, "times_high": null, "budget_spent_seconds": 540, "budget_spent": 0.0002, "share_of_bad": 0.5, "events_per_second": 1, "other_events_per_second": 100, "events_per_second_before": 100.5},
{"slo": "latency", "environment": "production", "verdict": "inconclusive", "idle": true, "events": 0, "bad_share": null, "bad_share_low": null, "bad_share_high": null, "allowed_share": 0.05, "budget_spent_seconds": null, "share_of_bad": null, "events_per_second": 0, "other_events_per_second": null, "events_per_second_before": 0},
{"slo": "paid", "environment": "production", "verdict": "inconclusive", "events": 3, "bad_share": 0, "bad_share_low": 0, "bad_share_high": 0.9, "allowed_share": 0.05, "budget_spent_seconds": 0, "budget_spent": null, "share_of_bad": 0, "events_per_second": 0.005, "other_events_per_second": null, "events_per_second_before": null}],
"saturation": [
{"resource": "cpu", "environment": "pro\u001b[31mduction", "metric": "process.cpu.time", "unit": "1", "of": "Go's processors", "state": "above", "fails": true, "instances": 3, "mean": 0.8, "peak": 0.97, "above_seconds": 360,
 "measured_seconds": 600, "compared_with": "versions beside it", "other_instances": 5, "other_mean": 0.31, "other_peak": 0.4, "other_above_seconds": 0},
{"resource": "memory", "environment": "production", "metric": "process.memory.usage", "unit": "By", "of": "", "state": "usual", "instances": 3, "mean": 412000000, "peak": 500000000, "above_seconds": 0,
 "measured_seconds": 600, "compared_with": "", "other_instances": 0, "other_mean": null, "other_peak": null, "other_above_seconds": 0}],
"warnings": ["CPU rose"]}}`

func TestFormats(t *testing.T) {
	var asked string
	server := page(t, http.StatusOK, hostile, &asked)
	for _, format := range []string{"table", "json", "yaml", "junit", "markdown"} {
		got := commandtest.Run(NewCommand(), nil, "verify", "--service", "shop/checkout", "--version", "2", "--baseline", "1", "--environment", "production", "--slo", "a,b",
			"--since", "2026-11-30T11:50:00Z", "--for", "0", "--url", server.URL, "-o", format)
		assert.Equal(t, 1, got.Code, "%v", got.Err)
		golden.Equal(t, "testdata/"+format+".txt", []byte(got.Stdout))
		if format != "json" { // which has escapes of its own
			assert.NotContains(t, got.Stdout, "\x1b")
			assert.NotContains(t, got.Stdout, "\u202e")
		}
		if format == "junit" {
			assert.NoError(t, xml.Unmarshal([]byte(got.Stdout), &struct{ XMLName xml.Name }{}))
		}
	}
	assert.Equal(t, "/gate/shop/checkout?baseline=1&environment=production&since=2026-11-30T11%3A50%3A00Z&slo=a&slo=b&version=2", asked)
	commandtest.Run(NewCommand(), nil, "verify", "--service", "checkout", "--flag", "new-check", "--variant", "on", "--for", "0", "--url", server.URL)
	assert.Equal(t, "/gate/checkout?flag=new-check&variant=on", asked)
	commandtest.Run(NewCommand(), nil, "verify", "--service", "checkout", "--version", "2", "--max-saturation", "90%", "--for", "0", "--url", server.URL)
	assert.Equal(t, "/gate/checkout?max_saturation=90%25&version=2", asked)
}

func TestItCannotBeAsked(t *testing.T) {
	var asked string
	missing := page(t, http.StatusNotFound, `{"problem": {"what": "The catalog has no service none.", "fix": "Name one."}}`, &asked)
	busy := page(t, http.StatusServiceUnavailable, `{"problem": {"what": "Prometheus is down.", "fix": "Start it."}}`, &asked)
	locked := page(t, http.StatusUnauthorized, ``, &asked)
	for says, args := range map[string][]string{
		"The catalog has no service none.":    {"--url", missing.URL},
		"Prometheus is down. Start it.":       {"--url", busy.URL},
		"wants credentials":                   {"--url", locked.URL},
		"does not answer":                     {"--url", "http://127.0.0.1:1"},
		"is not an address":                   {"--url", "ftp://x"},
		"--since \"yesterday\" is not a time": {"--since", "yesterday"},
		"--for is -1s":                        {"--for", "-1s"},
		"--interval is 1ms":                   {"--interval", "1ms"},
		"--flag and --version are both set":   {"--flag", "a", "--version", "1"},
		"--variant is of a feature flag":      {"--variant", "on"},
		"--report sends the verdict on":       {"--flag", "a", "--report"},
		"--max-saturation is about the proc":  {"--flag", "a", "--max-saturation", "90%"},
		"--max-saturation: \"much\" is no":    {"--max-saturation", "much"},
		"--max-saturation: \"0%\" is no":      {"--max-saturation", "0%"},
		"--max-saturation: \"101%\" is no":    {"--max-saturation", "101%"},
		"--translation \"x\" is not known":    {"--translation", "x"},
		"--format \"html\" is not known":      {"-o", "html"},
	} {
		got := commandtest.Run(NewCommand(), nil, append([]string{"verify", "--service", "none", "--for", "1h"}, args...)...)
		assert.Equal(t, 2, got.Code, says)
		require.ErrorContains(t, got.Err, says)
	}
}

// A clock that advances while one waits.
type clock struct{ at time.Time }

func (c *clock) now() time.Time                          { return c.at }
func (c *clock) wait(_ context.Context, d time.Duration) { c.at = c.at.Add(d) }

func TestItWaitsUntilItIsCertain(t *testing.T) {
	start := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		answers []gate.Verdict // "" is an error; the last goes on
		want    gate.Verdict
		asked   int
		waited  time.Duration
		fails   bool
	}{
		"certain at once":           {[]gate.Verdict{gate.Fail}, gate.Fail, 1, 0, false},
		"certain in the end":        {[]gate.Verdict{gate.Inconclusive, gate.Inconclusive, gate.Pass}, gate.Pass, 3, 20 * time.Second, false},
		"never certain":             {[]gate.Verdict{gate.Inconclusive}, gate.Inconclusive, 8, 65 * time.Second, false},
		"cannot be asked":           {[]gate.Verdict{""}, "", 1, 0, true},
		"the server restarts":       {[]gate.Verdict{gate.Inconclusive, "", gate.Fail}, gate.Fail, 3, 20 * time.Second, false},
		"the server does not start": {[]gate.Verdict{gate.Inconclusive, ""}, gate.Inconclusive, 8, 65 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := &clock{start}
			asked := 0
			var log bytes.Buffer
			w := watch{patience: 65 * time.Second, interval: 10 * time.Second, now: c.now, wait: c.wait, progress: newProgress(&log), ask: func(context.Context, time.Time) (gate.Result, error) {
				v := test.answers[min(asked, len(test.answers)-1)]
				asked++
				if v == "" {
					return gate.Result{}, errors.New("down")
				}
				return gate.Result{Verdict: v, Reason: "few \x1b[2J events"}, nil
			}}
			got, err := w.run(t.Context())
			assert.Equal(t, test.fails, err != nil)
			assert.Equal(t, test.want, got.Verdict)
			assert.Equal(t, test.asked, asked)
			assert.Equal(t, test.waited, c.at.Sub(start))
			assert.NotContains(t, log.String(), "\x1b")
			if test.waited > time.Minute {
				assert.Equal(t, 3, strings.Count(log.String(), "\n"), "a line each 30 s: %s", log.String())
			}
		})
	}
}

// Without an SLO to show there is no table, and without a version no gap in its place.
func TestNothingToShow(t *testing.T) {
	var b strings.Builder
	require.NoError(t, write(&b, output.Table, &gate.Result{Service: "checkout", Verdict: gate.Inconclusive, Reason: "No version is new within the hour: name one."}))
	assert.Equal(t, "checkout new-check=on: pass", title(&gate.Result{Service: "checkout", Flag: "new-check", Variant: "on", Verdict: gate.Pass}))
	assert.Equal(t, "checkout: inconclusive\nNo version is new within the hour: name one.\n", b.String())
	for format, want := range map[string]string{
		"table":    "checkout 2: pass\nOf 1 SLO. Nothing measures CPU or memory.\n",
		"markdown": "Of 1 SLO. Nothing measures CPU or memory.",
		"junit":    "Of 1 SLO. Nothing measures CPU or memory.",
	} {
		b.Reset()
		require.NoError(t, write(&b, format, &gate.Result{Service: "checkout", Version: "2", Verdict: gate.Pass, Reason: "Of 1 SLO.", Unmeasured: "Nothing measures CPU or memory."}))
		assert.Contains(t, b.String(), want, format)
	}
}

// A release has one beginning: what is asked later looks at all events since, not at the last 30 minutes from then on.
func TestOneBeginning(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/gate/") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		asked = append(asked, r.FormValue("since"))
		events := ""
		if len(asked) > 1 {
			events = `{"slo": "availability", "events": 10}`
		}
		_, _ = fmt.Fprintf(w, `{"time": "2026-11-30T12:00:00Z", "data": {"service": "checkout", "since": "2026-11-30T11:50:00Z", "verdict": "inconclusive", "slos": [%s]}}`, events)
	}))
	t.Cleanup(server.Close)
	questions := func(since string, after ...time.Duration) []string {
		asked = nil
		ask, err := (&request{service: "checkout", version: "2", since: since, url: server.URL, interval: time.Second, translation: string(alerts.DefaultOptions().Translation)}).source(t.Context())
		require.NoError(t, err)
		start := time.Now()
		for _, d := range after {
			_, err := ask(t.Context(), start.Add(d))
			require.NoError(t, err)
		}
		return asked
	}
	got := questions("30m", 0, 10*time.Minute, 90*time.Minute)
	assert.Equal(t, []string{got[0], got[0], got[0]}, got)
	got = questions("23h", 0, 2*time.Hour)
	first, err := time.Parse(time.RFC3339, got[0])
	require.NoError(t, err)
	last, err := time.Parse(time.RFC3339, got[1])
	require.NoError(t, err)
	assert.InDelta(t, time.Hour.Seconds(), last.Sub(first).Seconds(), 1, "a day is as far as a gate looks")
	assert.Equal(t, []string{"", "", "2026-11-30T11:50:00Z", "2026-11-30T11:50:00Z"}, questions("", 0, time.Minute, 2*time.Minute, 3*time.Hour), "as soon as the version has events")
}

// What a gate does not answer is no verdict: the message says what to do.
func TestAnswersOfOthers(t *testing.T) {
	for name, test := range map[string]struct{ body, want string }{
		"nothing":            {`{"time": "2026-11-30T12:00:00Z", "data": {}}`, "answers without a verdict: use the srectl of its version"},
		"null":               {`{"time": "2026-11-30T12:00:00Z", "data": null}`, "answers without a verdict"},
		"an unknown verdict": {`{"time": "2026-11-30T12:00:00Z", "data": {"verdict": "maybe"}}`, "answers without a verdict"},
		"a page of the web":  {"<html>", "does not answer as a status page does (HTTP status 200)"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/gate/") {
				_, _ = fmt.Fprint(w, test.body)
				return
			}
			w.WriteHeader(http.StatusNotFound)
		}))
		got := commandtest.Run(NewCommand(), nil, "verify", "--service", "checkout", "--version", "2", "--url", server.URL, "--for", "0")
		server.Close()
		require.ErrorContains(t, got.Err, test.want, name)
		assert.Empty(t, got.Stdout, name)
	}
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	got := commandtest.Run(NewCommand(), nil, "verify", "--service", "checkout", "--version", "2", "--url", server.URL, "--for", "0")
	require.ErrorContains(t, got.Err, "trust its authority with SSL_CERT_FILE")
	for flags, want := range map[string]string{
		"--since 2099-01-01T00:00:00Z": "is in the future", "--since 25h": "is more than 1d ago", "--since -5m": "is not a time", "--version 2 --baseline 2": "are the same",
	} {
		got := commandtest.Run(NewCommand(), nil, append([]string{"verify", "--service", "checkout", "--url", "http://127.0.0.1:1", "--for", "0"}, strings.Fields(flags)...)...)
		require.ErrorContains(t, got.Err, want, flags)
	}
}
