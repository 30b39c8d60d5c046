// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net/http"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"

	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
)

type catalogBody struct {
	Revision string           `json:"revision"`
	SLOs     int              `json:"slos"`
	Services []catalogService `json:"services"`
	// Reading is nil if no catalog is read.
	Reading  *catalogReading  `json:"reading,omitempty"`
	Problems []catalogProblem `json:"problems"`
	// More are problems that are left out.
	More int `json:"more"`
}

// A catalogReading is the result of the newest reading of the folders.
type catalogReading struct {
	Time time.Time `json:"time"`
	// InUse is when the folders last held the catalog in use.
	InUse    time.Time `json:"in_use"`
	Refused  bool      `json:"refused"`
	Partial  bool      `json:"partial"`
	Errors   int       `json:"errors"`
	Warnings int       `json:"warnings"`
}

type catalogProblem struct {
	Severity string `json:"severity"`
	// Position is file:line:column, Path the path of keys to the value.
	Position string `json:"position"`
	Path     string `json:"path"`
	Message  string `json:"message"`
	Fix      string `json:"fix"`
}

type catalogService struct {
	Name         string   `json:"name"`
	Namespace    string   `json:"namespace"`
	Owner        string   `json:"owner"`
	Tier         int      `json:"tier"`
	SLOs         int      `json:"slos"`
	Environments []string `json:"environments"`
	// Position is file:line:column.
	Position string `json:"position"`
	Page     string `json:"page"`
}

// catalog is the page of the loaded services and the problems of the catalog.
func (s *site) catalog(*http.Request) (*page, error) {
	c := s.Catalog()
	body := catalogBody{Revision: c.Revision, Services: []catalogService{}, Problems: []catalogProblem{}}
	if reading := s.Reading(); !reading.Time.IsZero() {
		body.read(reading, s.Problems())
	}
	for _, of := range c.Services {
		if of.Origin != nil {
			continue // it is on the page of services
		}
		body.SLOs += len(of.SLOs)
		body.Services = append(body.Services, catalogService{
			Name: of.Name, Namespace: of.Namespace, Owner: of.Owner, Tier: of.Tier, SLOs: len(of.SLOs), Environments: of.Environments,
			Position: of.Position.String(), Page: fleet.PagePath(of),
		})
	}
	p := &page{Title: "Catalog", Name: "catalog", Body: body, Live: true}
	if len(body.Services) == 0 {
		p.Problem = &problem{"No service is loaded.", "Run the service_catalog extension and name a folder in its key directory. The page of services has those that are heard of."}
		if len(body.Problems) > 0 {
			p.Problem.Fix = "Fix the problems below. The files are read again immediately."
		}
	}
	return p, nil
}

// read fills in the newest reading. A newer one may come between it and its problems; the next look has both.
func (b *catalogBody) read(r servicecatalog.Reading, problems catalog.Problems) {
	b.Reading = &catalogReading{r.Time.UTC(), r.InUse.UTC(), r.Refused, r.Partial, r.Errors, r.Warnings}
	for _, p := range problems {
		b.Problems = append(b.Problems, catalogProblem{p.Severity.String(), p.Position.String(), p.Path, p.Message, p.Fix})
	}
	b.More = max(0, r.Errors+r.Warnings-len(b.Problems))
}
