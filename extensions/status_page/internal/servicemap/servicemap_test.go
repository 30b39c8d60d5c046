// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicemap

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

var labels = names.New(otlptranslator.UnderscoreEscapingWithSuffixes)

// answers are those of a Prometheus, by query.
type answers map[string]model.Vector

func (a answers) Instant(_ context.Context, query string) (model.Vector, error) {
	return a[query], nil
}

func (answers) Alerts(context.Context) ([]v1.Alert, error) { return nil, nil }

func sample(value float64, pairs ...string) *model.Sample {
	metric := model.Metric{}
	for i := 0; i < len(pairs); i += 2 {
		metric[model.LabelName(pairs[i])] = model.LabelValue(pairs[i+1])
	}
	return &model.Sample{Metric: metric, Value: model.SampleValue(value)}
}

func call(value float64, client, server, kind string) *model.Sample {
	return sample(value, "client", client, "client_service_namespace", "shop", "server", server, "server_service_namespace", map[bool]string{true: "shop"}[kind == ""], "connection_type", kind)
}

func parse(t *testing.T, text string) *catalog.Catalog {
	t.Helper()
	c, problems := catalog.Parse("shop.yaml", []byte(text))
	require.NoError(t, problems.Err())
	return c
}

const shop = `---
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec: {owner: a, tier: 1, environments: [production], dependsOn: [payment, elsewhere], slos: [{name: availability, objective: 99, sli: {availability: {}}}]}
---
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: payment, namespace: shop}
spec: {owner: a, tier: 1, environments: [production], slos: [{name: availability, objective: 99, sli: {availability: {}}}]}
`

func TestLoad(t *testing.T) {
	q := questionsTo(labels, "")
	a := answers{
		q.seen: {
			call(1, "checkout", "payment", ""), call(1, "checkout", "orders", "database"), call(1, "checkout", "printer", "virtual_node"), call(1, "stranger", "checkout", ""),
			call(1, "checkout", "mailer", "messaging_system"), call(1, "user", "checkout", "virtual_node"), call(1, "_overflow", "checkout", ""), call(1, "checkout", "payment", "virtual_node"), call(1, "", "checkout", ""),
		},
		q.rate:    {call(10, "checkout", "payment", ""), call(2, "checkout", "orders", "database")},
		q.failed:  {call(0.5, "checkout", "payment", ""), call(1, "nobody", "payment", "")},
		q.slowest: {call(0.25, "checkout", "payment", "")},
		`max by (service_namespace, service_name, slo_name, deployment_environment_name, slo_state) (slo_state == 1)`: {
			sample(1, "service_namespace", "shop", "service_name", "payment", "slo_name", "availability", "deployment_environment_name", "production", "slo_state", "burning_fast"),
		},
	}
	m, err := Load(t.Context(), parse(t, shop), labels, time.Now(), a, "")
	require.NoError(t, err)
	var nodes, edges []string
	for i := range m.Nodes {
		nodes = append(nodes, fmt.Sprint(m.Nodes[i].Name, " ", m.Nodes[i].Entry, " ", m.Nodes[i].State()))
	}
	assert.Equal(t, []string{
		"elsewhere false unknown", "mailer false unknown", "orders (database) false unknown", "printer (virtual_node) false unknown", "shop/checkout true unknown", "shop/payment true burning_fast", "shop/stranger false unknown",
	}, nodes)
	for i := range m.Edges {
		e := &m.Edges[i]
		edges = append(edges, e.sentence()+fmt.Sprint(" ", e.Observed, e.Declared))
	}
	assert.Equal(t, []string{
		"shop/checkout calls elsewhere, says the catalog; it was not seen within a day false true",
		"shop/checkout sends messages to mailer; not in the last 5 minutes true false",
		"shop/checkout calls orders (database): 2/s, 0 % failed true false",
		"shop/checkout calls printer (sends no spans); not in the last 5 minutes true false",
		"shop/checkout calls shop/payment: 10/s, 5 % failed, 95 % within 250 ms true true",
		"shop/stranger calls shop/checkout; not in the last 5 minutes true false",
	}, edges)
	assert.True(t, m.Edges[4].Fails())

	_, err = Load(t.Context(), parse(t, shop), labels, time.Now(), failing{}, "")
	require.ErrorContains(t, err, "refused")
}

type failing struct{ answers }

func (failing) Instant(context.Context, string) (model.Vector, error) {
	return nil, errors.New("refused")
}

// In an environment are the services that are heard there, and those that are heard nowhere.
func TestEnvironment(t *testing.T) {
	heard := answers{}
	place := func(service, environment string) *model.Sample {
		return sample(1, "service_namespace", "shop", "service_name", service, "deployment_environment_name", environment)
	}
	heard[`count by (service_namespace, service_name, deployment_environment_name) (last_over_time(traces_span_metrics_calls_total[1h]))`] = model.Vector{
		place("checkout", "production"), place("mailer", "staging"), place("printer", ""),
	}
	q := questionsTo(labels, "production")
	assert.Contains(t, q.rate, `client_deployment_environment_name=~"production|"`)
	m, err := Load(t.Context(), parse(t, shop), labels, time.Now(), heard, "production")
	require.NoError(t, err)
	var nodes []string
	for i := range m.Nodes {
		nodes = append(nodes, m.Nodes[i].Name.Name)
	}
	assert.Equal(t, []string{"elsewhere", "checkout", "payment", "printer"}, nodes)
	assert.Equal(t, []string{"production", "staging"}, m.Environments)
}

// town is a map of so many services in three namespaces. Each calls the next.
func town(nodes int) *Map {
	m := &Map{}
	for i := range nodes {
		n := Node{Name: Name{Namespace: fmt.Sprint("part", i%3), Name: fmt.Sprintf("service-%03d", i)}, Rate: unknown, Failed: unknown, Slowest: unknown}
		if i%2 == 0 {
			n.SLO = &fleet.Row{State: semconv.StateOK, Burn: 0.5, Remaining: 1}
		}
		m.Nodes = append(m.Nodes, n)
		if i > 0 {
			m.Edges = append(m.Edges, Edge{From: m.Nodes[i-1].Name, To: n.Name, Observed: true, Rate: 1, Failed: unknown, Slowest: unknown})
		}
	}
	b := builder{nodes: map[Name]*Node{}, edges: map[edgeKey]*Edge{}}
	for i := range m.Nodes {
		b.nodes[m.Nodes[i].Name] = &m.Nodes[i]
	}
	for i := range m.Edges {
		b.edges[edgeKey{m.Edges[i].From, m.Edges[i].To, false}] = &m.Edges[i]
	}
	sorted := b.build()
	return &sorted
}

func TestParts(t *testing.T) {
	small := town(Whole)
	assert.Len(t, small.Part(Choice{}).Nodes, Whole, "it can be read at once")

	m := town(300)
	for i := range m.Nodes {
		if m.Nodes[i].Name.Name == "service-100" {
			m.Nodes[i].SLO = &fleet.Row{State: semconv.StateBurningFast, Burn: 20}
		}
	}
	around := m.Part(Choice{Depth: 1})
	assert.False(t, around.Chosen)
	assert.Equal(t, "part1/service-100", around.Around.String(), "it is worst off")
	assert.Len(t, around.Nodes, 3)
	assert.Len(t, around.Edges, 2)
	assert.Len(t, m.Part(Choice{Around: around.Around, Depth: 3}).Nodes, 7)
	assert.Len(t, m.Part(Choice{Around: around.Around}).Nodes, 3, "one call at least")

	district := m.Part(Choice{Namespace: "part1"})
	assert.Len(t, district.Nodes, MaxDrawn, "a hundred, and those around them")
	assert.Equal(t, 150, district.Left)
	in := 0
	for i := range district.Nodes {
		if district.Nodes[i].Namespace == "part1" {
			in++
		}
	}
	assert.Equal(t, 100, in, "the members come before the others")

	whole := m.Part(Choice{All: true})
	assert.Len(t, whole.Nodes, MaxDrawn)
	assert.Nil(t, whole.Around)

	groups := m.Groups()
	assert.Len(t, groups, 3)
	assert.Equal(t, "part1", groups[0].Namespace, "the worst is first")
	assert.Equal(t, 100, groups[0].Nodes)

	for text, want := range map[string]string{"service-007": "1 true", "part1/service-007": "1 true", "SERVICE-00": "10 false", "part1": "100 false", "nothing": "0 false"} {
		found, exact := m.Find(text)
		assert.Equal(t, want, fmt.Sprint(len(found), " ", exact), text)
	}
}

// The picture has every node and edge, and escapes what is from outside.
func TestDraw(t *testing.T) {
	a, b := Name{Namespace: "<i>", Name: `"><script>alert(1)</script>`}, Name{Name: strings.Repeat("long ", 2000), Kind: "database"}
	p := Part{
		Nodes:  []Node{{Name: a, Rate: 2, Failed: 0.5, Slowest: unknown}, {Name: b, Rate: unknown, Failed: unknown, Slowest: unknown}},
		Edges:  []Edge{{From: a, To: b, Observed: true, Rate: 1, Failed: 0.5, Slowest: 1500}, {From: b, To: a, Declared: true, Rate: unknown, Failed: unknown, Slowest: unknown}},
		Around: &a,
	}
	picture := string(p.Draw(func(*Node) Label {
		return Label{State: "Burning fast, 14×", Change: "<b>", Class: "burning_fast", Icon: "▲", Link: `/map?a="b"&c`}
	}))
	assert.Equal(t, picture, string(p.Draw(func(*Node) Label {
		return Label{State: "Burning fast, 14×", Change: "<b>", Class: "burning_fast", Icon: "▲", Link: `/map?a="b"&c`}
	})), "it is the same again")
	assert.NotContains(t, picture, "<script")
	assert.NotContains(t, picture, "<i>")
	assert.NotContains(t, picture, "style=")
	assert.Contains(t, picture, "▲ &#34;&gt;&lt;script&gt;")
	assert.Contains(t, picture, `class="node burning_fast middle" href="/map?a=&#34;b&#34;&amp;c"`)
	assert.Contains(t, picture, "1/s, 50 % failed, 95 % within 1.5 s")
	assert.Contains(t, picture, `class="edge failing"`)
	assert.Contains(t, picture, `class="edge declared"`)
	assert.Equal(t, 2, strings.Count(picture, `class="box"`))
	assert.Less(t, len(picture), 5000)

	m := town(300)
	whole := m.Part(Choice{All: true})
	drawn := string(whole.Draw(func(*Node) Label { return Label{} }))
	assert.Equal(t, MaxDrawn, strings.Count(drawn, `class="box"`))
	assert.Equal(t, len(whole.Edges), strings.Count(drawn, "marker-end"))
}

func BenchmarkDraw(b *testing.B) {
	m := town(300)
	for b.Loop() {
		whole := m.Part(Choice{All: true})
		whole.Draw(func(*Node) Label { return Label{} })
	}
}

// What is not a service is said to be what it is.
func TestWords(t *testing.T) {
	for name, want := range map[Name]string{
		{"shop", "checkout", ""}: "shop/checkout", {"", "unknown", ""}: "unknown", {"", "orders", "database"}: "orders (database)", {"", "printer", "virtual_node"}: "printer (sends no spans)",
		{"", "unknown", "virtual_node"}: "a place without telemetry, and without a name in its callers' spans",
	} {
		assert.Equal(t, want, name.Words())
	}
}
