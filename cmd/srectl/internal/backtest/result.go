// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package backtest

import (
	"time"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
)

// number is a float64 that is null in JSON when nothing was measured.
type number = output.Number

// A result is what would have happened with a catalog, and with another.
type result struct {
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
	Prometheus string    `json:"prometheus,omitempty"`
	// Collector is the status page, if its history was asked.
	Collector string `json:"collector,omitempty"`
	outcome
	// Against is the outcome with the other catalog.
	Against *outcome `json:"against,omitempty"`
}

// An outcome is what would have happened with one catalog.
type outcome struct {
	Catalog string        `json:"catalog"`
	SLOs    []sloResult   `json:"slos"`
	Alerts  []alertResult `json:"alerts"`
	Pages   int           `json:"pages"`
	// PagesPerWeek are of all SLOs together.
	PagesPerWeek float64 `json:"pagesPerWeek"`
	// FalsePageSeconds are how long pages fired that were false.
	FalsePageSeconds float64  `json:"falsePageSeconds"`
	Warnings         []string `json:"warnings,omitempty"`
}

// An sloResult is one SLO in one environment and group. Shares are from 0 to 1.
type sloResult struct {
	Service     string            `json:"service"`
	Namespace   string            `json:"namespace,omitempty"`
	Environment string            `json:"environment"`
	SLO         string            `json:"slo"`
	Group       map[string]string `json:"group,omitempty"`
	Objective   float64           `json:"objective"`
	Window      string            `json:"window"`
	// Events and Bad are of the time that was asked about.
	Events float64 `json:"events"`
	Bad    float64 `json:"bad"`
	// BudgetLeft and Coverage are of the SLO's period at the end of that time; null if nothing was measured.
	BudgetLeft number      `json:"budgetLeft"`
	Coverage   number      `json:"coverage"`
	Pages      int         `json:"pages"`
	Tickets    int         `json:"tickets"`
	Suggestion *suggestion `json:"suggestion,omitempty"`
}

func (s sloResult) fullName() string { return fullName(s.Namespace, s.Service) }

// spent: more failed than the whole period allows.
func (s sloResult) spent() bool { return s.BudgetLeft <= 0 }

// An alertResult is one time that an alert fired.
type alertResult struct {
	Alert       string            `json:"alert"`
	Severity    string            `json:"severity"`
	Service     string            `json:"service"`
	Namespace   string            `json:"namespace,omitempty"`
	Environment string            `json:"environment,omitempty"`
	SLO         string            `json:"slo,omitempty"`
	Group       map[string]string `json:"group,omitempty"`
	Version     string            `json:"version,omitempty"`
	// Start is when it fired, End when it was resolved, or the end of the time if it is Open.
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Open  bool      `json:"open,omitempty"`
	// DetectedAfter is the time from the beginning of the burn to the firing, in seconds. Other alerts have none.
	DetectedAfter *number `json:"detectedAfterSeconds,omitempty"`
	// False: see answering.judge.
	False bool `json:"false,omitempty"`
}

// add adds what happened to a service.
func (o *outcome) add(r serviceResult) {
	o.SLOs = append(o.SLOs, r.slos...)
	o.Alerts = append(o.Alerts, r.alerts...)
	for _, w := range r.warnings {
		o.Warnings = append(o.Warnings, w.Position.String()+": "+w.Message)
	}
}

// sum counts the alerts.
func (o *outcome) sum(length time.Duration) {
	for _, a := range o.Alerts {
		if a.Severity == alerts.Page {
			o.Pages++
		}
		if a.False {
			o.FalsePageSeconds += a.End.Sub(a.Start).Seconds()
		}
		for i := range o.SLOs {
			if s := &o.SLOs[i]; a.about(s) {
				if a.Severity == alerts.Page {
					s.Pages++
				} else {
					s.Tickets++
				}
			}
		}
	}
	o.PagesPerWeek = float64(o.Pages) / (float64(length) / float64(7*24*time.Hour))
}

// about reports whether an alert is about an SLO in an environment and group.
func (a alertResult) about(s *sloResult) bool {
	return a.SLO == s.SLO && a.Service == s.Service && a.Namespace == s.Namespace && a.Environment == s.Environment && groupText(a.Group) == groupText(s.Group)
}

// like finds the same SLO with the other catalog.
func (o *outcome) like(s sloResult) *sloResult {
	if o == nil {
		return nil
	}
	for i := range o.SLOs {
		if t := &o.SLOs[i]; t.SLO == s.SLO && t.Service == s.Service && t.Namespace == s.Namespace && t.Environment == s.Environment && groupText(t.Group) == groupText(s.Group) {
			return t
		}
	}
	return nil
}

// also reports whether the same alert fires at the same time with the other catalog.
func (o *outcome) also(a alertResult) bool {
	for _, b := range o.Alerts {
		if b.Alert == a.Alert && b.SLO == a.SLO && b.Service == a.Service && b.Namespace == a.Namespace && b.Environment == a.Environment &&
			b.Version == a.Version && groupText(b.Group) == groupText(a.Group) && b.Start.Before(a.End) && a.Start.Before(b.End) {
			return true
		}
	}
	return false
}
