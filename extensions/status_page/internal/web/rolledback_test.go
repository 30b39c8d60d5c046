// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/runbook"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

type undoAnswer struct {
	Version  string
	Commands []string
	Why      string `json:"why_not"`
	Made     *struct {
		From, To, Actor, Status, Text string
		Time                          *time.Time
		Running                       []string
	} `json:"rolled_back"`
}

type serviceAnswer struct {
	Undo     undoAnswer
	Versions []struct {
		Version string
		Return  bool   `json:"return_to"`
		Command string `json:"return_command"`
	}
}

// returns are the versions to return to, with the command.
func (a *serviceAnswer) returns() (all []string) {
	for _, v := range a.Versions {
		if v.Return || v.Command != "" {
			all = append(all, v.Version+" "+v.Command)
		}
	}
	return all
}

// After a rollback, no page and no tool shows the command again: a second one would bring the bad version back.
func TestAfterARollback(t *testing.T) {
	payment := attributes{"service.name": "payment", "service.namespace": "shop", "deployment.environment.name": "production"}
	for name, test := range map[string]struct {
		statuses []string // of srectl's report, one after another
		returns  bool     // the version before runs again
		want     string
		gone     bool
	}{
		"reported as begun":          {[]string{"started"}, false, `^A rollback is under way from 2\.0\.0 to 1\.0\.0 at \d\d:\d\d UTC by <i>bob; running now: 2\.0\.0\.$`, true},
		"reported as completed":      {[]string{"started", "completed"}, false, `^Rolled back from 2\.0\.0 to 1\.0\.0 at \d\d:\d\d UTC by <i>bob; running now: 2\.0\.0\.$`, true},
		"and the version runs again": {[]string{"started", "completed"}, true, `^Rolled back from 2\.0\.0 to 1\.0\.0 at \d\d:\d\d UTC by <i>bob; running now: 1\.0\.0\.$`, true},
		"by somebody else":           {nil, true, `^Rolled back from 2\.0\.0 to 1\.0\.0 at \d\d:\d\d UTC; running now: 1\.0\.0\.$`, true},
		"it failed":                  {[]string{"started", "failed"}, false, `^A rollback from 2\.0\.0 to 1\.0\.0 failed at \d\d:\d\d UTC by <i>bob; running now: 2\.0\.0\.$`, false},
	} {
		t.Run(name, func(t *testing.T) {
			v, _, start := outageThen(t, false, func(b *batch, since time.Duration) {
				made := 10 * time.Minute
				for i, status := range test.statuses {
					if since >= made+time.Duration(i)*30*time.Second && (i+1 == len(test.statuses) || since < made+time.Duration(i+1)*30*time.Second) {
						b.gauge("change.time", "s", float64(b.at.Add(made-since).Unix()), payment.and("change.id", "r1", "change.kind", "infrastructure", "change.name", "rollback of payment",
							"change.previous", "2.0.0", "change.value", "1.0.0", "change.status", status, "user.name", "<i>bob"))
					}
				}
				runs := "2.0.0"
				if test.returns && since >= made {
					runs = "1.0.0"
					b.gauge("deployment.start_time", "s", float64(b.at.Add(made-since).Unix()), payment.and("service.version", "1.0.0", "deployment.status", "started", "deployment.rollback", "true"))
					b.gauge("deployment.start_time", "s", float64(b.at.Add(-since).Unix())+1, payment.and("service.version", "2.0.0", "deployment.status", "rolled_back"))
				}
				b.gauge("deployment.instances", "{instance}", 3, payment.and("service.version", runs))
			}, nil)
			var list struct{ Incidents []struct{ ID, Path string } }
			require.Nil(t, v.answer("/incidents", "/incidents", &list))
			var got struct {
				Change *struct{ Text string }
				Undo   undoAnswer
			}
			require.Nil(t, v.answer(list.Incidents[0].Path, "/incidents/{id}", &got))
			require.NotNil(t, got.Change)
			assert.Equal(t, "payment 2.0.0", got.Change.Text)
			require.NotNil(t, got.Undo.Made)
			assert.Regexp(t, test.want, got.Undo.Made.Text)
			require.NotNil(t, got.Undo.Made.Time)
			assert.WithinDuration(t, start.Add(10*time.Minute), *got.Undo.Made.Time, time.Minute)
			again, onward := "kubectl rollout undo deployment/payment -n shop", "kubectl rollout status deployment/payment -n shop"
			if test.gone {
				assert.Equal(t, []string{onward}, got.Undo.Commands)
			} else {
				assert.Equal(t, []string{again}, got.Undo.Commands)
			}
			var book struct {
				Markdown string
				Now      *struct{ Undo undoAnswer }
			}
			require.Nil(t, v.answer("/runbooks/payment/slo-availability", "/runbooks/{service}/{alert}", &book))
			require.NotNil(t, book.Now)
			assert.Equal(t, got.Undo, book.Now.Undo)
			var page serviceAnswer
			require.Nil(t, v.answer("/services/payment", "/services/{slug}", &page))
			assert.Equal(t, got.Undo, page.Undo)
			if test.gone {
				assert.Empty(t, page.returns(), "none of them is the one to return to")
			} else {
				assert.Equal(t, []string{"1.0.0 " + again}, page.returns())
			}
			server := httptest.NewServer(v.handler)
			defer server.Close()
			client, err := mcp.NewClient(&mcp.Implementation{Name: "test"}, nil).Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: server.URL + "/mcp", HTTPClient: server.Client(), DisableStandaloneSSE: true}, nil)
			require.NoError(t, err)
			defer func() { require.NoError(t, client.Close()) }()
			tool := func(name string, arguments map[string]any) string {
				result, err := client.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: arguments})
				require.NoError(t, err)
				return result.Content[0].(*mcp.TextContent).Text
			}
			texts := map[string]string{
				"incident": v.page(list.Incidents[0].Path), "runbook": v.page("/runbooks/payment/slo-availability"), "way back": v.page("/runbooks/payment/rollback"), "markdown": book.Markdown,
				"service": v.page("/services/payment"), "tool service": tool("service", map[string]any{"service": "payment"}),
				"tool incident": tool("incident", map[string]any{"id": list.Incidents[0].ID}), "tool why_burning": tool("why_burning", map[string]any{"service": "payment"}),
				"tool runbook": tool("runbook", map[string]any{"service": "payment", "alert": "slo-availability"}),
			}
			for where, text := range texts {
				assert.Equal(t, !test.gone, strings.Contains(text, again), where)
				if !strings.HasPrefix(where, "tool") && where != "markdown" {
					assert.NotContains(t, text, "<i>bob", where)
				}
				if test.gone {
					assert.Contains(t, text, "running now: "+got.Undo.Made.Running[0], where)
				}
			}
		})
	}
}

// What is reported counts for the version that was left, since it was deployed, of its service and environment.
func TestWhichRollbackIsMeant(t *testing.T) {
	at := time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC)
	service := incident.Service{Namespace: "shop", Name: "payment", Environment: "production"}
	from := &incident.Suspect{Change: incident.Change{Service: service, Kind: incident.Deployment, Version: "2.0.0", At: at}}
	of := &catalog.Service{Name: "payment", Namespace: "shop", Deployment: catalog.Deployment{Kubernetes: &catalog.KubernetesWorkload{Namespace: "shop", Kind: "Rollout", Name: "payment"}}}
	ran := []deployment.Deployment{
		{Namespace: "shop", Service: "payment", Environment: "production", Version: "2.0.0", Status: "completed", Since: at, Instances: 1},
		{Namespace: "shop", Service: "payment", Environment: "production", Version: "1.0.0", Status: "completed", Since: at.Add(-time.Hour)},
	}
	made := incident.Change{Service: service, Kind: "infrastructure", Subject: "rollback of payment", Previous: "2.0.0", Value: "1.0.0", Status: "completed", At: at.Add(14 * time.Minute)}
	for name, test := range map[string]struct {
		change func(*incident.Change)
		meant  bool
	}{
		"it":                      {func(*incident.Change) {}, true},
		"no environment is named": {func(c *incident.Change) { c.Environment = "" }, true},
		"in staging":              {func(c *incident.Change) { c.Environment = "staging" }, false},
		"another service":         {func(c *incident.Change) { c.Name = "checkout" }, false},
		"another namespace":       {func(c *incident.Change) { c.Namespace = "bank" }, false},
		"another version":         {func(c *incident.Change) { c.Previous = "1.9.0" }, false},
		"an earlier deployment":   {func(c *incident.Change) { c.At = at.Add(-time.Minute) }, false},
		"another change":          {func(c *incident.Change) { c.Subject = "node pool" }, false},
		"a configuration":         {func(c *incident.Change) { c.Kind = "configuration" }, false},
	} {
		one := made
		test.change(&one)
		got := wayBack(of, from, ran, []incident.Change{one})
		assert.Equal(t, test.meant, got.Made != nil, name)
		want := "kubectl argo rollouts undo payment -n shop"
		if test.meant {
			want = "kubectl argo rollouts status payment -n shop"
		}
		assert.Equal(t, []string{want}, got.Command, name)
	}
}

// Also when no incident is open, for a day; and not if the version was deployed again.
func TestRunbookAfterARollback(t *testing.T) {
	for name, test := range map[string]struct {
		ago, again time.Duration // 0: it is not deployed again
		gone       bool
		newer      string // a version that was deployed since
	}{
		"minutes ago":             {20 * time.Minute, 0, true, ""},
		"deployed again":          {20 * time.Minute, 10 * time.Minute, false, ""},
		"two days ago":            {48 * time.Hour, 0, false, ""},
		"another one is deployed": {20 * time.Minute, 0, false, "2.0.1"},
	} {
		s := startStore(t, "groups: []")
		now := time.Now().Truncate(time.Second)
		payment := attributes{"service.name": "payment", "service.namespace": "shop", "deployment.environment.name": "production"}
		for _, at := range []time.Time{now.Add(-test.ago), now.Add(-time.Minute), now} {
			b := newBatch(at)
			b.gauge("change.time", "s", float64(now.Add(-test.ago).Unix()), payment.and("change.id", "r1", "change.kind", "infrastructure", "change.name", "rollback of payment",
				"change.previous", "2.0.0", "change.value", "1.0.0", "change.status", "completed", "user.name", "bob"))
			since := test.ago + time.Hour
			if test.again > 0 && at.After(now.Add(-test.again)) {
				since = test.again
			}
			b.gauge("deployment.start_time", "s", float64(now.Add(-test.ago-2*time.Hour).Unix()), payment.and("service.version", "1.0.0", "deployment.status", "completed"))
			b.gauge("deployment.start_time", "s", float64(now.Add(-since).Unix()), payment.and("service.version", "2.0.0", "deployment.status", "completed"))
			b.gauge("deployment.instances", "{instance}", 3, payment.and("service.version", "1.0.0"))
			if test.newer != "" {
				b.gauge("deployment.start_time", "s", float64(now.Add(-2*time.Minute).Unix()), payment.and("service.version", test.newer, "deployment.status", "completed"))
			}
			b.push(t, s)
		}
		c := parse(t, document("payment", "payments-team", 1, strings.TrimPrefix(fmt.Sprintf(twoServices, "payment"), "\n")))
		v := openWith(t, s.client, Options{
			Source: loaded{catalog: c}, Names: names.New(otlptranslator.UnderscoreEscapingWithSuffixes), Now: func() time.Time { return now },
			Runbooks: runbook.NewLibrary("", loaded{catalog: c}.Catalog, runbooks.DefaultOptions()),
		})
		text := v.page("/runbooks/payment/rollback")
		assert.Equal(t, test.gone, strings.Contains(text, "running now: 1.0.0. To undo once more would bring 2.0.0 back."), name)
		assert.Equal(t, !test.gone, strings.Contains(text, "kubectl rollout undo deployment/payment -n shop"), name)
		var page serviceAnswer
		require.Nil(t, v.answer("/services/payment", "/services/{slug}", &page), name)
		assert.Equal(t, test.gone, page.Undo.Made != nil, name)
		assert.Equal(t, test.gone, strings.Contains(v.page("/services/payment"), "running now: 1.0.0. To undo once more would bring 2.0.0 back."), name)
		want := []string{"1.0.0 kubectl rollout undo deployment/payment -n shop"}
		switch {
		case test.gone:
			want = nil
		case test.newer != "":
			want = []string{"1.0.0 "} // kubectl would bring 2.0.0 back
			assert.Contains(t, page.Undo.Why, "kubectl returns to the version before, 2.0.0, and not to 1.0.0", name)
		}
		assert.Equal(t, want, page.returns(), name)
	}
}
