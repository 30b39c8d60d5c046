// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package servicemap is the map of services: which one calls which, by what is observed and by the catalog, with the state of each.
package servicemap

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/services"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A Name is a service, or another place that services call. Kind is "" for a service, and else database or virtual_node.
type Name struct{ Namespace, Name, Kind string }

// String is the name in JSON: unique, and as people write it.
func (n Name) String() string {
	text := strings.TrimPrefix(n.Namespace+"/"+n.Name, "/")
	if n.Kind != "" {
		text += " (" + n.Kind + ")"
	}
	return text
}

// Words are the name as a page has it: what sends no spans is said to.
func (n Name) Words() string {
	plain := Name{n.Namespace, n.Name, ""}.String()
	switch {
	case n.Kind == virtual && n.Name == unnamed:
		return "a place without telemetry, and without a name in its callers' spans"
	case n.Kind == virtual:
		return plain + " (sends no spans)"
	case n.Kind != "":
		return plain + " (" + strings.ReplaceAll(n.Kind, "_", " ") + ")"
	}
	return plain
}

func (n Name) compare(other Name) int {
	return cmp.Or(strings.Compare(n.Namespace, other.Namespace), strings.Compare(n.Name, other.Name), strings.Compare(n.Kind, other.Kind))
}

// A Node is one of the map.
type Node struct {
	Name
	// Page is the URL path of its service; "" if it has none.
	Page string
	// Entry says that the catalog has an entry for it, Heard that its telemetry arrives.
	Entry, Heard bool
	// SLO is its SLO that is worst off, in the chosen environment; nil without one.
	SLO *fleet.Row
	// Rate, Failed and Slowest are those of the requests that came in during the last 5 minutes: per second, the share that failed, and the
	// greatest of the 95th percentiles of its environments, in milliseconds. NaN is not known.
	Rate, Failed, Slowest fleet.Number
}

// State is that of its SLO that is worst off; unknown without one.
func (n *Node) State() semconv.State {
	if n.SLO == nil {
		return semconv.StateUnknown
	}
	return n.SLO.State
}

// An Edge is that one calls another.
type Edge struct {
	From, To Name
	// Messages says that the call is a message.
	Messages bool
	// Observed says that it was seen within a day, Declared that the catalog has it.
	Observed, Declared bool
	// Rate, Failed and Slowest are as those of a node, of the calls as the caller saw them.
	Rate, Failed, Slowest fleet.Number
}

// Failing is the share of failed calls from which an edge is shown as failing.
const Failing = 0.01

// Fails reports whether many of its calls fail.
func (e *Edge) Fails() bool { return e.Failed >= Failing }

// A Map is all of it. Nodes are by namespace and name, edges by those of their nodes.
type Map struct {
	Nodes []Node
	Edges []Edge
	// Environments are those in which services are heard.
	Environments []string
	// More services are left out.
	More int
}

const (
	overflow  = "_overflow"
	messaging = "messaging_system"
	virtual   = "virtual_node"
	// unnamed is the other side of a call whose span has none of the attributes that name it.
	unnamed = "unknown"
	user    = "user"
	// lately is how far back a call is one that was seen, and window the time of rates.
	lately = "1d"
	window = "5m"
	// maxEdges bounds the series of calls that are read.
	maxEdges = 20_000
)

// questions are about the calls.
type questions struct{ seen, rate, failed, slowest string }

func questionsTo(n names.Names, environment string) questions {
	edge := names.List(n.Client, n.ClientNamespace, n.Server, n.ServerNamespace, n.Connection)
	var matchers []string
	if environment != "" {
		matchers = []string{n.ClientEnvironment.OrNone(environment), n.ServerEnvironment.OrNone(environment)}
	}
	over := func(function string, of names.Metric, window string) string {
		return function + "(" + of.With(matchers...) + "[" + window + "])"
	}
	return questions{
		seen:    names.By("count", edge, over("last_over_time", n.Edges, lately)),
		rate:    names.By("sum", edge, over("rate", n.Edges, window)),
		failed:  names.By("sum", edge, over("rate", n.EdgeFailed, window)),
		slowest: "histogram_quantile(0.95, " + names.By("sum", model.BucketLabel+", "+edge, over("rate", n.EdgeClient+"_bucket", window)) + ")",
	}
}

// Load queries the map, of an environment or of all if it is empty. What is known in part is there with an error.
func Load(ctx context.Context, c *catalog.Catalog, n names.Names, now time.Time, source fleet.Source, environment string) (Map, error) {
	q := questionsTo(n, environment)
	var (
		mu      sync.Mutex
		failed  error
		asked   sync.WaitGroup
		all     services.Services
		unknown error
		answers = map[string]model.Vector{}
	)
	asked.Go(func() { all, unknown = services.Load(ctx, c, n, now, source, "") })
	for _, query := range []string{q.seen, q.rate, q.failed, q.slowest} {
		asked.Go(func() {
			answer, err := source.Instant(ctx, query)
			mu.Lock()
			defer mu.Unlock()
			answers[query], failed = answer, cmp.Or(failed, err)
		})
	}
	asked.Wait()
	b := builder{catalog: c, names: n, environment: environment, nodes: map[Name]*Node{}, edges: map[edgeKey]*Edge{}}
	b.services(all.Services)
	b.declared()
	b.observed(q, answers)
	m := b.build()
	m.More = all.More
	return m, cmp.Or(failed, unknown)
}

type edgeKey struct {
	from, to Name
	messages bool
}

// A builder puts the map together.
type builder struct {
	catalog      *catalog.Catalog
	names        names.Names
	environment  string
	nodes        map[Name]*Node
	edges        map[edgeKey]*Edge
	environments []string
}

var unknown = fleet.Number(math.NaN())

// node is the one of a name, added if there is none.
func (b *builder) node(of Name) *Node {
	n := b.nodes[of]
	if n == nil {
		n = &Node{Name: of, Rate: unknown, Failed: unknown, Slowest: unknown}
		b.nodes[of] = n
	}
	return n
}

func (b *builder) services(all []services.Service) {
	for i := range all {
		s := &all[i]
		if s.Service == "" {
			continue // nobody could find it
		}
		places := s.Places
		for _, p := range places {
			if p.Environment != "" && !slices.Contains(b.environments, p.Environment) {
				b.environments = append(b.environments, p.Environment)
			}
		}
		if b.environment != "" {
			places = slices.DeleteFunc(slices.Clone(places), func(p services.Place) bool { return p.Environment != b.environment && p.Environment != "" })
			if len(places) == 0 && len(s.Places) > 0 {
				continue // it runs elsewhere
			}
		}
		n := b.node(Name{s.Namespace, s.Service, ""})
		n.Page, n.Entry, n.Heard = s.Page, s.Entry, len(places) > 0
		n.add(places)
		for _, row := range s.SLOs {
			if b.environment != "" && row.Environment != b.environment && row.Environment != "" {
				continue
			}
			if n.SLO == nil || fleet.Worst(row, n.SLO) < 0 {
				n.SLO = row
			}
		}
	}
}

// add adds up what came in.
func (n *Node) add(places []services.Place) {
	rate, failed := 0.0, 0.0
	for _, p := range places {
		if p.Rate.Known() {
			n.Rate = 0
			rate += float64(p.Rate)
		}
		if p.Failed.Known() {
			failed += float64(p.Rate) * float64(p.Failed)
		}
		if p.Slowest.Known() && (!n.Slowest.Known() || p.Slowest > n.Slowest) {
			n.Slowest = p.Slowest
		}
	}
	if n.Rate.Known() {
		n.Rate = fleet.Number(rate)
	}
	if rate > 0 {
		n.Failed = fleet.Number(failed / rate)
	}
}

// edge is the one between two, added if there is none.
func (b *builder) edge(from, to Name, messages bool) *Edge {
	key := edgeKey{from, to, messages}
	e := b.edges[key]
	if e == nil {
		b.node(from)
		b.node(to)
		e = &Edge{From: from, To: to, Messages: messages, Rate: unknown, Failed: unknown, Slowest: unknown}
		b.edges[key] = e
	}
	return e
}

// declared adds what the catalog says.
func (b *builder) declared() {
	for _, s := range b.catalog.Services {
		from := Name{s.Namespace, s.Name, ""}
		if b.nodes[from] == nil {
			continue // in another environment
		}
		for _, d := range b.catalog.Dependencies(s) {
			to := Name{Name: d.Reference}
			if d.Service != nil {
				to = Name{d.Service.Namespace, d.Service.Name, ""}
				if b.nodes[to] == nil {
					continue
				}
			}
			b.edge(from, to, false).Declared = true
		}
	}
}

// named is who has the telemetry of a namespace and name.
func (b *builder) named(namespace, name string) Name {
	if known := b.catalog.Emitter(namespace, name); known != nil {
		return Name{known.Namespace, known.Name, ""}
	}
	return Name{namespace, name, ""}
}

// of is the edge of a sample, which may be added; nil if it is none of the map. A place that sends no spans, and that a service has the name of, is that service.
func (b *builder) of(metric model.Metric, add bool) *Edge {
	n := b.names
	client, server, kind := n.Client.In(metric), n.Server.In(metric), n.Connection.In(metric)
	if client == "" || server == "" || client == overflow || server == overflow || kind == virtual && client == user {
		return nil
	}
	from, to := b.named(n.ClientNamespace.In(metric), client), b.named(n.ServerNamespace.In(metric), server)
	if kind != "" && kind != messaging && b.nodes[to] == nil {
		to.Kind = kind
	}
	if e := b.edges[edgeKey{from, to, kind == messaging}]; e != nil || !add {
		return e
	}
	return b.edge(from, to, kind == messaging)
}

func (b *builder) observed(q questions, answers map[string]model.Vector) {
	each := func(query string, add bool, f func(*Edge, fleet.Number)) {
		for _, s := range answers[query][:min(len(answers[query]), maxEdges)] {
			if e := b.of(s.Metric, add); e != nil {
				f(e, fleet.Number(s.Value))
			}
		}
	}
	each(q.seen, true, func(e *Edge, _ fleet.Number) { e.Observed = true })
	each(q.rate, true, func(e *Edge, rate fleet.Number) {
		e.Observed = true
		if !e.Rate.Known() {
			e.Rate = 0
		}
		if e.Rate += rate; e.Rate > 0 {
			e.Failed = 0
		}
	})
	each(q.failed, false, func(e *Edge, rate fleet.Number) {
		if e.Rate > 0 {
			e.Failed += rate / e.Rate
		}
	})
	each(q.slowest, false, func(e *Edge, seconds fleet.Number) {
		if milliseconds := seconds * 1000; seconds.Known() && (!e.Slowest.Known() || milliseconds > e.Slowest) {
			e.Slowest = milliseconds
		}
	})
}

func (b *builder) build() Map {
	m := Map{Nodes: []Node{}, Edges: []Edge{}, Environments: b.environments}
	for _, n := range b.nodes {
		m.Nodes = append(m.Nodes, *n)
	}
	for _, e := range b.edges {
		m.Edges = append(m.Edges, *e)
	}
	slices.SortFunc(m.Nodes, func(x, y Node) int { return x.compare(y.Name) })
	slices.SortFunc(m.Edges, func(x, y Edge) int {
		messages := 0
		if x.Messages != y.Messages {
			messages = 1
			if y.Messages {
				messages = -1
			}
		}
		return cmp.Or(x.From.compare(y.From), x.To.compare(y.To), messages)
	})
	slices.Sort(m.Environments)
	return m
}
