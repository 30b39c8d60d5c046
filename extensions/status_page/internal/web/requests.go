// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/requests"
)

const requestsPath = "/requests"

type requestsBody struct {
	Requests []requestLine `json:"requests"`
	// Matching is how many fit the filter.
	Matching int `json:"matching"`
	// Incomplete says why requests may be missing.
	Incomplete string       `json:"incomplete,omitempty"`
	Looked     requestsLook `json:"looked_at"`
	Window     searchWindow `json:"window"`

	Filter                     requests.Filter `json:"-"`
	Services, Versions, Routes []string        `json:"-"`
	// Orders are links to the same list, otherwise ordered.
	Orders []choice `json:"-"`
	Folded bool     `json:"-"` // no filter of those that are folded away is set
	Size   int      `json:"-"`
}

// A requestsLook is what was looked at.
type requestsLook struct {
	Spans int `json:"spans"`
	Logs  int `json:"logs"`
	// Since is when the oldest of it came in.
	Since *time.Time `json:"since,omitempty"`
}

type requestLine struct {
	requests.Request
	Time     *time.Time `json:"time,omitempty"`
	Duration seconds    `json:"duration_seconds"`
	// Page is the path of the request's page, and Elsewhere its URL in another backend; "" if none is configured.
	Page      string `json:"page"`
	Elsewhere string `json:"trace_url"`
}

// requests is the page that lists recent requests.
func (s *site) requests(r *http.Request) (*page, error) {
	query := r.URL.Query()
	f, err := requests.Parse(query)
	if err != nil {
		return nil, &failure{http.StatusBadRequest, problem{"The requests cannot be listed: " + err.Error() + ".", "Change the filter."}}
	}
	size := requests.Usual
	if text := query.Get("size"); text != "" {
		if size, err = strconv.Atoi(text); err != nil || size < 1 || size > requests.Max {
			return nil, &failure{http.StatusBadRequest, problem{"The requests cannot be listed: size is no number from 1 to 200.", "Change the size."}}
		}
	}
	body := requestsBody{
		Requests: []requestLine{}, Window: s.window(), Filter: f, Size: size, Orders: orders(f),
		Folded: f.Namespace == "" && f.Environment == "" && f.Version == "" && f.Least == 0 && f.Most == 0 && len(f.Attributes) == 0,
	}
	p := &page{Title: "Requests", Name: "requests", Body: &body, Problem: nothingKept(body.Window), Live: true}
	if p.Problem != nil {
		return p, nil
	}
	found, err := s.lister.List(r.Context(), f, size)
	if errors.Is(err, requests.ErrBusy) {
		return nil, &failure{http.StatusServiceUnavailable, problem{"The requests cannot be listed now: " + err.Error() + ".", "Try again in a few seconds."}}
	}
	if err != nil {
		return nil, err
	}
	body.Matching, body.Incomplete, body.Looked = found.Matching, found.Missing, requestsLook{Spans: found.Spans, Logs: found.Logs}
	body.Services, body.Versions, body.Routes = found.ServiceNames, found.Versions, found.Routes
	if !found.Since.IsZero() {
		since := found.Since.UTC()
		body.Looked.Since = &since
	}
	for i := range found.Requests {
		one := requestLine{Request: found.Requests[i], Duration: seconds(found.Requests[i].Took), Page: "/search?id=" + found.Requests[i].TraceID, Elsewhere: s.elsewhere(found.Requests[i].TraceID)}
		if !one.Start.IsZero() {
			one.Time = &one.Start
		}
		body.Requests = append(body.Requests, one)
	}
	return p, nil
}

// nothingKept is the problem of a window that has nothing; nil if it has something.
func nothingKept(w searchWindow) *problem {
	switch {
	case w.Off:
		return &problem{"Nothing can be found: the collector keeps no recent telemetry.", "Set extensions::status_page::search::max_bytes above 0."}
	case w.Since == nil:
		return &problem{"Nothing can be found: no spans or log records have arrived recently.", "Add the exporter status_page to the pipelines of traces and logs."}
	}
	return nil
}

// orders are the newest, the slowest and the failed, with the rest of the filter as it is.
func orders(f requests.Filter) []choice {
	status := f.Status
	if status == requests.StatusFailed {
		status = ""
	}
	failed := f.Status == requests.StatusFailed
	return []choice{
		{"Newest", requestsURL(f.With(status, false)), !failed && !f.Slowest},
		{"Slowest", requestsURL(f.With(status, true)), !failed && f.Slowest},
		{"Failed", requestsURL(f.With(requests.StatusFailed, false)), failed && !f.Slowest},
		{"Slowest failed", requestsURL(f.With(requests.StatusFailed, true)), failed && f.Slowest},
	}
}

func requestsURL(f requests.Filter) string {
	if values := f.Values(); len(values) > 0 {
		return requestsPath + "?" + values.Encode()
	}
	return requestsPath
}

// requestsOf is the list of a service's requests in an environment, of any if it is empty.
func requestsOf(namespace, service, environment, status string) string {
	return requestsURL(requests.Filter{Namespace: namespace, Service: service, Environment: environment, Status: status})
}

// traceIDMark is where a configured URL has the ID of a trace.
const traceIDMark = "{trace_id}"

// elsewhere is the URL of a trace in the backend that keeps traces for longer; "" if none is configured, or if the ID is none of a trace.
func (s *site) elsewhere(id string) string {
	id = strings.ToLower(strings.ReplaceAll(id, "-", ""))
	if raw, err := hex.DecodeString(id); s.TraceURL == "" || err != nil || len(raw) != 16 {
		return ""
	}
	return strings.ReplaceAll(s.TraceURL, traceIDMark, url.QueryEscape(id))
}
