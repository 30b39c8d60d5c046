// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net/url"
	"time"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/spent"
	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
)

// maxFails bounds the lines of what fails on the page of an incident.
const maxFails = 5

// A fails is what the requests have in common that failed in an incident, of the origin's SLO of which most did.
type fails struct {
	SLO    string    `json:"slo"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Bad    float64   `json:"bad"`
	Booked float64   `json:"booked"`
	// Causes are the first of them.
	Causes []attribution.Line `json:"causes"`
	Text   string             `json:"text"`
	// Page is the path of all of it.
	Page string `json:"page"`

	versions *attribution.Dimension
}

// fails is nil if no keeper has events of the origin's SLOs.
func (s *site) fails(one *incident.Incident) *fails {
	origin := one.Origin()
	to := s.Now()
	if !one.End.IsZero() {
		to = one.End
	}
	var found *fails
	for _, slo := range origin.SLOs {
		answer, ok := spent.Ask(s.explainers(), attribution.Question{Namespace: origin.Namespace, Service: origin.Name, SLO: slo, Environment: origin.Environment, From: one.Start, To: to})
		if !ok || found != nil && answer.Bad <= found.Bad {
			continue
		}
		found = &fails{SLO: slo, From: answer.From, To: answer.To, Bad: answer.Bad, Booked: answer.Booked, Causes: answer.Causes[:min(len(answer.Causes), maxFails)], Text: answer.Text, versions: spentOf{Answer: answer}.ByVersion()}
		if of := s.Catalog().Emitter(origin.Namespace, origin.Name); of != nil {
			values := url.Values{"service": {serviceName(of)}, "slo": {slo}, "since": {one.Start.UTC().Format(time.RFC3339)}}
			if !one.End.IsZero() {
				values.Set("until", one.End.UTC().Format(time.RFC3339))
			}
			if origin.Environment != "" {
				values.Set("environment", origin.Environment)
			}
			found.Page = "/ledger?" + values.Encode() + "#spent"
		}
	}
	return found
}
