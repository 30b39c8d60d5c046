// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package services lists every service whose telemetry arrives, and those of the catalog: requests, versions, calls and SLOs.
package services

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A Service is one by its service.namespace and service.name.
type Service struct {
	Namespace string `json:"namespace"`
	Service   string `json:"service"`
	// Page is the URL path of the service; "" if it has neither an entry nor SLOs.
	Page string `json:"page"`
	// Entry says that the catalog has an entry for it. Defaults are those that it has its SLOs from; "" if none.
	Entry    bool   `json:"entry"`
	Defaults string `json:"defaults"`
	// Proposed says that nobody has agreed to the SLOs yet.
	Proposed bool   `json:"proposed"`
	Owner    string `json:"owner"`
	Tier     int    `json:"tier"`
	// Places are the environments in which it was heard.
	Places []Place `json:"places"`
	// Calls are those that it was seen to make, DependsOn what the catalog says.
	Calls     []Call       `json:"calls"`
	DependsOn []string     `json:"depends_on"`
	SLOs      []*fleet.Row `json:"slos"`
	// Routes are those of its HTTP server, if the history was asked for and it sends metrics of them.
	Routes []Route `json:"routes,omitempty"`
}

// A Place is a service in an environment.
type Place struct {
	Environment string `json:"environment"`
	// Rate, Failed and Slowest are the requests and messages per second, the share of them that failed and the 95th percentile of their duration
	// in milliseconds, in the last 5 minutes. NaN is not known.
	Rate    fleet.Number `json:"rate"`
	Failed  fleet.Number `json:"failed_share"`
	Slowest fleet.Number `json:"p95_milliseconds"`
	// Versions are those that run; where instances are not known, those of the last hour's spans.
	Versions []Version `json:"versions"`
	// History is nil if it was not asked for.
	History *History `json:"history,omitempty"`
	// Outgoing is the same of the calls that it makes, by their client spans. A page in a browser has nothing else.
	Outgoing *History `json:"outgoing,omitempty"`
}

// A Version is one that runs. Instances is 0 where they are not known, as of a service that sends no service.instance.id.
type Version struct {
	Version   string `json:"version"`
	Instances int    `json:"instances"`
}

// A History is about the requests and messages of a longer time. NaN is not known.
type History struct {
	Requests fleet.Number `json:"requests"`
	Failed   fleet.Number `json:"failed"`
	P99      fleet.Number `json:"p99_milliseconds"`
}

// A Call is a service, database or other place that the service calls.
type Call struct {
	Namespace string `json:"namespace"`
	Service   string `json:"service"`
	// Type is "" for a direct call between services, and else messaging_system, database or virtual_node.
	Type string `json:"type"`
}

// Services are all of them, or a part.
type Services struct {
	Services []Service `json:"services"`
	// More are left out: those beyond what is looked at, or those of other pages.
	More int `json:"more"`
	// Overflow says that there are names beyond the limit, which are counted together.
	Overflow bool `json:"overflow"`
}

// Max bounds the services that are looked at, and maxCalls the calls of one.
const (
	Max      = 10_000
	maxCalls = 100
)

const (
	// overflow is the name of what is beyond the limits of names.
	overflow = "_overflow"
	// recently is how far back a request, and lately how far back a call, makes a service one that is heard of.
	recently = "1h"
	lately   = "1d"
	window   = "5m"
)

// questions are about all services.
type questions struct {
	heard, rate, failed, slowest, versions, instances, calls string
	requests, failures, p99                                  string // of the history, if it is asked for
	outRequests, outFailures, outP99                         string // the same of client spans
	routes                                                   routeQuestions
}

func questionsTo(n names.Names, history string) questions {
	place := names.List(n.Namespace, n.Service, n.Environment)
	incoming := n.SpanKind.Matches("SPAN_KIND_SERVER|SPAN_KIND_CONSUMER")
	failed := n.StatusCode.Equal("STATUS_CODE_ERROR")
	over := func(function, of, window string) string { return function + "(" + of + "[" + window + "])" }
	quantile := func(q, function string, kind, window string) string {
		return "histogram_quantile(" + q + ", " + names.By("sum", model.BucketLabel+", "+place, over(function, (n.Durations+"_bucket").With(kind), window)) + ")"
	}
	edge := names.List(n.Client, n.ClientNamespace, n.Server, n.ServerNamespace, n.Connection)
	q := questions{
		heard:     names.By("count", place, over("last_over_time", n.Calls.With(), recently)),
		rate:      names.By("sum", place, over("rate", n.Calls.With(incoming), window)),
		failed:    names.By("sum", place, over("rate", n.Calls.With(incoming, failed), window)),
		slowest:   quantile("0.95", "rate", incoming, window),
		versions:  names.By("count", place+", "+n.Version.String(), over("last_over_time", n.Calls.With(), recently)),
		instances: names.By("sum", place+", "+n.Version.String(), n.Instances.With()) + " > 0",
		calls:     names.By("count", edge, over("last_over_time", n.Edges.With(), lately)),
	}
	if history != "" {
		q.requests = names.By("sum", place, over("increase", n.Calls.With(incoming), history))
		q.failures = names.By("sum", place, over("increase", n.Calls.With(incoming, failed), history))
		q.p99 = quantile("0.99", "increase", incoming, history)
		outgoing := n.SpanKind.Equal("SPAN_KIND_CLIENT")
		q.outRequests = names.By("sum", place, over("increase", n.Calls.With(outgoing), history))
		q.outFailures = names.By("sum", place, over("increase", n.Calls.With(outgoing, failed), history))
		q.outP99 = quantile("0.99", "increase", outgoing, history)
		q.routes = questionsToRoutes(n, history)
	}
	return q
}

func (q *questions) all() []string {
	return slices.DeleteFunc([]string{q.heard, q.rate, q.failed, q.slowest, q.versions, q.instances, q.calls, q.requests, q.failures, q.p99, q.outRequests, q.outFailures, q.outP99, q.routes.requests, q.routes.failures, q.routes.p99}, func(s string) bool { return s == "" })
}

// Load queries all services, with the history of a time such as 7d if it is not empty. Services that are known in part are there with an error.
func Load(ctx context.Context, c *catalog.Catalog, n names.Names, now time.Time, source fleet.Source, history string) (Services, error) {
	q := questionsTo(n, history)
	answers := map[string]model.Vector{}
	var (
		mu     sync.Mutex
		failed error
		slos   fleet.Fleet
		asked  sync.WaitGroup
	)
	asked.Go(func() { slos = fleet.Load(ctx, c, n, now, source) })
	for _, query := range q.all() {
		asked.Go(func() {
			answer, err := source.Instant(ctx, query)
			mu.Lock()
			defer mu.Unlock()
			answers[query], failed = answer, cmp.Or(failed, err)
		})
	}
	asked.Wait()

	l := list{catalog: c, names: n, byName: map[name]*service{}}
	for _, s := range c.Services {
		l.of(name{s.Namespace, s.Name})
	}
	for _, row := range slos.Rows {
		s := l.of(name{row.Namespace, row.Service})
		s.SLOs = append(s.SLOs, row)
	}
	l.places(q, answers)
	l.calls(answers[q.calls])
	l.routes(q.routes, answers)
	return l.services(), cmp.Or(failed, slos.Err)
}

type name struct{ namespace, service string }

// A service is one while it is put together.
type service struct {
	Service
	places map[string]*Place
}

type list struct {
	catalog  *catalog.Catalog
	names    names.Names
	byName   map[name]*service
	overflow bool
}

// of is the service, added if there is none. One that the catalog has for any namespace, or under another for telemetry without one, is that one.
func (l *list) of(id name) *service {
	known := l.catalog.Emitter(id.namespace, id.service)
	if known != nil {
		id = name{known.Namespace, known.Name}
	}
	s := l.byName[id]
	if s != nil {
		return s
	}
	s = &service{Service{Namespace: id.namespace, Service: id.service, DependsOn: []string{}}, map[string]*Place{}}
	l.byName[id] = s
	if known != nil {
		s.Page, s.Owner, s.Tier = fleet.PagePath(known), known.Owner, known.Tier
		s.DependsOn = append(s.DependsOn, known.DependsOn...)
		if s.Entry = known.Origin == nil; !s.Entry {
			s.Defaults, s.Proposed = known.Origin.Name, known.Origin.Proposed
		}
	}
	return s
}

// place is the service of the sample in its environment; nil if it is what is beyond the limits.
func (l *list) place(s *model.Sample) *Place {
	n := l.names
	if n.Service.In(s.Metric) == overflow {
		l.overflow = true
		return nil
	}
	of, environment := l.of(name{n.Namespace.In(s.Metric), n.Service.In(s.Metric)}), n.Environment.In(s.Metric)
	p := of.places[environment]
	if p == nil {
		p = &Place{Environment: environment, Rate: unknown, Failed: unknown, Slowest: unknown, Versions: []Version{}}
		of.places[environment] = p
	}
	return p
}

var unknown = fleet.Number(math.NaN())

func (l *list) places(q questions, answers map[string]model.Vector) {
	each := func(query string, f func(p *Place, s *model.Sample)) {
		for _, s := range answers[query] {
			if p := l.place(s); p != nil {
				f(p, s)
			}
		}
	}
	each(q.heard, func(*Place, *model.Sample) {})
	each(q.rate, func(p *Place, s *model.Sample) {
		p.Rate = fleet.Number(s.Value)
		if s.Value > 0 {
			p.Failed = 0
		}
	})
	each(q.failed, func(p *Place, s *model.Sample) {
		if p.Rate > 0 {
			p.Failed = fleet.Number(float64(s.Value) / float64(p.Rate))
		}
	})
	each(q.slowest, func(p *Place, s *model.Sample) { p.Slowest = fleet.Number(s.Value) })
	known := map[*Place]bool{}
	each(q.instances, func(p *Place, s *model.Sample) {
		known[p] = true
		p.Versions = append(p.Versions, Version{words.Bounded(l.names.Version.In(s.Metric), 64), int(s.Value)})
	})
	each(q.versions, func(p *Place, s *model.Sample) {
		if version := l.names.Version.In(s.Metric); version != "" && !known[p] {
			p.Versions = append(p.Versions, Version{Version: words.Bounded(version, 64)})
		}
	})
	if q.requests == "" {
		return
	}
	history := func(requests, failures, p99 string, of func(p *Place) **History) {
		known := func(p *Place) *History {
			h := of(p)
			if *h == nil {
				*h = &History{Requests: unknown, P99: unknown}
			}
			return *h
		}
		each(requests, func(p *Place, s *model.Sample) { known(p).Requests = fleet.Number(s.Value) })
		each(failures, func(p *Place, s *model.Sample) { known(p).Failed = fleet.Number(s.Value) })
		each(p99, func(p *Place, s *model.Sample) { known(p).P99 = fleet.Number(s.Value) })
	}
	history(q.requests, q.failures, q.p99, func(p *Place) **History { return &p.History })
	history(q.outRequests, q.outFailures, q.outP99, func(p *Place) **History { return &p.Outgoing })
}

func (l *list) calls(edges model.Vector) {
	n := l.names
	for _, s := range edges {
		client, server := n.Client.In(s.Metric), n.Server.In(s.Metric)
		kind := n.Connection.In(s.Metric)
		if client == overflow || server == overflow || kind == "virtual_node" && client == "user" {
			continue
		}
		from := l.of(name{n.ClientNamespace.In(s.Metric), client})
		call := Call{n.ServerNamespace.In(s.Metric), server, kind}
		if known := l.catalog.Emitter(call.Namespace, call.Service); known != nil {
			call.Namespace = known.Namespace
		}
		if !slices.Contains(from.Calls, call) {
			from.Calls = append(from.Calls, call)
		}
	}
}

func (l *list) services() Services {
	all := Services{Services: []Service{}, Overflow: l.overflow}
	for _, s := range l.byName {
		s.Places = []Place{}
		for _, environment := range slices.Sorted(maps.Keys(s.places)) {
			p := s.places[environment]
			slices.SortFunc(p.Versions, func(a, b Version) int { return strings.Compare(a.Version, b.Version) })
			s.Places = append(s.Places, *p)
		}
		slices.SortFunc(s.Calls, func(a, b Call) int {
			return cmp.Or(strings.Compare(a.Service, b.Service), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Type, b.Type))
		})
		s.Calls = append([]Call{}, s.Calls[:min(len(s.Calls), maxCalls)]...)
		if s.SLOs == nil {
			s.SLOs = []*fleet.Row{}
		}
		all.Services = append(all.Services, s.Service)
	}
	slices.SortFunc(all.Services, func(a, b Service) int {
		return cmp.Or(strings.Compare(a.Service, b.Service), strings.Compare(a.Namespace, b.Namespace))
	})
	all.More = max(0, len(all.Services)-Max)
	all.Services = all.Services[:len(all.Services)-all.More]
	return all
}

// Heard reports whether telemetry of the service arrives.
func (s Service) Heard() bool { return len(s.Places) > 0 }

// Worst is the state of the SLO that is worst off; unknown without one.
func (s Service) Worst() semconv.State {
	worst := semconv.StateUnknown
	for i, row := range s.SLOs {
		if i == 0 || row.State.Worse(worst) {
			worst = row.State
		}
	}
	return worst
}
