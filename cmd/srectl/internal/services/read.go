// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/collector"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

// A Service is one that the collector hears of, or that its catalog names. Its texts are as they were sent: make them safe to print.
type Service struct {
	Namespace string  `json:"namespace"`
	Service   string  `json:"service"`
	Entry     bool    `json:"entry"`
	Proposed  bool    `json:"proposed"`
	Places    []Place `json:"places"`
	Calls     []Call  `json:"calls"`
	SLOs      []SLO   `json:"slos"`
	// Routes are those of its HTTP server, most requests first, if its past was asked for.
	Routes []Route `json:"routes"`
}

// A Route is a route of an HTTP server with its past.
type Route struct {
	Method string `json:"method"`
	Route  string `json:"route"`
	History
}

// A Place is a service in an environment. What is not known is nil.
type Place struct {
	Environment string    `json:"environment"`
	Rate        *float64  `json:"rate"`             // requests per second
	Failed      *float64  `json:"failed_share"`     // of 1
	Slowest     *float64  `json:"p95_milliseconds"` // 95th percentile
	Versions    []Version `json:"versions"`
	// History is nil if it was not asked for, or nothing is known.
	History *History `json:"history"`
	// Outgoing is the same of the calls that it makes.
	Outgoing *History `json:"outgoing"`
}

// A History is about the requests and messages of a longer time.
type History struct {
	Requests *float64 `json:"requests"`
	Failed   *float64 `json:"failed"`
	P99      *float64 `json:"p99_milliseconds"` // 99th percentile
}

// A Version is one that runs.
type Version struct {
	Version   string `json:"version"`
	Instances int    `json:"instances"`
}

// A Call is what a service calls. Type is "" for a direct call of a service.
type Call struct {
	Namespace string `json:"namespace"`
	Service   string `json:"service"`
	Type      string `json:"type"`
}

// An SLO is one in an environment.
type SLO struct {
	SLO         string `json:"slo"`
	Environment string `json:"environment"`
	State       string `json:"state"`
}

// Name is the service with its namespace, safe to print.
func (s *Service) Name() string {
	if s.Namespace == "" {
		return terminal.Label(s.Service)
	}
	return terminal.Label(s.Namespace + "/" + s.Service)
}

// Services are what the page says.
type Services struct {
	Services []Service `json:"services"`
	More     int       `json:"more"`
	Overflow bool      `json:"overflow"`
	// Problem says what is missing, safe to print; "" if nothing is.
	Problem string `json:"-"`
	// Text is the answer as JSON.
	Text json.RawMessage `json:"-"`
}

// Load asks a status page for all services.
func Load(ctx context.Context, page *collector.Page) (*Services, error) {
	return load(ctx, page, url.Values{})
}

// LoadPast asks for their past, too: 1h, 6h, 1d, 7d or 30d.
func LoadPast(ctx context.Context, page *collector.Page, past string) (*Services, error) {
	return load(ctx, page, url.Values{"history": {past}})
}

func load(ctx context.Context, page *collector.Page, query url.Values) (*Services, error) {
	all := &Services{}
	query.Set("size", "500") // the most
	problem, err := page.Ask(ctx, "services", query, &all.Text)
	if err == nil {
		err = page.Decode(all.Text, all)
	}
	all.Problem = problem
	return all, err
}
