// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/servicemap"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const (
	mapPath = "/map"
	// mapChanges is how old a change is that the map shows, and maxMapChanges how many a service has.
	mapChanges    = time.Hour
	maxMapChanges = 3
	// maxMapName bounds what is typed, in characters, maxMapFound the services that have it in their names, and maxMapGroups the namespaces.
	maxMapName   = 200
	maxMapFound  = 50
	maxMapGroups = 50
)

type mapBody struct {
	Nodes []mapNode `json:"nodes"`
	Edges []mapEdge `json:"edges"`
	// Around is the service in the middle, Chosen whether it was asked for; "" is none.
	Around string `json:"around"`
	Chosen bool   `json:"chosen"`
	Depth  int    `json:"depth"`
	// Total is how many nodes the map has, Left how many of the part do not fit.
	Total int `json:"total"`
	Left  int `json:"left_out"`
	// More services are beyond what is looked at.
	More   int        `json:"more"`
	Groups []mapGroup `json:"namespaces"`
	// Found are those that have what was typed in their names, if it is the name of none or of several.
	Found []mapFound `json:"found"`

	Picture      template.HTML `json:"-"`
	Names        []string      `json:"-"`
	Typed        string        `json:"-"`
	Namespace    string        `json:"-"`
	Environment  string        `json:"-"`
	Environments []choice      `json:"-"`
	Depths       []choice      `json:"-"`
	Whole        string        `json:"-"`
}

type mapNode struct {
	ID        string `json:"id"`
	Name      string `json:"-"`
	Namespace string `json:"namespace"`
	Service   string `json:"service"`
	// Type is "" for a service, and else database or virtual_node.
	Type  string `json:"type"`
	Page  string `json:"page"`
	Entry bool   `json:"entry"`
	Heard bool   `json:"heard"`
	// SLO is the one that is worst off, with its state and burn rate; "" without one.
	SLO     string        `json:"slo"`
	State   semconv.State `json:"state"`
	Burn    fleet.Number  `json:"burn_rate"`
	Rate    fleet.Number  `json:"requests_per_second"`
	Failed  fleet.Number  `json:"failed_share"`
	Slowest fleet.Number  `json:"p95_milliseconds"`
	// Changes are those of the last hour, the newest first.
	Changes []mapChange `json:"changes"`
}

type mapChange struct {
	Text string    `json:"text"`
	Time time.Time `json:"time"`
}

type mapEdge struct {
	From     string       `json:"from"`
	To       string       `json:"to"`
	Messages bool         `json:"messages"`
	Observed bool         `json:"observed"`
	Declared bool         `json:"declared"`
	Rate     fleet.Number `json:"requests_per_second"`
	Failed   fleet.Number `json:"failed_share"`
	Slowest  fleet.Number `json:"p95_milliseconds"`
	// Fails says that it is shown as failing.
	Fails      bool   `json:"-"`
	FromName   string `json:"-"`
	ToName     string `json:"-"`
	FromURL    string `json:"-"`
	ToURL      string `json:"-"`
	SlowestFor string `json:"-"`
}

type mapGroup struct {
	Namespace string        `json:"namespace"`
	Services  int           `json:"services"`
	State     semconv.State `json:"state"`
	URL       string        `json:"-"`
	SLO       bool          `json:"-"`
}

type mapFound struct {
	ID  string `json:"id"`
	URL string `json:"-"`
}

// A mapView is what a URL asks for.
type mapView struct {
	service, namespace, environment string
	depth                           int
	all                             bool
}

func parseMap(query url.Values) (v mapView, err error) {
	for key, into := range map[string]*string{"service": &v.service, "namespace": &v.namespace, "environment": &v.environment} {
		*into = strings.TrimSpace(query.Get(key))
		if utf8.RuneCountInString(*into) > maxMapName || !utf8.ValidString(*into) || strings.ContainsFunc(*into, unicode.IsControl) {
			return v, &failure{http.StatusBadRequest, problem{"The map cannot be shown: " + key + " is no name.", "Write at most 200 letters, digits and punctuation."}}
		}
	}
	v.depth, v.all = 1, query.Get("all") == "1"
	if text := query.Get("depth"); text != "" {
		v.depth, err = strconv.Atoi(text)
		if err != nil || v.depth < 1 || v.depth > servicemap.MaxDepth {
			return v, &failure{http.StatusBadRequest, problem{"The map cannot be shown: depth is no number from 1 to 3.", "Choose 1, 2 or 3 calls."}}
		}
	}
	return v, nil
}

// url leads to the view.
func (v mapView) url() string {
	values := url.Values{}
	for key, value := range map[string]string{"service": v.service, "namespace": v.namespace, "environment": v.environment} {
		if value != "" {
			values.Set(key, value)
		}
	}
	if v.depth > 1 {
		values.Set("depth", strconv.Itoa(v.depth))
	}
	if v.all {
		values.Set("all", "1")
	}
	if len(values) == 0 {
		return mapPath
	}
	return mapPath + "?" + values.Encode()
}

// around is the view with a service in the middle; "" if its name is longer than one that can be asked for.
func (v mapView) around(n servicemap.Name) string {
	if utf8.RuneCountInString(n.String()) > maxMapName {
		return ""
	}
	return mapView{service: n.String(), environment: v.environment, depth: v.depth}.url()
}

// serviceMap is the page of which service calls which.
func (s *site) serviceMap(r *http.Request) (*page, error) {
	v, err := parseMap(r.URL.Query())
	if err != nil {
		return nil, err
	}
	m, err := servicemap.Load(r.Context(), s.Catalog(), s.Names, s.Now(), s.Prometheus, v.environment)
	h := s.history(r)
	body := mapBody{
		Nodes: []mapNode{}, Edges: []mapEdge{}, Depth: v.depth, Total: len(m.Nodes), More: m.More, Groups: []mapGroup{}, Found: []mapFound{}, Typed: v.service, Namespace: v.namespace, Environment: v.environment,
	}
	p := &page{Title: "Map of services", Name: "map", Body: &body, Problem: s.silent(cmp.Or(err, h.Err)), Live: true}
	if len(m.Nodes) == 0 {
		if p.Problem == nil {
			p.Problem = &problem{"No service is heard of yet.", "Let a service send OTLP spans with a service.name to the collector. Its requests are here after half a minute."}
		}
		return p, nil
	}
	chosen := servicemap.Choice{Namespace: v.namespace, Depth: v.depth, All: v.all}
	if v.service != "" {
		found, exact := m.Find(v.service)
		if len(found) != 1 || !exact {
			for _, one := range found[:min(len(found), maxMapFound)] {
				body.Found = append(body.Found, mapFound{words.Shown(one.String(), maxCell), v.around(one)})
			}
		}
		if len(found) == 0 {
			return nil, notFound("No service has "+words.Bounded(v.service, maxCell)+" in its name.", "Look for another name, or see the list of all services.")
		}
		chosen.Around = &found[0]
	}
	part := m.Part(chosen)
	body.fill(&m, part, v, s.changesOf(h.Changes, v.environment))
	return p, nil
}

// changesOf are the changes of the last hour of each service, the newest first, in an environment or in all.
func (s *site) changesOf(all []incident.Change, environment string) func(servicemap.Name) []mapChange {
	of := map[servicemap.Name][]mapChange{}
	now := s.Now()
	for i := range all {
		c := &all[i]
		elsewhere := environment != "" && c.Environment != "" && c.Environment != environment
		if elsewhere || now.Sub(c.At) > mapChanges || c.At.After(now) {
			continue
		}
		name := servicemap.Name{Namespace: c.Namespace, Name: c.Name}
		if known := s.Catalog().Emitter(c.Namespace, c.Name); known != nil {
			name = servicemap.Name{Namespace: known.Namespace, Name: known.Name}
		}
		text := c.Version
		if text == "" {
			text = c.String()
		}
		of[name] = append(of[name], mapChange{words.Shown(text, maxCell), c.At.UTC()})
	}
	return func(n servicemap.Name) []mapChange {
		changes := list(of[n])
		slices.SortStableFunc(changes, func(a, b mapChange) int { return b.Time.Compare(a.Time) })
		return changes[:min(len(changes), maxMapChanges)]
	}
}

func (b *mapBody) fill(m *servicemap.Map, part servicemap.Part, v mapView, changes func(servicemap.Name) []mapChange) {
	b.Left, b.Chosen = part.Left, part.Chosen
	if part.Around != nil {
		b.Around = words.Shown(part.Around.String(), maxCell)
		for depth := 1; depth <= servicemap.MaxDepth; depth++ {
			of := mapView{environment: v.environment, depth: depth}
			if at := of.around(*part.Around); at != "" {
				b.Depths = append(b.Depths, choice{words.Count(depth), at, depth == v.depth})
			}
		}
	}
	for i := range part.Nodes {
		n := &part.Nodes[i]
		one := mapNode{
			ID: words.Shown(n.Name.String(), maxCell), Name: words.Shown(n.Words(), maxCell), Namespace: words.Shown(n.Namespace, maxCell), Service: words.Shown(n.Name.Name, maxCell), Type: words.Shown(n.Kind, maxCell), Page: n.Page, Entry: n.Entry, Heard: n.Heard,
			State: n.State(), Burn: fleet.Number(math.NaN()), Rate: n.Rate, Failed: n.Failed, Slowest: n.Slowest, Changes: changes(n.Name),
		}
		if n.SLO != nil {
			one.SLO, one.Burn = words.Shown(n.SLO.SLO, maxCell), n.SLO.Burn
		}
		b.Nodes = append(b.Nodes, one)
	}
	for i := range part.Edges {
		e := &part.Edges[i]
		b.Edges = append(b.Edges, mapEdge{
			From: words.Shown(e.From.String(), maxCell), To: words.Shown(e.To.String(), maxCell), Messages: e.Messages, Observed: e.Observed, Declared: e.Declared, Rate: e.Rate, Failed: e.Failed, Slowest: e.Slowest,
			Fails: e.Fails(), FromName: words.Shown(e.From.Words(), maxCell), ToName: words.Shown(e.To.Words(), maxCell), FromURL: v.around(e.From), ToURL: v.around(e.To), SlowestFor: servicemap.Milliseconds(e.Slowest),
		})
	}
	index := 0
	b.Picture = part.Draw(func(n *servicemap.Node) servicemap.Label {
		label := b.Nodes[index].label()
		index++
		label.Link = v.around(n.Name)
		if part.Around != nil && *part.Around == n.Name { // one is there already
			label.Link = n.Page
		}
		return label
	})
	for i := range m.Nodes {
		if len(b.Names) < maxMapName {
			b.Names = append(b.Names, words.Shown(m.Nodes[i].Name.String(), maxCell))
		}
	}
	b.groups(m, v)
}

// groups are the links to namespaces, environments and the whole map.
func (b *mapBody) groups(m *servicemap.Map, v mapView) {
	for _, g := range m.Groups() {
		if len(b.Groups) < maxMapGroups {
			one := mapGroup{Namespace: words.Shown(g.Namespace, maxCell), Services: g.Nodes, State: g.Worst.State(), SLO: g.Worst.SLO != nil}
			if g.Namespace != "" && utf8.RuneCountInString(g.Namespace) <= maxMapName {
				one.URL = mapView{namespace: g.Namespace, environment: v.environment, depth: 1}.url()
			}
			b.Groups = append(b.Groups, one)
		}
	}
	if !v.all {
		b.Whole = mapView{environment: v.environment, depth: 1, all: true}.url()
	}
	if len(m.Environments) < 2 && v.environment == "" {
		return
	}
	other := v
	other.environment = ""
	b.Environments = append(b.Environments, choice{"all", other.url(), v.environment == ""})
	for _, environment := range m.Environments[:min(len(m.Environments), maxMapGroups)] {
		other.environment = environment
		b.Environments = append(b.Environments, choice{words.Shown(environment, maxCell), other.url(), environment == v.environment})
	}
}

// label is what the picture says of a node.
func (n *mapNode) label() servicemap.Label {
	var l servicemap.Label
	if n.SLO != "" {
		l.Class, l.Icon, l.State = string(semconv.States[n.State.Severity()]), fleet.Icon(n.State), fleet.Word(n.State)
		if n.Burn.Known() && n.Burn > 0 {
			l.State += ", " + words.Burn(float64(n.Burn))
		}
	}
	if len(n.Changes) > 0 {
		l.Change = "⟳ " + words.Bounded(n.Changes[0].Text, maxChangeLabel)
	}
	return l
}

// maxChangeLabel is how much of a change fits into a node.
const maxChangeLabel = 22
