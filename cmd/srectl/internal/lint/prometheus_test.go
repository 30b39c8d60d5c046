// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
)

// A fakePrometheus answers as Prometheus' API does, with the rules of a folder loaded.
type fakePrometheus struct {
	retention string
	groups    []loadedGroup
	// absent has series that are not there, by a part of their selector.
	absent string
	// asked are the selectors of series.
	asked []string
}

func newFakePrometheus(t *testing.T, out string) *fakePrometheus {
	p := &fakePrometheus{retention: "31d"}
	files, err := filepath.Glob(filepath.Join(out, "alerts", "*.rules.yaml"))
	require.NoError(t, err)
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		file, errs := rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
		require.Empty(t, errs)
		for _, g := range file.Groups {
			loaded := loadedGroup{Name: g.Name}
			for _, r := range g.Rules {
				expr, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr)
				require.NoError(t, err)
				rule := loadedRule{Name: r.Record + r.Alert, Query: expr.String(), Health: "ok", Labels: r.Labels}
				if r.Alert != "" {
					held, kept := time.Duration(r.For).Seconds(), time.Duration(r.KeepFiringFor).Seconds()
					rule.Duration, rule.KeepFiringFor = &held, &kept
				}
				loaded.Rules = append(loaded.Rules, rule)
			}
			p.groups = append(p.groups, loaded)
		}
	}
	return p
}

func (p *fakePrometheus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var data any
	switch r.URL.Path {
	case "/api/v1/status/runtimeinfo":
		if p.retention == "" {
			http.NotFound(w, r)
			return
		}
		data = map[string]string{"storageRetention": p.retention}
	case "/api/v1/rules":
		data = map[string]any{"groups": p.groups}
	case "/api/v1/series":
		series := []map[string]string{{"__name__": "x"}}
		selector := r.URL.Query().Get("match[]")
		p.asked = append(p.asked, selector)
		if p.absent != "" && strings.Contains(selector, p.absent) {
			series = series[:0]
		}
		data = series
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": data})
}

func TestLintOfPrometheus(t *testing.T) {
	// change changes the first alert.
	change := func(of func(*loadedRule)) func(*fakePrometheus) {
		return func(p *fakePrometheus) {
			for _, g := range p.groups {
				for i := range g.Rules {
					if g.Rules[i].Duration != nil {
						of(&g.Rules[i])
						return
					}
				}
			}
			panic("there is no alert")
		}
	}
	const rulesOf = `alerts/checkout\.rules\.yaml:\d+: `
	for name, test := range map[string]struct {
		change func(*fakePrometheus)
		// want is a pattern of the only line; none is well.
		want string
		code int
	}{
		"as it should be":       {func(*fakePrometheus) {}, "", exit.OK},
		"retention too short":   {func(p *fakePrometheus) { p.retention = "15d" }, rulesOf + `error: group "checkout-availability-period" reads back 30d, but http://\S+ keeps samples for 15d; start it with --storage\.tsdb\.retention\.time=30d`, exit.NotOK},
		"retention by size":     {func(p *fakePrometheus) { p.retention = "30d or 10GiB" }, `warning: it keeps samples up to a size \(10GiB\)`, exit.OK},
		"no word of retention":  {func(p *fakePrometheus) { p.retention = "" }, `warning: it does not report its retention`, exit.OK},
		"a group is not loaded": {func(p *fakePrometheus) { p.groups = p.groups[1:] }, rulesOf + `error: group "checkout-availability" is not loaded in .*; add the file`, exit.NotOK},
		"other rules":           {func(p *fakePrometheus) { p.groups[0].Rules[0].Query = "vector(1)" }, rulesOf + `error: group "checkout-availability" has other rules in `, exit.NotOK},
		"another for":           {change(func(r *loadedRule) { *r.Duration = 1 }), rulesOf + `error: group "[^"]+" has other rules in `, exit.NotOK},
		"another keep":          {change(func(r *loadedRule) { *r.KeepFiringFor = 1 }), rulesOf + `error: group "[^"]+" has other rules in `, exit.NotOK},
		"another severity":      {change(func(r *loadedRule) { r.Labels["severity"] = "info" }), rulesOf + `error: group "[^"]+" has other rules in `, exit.NotOK},
		"a label more, and no word of for": {change(func(r *loadedRule) {
			r.Labels["cluster"], r.Duration, r.KeepFiringFor = "eu", nil, nil
		}), "", exit.OK},
		"a rule fails": {func(p *fakePrometheus) {
			p.groups[0].Rules[0].Health, p.groups[0].Rules[0].LastError = "err", "many-to-many\x1b[31m matching"
		}, rulesOf + `error: slo:sli_total:increase5m fails in .*: many-to-many�\[31m matching; `, exit.NotOK},
		"no alert yet":   {func(p *fakePrometheus) { p.absent = "ALERTS{" }, "", exit.OK},
		"no such metric": {func(p *fakePrometheus) { p.absent = "last_seen" }, rulesOf + `warning: SLIMissing reads service_telemetry_last_seen_seconds\{service_name="checkout",service_namespace=""\}, of which .* has had no series`, exit.OK},
	} {
		t.Run(name, func(t *testing.T) {
			catalog, out := lintFixture(t)
			fake := newFakePrometheus(t, out)
			test.change(fake)
			server := httptest.NewServer(fake)
			defer server.Close()
			code, stdout, stderr := srectl("lint", "--catalog", catalog, "--dir", out, "--prometheus", server.URL)
			assert.Equal(t, test.code, code, stdout+stderr)
			lines := strings.Split(strings.TrimSpace(stdout), "\n")
			if test.want == "" {
				assert.Len(t, lines, 1, stdout)
				assert.Contains(t, fake.asked, `slo_events_total{service_name="checkout",service_namespace="",slo_name="availability",slo_outcome="bad"}`)
				assert.NotContains(t, strings.Join(fake.asked, "\n"), "slo:", "what the rules record themselves")
				return
			}
			require.Len(t, lines, 2, stdout)
			assert.Regexp(t, test.want, lines[0])
		})
	}
}

func TestLintCannotAskPrometheus(t *testing.T) {
	catalog, out := lintFixture(t)
	serve := func(handler http.HandlerFunc) string {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		return server.URL
	}
	for name, test := range map[string]struct{ address, want string }{
		"no address":   {"localhost:9090", "is not an address: write one such as"},
		"nobody there": {"http://localhost:1", "does not answer rules: dial tcp"},
		"a web page":   {serve(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }), "not an answer of Prometheus' API"},
		"no rules API": {serve(http.NotFound), "does not answer rules: HTTP status 404 Not Found; name a Prometheus"},
		"an error": {serve(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"status":"error","error":"out of\u001b memory"}`)
		}), "out of� memory"},
	} {
		t.Run(name, func(t *testing.T) {
			r := commandtest.Run(NewCommand(), nil, "lint", "--catalog", catalog, "--dir", out, "--prometheus", test.address)
			require.ErrorContains(t, r.Err, test.want)
			assert.Equal(t, exit.Usage, r.Code)
		})
	}
}
