// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/chart"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/search"
	"github.com/otelcol-sre/otelcol-sre/internal/request"
)

type searchBody struct {
	ID string `json:"id"`
	// Incomplete says why items may be missing.
	Incomplete string `json:"incomplete,omitempty"`
	// Requests is how many have the ID.
	Requests int `json:"requests"`
	// Each are these requests, if there are several.
	Each []*searchRequest `json:"each,omitempty"`
	// Word is true if the ID is only a word or value that they have in common.
	Word           bool            `json:"word,omitempty"`
	TraceIDs       []string        `json:"trace_ids"`
	CorrelationIDs []string        `json:"correlation_ids"`
	Start          *time.Time      `json:"start,omitempty"`
	Duration       seconds         `json:"duration_seconds"`
	Spans          int             `json:"spans"`
	Logs           int             `json:"logs"`
	Failed         int             `json:"failed"`
	Services       []searchService `json:"services"`
	Items          []searchItem    `json:"items"`
	Window         searchWindow    `json:"window"`
	// Elsewhere are the URLs of its traces in a backend that keeps them for longer, or of the ID; none if none is configured.
	Elsewhere []string `json:"trace_urls,omitempty"`

	Ticks []seconds `json:"-"`
}

// A searchService is one that the request went through.
type searchService struct {
	Name        string `json:"name"`
	Namespace   string `json:"namespace"`
	Environment string `json:"environment"`
	Version     string `json:"version"`
	// Page is empty if the catalog does not know it.
	Page  string `json:"page"`
	Place int    `json:"-"`
}

type searchItem struct {
	*search.Item
	Time *time.Time `json:"time,omitempty"`
	// After is since the start of the request.
	After    *seconds      `json:"after_seconds,omitempty"`
	Duration *seconds      `json:"duration_seconds,omitempty"`
	Place    int           `json:"-"`
	Picture  template.HTML `json:"-"`
}

// A searchRequest is one of several that have the ID.
type searchRequest struct {
	ID       string     `json:"id"`
	Start    *time.Time `json:"start,omitempty"`
	Spans    int        `json:"spans"`
	Logs     int        `json:"logs"`
	Failed   int        `json:"failed"`
	Services []string   `json:"services"`
	// Items of this request.
	Items []searchItem `json:"-"`
}

func (r *searchRequest) add(i searchItem) {
	r.Items = append(r.Items, i)
	switch i.Signal {
	case search.SignalSpan:
		r.Spans++
	case search.SignalLog:
		r.Logs++
	}
	if i.Failed {
		r.Failed++
	}
	if i.Time != nil && (r.Start == nil || i.Time.Before(*r.Start)) {
		r.Start = i.Time
	}
	if !slices.Contains(r.Services, i.Service) {
		r.Services = append(r.Services, i.Service)
	}
}

// searchWindow is how much can be searched.
type searchWindow struct {
	Off      bool    `json:"off"`
	Bytes    int     `json:"bytes"`
	MaxBytes int     `json:"max_bytes"`
	MaxAge   seconds `json:"max_age_seconds"`
	Spans    int     `json:"spans"`
	Logs     int     `json:"logs"`
	// Since is when the oldest came in.
	Since *time.Time `json:"since,omitempty"`
}

// search is the page of a request, found by any of its IDs.
func (s *site) search(r *http.Request) (*page, error) {
	id := strings.TrimSpace(r.URL.Query().Get("id"))
	if err := checkID(id); err != nil {
		return nil, err
	}
	body := searchBody{ID: id, TraceIDs: []string{}, CorrelationIDs: []string{}, Services: []searchService{}, Items: []searchItem{}, Window: s.window()}
	p := &page{Title: "Find a request", Name: "search", Body: &body}
	if p.Problem = nothingKept(body.Window); p.Problem != nil || id == "" {
		return p, nil
	}
	found, err := s.searcher.Find(r.Context(), id)
	if errors.Is(err, search.ErrBusy) {
		return nil, &failure{http.StatusServiceUnavailable, problem{"Other searches are running: " + err.Error() + ".", "Try again in a few seconds."}}
	}
	if err != nil {
		return nil, err
	}
	p.Title = id
	body.fill(found, s.Catalog())
	for _, trace := range body.TraceIDs {
		if at := s.elsewhere(trace); at != "" {
			body.Elsewhere = append(body.Elsewhere, at)
		}
	}
	if at := s.elsewhere(id); at != "" && len(body.Items) == 0 {
		body.Elsewhere = []string{at}
	}
	return p, nil
}

// checkID rejects invalid IDs.
func checkID(id string) error {
	bad := func(what, fix string) error { return &failure{http.StatusBadRequest, problem{what, fix}} }
	switch {
	case len(id) > request.MaxID:
		return bad("The ID is too long.", "Enter only the ID, of at most 1024 bytes.")
	case !utf8.ValidString(id) || strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsPrint(r) }):
		return bad("The ID contains invisible characters.", "Enter only the ID.")
	}
	return nil
}

func (s *site) window() searchWindow {
	u := s.Recent.Usage()
	w := searchWindow{
		Off: s.Recent.Off(), Bytes: u.Bytes, MaxBytes: s.Recent.MaxBytes, MaxAge: seconds(s.Recent.MaxAge), Spans: u.Spans, Logs: u.Logs,
	}
	if !u.Since.IsZero() {
		since := u.Since.UTC()
		w.Since = &since
	}
	return w
}

func (b *searchBody) fill(found search.Found, c *catalog.Catalog) {
	b.Incomplete, b.Requests, b.TraceIDs, b.CorrelationIDs = found.Missing, found.Requests, list(found.Traces), list(found.IDs)
	if len(found.Each) > 1 {
		b.Word = found.Word
		for _, one := range found.Each {
			b.Each = append(b.Each, &searchRequest{ID: one.ID, Services: []string{}})
		}
	}
	axis := extent(found.Items)
	if !axis.Start.IsZero() {
		b.Start, b.Duration = &axis.Start, seconds(axis.End.Sub(axis.Start))
		for _, tick := range axis.Ticks() {
			b.Ticks = append(b.Ticks, seconds(tick))
		}
	}
	places := map[[2]string]int{}
	listed := map[searchService]bool{}
	for _, i := range found.Items {
		name := [2]string{i.Namespace, i.Service}
		place, known := places[name]
		if !known {
			place = len(places)
			places[name] = place
		}
		of := searchService{Name: i.Service, Namespace: i.Namespace, Environment: i.Environment, Version: i.Version, Page: fleet.PagePath(c.Emitter(i.Namespace, i.Service)), Place: place}
		if !listed[of] {
			listed[of] = true
			b.Services = append(b.Services, of)
		}
		item := drawnItem(i, axis, place)
		b.Items = append(b.Items, item)
		if b.Each == nil {
			i.Requests = nil // it is clear
		}
		for _, n := range i.Requests {
			b.Each[n].add(item)
		}
		b.count(i)
	}
}

func (b *searchBody) count(i *search.Item) {
	switch i.Signal {
	case search.SignalSpan:
		b.Spans++
	case search.SignalLog:
		b.Logs++
	}
	if i.Failed {
		b.Failed++
	}
}

func drawnItem(i *search.Item, axis chart.Waterfall, place int) searchItem {
	item := searchItem{Item: i, Place: place}
	if i.Start.IsZero() {
		return item
	}
	at, after := i.Start.UTC(), seconds(i.Start.Sub(axis.Start))
	item.Time, item.After = &at, &after
	if i.Signal == search.SignalSpan {
		took := seconds(i.End.Sub(i.Start))
		item.Duration, item.Picture = &took, axis.Bar(i.Start, i.End, place)
	} else {
		item.Picture = axis.Mark(i.Start, place)
	}
	return item
}

// extent is from when to when something happened.
func extent(items []*search.Item) (w chart.Waterfall) {
	for _, i := range items {
		if i.Start.IsZero() {
			continue
		}
		if w.Start.IsZero() || i.Start.Before(w.Start) {
			w.Start = i.Start.UTC()
		}
		if i.End.After(w.End) {
			w.End = i.End.UTC()
		}
	}
	return w
}

// seconds is a time that JSON has in seconds.
type seconds time.Duration

func (s seconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Duration(s).Seconds())
}
