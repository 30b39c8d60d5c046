// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// A page answers as a status page, with the findings; each answer has ten more spans. Its own metrics are on a server beside it.
func startPage(t *testing.T, findings, metrics string) string {
	t.Helper()
	var asked atomic.Int64
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/doctor" {
			return
		}
		_, _ = fmt.Fprintf(w, `{"data": {"own_metrics": true, "senders": [{"service": "checkout", "environment": "production", "version": "1", "spans": %d, "instances": [], "peers": ["10.0.0.7"],
			"span_kinds": ["SERVER"], "metrics": [], "sdk": "opentelemetry java 1.40.0"}], "slos": [{"service": "checkout", "slo": "availability", "counted": 7, "good": 3, "bad": 1, "looked_at": 4}], "findings": [%s]}}`,
			10*asked.Add(1), findings)
	}))
	own := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, metrics, asked.Load())
	}))
	t.Cleanup(func() { page.Close(); own.Close() })
	u, err := url.Parse(own.URL)
	require.NoError(t, err)
	t.Setenv("OTELCOL_SRE_TELEMETRY_PORT", u.Port())
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	for _, variable := range []string{"OTELCOL_SRE_OTLP_GRPC", "OTELCOL_SRE_OTLP_HTTP", "OTELCOL_SRE_PROMETHEUS_API", "OTELCOL_SRE_PROMETHEUS", "OTELCOL_SRE_HEALTH"} {
		t.Setenv(variable, closed.Addr().String())
	}
	return page.URL
}

func run(args ...string) commandtest.Result {
	return commandtest.Run(NewCommand(), strings.NewReader(""), append([]string{"doctor", "--for", "10ms"}, args...)...)
}

const finding = `{"check": "span-kind", "service": "checkout", "slo": "availability", "what": "INTERNAL\u001b[31m only", "fix": "use SERVER"}`

func TestDoctor(t *testing.T) {
	got := run("--url", startPage(t, "", "otelcol_receiver_accepted_spans 1\n# %d\n"))
	assert.Equal(t, exit.OK, got.Code, got.Stdout)
	assert.Contains(t, got.Stdout, "Nothing is wrong")
	assert.Regexp(t, `(?m)^checkout +production +1 +1000\.0 +0\.0 +0\.0 +SERVER +0$`, got.Stdout)
	assert.Regexp(t, `(?m)^checkout +availability +7 +3 +1 +-$`, got.Stdout)
	assert.Regexp(t, `(?m)^127.0.0.1:\d+ +OTLP over gRPC +nothing listens there$`, got.Stdout)

	got = run("--url", startPage(t, finding, "otelcol_receiver_otlp_refused{reason=\"too_large\"} %d\n"), "-o", "wide")
	assert.Equal(t, exit.NotOK, got.Code)
	assert.Contains(t, got.Stdout, "\nspan-kind: INTERNAL\uFFFD[31m only; use SERVER\n")
	assert.Contains(t, got.Stdout, "refused: requests were refused (2 in 0s): their body is too large")
	assert.Contains(t, got.Stdout, "opentelemetry java 1.40.0  10.0.0.7")
}

func TestDoctorForPrograms(t *testing.T) {
	page := startPage(t, finding, "# %d\n")
	var fromJSON, fromYAML struct {
		Findings []struct{ Check string }
		Arriving []struct {
			Service string
			Spans   float64 `json:"spans_per_second" yaml:"spans_per_second"`
		}
		Ports []struct{ Name, Answer string }
	}
	got := run("--url", page, "-o", "json")
	assert.Equal(t, exit.NotOK, got.Code)
	require.NoError(t, json.Unmarshal([]byte(got.Stdout), &fromJSON))
	require.NoError(t, yaml.Unmarshal([]byte(run("--url", page, "-o", "yaml").Stdout), &fromYAML))
	assert.Equal(t, fromJSON, fromYAML)
	require.Len(t, fromJSON.Findings, 1)
	assert.InDelta(t, 1000, fromJSON.Arriving[0].Spans, 0.001)
	assert.Len(t, fromJSON.Ports, 7)
}

func TestDoctorCannotAsk(t *testing.T) {
	startPage(t, "", "# %d\n")
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	text := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
	t.Cleanup(text.Close)
	for want, args := range map[string][]string{
		"does not answer":                         {"--url", closed.URL},
		"does not answer as a status page does":   {"--url", text.URL},
		`--url "ftp://x" is not an address`:       {"--url", "ftp://x"},
		"--for is 0s: must be above 0":            {"--for", "0s"},
		`write table, wide, json or yaml`:         {"-o", "xml"},
		`unknown command "x" for "srectl doctor"`: {"x"},
	} {
		got := run(args...)
		assert.Equal(t, exit.Usage, got.Code, want)
		require.ErrorContains(t, got.Err, want)
	}
	assert.Contains(t, run("--url", closed.URL).Stdout, "(OTLP over HTTP) does not answer: nothing listens there; start the collector", "the ports are asked all the same")
}
