// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/internal/golden"
)

var now = time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC)

const rows = `
{"namespace": "shop", "service": "checkout", "slo": "availability", "environment": "production", "page": "/services/checkout", "state": "burning_fast", "error_budget_remaining": -0.4, "burn_rate": 20},
{"namespace": "shop", "service": "checkout", "slo": "latency", "environment": "production", "page": "/services/checkout", "state": "ok", "error_budget_remaining": 0.05, "burn_rate": 0.1},
{"namespace": "", "service": "mail|er\u001b[2J", "slo": "availability", "environment": "production", "page": "/services/mailer", "state": "ok", "error_budget_remaining": 0.09, "burn_rate": null}`

const more = `
{"namespace": "shop", "service": "payment", "slo": "availability", "environment": "production", "page": "/services/payment", "state": "ok", "error_budget_remaining": 0.9, "burn_rate": 0},
{"namespace": "", "service": "heard", "slo": "availability", "environment": "", "page": "/services/heard", "state": "exhausted", "proposed": true, "error_budget_remaining": -3, "burn_rate": 5},
{"namespace": "", "service": "silent", "slo": "availability", "environment": "", "page": "", "state": "unknown", "error_budget_remaining": null, "burn_rate": null}`

// page is a status page with two pages of SLOs. checkout depends on payment, which burns.
func page(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data := ""
		switch r.URL.Path {
		case "/":
			assert.Equal(t, "500", r.URL.Query().Get("size"))
			part := rows
			if r.URL.Query().Get("page") == "2" {
				part = more
			}
			data = fmt.Sprintf(`{"slos": [%s], "pages": 2}`, part)
			if r.URL.Query().Get("environment") == "moon" {
				data = `{"slos": [], "pages": 1}`
			}
		case "/services/checkout":
			data = `{"depends_on": [{"name": "payment", "state": "burning_slow"}, {"name": "stock", "state": "ok"}]}`
		case "/services/mailer":
			w.WriteHeader(http.StatusNotFound)
			_, _ = fmt.Fprint(w, `{"problem": {"what": "none", "fix": ""}}`)
			return
		case "/api/v1/query_range": // it is no Prometheus
			w.WriteHeader(http.StatusNotFound)
			return
		default:
			assert.Fail(t, "asked for "+r.URL.Path)
		}
		_, _ = fmt.Fprintf(w, `{"time": "2026-11-30T12:00:00Z", "data": %s}`, data)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func run(args ...string) commandtest.Result {
	return commandtest.Run(newCommand(func() time.Time { return now }), nil, append([]string{"budget"}, args...)...)
}

func TestBudget(t *testing.T) {
	url := page(t)
	for name, test := range map[string]struct {
		args []string
		code int
	}{
		"all":                           {[]string{"--fail-below", "10%"}, 1},
		"less":                          {[]string{"--fail-below", "0"}, 1},
		"one that has enough":           {[]string{"--fail-below", "10%", "--service", "payment"}, 0},
		"one that has not":              {[]string{"--fail-below", "0.1", "--service", "shop/checkout", "--slo", "latency"}, 1},
		"has just enough":               {[]string{"--fail-below", "5%", "--service", "shop/checkout", "--slo", "latency"}, 0},
		"a dependency burns":            {[]string{"--fail-below", "10%", "--service", "checkout", "--excuse-dependencies"}, 0},
		"another has no dependency":     {[]string{"--fail-below", "10%", "--excuse-dependencies"}, 1},
		"proposed":                      {[]string{"--fail-below", "10%", "--service", "heard"}, 0},
		"an exception, on its last day": {[]string{"--fail-below", "10%", "--service", "checkout", "--except", "shop/checkout owner=alice until=2026-11-30"}, 0},
		"an exception that ended":       {[]string{"--fail-below", "10%", "--service", "checkout", "--except", "shop/checkout owner=alice until=2026-11-29"}, 1},
		"an exception of one SLO":       {[]string{"--fail-below", "10%", "--service", "checkout", "--except", "checkout/latency owner=alice until=2026-12-24"}, 1},
		"unknown":                       {[]string{"--fail-below", "10%", "--service", "silent"}, 2},
		"no such SLO":                   {[]string{"--fail-below", "10%", "--service", "none"}, 2},
		"no such environment":           {[]string{"--fail-below", "10%", "--environment", "moon"}, 2},
	} {
		got := run(append(test.args, "--url", url)...)
		assert.Equal(t, test.code, got.Code, "%s: %s %v", name, got.Stdout, got.Err)
		assert.Equal(t, test.code == 2, got.Err != nil && got.Stdout == "", name)
	}
}

func TestFormats(t *testing.T) {
	url := page(t)
	for _, format := range []string{"table", "json", "yaml", "markdown"} {
		got := run("--fail-below", "10%", "--url", url, "-o", format, "--except", "shop/checkout/latency owner=alice until=2026-12-24", "--except", "shop/checkout/availability owner=bob until=2026-11-01")
		assert.Equal(t, 1, got.Code)
		assert.NotContains(t, got.Stdout, "\x1b")
		golden.Equal(t, "testdata/"+format+".txt", []byte(got.Stdout))
	}
}

func TestMistakes(t *testing.T) {
	for says, args := range map[string][]string{
		"is not a share":                {"--fail-below", "much"},
		"from 0 to 100%":                {"--fail-below", "110%"},
		"has no owner or no end":        {"--fail-below", "0", "--except", "checkout"},
		"has an end that is not a day":  {"--fail-below", "0", "--except", "checkout owner=a until=soon"},
		"has an unknown word":           {"--fail-below", "0", "--except", "checkout by=a"},
		"is empty":                      {"--fail-below", "0", "--except", " "},
		"is not known":                  {"--fail-below", "0", "-o", "html"},
		"does not answer":               {"--fail-below", "0", "--url", "http://127.0.0.1:1"},
		"is not an address":             {"--fail-below", "0", "--url", "ftp://x"},
		`required flag(s) "fail-below"`: {},
	} {
		got := run(args...)
		assert.Equal(t, 2, got.Code, says)
		require.ErrorContains(t, got.Err, says)
		assert.NotContains(t, got.Err.Error(), "\n", "one line")
	}
}
