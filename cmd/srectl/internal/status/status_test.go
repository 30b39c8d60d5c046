// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/golden"
)

// endpoint answers with body.
func endpoint(t *testing.T, contentType, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func exampleMetrics(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/metrics.txt")
	require.NoError(t, err)
	return string(text)
}

// status runs the command as main does, without a Prometheus if none is named: one may run on this machine.
func status(args ...string) (code int, out string, err error) {
	r := commandtest.Run(NewCommand(), nil, append([]string{"status", "--prometheus="}, args...)...)
	return r.Code, r.Stdout + r.Stderr, r.Err
}

func TestStatus(t *testing.T) {
	from := endpoint(t, "text/plain; version=0.0.4", exampleMetrics(t))
	for _, c := range []struct {
		name string
		args []string
		code int
	}{
		{"table", nil, exit.NotOK},
		{"json", []string{"--format", "json"}, exit.NotOK},
		{"service", []string{"--service", "checkout"}, exit.NotOK},
		{"namespaced", []string{"--service", "shop/frontend,batch"}, exit.OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, _ := status(append(c.args, "--endpoint", from)...)
			assert.Equal(t, c.code, code)
			golden.Equal(t, "testdata/"+c.name+".golden", []byte(out))
		})
	}
}

func TestStatusReadsOpenMetrics(t *testing.T) {
	from := endpoint(t, "application/openmetrics-text; version=1.0.0; charset=utf-8", `# TYPE slo_events counter
slo_events_total{service_name="a",slo_name="b",slo_outcome="bad"} 3.0 # {trace_id="0af7651916cd43dd8448eb211c80319c"} 1.0 1.7e9
# TYPE slo_state gauge
slo_state{service_name="a",slo_name="b",slo_state="ok"} 1.0
# EOF
`)
	code, out, _ := status("--endpoint", from)
	assert.Equal(t, exit.OK, code)
	assert.Equal(t, []string{"a", "-", "b", "-", "-", "-", "-", "-", "ok"}, strings.Fields(strings.Split(out, "\n")[1]))
}

func TestStatusThatCannotBeAskedSaysTheFix(t *testing.T) {
	failing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer failing.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	from := endpoint(t, "text/plain", exampleMetrics(t))

	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"down":       {[]string{"--endpoint", closed.URL}, "start the collector (make run), or set its Prometheus endpoint with --endpoint"},
		"failing":    {[]string{"--endpoint", failing.URL}, "/metrics does not answer: HTTP status 503"},
		"no metrics": {[]string{"--endpoint", endpoint(t, "text/plain", "up 1\n")}, "has no SLO metrics: wait for the first flush"},
		"a web page": {[]string{"--endpoint", endpoint(t, "text/html", "<html>\x1b[31m</html>")}, "does not answer with Prometheus metrics"},
		"no address": {[]string{"--endpoint", "ftp://x"}, `--endpoint "ftp://x" is not an address`},
		"no service": {[]string{"--endpoint", from, "--service", "chekout"}, "no SLO of service chekout: the services are batch, shop/checkout, shop/frontend, shop/payment, young"},
		"format":     {[]string{"--format", "xml"}, `--format "xml" is not known: write table, wide, json or yaml`},
		"interval":   {[]string{"--interval", "0s"}, "--interval is 0s: must be above 0"},
		"password":   {[]string{"--endpoint", "http://me:secret@" + strings.TrimPrefix(closed.URL, "http://")}, "http://me:xxxxx@"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, err := status(c.args...)
			require.ErrorContains(t, err, c.want)
			assert.Equal(t, exit.Usage, code)
			assert.NotContains(t, err.Error(), "\x1b")
			assert.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestStatusEndpointHasDefaults(t *testing.T) {
	for given, want := range map[string]string{
		"localhost:9464":             "http://localhost:9464/metrics",
		"http://localhost:9464/":     "http://localhost:9464/metrics",
		"https://host/federate?a=b":  "https://host/federate?a=b",
		"http://[::1]:9464/metrics":  "http://[::1]:9464/metrics",
		"collector.example.com:9464": "http://collector.example.com:9464/metrics",
	} {
		source, err := newStatusSource(given, nil)
		require.NoError(t, err, given)
		assert.Equal(t, want, source.url.String())
	}
}

// Names come from telemetry: none may reach the terminal as more than text.
func TestStatusDefusesHostileLabels(t *testing.T) {
	hostile := "a\x1b]0;title\x07\x1b[2J\\n\x7f\u009b1m\u202eevil" + strings.Repeat("x", 5000)
	body := `slo_state{service_name="` + hostile + `",service_namespace="` + hostile + `",deployment_environment_name="` + hostile +
		`",slo_name="` + hostile + `",slo_state="` + hostile + `"} 1` + "\n"
	for _, format := range []string{output.Table, output.JSON} {
		code, out, err := status("--endpoint", endpoint(t, "text/plain", body), "--format", format)
		require.NoError(t, err)
		assert.Equal(t, exit.OK, code)
		for _, r := range strings.ReplaceAll(out, "\n", "") {
			require.True(t, r >= ' ' && r != 0x7f && r != 0x9b && r != 0x202e, "%s: %q", format, r)
		}
		assert.Less(t, len(out), 2000)
	}
}

func TestNumber(t *testing.T) {
	text, err := json.Marshal([]output.Number{0.5, output.Number(math.NaN()), output.Number(math.Inf(-1))})
	require.NoError(t, err)
	assert.JSONEq(t, `[0.5, null, null]`, string(text))
	assert.Equal(t, "99.999%", percent(0.99999, -1))
	assert.Equal(t, "99.9%", percent(0.999, -1))
	assert.Equal(t, "-1900.0%", percent(-19, 1))
	assert.Equal(t, "-", percent(output.Number(math.Inf(1)), 1))
}

// watch runs a statusWatch that gets answers one after the other, a second apart.
func watch(t *testing.T, w *statusWatch, answers ...any) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	clock := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w.now = func() time.Time { return clock }
	w.wait = func(context.Context, time.Duration) {
		clock = clock.Add(time.Second)
		if len(answers) == 0 {
			cancel()
		}
	}
	w.ask = func(context.Context) ([]sloStatus, error) {
		answer := answers[0]
		answers = answers[1:]
		if err, failed := answer.(error); failed {
			return nil, err
		}
		statuses, _ := answer.([]sloStatus)
		return statuses, nil
	}
	w.from, w.interval = "http://collector/metrics", time.Second
	w.run(ctx)
}

func exampleStatuses(t *testing.T) []sloStatus {
	t.Helper()
	statuses, err := readStatuses([]byte(exampleMetrics(t)), "text/plain")
	require.NoError(t, err)
	return statuses
}

func TestWatchRedrawsATerminal(t *testing.T) {
	var out bytes.Buffer
	statuses := exampleStatuses(t)
	w := &statusWatch{out: &out, format: output.Table, colored: true, size: func() (int, int) { return 80, 8 }}
	watch(t, w, errors.New("it is down; start it"), statuses, errors.New("it went away"), statuses[:1])
	golden.Equal(t, "testdata/watch-terminal.golden", []byte(strings.ReplaceAll(out.String(), "\x1b", "ESC")))

	// Played on a screen, the newest table is all there is.
	assert.Equal(t, "03:04:08  1 SLO: 1 burning_fast", screen(t, out.String())[0])
	assert.Len(t, screen(t, out.String()), 3)
}

// screen plays what was drawn: it knows the few sequences that draw uses.
func screen(t *testing.T, drawn string) []string {
	t.Helper()
	var lines []string
	for _, frame := range strings.SplitAfter(drawn, "\n") {
		for strings.HasPrefix(frame, "\x1b[") && strings.Contains(frame, "A\r\x1b[J") {
			up := 0
			for _, digit := range frame[2:strings.Index(frame, "A")] {
				up = up*10 + int(digit-'0')
			}
			require.LessOrEqual(t, up, len(lines), "draws over what it did not draw")
			lines = lines[:len(lines)-up]
			frame = frame[strings.Index(frame, "J")+1:]
		}
		if frame != "" {
			lines = append(lines, strings.TrimSuffix(frame, "\n"))
		}
	}
	return lines
}

func TestWatchAppendsElsewhere(t *testing.T) {
	var out bytes.Buffer
	down := errors.New("it is down")
	statuses := exampleStatuses(t)
	watch(t, &statusWatch{out: &out, format: output.Table}, down, down, statuses[:2], down, statuses[:1])
	golden.Equal(t, "testdata/watch-plain.golden", out.Bytes())
}

func TestWatchWritesJSONLines(t *testing.T) {
	var out, log bytes.Buffer
	statuses := exampleStatuses(t)
	watch(t, &statusWatch{out: &out, log: &log, format: output.JSON}, errors.New("it is down"), statuses, statuses[:1])
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 2)
	for i, n := range []int{len(statuses), 1} {
		var read []map[string]any
		require.NoError(t, json.Unmarshal([]byte(lines[i]), &read))
		assert.Len(t, read, n)
	}
	assert.Equal(t, "waiting: it is down\n", log.String())
}

func TestStatusForProgramsAndWide(t *testing.T) {
	from := endpoint(t, "text/plain", exampleMetrics(t))
	_, asJSON, _ := status("--endpoint", from, "-o", "json")
	_, asYAML, _ := status("--endpoint", from, "-o", "yaml")
	var one, other []map[string]any
	require.NoError(t, json.Unmarshal([]byte(asJSON), &one))
	require.NoError(t, yaml.Unmarshal([]byte(asYAML), &other))
	text, err := json.Marshal(other)
	require.NoError(t, err)
	again, err := json.Marshal(one)
	require.NoError(t, err)
	assert.JSONEq(t, string(again), string(text))
	_, wide, _ := status("--endpoint", endpoint(t, "text/plain", "slo_state{service_name=\"checkout\",slo_name=\"availability\",slo_state=\"never_seen\"} 1\n"), "-o", "wide")
	assert.Contains(t, wide, "the service sends no telemetry")

	var out, log bytes.Buffer
	watch(t, &statusWatch{out: &out, log: &log, format: output.YAML}, errors.New("it is down"), exampleStatuses(t))
	assert.True(t, strings.HasPrefix(out.String(), "---\n- service: "), out.String())
	assert.Equal(t, "waiting: it is down\n", log.String())
}

func TestWatchEndsCleanly(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var out bytes.Buffer
	root := commandtest.Root(NewCommand())
	root.SetArgs([]string{"status", "--watch", "--endpoint", endpoint(t, "text/plain", exampleMetrics(t))})
	root.SetOut(&out)
	require.NoError(t, root.ExecuteContext(ctx), "burning SLOs do not make a stop an error")
}

func FuzzReadStatuses(f *testing.F) {
	f.Add("slo_state{slo_state=\"ok\"} 1\n", "text/plain")
	f.Add("# TYPE slo_state gauge\nslo_state{slo_name=\"\x1b[2J\"} 1 # {a=\"b\"} 1\n# EOF\n", "application/openmetrics-text")
	f.Fuzz(func(t *testing.T, body, contentType string) {
		statuses, err := readStatuses([]byte(body), contentType)
		if err != nil {
			return
		}
		for _, line := range statusTable(statuses, terminal.Unbounded) {
			if strings.ContainsFunc(line.Text(terminal.Unbounded, false), func(r rune) bool { return r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) }) {
				t.Fatalf("unprintable: %q", line.Head+line.Tail)
			}
		}
	})
}
