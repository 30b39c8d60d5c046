// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/arrivals"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	causes "github.com/otelcol-sre/otelcol-sre/internal/attribution/explain"

	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
)

// A tabled is a keeper with real tables of what was booked, by service.
type tabled map[string]*attribution.Table

func (k tabled) Explain(q attribution.Question) (attribution.Answer, bool) {
	table, ok := k[q.Service]
	if !ok {
		return attribution.Answer{}, false
	}
	return causes.Explain(causes.Input{From: q.From, To: q.To, Table: table, Good: 3000, Bad: table.Booked()}), true
}

// book books events that fail where the attribute has the value, or anywhere if the value is "".
func (k tabled) book(service, attribute, value string, start time.Time) {
	table, random := attribution.New(attribution.Counting), rand.New(rand.NewPCG(1, 2))
	for i := range 1000 {
		row := attribution.Row{Time: start, Trace: [16]byte{1, byte(i), byte(i >> 8)}}
		of := map[string]string{
			"service.version": "1.0.0", "http.route": fmt.Sprintf("/%c", 'a'+i%7), "tenant": fmt.Sprintf("tenant-%d", i%11), "k8s.pod.name": fmt.Sprintf("worker-%d", i%5),
		}
		bad := random.IntN(10) == 0
		if value != "" && i%4 == 0 {
			of[attribute], bad = value, true
		} else if value != "" {
			bad = false
		}
		for _, name := range []string{"service.version", "http.route", "tenant", "k8s.pod.name"} {
			row.Attributes = append(row.Attributes, attribution.Attribute{Name: name, Value: of[name]})
		}
		if bad {
			table.Bad(row, 1)
		} else {
			table.Good(row, 1)
		}
	}
	k[service] = table
}

// burningServices are those whose SLO burns, each for a reason of its own; ghost sends nothing that counts.
var burningServices = []string{"cart", "search", "price", "payment", "checkout", "api", "worker", "quiet", "batch", "slow"}

// tenIncidents is a store with all of them.
func tenIncidents(t *testing.T) *visitor {
	t.Helper()
	s := startStore(t, "groups: []")
	now := time.Now().Truncate(time.Second)
	start := now.Add(-20 * time.Minute)
	var total, bad, waited float64
	for at := now.Add(-100 * time.Minute); !at.After(now); at = at.Add(30 * time.Second) {
		b := newBatch(at)
		fails := at.After(start)
		total, waited = total+300, waited+300*0.030
		if fails {
			bad, waited = bad+150, waited+300*0.370
		}
		for _, name := range burningServices {
			of := attributes{"service.name": name, "service.namespace": "shop", "deployment.environment.name": "production"}
			slo := of.and("slo.name", "availability")
			if fails {
				b.slo(slo, 0.999, "burning_fast", 0.4, 500)
			} else {
				b.slo(slo, 0.999, "ok", 0.9, 0.1)
			}
			b.counter("slo.events", "{event}", total-bad, slo.and("slo.outcome", "good", "service.version", "2.0.0"))
			b.counter("slo.events", "{event}", bad, slo.and("slo.outcome", "bad", "service.version", "2.0.0"))
			plantChange(b, name, of, at, start)
			if at.After(start.Add(time.Minute)) && name != "checkout" || at.After(start.Add(3*time.Minute)) {
				b.firing("ErrorBudgetBurnCritical", name, "availability")
			}
		}
		production := attributes{"server_service.namespace": "shop", "server_deployment.environment.name": "production"}
		outside := production.and("client", "user", "server", "slow", "connection_type", "virtual_node")
		inside := production.and("client", "slow", "client_service.namespace", "shop", "client_deployment.environment.name", "production", "server", "db")
		b.took("traces_service_graph_request_server", total, waited+total*0.010, outside)
		b.took("traces_service_graph_request_client", total, 0, outside)
		b.took("traces_service_graph_request_server", total, total*0.020, inside)
		b.took("traces_service_graph_request_client", total, waited, inside)
		b.push(t, s)
	}
	documents := ""
	for _, name := range append(slices.Clone(burningServices), "ghost", "db") {
		depends := map[string]string{"checkout": "  dependsOn: [payment]", "slow": "  dependsOn: [db]"}[name]
		documents += document(name, name+"-team", 1, depends+fmt.Sprintf(twoServices[1-min(len(depends), 1):], name))
	}
	k := tabled{}
	k.book("api", "tenant", "acme", start)
	k.book("worker", "k8s.pod.name", "worker-broken", start)
	k.book("quiet", "", "", start)
	record := arrivals.New(arrivals.Options{MaxBytes: arrivals.MaxBytes, Now: func() time.Time { return now }})
	record.SawTraces(t.Context(), paymentSpan(ptrace.SpanKindInternal, func(resource pcommon.Map, _ ptrace.Span) { resource.PutStr("service.name", "ghost") }))
	return openWith(t, s.client, Options{
		Source: loaded{catalog: parse(t, documents), reading: servicecatalog.Reading{Time: now}}, Names: names.New(otlptranslator.UnderscoreEscapingWithSuffixes), Now: func() time.Time { return now },
		Explainers: func() []attribution.Keeper { return []attribution.Keeper{k} }, Arrivals: record,
		Alertmanager: "https://alertmanager.example.com/", AlertmanagerHTTP: &http.Client{Transport: roundTrip(maintenance)},
	})
}

// plantChange plants what changed of a service when it began to burn.
func plantChange(b *batch, name string, of attributes, at, start time.Time) {
	versions := map[string]time.Time{"1.0.0": start.Add(-70 * time.Minute)}
	changed := func(kind, what, before, value string) {
		if at.After(start) {
			b.gauge("change.time", "s", float64(start.Unix()), of.and("change.id", "c-"+name, "change.kind", kind, "change.name", what, "change.previous", before, "change.value", value))
		}
	}
	switch name {
	case "cart", "payment":
		if at.After(start) {
			versions["2.0.0"] = start
		}
	case "search":
		changed("feature_flag", "new-ranking", "off", "on")
	case "price":
		changed("configuration", "price-limits", "r1", "r2")
	}
	for version, since := range versions {
		b.gauge("deployment.start_time", "s", float64(since.Unix()), of.and("service.version", version, "deployment.status", "completed"))
	}
}

// maintenance is an Alertmanager in which the alerts of batch are silenced.
func maintenance(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	switch r.URL.Path {
	case "/api/v2/alerts":
		_, _ = fmt.Fprint(w, `[{"labels": {"alertname": "ErrorBudgetBurnCritical", "service_namespace": "shop", "service_name": "batch", "slo_name": "availability", "environment": "production"}, "status": {"state": "x", "silencedBy": ["0a1b"], "inhibitedBy": []}}]`)
	case "/api/v2/silence/0a1b":
		_, _ = fmt.Fprintf(w, `{"id": "0a1b", "createdBy": "bob", "comment": "maintenance of the batch host", "endsAt": %q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	default:
		return nil, errors.New("connection refused")
	}
	return w.Result(), nil
}

// A script asks tools, and compares each answer with the page.
type script struct {
	*visitor
	client *mcp.ClientSession
	asked  int
}

// call asks a tool, whose answer is the data of the page at the path.
func (s *script) call(tool string, arguments map[string]any, path string, into any) {
	s.t.Helper()
	result, err := s.client.CallTool(s.t.Context(), &mcp.CallToolParams{Name: tool, Arguments: arguments})
	require.NoError(s.t, err)
	text := result.Content[0].(*mcp.TextContent).Text
	require.False(s.t, result.IsError, text)
	var answer struct{ Data json.RawMessage }
	resp := s.do(http.MethodGet, path, "Accept", "application/json")
	if to := resp.Header.Get("Location"); to != "" {
		resp = s.do(http.MethodGet, to, "Accept", "application/json")
	}
	require.Equal(s.t, http.StatusOK, resp.StatusCode, path)
	require.NoError(s.t, json.NewDecoder(resp.Body).Decode(&answer))
	require.JSONEq(s.t, string(answer.Data), text, "%s is not what %s says", tool, path)
	require.NoError(s.t, json.Unmarshal([]byte(text), into))
	s.asked++
}

// explain says in a line what is wrong with a service, by tool calls alone.
func (s *script) explain(service string) string {
	s.t.Helper()
	var one struct {
		ID      string
		Origin  struct{ Service string }
		Silence *struct{ By, Comment string }
		Change  *struct{ Kind, Version, Subject string }
		Undo    struct {
			Value    string
			Commands []string
		}
		Slow *struct{ Place, Service string } `json:"slow_because"`
	}
	s.call("why_burning", map[string]any{"service": service}, "/incidents?service="+service, &one)
	if one.ID == "" {
		var doctor struct {
			Findings []struct{ Check, What string }
		}
		s.call("doctor", nil, "/doctor", &doctor)
		for _, f := range doctor.Findings {
			if strings.HasPrefix(f.What, service+" ") {
				return "telemetry: " + f.Check
			}
		}
		return "it does not burn"
	}
	switch {
	case one.Silence != nil:
		return "silenced by " + one.Silence.By + ": " + one.Silence.Comment
	case one.Origin.Service != service:
		return "because of " + s.explain(one.Origin.Service)
	case one.Change != nil:
		what := cmp.Or(one.Change.Subject, service+" "+one.Change.Version)
		back := cmp.Or(strings.Join(one.Undo.Commands, "; "), one.Undo.Value)
		return one.Change.Kind + " " + what + ", back: " + back
	case one.Slow != nil:
		return "slow: " + one.Slow.Place + " " + one.Slow.Service
	}
	var ledger struct {
		Spent []struct{ Causes []attribution.Line }
	}
	s.call("ledger", map[string]any{"service": service, "slo": "availability", "since": "20m"}, "/ledger?"+url.Values{"service": {service}, "slo": {"availability"}, "since": {"20m"}, "only": {"spent"}}.Encode(), &ledger)
	for _, spent := range ledger.Spent {
		for _, cause := range spent.Causes {
			return cause.Attributes[0].Name + " " + cause.Attributes[0].Value
		}
	}
	return "no cause is known"
}

// A client that has nothing but the tools finds what is wrong in ten incidents, and no cause where there is none. Everything that a tool answers is what the page says.
func TestTenIncidentsByToolsAlone(t *testing.T) {
	v := tenIncidents(t)
	server := httptest.NewServer(v.handler)
	defer server.Close()
	client, err := mcp.NewClient(&mcp.Implementation{Name: "test"}, nil).Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: server.URL + "/mcp", HTTPClient: server.Client(), DisableStandaloneSSE: true}, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	s := &script{visitor: v, client: client}
	var all struct {
		SLOs []struct{ Service, State string }
	}
	s.call("slo_status", nil, "/", &all)
	burn := 0
	for _, slo := range all.SLOs {
		if slo.State == "burning_fast" {
			burn++
		}
	}
	assert.Equal(t, len(burningServices), burn)
	for service, want := range map[string]string{
		"cart":     "deployment cart 2.0.0, back: kubectl rollout undo deployment/cart -n shop",
		"search":   "feature_flag new-ranking, back: off",
		"price":    "configuration price-limits, back: r1",
		"checkout": "because of deployment payment 2.0.0, back: kubectl rollout undo deployment/payment -n shop",
		"api":      "tenant acme",
		"worker":   "k8s.pod.name worker-broken",
		"quiet":    "no cause is known",
		"batch":    "silenced by bob: maintenance of the batch host",
		"ghost":    "telemetry: span-kind",
		"slow":     "slow: way db",
	} {
		assert.Equal(t, want, s.explain(service), service)
	}
	assert.Greater(t, s.asked, 13)
}
