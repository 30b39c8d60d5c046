// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/otelcol-sre/otelcol-sre/catalog"

	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
)

// What people put where a name is wanted.
var hostile = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`' onmouseover='alert(1)`,
	`</title></svg><svg onload=alert(1)>`,
	`javascript:alert(1)`,
	"name\u202egnp.exe\x1b[31m\r\nSet-Cookie: a=b",
	strings.Repeat("long ", 2000),
	`{{.}}${7*7}`,
}

// Names from outside, wherever they come from, are text on every page.
func TestHostileNamesStayText(t *testing.T) {
	for _, name := range hostile {
		t.Run(fmt.Sprintf("%.20q", name), func(t *testing.T) {
			s := startStore(t, `groups:
- name: hostile
  rules:
  - alert: Hostile
    expr: slo_error_budget_remaining_ratio < 0.5
    annotations:
      summary: "{{ $labels.service_name }} {{ $labels.slo_name }}"
      description: "{{ $labels.deployment_environment_name }}"
      runbook_url: "javascript:alert(1)//{{ $labels.service_name }}"
`)
			short := string([]rune(name)[:min(200, len([]rune(name)))])
			for ago := 10 * time.Minute; ago >= 0; ago -= time.Minute {
				b := newBatch(time.Now().Add(-ago))
				of := attributes{"service.name": name, "service.namespace": name, "deployment.environment.name": short, "slo.name": name}
				b.slo(of, 0.99, "exhausted", -1, 20)
				b.gauge("slo.state", "", 1, of.and("slo.state", name))
				version := attributes{"service.name": name, "service.namespace": name, "deployment.environment.name": short, "service.version": name, "deployment.status": name, "vcs.ref.head.revision": name}
				b.gauge("deployment.start_time", "s", float64(time.Now().Add(-5*time.Minute).Unix()), version)
				b.gauge("change.time", "s", float64(time.Now().Add(-5*time.Minute).Unix()), attributes{"service.name": name, "change.id": name, "change.kind": name, "change.name": name,
					"change.previous": name, "change.value": name, "change.status": name, "change.summary": name, "change.url": name, "user.name": name})
				b.counter("traces.span.metrics.calls", "", 100-ago.Minutes(), version.and("span.kind", "SPAN_KIND_SERVER", "status.code", "STATUS_CODE_ERROR"))
				b.counter("traces_service_graph_request_total", "", 100-ago.Minutes(), attributes{"client": name, "server": "x" + name, "connection_type": name})
				b.push(t, s)
			}
			// The loader lets no such names through; the pages do not rely on it.
			service := &catalog.Service{
				Name: name, Namespace: name, Owner: name, Description: name, Repository: name, Tier: 1, DependsOn: []string{name, "x" + name},
				Escalation: catalog.Escalation{Chat: name, Pager: name, Email: name, Wiki: name}, Environments: []string{short},
				SLOs: []*catalog.SLO{{Name: name, Description: name, Objective: 99, Window: catalog.Window{Rolling: 720 * time.Hour}, SLI: catalog.SLI{Latency: &catalog.Latency{Threshold: time.Second}}}},
			}
			service.Position.File = name
			books := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(books, "README.md"), []byte("# "+name+"\n\n"+name+"\n\n["+name+"](javascript:alert(1)) <b onclick=alert(1)>x</b>\n"), 0o600))
			wrong := catalog.Problem{Position: catalog.Position{File: name, Line: 1}, Path: name, Message: name, Fix: name}
			v := openFrom(t, s.client, loaded{
				&catalog.Catalog{Services: []*catalog.Service{service}, Revision: name}, catalog.Problems{wrong},
				servicecatalog.Reading{Time: time.Now(), Refused: true, Errors: 1},
			}, books, time.Now)
			s.waitForAlert(t, "Hostile")
			assert.Contains(t, v.page("/alerts"), "Hostile")

			at := "/services/x/" + url.PathEscape(name)
			if len(at) < 2000 && !strings.Contains(name, "/") {
				at = "/services/" + url.PathEscape(name)
			}
			pages := []string{"/", "/alerts", "/deployments", "/services?history=1h", "/map", "/map?all=1", "/map?service=" + url.QueryEscape(short), "/map?namespace=" + url.QueryEscape(short), "/collector", "/catalog", "/runbooks/", at, "/?q=" + url.QueryEscape(short), "/?owner=" + url.QueryEscape(short),
				"/?environment=" + url.QueryEscape(short), "/?state=" + url.QueryEscape(short), "/runbooks/" + url.PathEscape(short)}
			for _, page := range pages {
				resp := v.do(http.MethodGet, page)
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				harmless(t, page, string(body))
				assert.Empty(t, resp.Header.Get("Set-Cookie"))
				assert.Less(t, len(body), 200<<10, "%.100s", page)
				resp = v.do(http.MethodGet, page, "Accept", "application/json")
				body, err = io.ReadAll(resp.Body)
				require.NoError(t, err)
				if resp.Header.Get("Content-Type") == "application/json" {
					assert.True(t, json.Valid(body), "%.100s", page)
				}
				assert.NotContains(t, string(body), "<script")
			}
		})
	}
}

// harmless tests that a page has the elements of its templates only, and no attribute that runs something.
func harmless(t *testing.T, page, body string) {
	t.Helper()
	assert.NotContains(t, body, "\x1b", page)
	assert.NotContains(t, body, "\u202e", page)
	tokens := html.NewTokenizer(strings.NewReader(body))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			token := tokens.Token()
			for _, a := range token.Attr {
				assert.False(t, strings.HasPrefix(a.Key, "on"), "%.100s: %s %s", page, token.Data, a.Key)
				if a.Key != "data-plot" { // there it is the end of a string in JSON
					assert.NotContains(t, strings.ToLower(a.Val), "javascript:alert(1)\"", "%.100s", page)
				}
				if a.Key == "href" || a.Key == "src" {
					assert.False(t, strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:"), "%.100s: %s", page, a.Val)
				}
				if token.Data == "script" && a.Key == "src" {
					assert.Contains(t, []string{"/assets/live.js", "/assets/plots.js", "/assets/uplot.js"}, a.Val)
				}
			}
			if token.Data == "img" {
				assert.Contains(t, token.String(), "/assets/icon.svg", "%.100s", page)
			}
			if token.Data == "script" {
				assert.Regexp(t, `^<script src="/assets/[a-z]+\.js" defer="">$`, token.String())
			}
		}
	}
}

// A hundred open pages cost the Prometheus as much as one.
func TestOpenPagesShareTheirQuestions(t *testing.T) {
	s := startStore(t, "groups: []")
	var asked, under, most atomic.Int64
	counting := roundTrip(func(r *http.Request) (*http.Response, error) {
		asked.Add(1)
		for now := under.Add(1); ; {
			before := most.Load()
			if now <= before || most.CompareAndSwap(before, now) {
				break
			}
		}
		defer under.Add(-1)
		return s.client.Transport.RoundTrip(r)
	})
	c := parse(t, document("payment", "payments-team", 2, paymentSLOs))
	now := time.Now()
	v := openAt(t, &http.Client{Transport: counting}, c, "", func() time.Time { return now })
	v.page("/")
	alone := asked.Load()
	var pages sync.WaitGroup
	for range maxRequests / 2 {
		pages.Go(func() { v.page("/") })
	}
	pages.Wait()
	assert.Equal(t, alone, asked.Load())
	assert.LessOrEqual(t, most.Load(), int64(4))
}

// BenchmarkFleet is the page of 5,000 SLOs, when Prometheus has answered.
func BenchmarkFleet(b *testing.B) {
	s := startStore(b, "groups: []")
	batch := newBatch(time.Now())
	var services []*catalog.Service
	for i := range 1000 {
		service := &catalog.Service{
			Name: fmt.Sprintf("service-%04d", i), Namespace: "shop", Owner: fmt.Sprintf("team-%d", i%40), Tier: 1 + i%4, Environments: []string{"production"},
		}
		for j := range 5 {
			slo := &catalog.SLO{Name: fmt.Sprintf("slo-%d", j), Objective: 99.9, Window: catalog.Window{Rolling: 720 * time.Hour}}
			service.SLOs = append(service.SLOs, slo)
			batch.slo(attributes{"service.name": service.Name, "service.namespace": "shop", "deployment.environment.name": "production", "slo.name": slo.Name},
				0.999, "ok", float64(i)/1000, float64(j))
		}
		services = append(services, service)
	}
	batch.push(b, s)
	now := time.Now()
	for name, url := range map[string]string{"all": "/", "filtered": "/?owner=team-1&sort=-budget&q=slo", "json": "/?size=500"} {
		b.Run(name, func(b *testing.B) {
			var header []string
			if name == "json" {
				header = []string{"Accept", "application/json"}
			}
			v := openAt(b, s.client, &catalog.Catalog{Services: services}, "", func() time.Time { return now })
			v.page(url, header...)
			for b.Loop() {
				v.page(url, header...)
			}
		})
	}
}
