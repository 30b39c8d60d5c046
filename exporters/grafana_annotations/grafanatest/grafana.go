// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package grafanatest is an imitation of Grafana's annotations API for tests: what it stores, how it searches, what it refuses
// and with which status, as in Grafana 9 to 13. It is an http.Handler, so that a test can serve it where it likes, stop
// serving it, and serve it again.
package grafanatest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Annotation is one as Grafana keeps and shows it.
type Annotation struct {
	ID           int64           `json:"id"`
	AlertID      int64           `json:"alertId"`
	DashboardID  int64           `json:"dashboardId"`
	DashboardUID string          `json:"dashboardUID"`
	PanelID      int64           `json:"panelId"`
	Time         int64           `json:"time"` // Unix milliseconds
	TimeEnd      int64           `json:"timeEnd"`
	Tags         []string        `json:"tags"`
	Text         string          `json:"text"`
	Data         json.RawMessage `json:"data,omitempty"`
}

// Start is when it begins.
func (a *Annotation) Start() time.Time { return time.UnixMilli(a.Time).UTC() }

// End is when it ends; the start, if it is no region.
func (a *Annotation) End() time.Time { return time.UnixMilli(a.TimeEnd).UTC() }

// Has reports whether it has the tag.
func (a *Annotation) Has(tag string) bool { return slices.Contains(a.Tags, tag) }

// Fault is what happens to a request instead of an answer.
type Fault struct {
	Status int         // of the answer; 0: the connection is closed without one
	Header http.Header // of the answer
	Body   string      // of the answer; by default JSON with a message
	Late   bool        // the request is carried out first: only its answer is lost
}

// Request is one that was made.
type Request struct {
	Method string
	Status int // 0: it got no answer
}

// Grafana is the imitation. Its fields are set before it serves.
type Grafana struct {
	// Token is the only one that may do anything.
	Token string
	// ReadOnly makes the token a viewer's.
	ReadOnly bool
	// FoldCase makes the search not mind upper and lower case, as MySQL's usual collation does.
	FoldCase bool

	mu          sync.Mutex
	annotations map[int64]*Annotation
	last        int64
	intercept   func(*http.Request) *Fault
	requests    []Request
}

// New returns an empty Grafana that the token opens.
func New(token string) *Grafana {
	return &Grafana{Token: token, annotations: map[int64]*Annotation{}}
}

// Annotations are all of them, the oldest first.
func (g *Grafana) Annotations() []Annotation {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make([]Annotation, 0, len(g.annotations))
	for _, a := range g.annotations {
		all = append(all, *a)
	}
	slices.SortFunc(all, func(a, b Annotation) int { return int(a.ID - b.ID) })
	return all
}

// Add puts an annotation in as somebody else would, and returns its ID.
func (g *Grafana) Add(a Annotation) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last++
	a.ID = g.last
	g.annotations[a.ID] = &a
	return a.ID
}

// Delete takes an annotation out.
func (g *Grafana) Delete(id int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.annotations, id)
}

// Intercept is asked for a fault before each request; nil is none. It may block, to hold a request up.
func (g *Grafana) Intercept(fault func(*http.Request) *Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.intercept = fault
}

// Requests are those that were made since the last call.
func (g *Grafana) Requests() []Request {
	g.mu.Lock()
	defer g.mu.Unlock()
	made := g.requests
	g.requests = nil
	return made
}

func (g *Grafana) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	intercept := g.intercept
	g.mu.Unlock()
	var fault *Fault
	if intercept != nil {
		fault = intercept(r)
	}
	var status int
	var answer any
	if fault == nil || fault.Late {
		status, answer = g.answer(r)
	}
	if fault != nil {
		status, answer = fault.Status, message("Internal server error")
	}
	g.mu.Lock()
	g.requests = append(g.requests, Request{Method: r.Method, Status: status})
	g.mu.Unlock()
	if status == 0 {
		panic(http.ErrAbortHandler)
	}
	body, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	if fault != nil {
		maps.Copy(w.Header(), fault.Header)
		if fault.Body != "" {
			body = []byte(fault.Body)
		}
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func message(text string) map[string]any { return map[string]any{"message": text} }

func (g *Grafana) answer(r *http.Request) (int, any) {
	if r.Header.Get("Authorization") != "Bearer "+g.Token {
		return http.StatusUnauthorized, map[string]any{"message": "Invalid API key", "messageId": "api-key.invalid", "statusCode": 401, "traceID": ""}
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/api/annotations")
	if !ok {
		return http.StatusNotFound, message("Not found")
	}
	if r.Method != http.MethodGet && g.ReadOnly {
		return http.StatusForbidden, map[string]any{"accessErrorId": "ACE0", "title": "Access denied",
			"message": "You'll need additional permissions to perform this action. Permissions needed: annotations:create"}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case path == "" && r.Method == http.MethodGet:
		return g.find(r)
	case path == "" && r.Method == http.MethodPost:
		return g.create(r)
	case !strings.HasPrefix(path, "/"):
		return http.StatusNotFound, message("Not found")
	}
	id, err := strconv.ParseInt(path[1:], 10, 64)
	if err != nil {
		return http.StatusBadRequest, message("annotationId is invalid")
	}
	a, ok := g.annotations[id]
	switch {
	case r.Method != http.MethodPatch && r.Method != http.MethodDelete:
		return http.StatusNotFound, message("Not found")
	case !ok:
		return http.StatusNotFound, message("Annotation not found")
	case r.Method == http.MethodDelete:
		delete(g.annotations, id)
		return http.StatusOK, message("Annotation deleted")
	}
	return patch(a, r)
}

func (g *Grafana) find(r *http.Request) (int, any) {
	query := r.URL.Query()
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil || limit <= 0 {
		limit = 100
	}
	wanted := pairs(query["tags"])
	found := []*Annotation{}
	for _, a := range g.annotations {
		alert := a.AlertID != 0
		if query.Get("type") == "alert" && !alert || query.Get("type") == "annotation" && alert {
			continue
		}
		has := pairs(a.Tags)
		if !slices.ContainsFunc(wanted, func(tag pair) bool {
			return !slices.ContainsFunc(has, func(own pair) bool { return g.matches(tag, own) })
		}) {
			shown := *a
			found = append(found, &shown)
		}
	}
	slices.SortFunc(found, func(a, b *Annotation) int { // the newest first
		if a.TimeEnd != b.TimeEnd {
			return int(b.TimeEnd - a.TimeEnd)
		}
		return int(b.Time - a.Time)
	})
	return http.StatusOK, found[:min(limit, len(found))]
}

func (g *Grafana) matches(wanted, own pair) bool {
	if g.FoldCase {
		return strings.EqualFold(wanted.key, own.key) && (wanted.value == "" || strings.EqualFold(wanted.value, own.value))
	}
	return wanted.key == own.key && (wanted.value == "" || wanted.value == own.value)
}

// command is the body of POST and PATCH.
type command struct {
	DashboardID  int64           `json:"dashboardId"`
	DashboardUID string          `json:"dashboardUID"`
	PanelID      int64           `json:"panelId"`
	Time         int64           `json:"time"`
	TimeEnd      int64           `json:"timeEnd"`
	Text         string          `json:"text"`
	Tags         []string        `json:"tags"`
	Data         json.RawMessage `json:"data"`
}

func (g *Grafana) create(r *http.Request) (int, any) {
	var c command
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
		return http.StatusBadRequest, message("bad request data")
	}
	if c.Text == "" {
		return http.StatusBadRequest, message("Failed to save annotation")
	}
	a := &Annotation{DashboardID: c.DashboardID, DashboardUID: c.DashboardUID, PanelID: c.PanelID,
		Time: c.Time, TimeEnd: c.TimeEnd, Tags: []string{}, Text: c.Text, Data: c.Data}
	for _, p := range pairs(c.Tags) {
		a.Tags = append(a.Tags, p.String())
	}
	if a.Time == 0 {
		a.Time = time.Now().UnixMilli()
	}
	if status, text := check(a); status != 0 {
		return status, message(text)
	}
	g.last++
	a.ID = g.last
	g.annotations[a.ID] = a
	return http.StatusOK, map[string]any{"id": a.ID, "message": "Annotation added"}
}

// patch changes what is in the request and leaves the rest.
func patch(a *Annotation, r *http.Request) (int, any) {
	var c command
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
		return http.StatusBadRequest, message("bad request data")
	}
	changed := *a
	if c.Tags != nil {
		changed.Tags = c.Tags
	}
	if c.Text != "" {
		changed.Text = c.Text
	}
	if c.Time > 0 {
		changed.Time = c.Time
	}
	if c.TimeEnd > 0 {
		changed.TimeEnd = c.TimeEnd
	}
	if c.Data != nil {
		changed.Data = c.Data
	}
	if status, text := check(&changed); status != 0 {
		return status, message(text)
	}
	*a = changed
	return http.StatusOK, message("Annotation patched")
}

// check puts the times in order and refuses what the database would not take.
func check(a *Annotation) (int, string) {
	if a.TimeEnd == 0 {
		a.TimeEnd = a.Time
	}
	if a.TimeEnd < a.Time {
		a.Time, a.TimeEnd = a.TimeEnd, a.Time
	}
	size := 2
	for i, tag := range a.Tags {
		size += len(tag) + 2 + min(i, 1)
	}
	if size > 500 {
		return http.StatusBadRequest, fmt.Sprintf("tags length (%d) exceeds the maximum allowed (500): modify the configuration to increase it", size)
	}
	for _, p := range pairs(a.Tags) {
		if utf8.RuneCountInString(p.key) > 100 || utf8.RuneCountInString(p.value) > 100 {
			return http.StatusInternalServerError, "Failed to save annotation"
		}
	}
	return 0, ""
}

// pair is a tag as Grafana splits it: what follows a second colon is lost.
type pair struct{ key, value string }

func (p pair) String() string {
	if p.value == "" {
		return p.key
	}
	return p.key + ":" + p.value
}

func pairs(tags []string) []pair {
	var all []pair
	for _, tag := range tags {
		parts := strings.Split(tag, ":")
		p := pair{key: strings.Trim(parts[0], " ")}
		if len(parts) > 1 {
			p.value = strings.Trim(parts[1], " ")
		}
		if p.key != "" && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}
