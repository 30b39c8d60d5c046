// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package web serves the pages, and the same content as JSON on request. It accepts only GET and HEAD, and POST for questions that have a
// body, which change nothing either. Notes on incidents are all that can be written.
package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/otlptranslator"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/alert"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/arrivals"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/prometheus"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/recent"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/requests"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/runbook"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/search"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
	"github.com/otelcol-sre/otelcol-sre/internal/request"

	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
)

// A Source is a service catalog: what is in use, which may be nothing, and what is wrong with its files.
type Source interface {
	Catalog() *catalog.Catalog
	Problems() catalog.Problems
	Reading() servicecatalog.Reading
}

// Options are what the pages are made from.
type Options struct {
	Source
	// Prometheus is asked; Endpoint is where it is, for people.
	Prometheus *prometheus.Client
	Endpoint   string
	// Names are those of its metrics and labels.
	Names names.Names
	// Translation made them.
	Translation otlptranslator.TranslationStrategyOption
	Runbooks    *runbook.Library
	// Recent is what can be searched.
	Recent *recent.Window
	// TraceURL is the URL of a trace in a backend that keeps them for longer, with {trace_id} in it; "" is none.
	TraceURL string
	// Explainer makes what says where correlation IDs come from, nil if nothing can.
	Explainer func() (request.Explainer, error)
	// Arrivals is what arrived of each service; nil if nobody listens.
	Arrivals *arrivals.Record
	// Keepers have minute histories; nil without any.
	Keepers func() []ledger.Keeper
	// Book is the history of alerts and incidents; nil is none.
	Book *book.Book
	// Writable lets clients add notes to incidents. KeepNotes saves those of the book; nil does not.
	Writable  bool
	KeepNotes func(context.Context) error
	// Explainers know what ate error budgets; nil without any.
	Explainers func() []attribution.Keeper
	// Patience is how long a page waits for what is new in the book, and for its turn to read the minute history; 0 is the usual time.
	Patience time.Duration
	// Alertmanager is the base URL of one; "" is none. AlertmanagerHTTP asks it what is silenced; nil does not ask.
	Alertmanager     string
	AlertmanagerHTTP *http.Client
	Now              func() time.Time
}

type site struct {
	Options
	// exact waits for answers of which Prometheus, as pages see it, gives some that are a little older at once.
	exact    *prometheus.Client
	searcher *search.Searcher
	lister   *requests.Lister
	clinic   clinic
	readers  chan struct{}
	// replaying has the backtest that runs.
	replaying chan struct{}
	muted     *muted
	slower    slower
}

// New returns the handler of all pages.
func New(o Options) http.Handler {
	s := &site{
		Options: o, searcher: search.New(o.Recent, o.Explainer), lister: requests.New(o.Recent), readers: make(chan struct{}, readers),
		replaying: make(chan struct{}, 1),
		muted:     newMuted(o.Alertmanager, o.AlertmanagerHTTP), exact: o.Prometheus,
	}
	if o.Prometheus != nil {
		s.Prometheus = o.Prometheus.Prompt()
	}
	mux := http.NewServeMux()
	for pattern, page := range map[string]func(*http.Request) (*page, error){
		"GET /{$}":                         s.fleet,
		"GET /services":                    s.services,
		"GET /services/{slug}":             s.service,
		"GET /services/{namespace}/{name}": s.service,
		"GET /alerts":                      s.alerts,
		"GET /incidents":                   s.incidents,
		"GET /incidents/{id}":              s.incident,
		"GET /catalog":                     s.catalog,
		"GET /collector":                   s.collector,
		"GET /deployments":                 s.deployments,
		"GET /doctor":                      s.doctor,
		"GET /ledger":                      s.ledger,
		"GET /why-not/{trace}":             s.whyNot,
		"GET /runbooks/":                   s.runbook,
		"GET /search":                      s.search,
		"GET /requests":                    s.requests,
		"GET /requests/compare":            s.compare,
		"GET /map":                         s.serviceMap,
		"GET /":                            func(*http.Request) (*page, error) { return nil, errNoPage },
	} {
		mux.Handle(pattern, s.show(page))
	}
	mux.HandleFunc("GET /ledger/minutes", s.minutes)
	mux.HandleFunc("GET /backtest", s.backtests)
	for _, method := range []string{"GET ", "POST "} { // a webhook sends its question, of which the URL has all that counts
		mux.HandleFunc(method+gates+"{slug}", s.gate)
		mux.HandleFunc(method+gates+"{namespace}/{name}", s.gate)
	}
	mux.HandleFunc("GET /rules/{file}", s.rules)
	mux.HandleFunc("GET /dashboards/{file}", s.dashboards)
	mux.Handle("GET /assets/", assets())
	mux.Handle("GET /openapi.json", asset(openAPI))
	mux.Handle("POST "+assistantPath, assist(mux))
	mux.Handle("POST "+notesOf, s.notes())
	return guarded(mux)
}

// A page is the content of a template and of the JSON.
type page struct {
	// Title is that of the browser's tab, Name the template.
	Title, Name string
	// Body is the page's own.
	Body any
	// Problem says why something is missing, and what to do.
	Problem *problem
	// Live pages are updated while they are open.
	Live bool
	// Plots says that there are some.
	Plots bool
	Now   time.Time
	// Status is that of the answer; 0 is OK.
	Status int
	// CatalogErrors are those of the catalog's newest reading, which every page shows.
	CatalogErrors int
}

// A problem is an error message and its fix.
type problem struct {
	What string `json:"what"`
	Fix  string `json:"fix"`
}

// A failure is a request that has no page.
type failure struct {
	status int
	problem
}

func (f *failure) Error() string { return f.What }

func notFound(what, fix string) *failure {
	return &failure{http.StatusNotFound, problem{what, fix}}
}

// moved is where the page is: for good, or for the time being.
type moved struct {
	to  string
	now bool
}

func (m *moved) Error() string { return "moved to " + m.to }

var errNoPage = notFound("There is no such page.", "Look for the service among all SLOs.")

// show writes a page as the client wants it.
func (s *site) show(load func(*http.Request) (*page, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusOK
		p, err := load(r)
		if elsewhere, ok := err.(*moved); ok { //nolint:errorlint // pages return it as it is
			status = http.StatusMovedPermanently
			if elsewhere.now {
				w.Header().Set("Cache-Control", "no-store")
				status = http.StatusFound
			}
			if r.Method == http.MethodPost {
				status = http.StatusSeeOther
			}
			http.Redirect(w, r, elsewhere.to, status)
			return
		}
		if err != nil {
			p, status = s.failed(err)
		} else if p.Status != 0 {
			status = p.Status
		}
		p.Now = s.Now().UTC()
		p.CatalogErrors = s.Reading().Errors
		p.Title = words.Bounded(p.Title, maxCell)
		var b bytes.Buffer
		w.Header().Set("Vary", "Accept")
		w.Header().Set("Cache-Control", "no-store")
		if wantsJSON(r) {
			w.Header().Set("Content-Type", "application/json")
			err = p.json(&b)
		} else {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			err = templates[p.Name].Execute(&b, p)
		}
		if err != nil {
			http.Error(w, "The page cannot be rendered: "+prometheus.Reason(err), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(status)
		_, _ = w.Write(b.Bytes()) // the client's loss
	})
}

func (*site) failed(err error) (*page, int) {
	known, ok := err.(*failure) //nolint:errorlint // pages return it as it is
	if !ok {
		known = &failure{http.StatusInternalServerError, problem{"The page cannot be loaded: " + prometheus.Reason(err) + ".", "See the collector's log."}}
	}
	return &page{Title: http.StatusText(known.status), Name: "failure", Body: known.problem, Problem: &known.problem}, known.status
}

// json writes the body, with the problem if there is one.
func (p *page) json(b *bytes.Buffer) error {
	e := json.NewEncoder(b)
	e.SetIndent("", "  ")
	body := struct {
		Time    time.Time `json:"time"`
		Problem *problem  `json:"problem,omitempty"`
		Data    any       `json:"data,omitempty"`
	}{p.Now, p.Problem, p.Body}
	if p.Name == "failure" {
		body.Data = nil
	}
	return e.Encode(body)
}

// wantsJSON reports whether the client prefers JSON: its Accept header names JSON and not HTML.
func wantsJSON(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html")
}

// silent is the problem of a Prometheus that did not answer.
func (s *site) silent(err error) *problem {
	if err == nil {
		return nil
	}
	return &problem{
		What: fmt.Sprintf("Some queries to Prometheus at %s failed: %s.", s.Endpoint, prometheus.Reason(err)),
		Fix:  "The page shows the catalog and the successful queries. Start Prometheus, or set extensions::status_page::prometheus to one that runs.",
	}
}

func (s *site) directory() alert.Directory {
	return alert.Directory{Catalog: s.Catalog(), Names: s.Names, Runbook: s.Runbooks.Has}
}
