// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package backtest

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/alerts"
)

// A Number is a float64 that is null in JSON when nothing was measured.
type Number float64

// MarshalJSON writes null for NaN and the infinities.
func (n Number) MarshalJSON() ([]byte, error) {
	if f := float64(n); !math.IsNaN(f) && !math.IsInf(f, 0) {
		return json.Marshal(f)
	}
	return []byte("null"), nil
}

// A Result is what would have happened with a catalog, and with another.
type Result struct {
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
	Prometheus string    `json:"prometheus,omitempty"`
	// Collector is the status page, if its history was asked.
	Collector string `json:"collector,omitempty"`
	Outcome
	// Against is the outcome with the other catalog.
	Against *Outcome `json:"against,omitempty"`
}

// An Outcome is what would have happened with one catalog.
type Outcome struct {
	// Catalog is its folder; the collector's own has none.
	Catalog string        `json:"catalog,omitempty"`
	SLOs    []SLOResult   `json:"slos"`
	Alerts  []AlertResult `json:"alerts"`
	Pages   int           `json:"pages"`
	// PagesPerWeek are of all SLOs together.
	PagesPerWeek float64 `json:"pagesPerWeek"`
	// FalsePageSeconds are how long pages fired that were false.
	FalsePageSeconds float64  `json:"falsePageSeconds"`
	Warnings         []string `json:"warnings,omitempty"`
}

// An SLOResult is one SLO in one environment and group. Shares are from 0 to 1.
type SLOResult struct {
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
	BudgetLeft Number      `json:"budgetLeft"`
	Coverage   Number      `json:"coverage"`
	Pages      int         `json:"pages"`
	Tickets    int         `json:"tickets"`
	Suggestion *Suggestion `json:"suggestion,omitempty"`
}

// FullName is NAMESPACE/NAME of the service, or NAME.
func (s SLOResult) FullName() string { return FullName(s.Namespace, s.Service) }

// Spent reports whether more failed than the whole period allows.
func (s SLOResult) Spent() bool { return s.BudgetLeft <= 0 }

// An AlertResult is one time that an alert fired.
type AlertResult struct {
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
	DetectedAfter *Number `json:"detectedAfterSeconds,omitempty"`
	// False: see answering.judge.
	False bool `json:"false,omitempty"`
}

// Add adds what happened to a service.
func (o *Outcome) Add(r ServiceResult) {
	o.SLOs = append(o.SLOs, r.slos...)
	o.Alerts = append(o.Alerts, r.alerts...)
	for _, w := range r.warnings {
		o.Warnings = append(o.Warnings, w.Position.String()+": "+w.Message)
	}
}

// Sum counts the alerts.
func (o *Outcome) Sum(length time.Duration) {
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
func (a AlertResult) about(s *SLOResult) bool {
	return a.SLO == s.SLO && a.Service == s.Service && a.Namespace == s.Namespace && a.Environment == s.Environment && GroupText(a.Group) == GroupText(s.Group)
}

// Like finds the same SLO with the other catalog.
func (o *Outcome) Like(s SLOResult) *SLOResult {
	if o == nil {
		return nil
	}
	for i := range o.SLOs {
		if t := &o.SLOs[i]; t.SLO == s.SLO && t.Service == s.Service && t.Namespace == s.Namespace && t.Environment == s.Environment && GroupText(t.Group) == GroupText(s.Group) {
			return t
		}
	}
	return nil
}

// Also reports whether the same alert fires at the same time with the other catalog.
func (o *Outcome) Also(a AlertResult) bool {
	for _, b := range o.Alerts {
		if b.Alert == a.Alert && b.SLO == a.SLO && b.Service == a.Service && b.Namespace == a.Namespace && b.Environment == a.Environment &&
			b.Version == a.Version && GroupText(b.Group) == GroupText(a.Group) && b.Start.Before(a.End) && a.Start.Before(b.End) {
			return true
		}
	}
	return false
}

// Measured reports whether anything was measured.
func (o *Outcome) Measured() bool {
	return slices.ContainsFunc(o.SLOs, func(s SLOResult) bool { return s.Coverage > 0 })
}

// GroupText is a group's labels, in order.
func GroupText(group map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(group)) {
		parts = append(parts, name+"="+strconv.Quote(group[name]))
	}
	return strings.Join(parts, " ")
}

// FullName is NAMESPACE/NAME, or NAME.
func FullName(namespace, name string) string { return strings.TrimPrefix(namespace+"/"+name, "/") }
