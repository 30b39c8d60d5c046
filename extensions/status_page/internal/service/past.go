// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"time"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/alert"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
)

// A Past is a time in which an alert fired and that is over, as Prometheus recorded it.
type Past struct {
	Name     string    `json:"name"`
	Severity string    `json:"severity"`
	SLO      string    `json:"slo"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Runbook  string    `json:"runbook"`
}

// maxPast bounds the past alerts of the page, the newest first.
const maxPast = 100

// past are the times in which an alert of the service fired, of those that were not over before the time that is shown, and had begun
// when it ended; zero is now. One that still fires is not past. It reports how many are left out.
func (s *Service) past(h book.History, since, until time.Time, d alert.Directory) (all []Past, more int) {
	fired := h.Fired(since, func(one *incident.Spell) bool {
		return !one.Firing && (until.IsZero() || one.From.Before(until)) && one.Name == s.Name && (one.Namespace == "" || one.Namespace == s.Namespace) && (one.Environment == "" || one.Environment == s.Environment)
	})
	for _, one := range fired[:min(len(fired), maxPast)] {
		severity := "ticket"
		if one.Page {
			severity = "page"
		}
		all = append(all, Past{Name: one.Alert, Severity: severity, SLO: one.SLO, From: one.From, To: one.To, Runbook: d.RunbookOf(s.Slug(), one.Kind, one.SLO)})
	}
	return all, len(fired) - len(all)
}
