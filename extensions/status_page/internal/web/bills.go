// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"math"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// maxBills are how many incidents are listed for an SLO: those that spent most.
const maxBills = 20

// Bills are what incidents spent of a budget: those of ByIncident, Others and Outside add up to the bad events.
type bills struct {
	// ByIncident are those that spent most, the largest first; nil if no incidents are known here, or no minutes of the SLO.
	ByIncident []bill `json:"by_incident"`
	// Others is what those spent that are not listed, Outside what was spent while there was no incident.
	Others  float64 `json:"other_incidents"`
	Outside float64 `json:"outside_of_incidents"`
}

// A bill is what was spent in an incident. Its time is the part of the incident that is in that of the answer.
type bill struct {
	ID   string    `json:"id"`
	Path string    `json:"path"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Bad  float64   `json:"bad"`
	// OfBad is its share of all bad events.
	OfBad float64 `json:"share_of_bad"`
}

// ByVersion is the dimension of versions; nil without one.
func (s spentOf) ByVersion() *attribution.Dimension {
	for i := range s.Dimensions {
		if s.Dimensions[i].Name == semconv.ServiceVersion {
			return &s.Dimensions[i]
		}
	}
	return nil
}

// bill says what incidents spent of each of the budgets.
func (s *site) bill(r *http.Request, of *catalog.Service, environment string, all []spentOf) {
	if s.Book == nil || len(all) == 0 {
		return
	}
	known := s.history(r)
	if known.Since.IsZero() {
		return // it could not be read
	}
	for i := range all {
		one := &all[i]
		k, places := s.keeper(ledger.SLO{Namespace: of.Namespace, Service: of.Name, Name: one.SLO})
		if k == nil || r.Context().Err() != nil {
			continue
		}
		if environment != "" {
			places = slices.DeleteFunc(slices.Clone(places), func(at ledger.Place) bool { return at.Environment != environment })
		}
		one.bills = billsOf(one, incidentsOf(known.Incidents, of, one.SLO, environment, ledger.Span{From: one.From, To: one.To}), func(day time.Time) (minutes []ledger.Minute) {
			for _, at := range places {
				minutes = append(minutes, k.Minutes(ledger.SLO{Namespace: of.Namespace, Service: of.Name, Name: one.SLO}, at, day, false)...)
			}
			return minutes
		})
	}
}

// incidentsOf are those about an SLO in a time, the first one first, each with its part of that time.
func incidentsOf(known []incident.Incident, of *catalog.Service, slo, environment string, in ledger.Span) (found []bill) {
	for i := range known {
		one := &known[i]
		if !one.About(of.Namespace, of.Name, environment, slo) {
			continue
		}
		span := ledger.Span{From: one.Start.Truncate(time.Minute), To: one.End}
		if one.End.IsZero() {
			span.To = in.To
		}
		if both := ledger.Both(span, in); both.From.Before(both.To) {
			found = append(found, bill{ID: one.ID, Path: "/incidents/" + url.PathEscape(one.ID), From: both.From.UTC(), To: both.To.UTC()})
		}
	}
	slices.SortFunc(found, func(a, b bill) int { return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.ID, b.ID)) })
	return found
}

// countIn adds the bad events of each minute to the first incident that has it. Only days with an incident are read.
func countIn(found []bill, minutes func(day time.Time) []ledger.Minute) {
	read := make(map[time.Time]bool)
	for i := range found {
		for day := found[i].From.Truncate(ledger.Day); day.Before(found[i].To); day = day.Add(ledger.Day) {
			if read[day] {
				continue
			}
			read[day] = true
			for _, m := range minutes(day) {
				start := time.Unix(60*m.Start, 0)
				if at := slices.IndexFunc(found, func(b bill) bool { return !start.Before(b.From.Truncate(time.Minute)) && start.Before(b.To) }); at >= 0 {
					found[at].Bad += m.Bad
				}
			}
		}
	}
}

// billsOf says what incidents spent, and what was spent besides.
func billsOf(of *spentOf, found []bill, minutes func(day time.Time) []ledger.Minute) bills {
	countIn(found, minutes)
	slices.SortStableFunc(found, func(a, b bill) int { return cmp.Compare(b.Bad, a.Bad) })
	all := bills{ByIncident: []bill{}, Outside: of.Bad}
	for i := range found {
		one := found[i]
		all.Outside -= one.Bad
		if i >= maxBills {
			all.Others += one.Bad
			continue
		}
		if of.Bad > 0 {
			one.OfBad = min(1, one.Bad/of.Bad)
		}
		all.ByIncident = append(all.ByIncident, one)
	}
	all.Outside = max(0, all.Outside)
	return all
}

// shareOf is the share of the bad events of an incident that the version of its likely change has in the ledger.
func (f *fails) shareOf(one *incident.Incident) fleet.Number {
	change, origin := one.Change, one.Origin()
	if f == nil || f.versions == nil || f.Bad == 0 || change.Namespace != origin.Namespace || change.Name != origin.Name {
		return fleet.Number(math.NaN())
	}
	for _, l := range f.versions.Lines {
		if len(l.Attributes) == 1 && l.Attributes[0].Value == change.Version {
			return fleet.Number(l.Bad / f.Bad)
		}
	}
	return 0
}
