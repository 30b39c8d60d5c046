// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/chart"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/search"
)

// compareBody is two requests beside each other.
type compareBody struct {
	Requests []comparedRequest `json:"requests"`
	// Operations are the spans of the same service, name and kind, those first that differ most.
	Operations []operation `json:"operations"`
	// Attributes of the outermost spans and their resources that differ.
	Attributes []comparedAttribute `json:"attributes"`

	Ticks []seconds `json:"-"`
}

// A comparedRequest is one of the two.
type comparedRequest struct {
	ID         string     `json:"id"`
	Page       string     `json:"page"`
	Incomplete string     `json:"incomplete,omitempty"`
	Start      *time.Time `json:"start,omitempty"`
	Duration   seconds    `json:"duration_seconds"`
	Spans      int        `json:"spans"`
	Logs       int        `json:"logs"`
	Failed     int        `json:"failed"`
	// Items are on a time axis that is as long for both.
	Items []searchItem `json:"-"`
}

// An operation is what the two requests did of it. Its times are added up, also of spans at the same time.
type operation struct {
	Service string     `json:"service"`
	Name    string     `json:"name"`
	Kind    string     `json:"kind"`
	Sides   [2]spentOn `json:"requests"`
	// Longer is by how much it takes longer in the second.
	Longer seconds `json:"longer_seconds"`
}

type spentOn struct {
	Spans  int     `json:"spans"`
	Failed int     `json:"failed"`
	Time   seconds `json:"seconds"`
}

type comparedAttribute struct {
	Name   string    `json:"name"`
	Values [2]string `json:"values"`
}

// compare is the page of two requests beside each other.
func (s *site) compare(r *http.Request) (*page, error) {
	ids := r.URL.Query()["id"]
	if len(ids) != 2 {
		return nil, &failure{http.StatusBadRequest, problem{"Two requests can be compared, not " + strconv.Itoa(len(ids)) + ".", "Choose two requests in the list, or give two id parameters."}}
	}
	body := compareBody{Requests: []comparedRequest{}, Operations: []operation{}, Attributes: []comparedAttribute{}}
	p := &page{Title: "Two requests", Name: "compare", Body: &body, Problem: nothingKept(s.window())}
	if p.Problem != nil {
		return p, nil
	}
	var items [2][]*search.Item
	for i, id := range ids {
		if err := checkID(id); err != nil {
			return nil, err
		}
		found, err := s.searcher.Find(r.Context(), strings.TrimSpace(id))
		switch {
		case errors.Is(err, search.ErrBusy):
			return nil, &failure{http.StatusServiceUnavailable, problem{"Other searches are running: " + err.Error() + ".", "Try again in a few seconds."}}
		case err != nil:
			return nil, err
		case len(found.Items) == 0:
			return nil, notFound("Nothing that is kept has the ID of the "+[]string{"first", "second"}[i]+" request.", "Choose two requests in the list: the older one may be gone.")
		case found.Requests > 1:
			return nil, &failure{http.StatusBadRequest, problem{"Several requests have the ID of the " + []string{"first", "second"}[i] + " one.", "Give the ID of one of them, such as its trace ID."}}
		}
		items[i] = found.Items
		body.Requests = append(body.Requests, comparedRequest{ID: strings.TrimSpace(id), Page: "/search?id=" + url.QueryEscape(strings.TrimSpace(id)), Incomplete: found.Missing})
	}
	body.fill(items)
	return p, nil
}

func (b *compareBody) fill(items [2][]*search.Item) {
	axes := [2]chart.Waterfall{extent(items[0]), extent(items[1])}
	length := max(axes[0].End.Sub(axes[0].Start), axes[1].End.Sub(axes[1].Start))
	for _, tick := range (chart.Waterfall{End: time.Time{}.Add(length)}).Ticks() {
		b.Ticks = append(b.Ticks, seconds(tick))
	}
	places := map[[2]string]int{}
	operations := map[[3]string]*operation{}
	for side, all := range items {
		of := &b.Requests[side]
		if axis := axes[side]; !axis.Start.IsZero() {
			of.Start, of.Duration = &axis.Start, seconds(axis.End.Sub(axis.Start))
		}
		axis := chart.Waterfall{Start: axes[side].Start, End: axes[side].Start.Add(length)}
		for _, i := range all {
			name := [2]string{i.Namespace, i.Service}
			if _, known := places[name]; !known {
				places[name] = len(places)
			}
			of.add(drawnItem(i, axis, places[name]))
			if i.Signal == search.SignalSpan {
				key := [3]string{i.Service, i.Name, i.Kind}
				if operations[key] == nil {
					operations[key] = &operation{Service: i.Service, Name: i.Name, Kind: i.Kind}
				}
				operations[key].Sides[side].add(i)
			}
		}
	}
	for _, o := range operations {
		o.Longer = o.Sides[1].Time - o.Sides[0].Time
		b.Operations = append(b.Operations, *o)
	}
	slices.SortFunc(b.Operations, func(x, y operation) int {
		return cmp.Or(cmp.Compare(y.weight(), x.weight()), cmp.Compare(x.Service, y.Service), cmp.Compare(x.Name, y.Name), cmp.Compare(x.Kind, y.Kind))
	})
	b.Attributes = differing(outermost(items[0]), outermost(items[1]))
}

func (c *comparedRequest) add(i searchItem) {
	c.Items = append(c.Items, i)
	switch i.Signal {
	case search.SignalSpan:
		c.Spans++
	case search.SignalLog:
		c.Logs++
	}
	if i.Failed {
		c.Failed++
	}
}

func (s *spentOn) add(span *search.Item) {
	s.Spans++
	s.Time += seconds(span.End.Sub(span.Start))
	if span.Failed {
		s.Failed++
	}
}

// weight is by how much the time differs.
func (o operation) weight() seconds { return max(o.Longer, -o.Longer) }

// Only says in which request the operation is, if it is not in both: 1 or 2, or 0.
func (o operation) Only() int {
	switch {
	case o.Sides[1].Spans == 0:
		return 1
	case o.Sides[0].Spans == 0:
		return 2
	}
	return 0
}

// outermost is the first span; nil without one.
func outermost(items []*search.Item) *search.Item {
	for _, i := range items {
		if i.Signal == search.SignalSpan {
			return i
		}
	}
	return nil
}

// differing are the attributes that two spans do not have in common, by name. IDs differ always and are left out.
func differing(a, b *search.Item) []comparedAttribute {
	found := []comparedAttribute{}
	if a == nil || b == nil {
		return found
	}
	all := [2]map[string]string{described(a), described(b)}
	var names []string
	for _, side := range all {
		for name := range side {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if values := [2]string{all[0][name], all[1][name]}; values[0] != values[1] {
			found = append(found, comparedAttribute{name, values})
		}
	}
	return found
}

// described are the attributes of a span, with those of its resource.
func described(i *search.Item) map[string]string {
	all := map[string]string{"service.version": i.Version, "deployment.environment.name": i.Environment, "service.name": i.Service, "service.namespace": i.Namespace, "name": i.Name}
	for name, value := range i.Attributes {
		if value != i.CorrelationID && value != i.TraceID {
			all[name] = value
		}
	}
	return all
}
