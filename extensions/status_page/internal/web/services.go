// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net/http"
	"slices"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/services"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/view"
)

// histories are the times that the history of services can be asked for.
var histories = []string{"1h", "6h", "1d", "7d", "30d"}

type servicesBody struct {
	services.Selection
	// Without counts those that are heard of and that the catalog has no entry for.
	Without int `json:"without_entry"`

	Text     string `json:"-"`
	History  string `json:"-"`
	Previous string `json:"-"`
	Next     string `json:"-"`
}

// services is the page of all services that are heard of or in the catalog.
func (s *site) services(r *http.Request) (*page, error) {
	history := r.URL.Query().Get("history")
	if history != "" && !slices.Contains(histories, history) {
		return nil, &failure{http.StatusBadRequest, problem{"The history cannot be shown.", "Choose one of 1h, 6h, 1d, 7d and 30d."}}
	}
	part, err := view.ParseList(r.URL.Query(), services.PageSize)
	if err != nil {
		return nil, &failure{http.StatusBadRequest, problem{"The services cannot be shown: " + err.Error() + ".", "Go back to all services."}}
	}
	all, err := services.Load(r.Context(), s.Catalog(), s.Names, s.Now(), s.Prometheus, history)
	body := servicesBody{Selection: all.Select(part.Text, part.Page, part.Size), Text: part.Text, History: history}
	if body.Page > 1 {
		body.Previous = view.At(r.URL.Query(), body.Page-1)
	}
	if body.Page < body.Pages {
		body.Next = view.At(r.URL.Query(), body.Page+1)
	}
	for _, one := range all.Services {
		if one.Heard() && !one.Entry {
			body.Without++
		}
	}
	p := &page{Title: "Services", Name: "services", Body: body, Problem: s.silent(err), Live: true}
	if p.Problem == nil && len(all.Services) == 0 {
		p.Problem = &problem{"No service is heard of yet.", "Let a service send OTLP spans with a service.name to the collector. Its requests are here after half a minute."}
	}
	return p, nil
}
