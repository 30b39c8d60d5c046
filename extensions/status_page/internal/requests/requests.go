// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package requests lists requests among the recent spans: the newest or the slowest that fit a filter.
//
// A request is a trace. It is listed by the outermost of its spans that fits the filter and is where a request came in: of a server or a
// consumer, or without a parent. The spans are read as they are kept, in OTLP's encoding, field by field; only what is listed is decoded.
package requests

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/recent"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/otlpwire"
)

// Bounds of a list.
const (
	// Usual is how many requests are listed unless somebody asks for more, up to Max.
	Usual = 50
	Max   = 200
	// maxBytes is how much is read: the newest of it. maxTraces is how many are kept apart.
	maxBytes  = 128 << 20
	maxTraces = 200_000
	// maxReaders is how many lists are made at a time, and patience how long one takes, and waits for its turn.
	maxReaders = 2
	patience   = 5 * time.Second
	// maxChoices bounds the values that a filter offers.
	maxChoices = 200
	// maxName and maxMessage bound what is shown, in characters.
	maxName    = 120
	maxMessage = 200
)

// ErrBusy is the error of a list whose turn did not come.
var ErrBusy = errors.New("too many lists of requests are being made")

// A Lister lists the requests of a window.
type Lister struct {
	window   *recent.Window
	maxBytes int
	turns    chan struct{}
}

// New makes a lister of the window.
func New(window *recent.Window) *Lister {
	return &Lister{window, maxBytes, make(chan struct{}, maxReaders)}
}

// A Request is one of the list. Its texts are bounded and can be shown.
type Request struct {
	TraceID     string `json:"trace_id"`
	Service     string `json:"service"`
	Namespace   string `json:"namespace"`
	Environment string `json:"environment"`
	Version     string `json:"version"`
	// Name is that of the span, Route that of an HTTP server, Kind what the span is.
	Name  string `json:"name"`
	Route string `json:"route"`
	Kind  string `json:"kind"`
	// Code is that of HTTP or gRPC.
	Code    string `json:"status_code"`
	Message string `json:"status_message"`
	Failed  bool   `json:"failed"`
	// Spans, Logs and Errors are those of the whole trace that are kept, and Services how many sent them.
	Spans    int `json:"spans"`
	Logs     int `json:"logs"`
	Errors   int `json:"errors"`
	Services int `json:"services"`

	Start time.Time     `json:"-"`
	Took  time.Duration `json:"-"`
}

// A Listing is an answer.
type Listing struct {
	Requests []Request
	// Matching is how many requests fit the filter.
	Matching int
	// Spans and Logs are what was looked at, which came in since a time; zero if there was nothing.
	Spans, Logs int
	Since       time.Time
	// Missing says in a sentence why not everything was looked at; it is empty if it was.
	Missing string
	// ServiceNames, Versions and Routes are values that a filter may have: services of all spans, the others of those of the chosen service.
	ServiceNames, Versions, Routes []string
}

// Reasons why requests may be missing.
const (
	cutBytes  = "More is kept than a list looks at: only the newest was looked at."
	cutTime   = "Looking took too long and was stopped: only the newest was looked at."
	cutTraces = "There are more requests than a list keeps apart: only the newest were looked at."
)

// List lists at most so many requests.
func (l *Lister) List(ctx context.Context, f Filter, most int) (Listing, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case l.turns <- struct{}{}:
		defer func() { <-l.turns }()
	case <-ctx.Done():
		return Listing{}, ErrBusy
	}
	r := reading{context: ctx, filter: f, places: map[trace]int{}, names: map[string]bool{}, versions: map[string]bool{}, routes: map[string]bool{}}
	r.take(l.window.Batches(), l.maxBytes)
	if f.Text != "" {
		r.findText()
	}
	r.findRequests()
	return r.listing(most), nil
}

type trace [16]byte

// A candidate is a request, and the outermost span of it that fits.
type candidate struct {
	trace          trace
	resource, span []byte
	start          uint64
	took           uint64
	root           bool
}

// A reading is what is known while the window is read.
type reading struct {
	context context.Context
	filter  Filter
	batches []recent.Batch // the newest first
	missing string

	saying                  map[trace]bool // traces with the text; nil without one
	found                   []candidate
	places                  map[trace]int // of the found
	names, versions, routes map[string]bool
}

// take takes the newest batches, as far as they are looked at.
func (r *reading) take(batches []recent.Batch, most int) {
	slices.Reverse(batches)
	size := 0
	for i, b := range batches {
		if size += len(b.Data()); size > most {
			batches, r.missing = batches[:i], cutBytes
			break
		}
	}
	r.batches = batches
}

// each calls f for the batches, until the time is up.
func (r *reading) each(f func(recent.Batch)) {
	for i, b := range r.batches {
		if r.context.Err() != nil {
			r.batches, r.missing = r.batches[:i], cutTime
			return
		}
		f(b)
	}
}

// findText finds the traces that have the text.
func (r *reading) findText() {
	r.saying = map[trace]bool{}
	text := newNeedle(r.filter.Text)
	r.each(func(b recent.Batch) {
		number, in := otlpwire.SpanTraceID, text.inSpan
		if b.Signal() == recent.Logs {
			number, in = otlpwire.LogTraceID, text.inLog
		}
		resources(b.Data(), func(_ []byte, items func(func([]byte))) {
			items(func(item []byte) {
				if !in(item) {
					return
				}
				if id, ok := traceOf(find(item, number)); ok && len(r.saying) < maxTraces {
					r.saying[id] = true
				}
			})
		})
	})
	if len(r.saying) == maxTraces {
		r.missing = cmp.Or(r.missing, cutTraces)
	}
}

func traceOf(id []byte) (trace, bool) {
	if len(id) != len(trace{}) {
		return trace{}, false
	}
	of := trace(id)
	return of, of != trace{}
}

// findRequests finds the requests that fit the filter.
func (r *reading) findRequests() {
	r.each(func(b recent.Batch) {
		if b.Signal() != recent.Spans {
			return
		}
		resources(b.Data(), func(resource []byte, items func(func([]byte))) {
			if !r.accepts(resource) {
				return
			}
			items(func(item []byte) { r.look(resource, item) })
		})
	})
}

// accepts reports whether a resource fits the filter, and notes what it has to choose from.
func (r *reading) accepts(resource []byte) bool {
	of := func(names ...string) []byte {
		for _, name := range names {
			if value := find(attribute(resource, otlpwire.ResourceAttributes, name), otlpwire.ValueString); len(value) > 0 {
				return value
			}
		}
		return nil
	}
	service := of(serviceName)
	offer(r.names, service)
	f := &r.filter
	if f.Service != "" && string(service) != f.Service || f.Namespace != "" && string(of(serviceNamespace)) != f.Namespace ||
		f.Environment != "" && string(of(environments...)) != f.Environment {
		return false
	}
	version := of(serviceVersion)
	offer(r.versions, version)
	return f.Version == "" || string(version) == f.Version
}

// The attributes of a resource that a filter has.
const (
	serviceName      = "service.name"
	serviceNamespace = "service.namespace"
	serviceVersion   = "service.version"
)

var (
	environments = []string{"deployment.environment.name", "deployment.environment"}
	codes        = []string{"http.response.status_code", "http.status_code", "rpc.grpc.status_code"}
)

const httpRoute = "http.route"

// offer adds a value to choose from.
func offer(choices map[string]bool, value []byte) {
	if len(value) == 0 || len(value) > maxText || choices[string(value)] || len(choices) == maxChoices {
		return
	}
	choices[string(value)] = true
}

// look takes the span if it is where a request came in, fits the filter, and is further out than the one that is known of its trace.
func (r *reading) look(resource, item []byte) {
	s := parse(item)
	id, ok := traceOf(s.trace)
	if !ok || !s.entry() {
		return
	}
	offer(r.routes, s.name)
	if r.saying != nil && !r.saying[id] || !r.fits(s, resource) {
		return
	}
	c := candidate{trace: id, resource: resource, span: item, start: s.start, took: s.took(), root: s.root()}
	at, known := r.places[id]
	switch {
	case !known && len(r.found) == maxTraces:
		r.missing = cmp.Or(r.missing, cutTraces)
	case !known:
		r.places[id] = len(r.found)
		r.found = append(r.found, c)
	case c.outer(r.found[at]):
		r.found[at] = c
	}
}

// outer reports whether a span is further out than another of its trace.
func (c candidate) outer(than candidate) bool {
	if c.root != than.root {
		return c.root
	}
	return c.start < than.start || c.start == than.start && c.took > than.took
}

// A parsed span has what decides, as it is encoded.
type parsed struct {
	trace, parent, name, status, raw []byte
	kind                             uint64
	start, end                       uint64
}

func parse(span []byte) parsed {
	s := parsed{raw: span}
	fields(span, func(number protowire.Number, value, raw []byte) bool {
		switch number {
		case otlpwire.SpanTraceID:
			s.trace = value
		case otlpwire.SpanParentID:
			s.parent = value
		case otlpwire.SpanName:
			s.name = value
		case otlpwire.SpanKind:
			s.kind = varint(raw)
		case otlpwire.SpanStart:
			s.start = fixed64(raw)
		case otlpwire.SpanEnd:
			s.end = fixed64(raw)
		case otlpwire.SpanStatus:
			s.status = value
		}
		return true
	})
	return s
}

// entry reports whether a request came in here.
func (s parsed) entry() bool { return s.kind == kindServer || s.kind == kindConsumer || s.root() }

func (s parsed) root() bool {
	return !slices.ContainsFunc(s.parent, func(b byte) bool { return b != 0 })
}

func (s parsed) took() uint64 {
	if s.end < s.start || s.start == 0 { // a span that ends before it begins has no length
		return 0
	}
	return min(s.end-s.start, math.MaxInt64)
}

func (s parsed) failed() bool { return codeOf(s.status) == codeError }

func codeOf(status []byte) (code uint64) {
	fields(status, func(number protowire.Number, _, raw []byte) bool {
		if number == otlpwire.StatusCode {
			code = varint(raw)
		}
		return true
	})
	return code
}

// fits reports whether a span of an accepted resource fits the filter.
func (r *reading) fits(s parsed, resource []byte) bool {
	f := &r.filter
	took := time.Duration(s.took())
	if took < f.Least || f.Most > 0 && took > f.Most {
		return false
	}
	switch f.Status {
	case "":
	case StatusFailed, StatusOK:
		if s.failed() != (f.Status == StatusFailed) {
			return false
		}
	default:
		if s.code() != f.Status {
			return false
		}
	}
	if f.Route != "" && string(s.name) != f.Route && textOf(attribute(s.raw, otlpwire.SpanAttributes, httpRoute)) != f.Route {
		return false
	}
	for _, a := range f.Attributes {
		value := attribute(s.raw, otlpwire.SpanAttributes, a.Name)
		if value == nil {
			value = attribute(resource, otlpwire.ResourceAttributes, a.Name)
		}
		if value == nil || textOf(value) != a.Value {
			return false
		}
	}
	return true
}

// code is the status code of HTTP or gRPC; "" without one.
func (s parsed) code() string {
	for _, name := range codes {
		if value := attribute(s.raw, otlpwire.SpanAttributes, name); value != nil {
			return textOf(value)
		}
	}
	return ""
}

// listing is the answer, with the first of the found.
func (r *reading) listing(most int) Listing {
	l := Listing{Requests: []Request{}, Matching: len(r.found), ServiceNames: sorted(r.names), Versions: sorted(r.versions), Routes: sorted(r.routes)}
	slices.SortFunc(r.found, func(a, b candidate) int {
		newer := cmp.Or(cmp.Compare(b.start, a.start), slices.Compare(a.trace[:], b.trace[:]))
		if r.filter.Slowest {
			return cmp.Or(cmp.Compare(b.took, a.took), newer)
		}
		return newer
	})
	chosen := r.found[:min(most, len(r.found))]
	for i := range chosen {
		l.Requests = append(l.Requests, chosen[i].request())
	}
	r.count(l.Requests)
	for _, b := range r.batches {
		if b.Signal() == recent.Spans {
			l.Spans += b.Items()
		} else {
			l.Logs += b.Items()
		}
		l.Since = b.Received()
	}
	l.Missing = r.missing
	return l
}

func sorted(choices map[string]bool) []string {
	all := []string{}
	for _, value := range slices.Sorted(maps.Keys(choices)) {
		all = append(all, words.Shown(value, maxText))
	}
	return all
}

func (c *candidate) request() Request {
	s := parse(c.span)
	of := func(names ...string) string {
		for _, name := range names {
			if value := textOf(attribute(c.resource, otlpwire.ResourceAttributes, name)); value != "" {
				return words.Shown(value, maxName)
			}
		}
		return ""
	}
	request := Request{
		TraceID: pcommon.TraceID(c.trace).String(), Service: of(serviceName), Namespace: of(serviceNamespace), Environment: of(environments...), Version: of(serviceVersion),
		Name: words.Shown(string(s.name), maxName), Route: words.Shown(textOf(attribute(c.span, otlpwire.SpanAttributes, httpRoute)), maxName),
		Code: words.Shown(s.code(), maxName), Message: words.Shown(string(find(s.status, otlpwire.StatusMessage)), maxMessage), Failed: s.failed(),
		Took: time.Duration(c.took),
	}
	if s.kind < uint64(len(kindNames)) {
		request.Kind = kindNames[s.kind]
	}
	if 0 < c.start && c.start <= math.MaxInt64 {
		request.Start = time.Unix(0, int64(c.start)).UTC()
	}
	return request
}

// A counted is what is known of all of a trace. A span may be kept twice, if two pipelines have it.
type counted struct {
	request  *Request
	spans    map[[9]byte]bool // by ID and kind
	services map[[2]string]bool
}

// count counts what is kept of the listed requests.
func (r *reading) count(all []Request) {
	of := map[trace]*counted{}
	for i := range all {
		of[r.found[i].trace] = &counted{&all[i], map[[9]byte]bool{}, map[[2]string]bool{}}
	}
	if len(all) == 0 {
		return
	}
	r.each(func(b recent.Batch) {
		resources(b.Data(), func(resource []byte, items func(func([]byte))) {
			items(func(item []byte) {
				if b.Signal() == recent.Spans {
					if c := of[spanTrace(item)]; c != nil {
						c.addSpan(item, resource)
					}
				} else if c := of[trace16(find(item, otlpwire.LogTraceID))]; c != nil {
					c.addLog(item, resource)
				}
			})
		})
	})
	for _, c := range of {
		c.request.Services = len(c.services)
	}
}

// spanTrace is the trace of a span. The encoder of the Collector writes it last, where it is found without reading the rest.
func spanTrace(span []byte) trace {
	const key, length = byte(otlpwire.SpanTraceID<<3 | protowire.Number(protowire.BytesType)), len(trace{})
	if at := len(span) - length; at >= 2 && span[at-2] == key && span[at-1] == byte(length) {
		return trace(span[at:])
	}
	return trace16(find(span, otlpwire.SpanTraceID))
}

func trace16(id []byte) trace {
	of, _ := traceOf(id)
	return of
}

func (c *counted) addSpan(span, resource []byte) {
	var key [9]byte
	copy(key[:8], find(span, otlpwire.SpanID))
	s := parse(span)
	key[8] = byte(s.kind)
	if c.spans[key] {
		return
	}
	c.spans[key] = true
	c.request.Spans++
	if s.failed() {
		c.request.Errors++
	}
	c.addService(resource)
}

func (c *counted) addLog(record, resource []byte) {
	c.request.Logs++
	fields(record, func(number protowire.Number, _, raw []byte) bool {
		if number == otlpwire.LogSeverityNumber && varint(raw) >= severityError {
			c.request.Errors++
		}
		return true
	})
	c.addService(resource)
}

func (c *counted) addService(resource []byte) {
	c.services[[2]string{
		textOf(attribute(resource, otlpwire.ResourceAttributes, serviceNamespace)), textOf(attribute(resource, otlpwire.ResourceAttributes, serviceName)),
	}] = true
}
