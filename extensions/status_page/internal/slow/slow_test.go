// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slow

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
)

// A shop says what each service does by itself for a request, and which others it calls how often, with the time of the way.
type shop struct {
	own   map[string]float64
	edges map[[2]string]leg
	// database has no spans of its own.
	database map[string]bool
}

type leg struct{ times, way float64 }

// takes is the time of a request of a service.
func (s shop) takes(service string) float64 {
	all := s.own[service]
	for e, l := range s.edges {
		if e[0] == service {
			all += l.times * (l.way + s.takes(e[1]))
		}
	}
	return all
}

// calls are those of so many requests to the frontend, as a graph of services sees them.
func (s shop) calls(requests float64) calls {
	all := calls{}
	var send func(service string, count float64)
	send = func(service string, count float64) {
		for e, l := range s.edges {
			if e[0] != service {
				continue
			}
			p := pair{Name{"", service}, Name{"", e[1]}, ""}
			n, within := count*l.times, s.takes(e[1])
			if s.database[e[1]] {
				p.connection, within = "database", within+l.way
			}
			c := all[p]
			all[p] = call{c.count + n, c.client + n*(s.takes(e[1])+l.way), c.server + n*within}
			send(e[1], n)
		}
	}
	all[pair{Name{"", user}, Name{"", "frontend"}, virtual}] = call{requests, 0, requests * s.takes("frontend")}
	send("frontend", requests)
	return all
}

func usual() shop {
	return shop{
		own:      map[string]float64{"frontend": 0.010, "checkout": 0.020, "payment": 0.015, "stock": 0.005, "orders": 0.004},
		edges:    map[[2]string]leg{{"frontend", "checkout"}: {1, 0.002}, {"checkout", "payment"}: {2, 0.003}, {"checkout", "stock"}: {3, 0.001}, {"payment", "orders"}: {1, 0.001}},
		database: map[string]bool{"orders": true},
	}
}

func TestFind(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*shop)
		of     string
		want   string
	}{
		"nothing":       {func(*shop) {}, "frontend", ""},
		"a little":      {func(s *shop) { s.own["frontend"] += 0.004 }, "frontend", ""},
		"itself":        {func(s *shop) { s.own["frontend"] += 0.5 }, "frontend", "frontend is slow by itself: its own time went from 10 ms to 510 ms per request."},
		"what it calls": {func(s *shop) { s.own["payment"] += 0.2 }, "frontend", "frontend is slow because of payment, whose own time went from 15 ms to 215 ms per request."},
		"a database":    {func(s *shop) { s.own["orders"] = 0.5 }, "frontend", "frontend is slow because of orders, whose own time went from 5 ms to 501 ms per request."},
		"the way":       {func(s *shop) { s.edges[[2]string{"checkout", "payment"}] = leg{2, 0.3} }, "frontend", "frontend is slow because of the way from checkout to payment (network, queues, connections, processor time): from 3 ms to 300 ms per call."},
		"the network of a service": {func(s *shop) {
			for _, e := range [][2]string{{"frontend", "checkout"}, {"checkout", "payment"}, {"checkout", "stock"}} {
				s.edges[e] = leg{s.edges[e].times, s.edges[e].way + 0.05}
			}
		}, "frontend", "frontend is slow because of all ways to and from checkout (network, queues, connections, processor time): from 1.83 ms to 51.8 ms per call."},
		"what does not use it": {func(s *shop) { s.own["payment"] += 0.2 }, "stock", ""},
		"the victim between":   {func(s *shop) { s.own["payment"] += 0.2 }, "checkout", "checkout is slow because of payment, whose own time went from 15 ms to 215 ms per request."},
		"the culprit":          {func(s *shop) { s.own["payment"] += 0.2 }, "payment", "payment is slow by itself: its own time went from 15 ms to 215 ms per request."},
		"everything": {func(s *shop) {
			for k := range s.own {
				s.own[k] *= 2
			}
		}, "frontend", ""},
		"unknown": {func(s *shop) { s.own["payment"] += 0.2 }, "mailer", ""},
	} {
		slower := usual()
		test.change(&slower)
		got := find(usual().calls(1000), slower.calls(500), Name{"", test.of})
		if test.want == "" {
			assert.Nil(t, got, name)
			continue
		}
		if assert.NotNil(t, got, name) {
			assert.Equal(t, test.want, got.Text, name)
			assert.InDelta(t, slower.takes(test.of), got.ServiceNow, 1e-9, name)
			assert.InDelta(t, usual().takes(test.of), got.ServiceBefore, 1e-9, name)
		}
	}
	assert.Nil(t, find(usual().calls(10), func() calls { s := usual(); s.own["payment"] = 1; return s.calls(500) }(), Name{"", "frontend"}), "too few before")
	assert.Nil(t, find(calls{}, usual().calls(500), Name{"", "frontend"}), "nothing before")
}

// In random shops, what was made slow is named: a service's own time, or a way, wherever it is.
func TestPlantedCauses(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	named, all := 0, 0
	for range 500 {
		before := shop{own: map[string]float64{"frontend": 0.01}, edges: map[[2]string]leg{}}
		services := []string{"frontend"}
		for i := range 2 + random.IntN(10) {
			name := fmt.Sprint("s", i)
			before.own[name] = 0.002 + 0.03*random.Float64()
			for range 1 + random.IntN(2) {
				before.edges[[2]string{services[random.IntN(len(services))], name}] = leg{0.2 + 2*random.Float64(), 0.005 * random.Float64()}
			}
			services = append(services, name)
		}
		now := shop{own: map[string]float64{}, edges: map[[2]string]leg{}}
		for k, v := range before.own {
			now.own[k] = v * (0.9 + 0.2*random.Float64()) // days differ
		}
		edges := [][2]string{}
		for k, v := range before.edges {
			now.edges[k] = leg{v.times, v.way * (0.9 + 0.2*random.Float64())}
			edges = append(edges, k)
		}
		slower := before.takes("frontend") * 2 // the frontend takes so much longer
		g := graphOf(before.calls(1))
		needs := g.needs(Name{"", "frontend"})
		var want string
		if i := random.IntN(len(services) + len(edges)); i < len(services) {
			now.own[services[i]] += slower / needs[Name{"", services[i]}]
			want = "own " + services[i]
		} else {
			e := edges[i-len(services)]
			l := now.edges[e]
			l.way += slower / (needs[Name{"", e[0]}] * l.times)
			now.edges[e] = l
			want = "way " + e[0] + " " + e[1]
		}
		all++
		got := find(before.calls(10_000), now.calls(10_000), Name{"", "frontend"})
		if got == nil {
			continue
		}
		text := string(got.Place)
		if got.Caller != nil {
			text += " " + got.Caller.Service
		}
		if text+" "+got.Service == want {
			named++
		}
	}
	assert.Equal(t, all, named)
}

// answers has the calls of two times, as Prometheus does.
type answers struct {
	t           *testing.T
	before, now calls
	at          time.Time
	err         error
	queries     []string
}

func (a *answers) At(_ context.Context, query string, at time.Time) (model.Value, error) {
	a.queries = append(a.queries, query)
	if a.err != nil {
		return nil, a.err
	}
	of := a.before
	if at.Equal(a.at) {
		of = a.now
	}
	vector := model.Vector{}
	for p, c := range of {
		value := c.count
		switch {
		case strings.Contains(query, "client_seconds_sum"):
			value = c.client
		case strings.Contains(query, "server_seconds_sum"):
			value = c.server
		}
		vector = append(vector, &model.Sample{Value: model.SampleValue(value), Metric: model.Metric{"client": model.LabelValue(p.client.Service), "server": model.LabelValue(p.server.Service), "connection_type": model.LabelValue(p.connection)}})
	}
	return vector, nil
}

func TestLoad(t *testing.T) {
	slower := usual()
	slower.own["payment"] += 0.2
	now := slower.calls(500)
	now[pair{Name{"", "checkout"}, Name{"", "mails"}, messaging}] = call{500, 5000, 1}
	at := time.Date(2026, 11, 21, 3, 30, 0, 0, time.UTC)
	a := &answers{t: t, before: usual().calls(1000), now: now, at: at}
	n := names.New(otlptranslator.UnderscoreEscapingWithSuffixes)
	got, err := Find(t.Context(), a, n, Name{"", "frontend"}, "production", at.Add(-30*time.Minute), at)
	require.NoError(t, err)
	require.NotNil(t, got)
	assert.Equal(t, "payment", got.Service)
	assert.Len(t, a.queries, 6)
	assert.Contains(t, a.queries, `sum by (client, client_service_namespace, server, server_service_namespace, connection_type) (increase(traces_service_graph_request_client_seconds_sum{client_deployment_environment_name=~"production|", server_deployment_environment_name=~"production|"}[1800000ms]))`)
	assert.Contains(t, a.queries[3], "[3600000ms]")

	a.err = errors.New("no answer")
	_, err = Find(t.Context(), a, n, Name{"", "frontend"}, "", at.Add(-time.Minute), at)
	require.ErrorIs(t, err, a.err)
	a.err, a.now, a.queries = nil, nil, nil
	got, err = Find(t.Context(), a, n, Name{"", "frontend"}, "", at.Add(-time.Minute), at)
	require.NoError(t, err)
	assert.Nil(t, got)
	assert.Contains(t, a.queries[0], "[120000ms]")
}

// A loop of calls ends, and a graph of many services takes no longer than its calls.
func TestLoopsAndLargeGraphs(_ *testing.T) {
	all, slower := calls{}, calls{}
	name := func(i int) Name { return Name{"", fmt.Sprint("s", i)} }
	all[pair{Name{"", user}, name(0), virtual}] = call{1000, 0, 100}
	for i := range 300 {
		for j := range 10 {
			all[pair{name(i), name((i + j) % 300), ""}] = call{1000, 20, 10}
		}
	}
	for p, c := range all {
		slower[p] = call{c.count, c.client * 3, c.server * 3}
	}
	for range 100 {
		find(all, slower, name(0))
	}
}
