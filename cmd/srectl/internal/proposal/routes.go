// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package proposal

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/services"
)

const (
	// mostRoutes bounds the routes of a service that get an SLO of their own.
	mostRoutes = 3
	// common is the share of requests from which a route is looked at for its duration.
	common = 0.1
)

// writes are the methods that change something.
var writes = []string{"POST", "PUT", "PATCH", "DELETE"}

// plain is what a route may consist of to be put into a condition, and separators what its name in the catalog has a - for.
var (
	plain      = regexp.MustCompile(`^[\w/{}:.*~$<>-]{1,200}$`)
	separators = regexp.MustCompile(`[^a-z0-9]+`)
)

// routeSLOs are for routes that the SLOs of the whole service hide, those with most requests first: one that writes and could fail altogether without a
// page, and a common one that could become twice as slow unnoticed.
func routeSLOs(routes []services.Route, chosen []slo, over time.Duration) (all []slo, notes []string) {
	total := 0.0
	for i := range routes {
		total += number(routes[i].Requests)
	}
	for i := range routes {
		one, note := hidden(&routes[i], total, chosen, over)
		same := func(other slo) bool { return other.Name == one.Name }
		if note != "" && len(all) < mostRoutes && !slices.ContainsFunc(all, same) && !slices.ContainsFunc(chosen, same) {
			all, notes = append(all, one), append(notes, note)
		}
	}
	return all, notes
}

// hidden is the SLO that a route needs beside those of the service, and why; the note is empty if it needs none.
func hidden(r *services.Route, total float64, chosen []slo, over time.Duration) (one slo, note string) {
	name := strings.Trim(separators.ReplaceAllString(strings.ToLower(r.Method+"-"+r.Route), "-"), "-")
	requested, share := number(r.Requests), number(r.Requests)/total
	if !plain.MatchString(r.Route) || !plain.MatchString(r.Method) || requested < 1 || len(name) > 40 {
		return one, ""
	}
	sli := map[string]any{"match": sprintf(`attributes["http.route"] == "%s" and attributes["http.request.method"] == "%s"`, r.Route, r.Method)}
	if whole := chosen[0].Objective; slices.Contains(writes, r.Method) && share <= unnoticed(whole) {
		if objective, kept := objectiveFor(min(number(r.Failed), requested), requested, over); kept {
			return slo{name, objective, map[string]map[string]any{"availability": sli}}, sprintf("%s: if every %s %s failed, only %s of the requests would: no page. It has an objective of its own: %s failed of %s.",
				name, r.Method, r.Route, percent(share), percent(number(r.Failed)/requested), requests(requested, over))
		}
	}
	threshold, ok := thresholdFor(number(r.P99))
	i := slices.IndexFunc(chosen, func(s slo) bool { return s.SLI["latency"] != nil })
	if !ok || i < 0 || share < common || !enough(chosen[i].Objective, requested, over) {
		return one, ""
	}
	of, _ := chosen[i].SLI["latency"]["threshold"].(string)
	if whole, err := catalog.ParseDuration(of); err != nil || 2*threshold > whole {
		return one, ""
	}
	sli["threshold"] = catalog.FormatDuration(threshold)
	return slo{name + "-latency", chosen[i].Objective, map[string]map[string]any{"latency": sli}}, sprintf("%s-latency: %s of the requests are %s %s, and 99 %% of them took at most %s: much less than the service's threshold.",
		name, percent(share), r.Method, r.Route, time.Duration(number(r.P99)*float64(time.Millisecond)).Round(100*time.Microsecond))
}

// unnoticed is the largest share of all events that can fail for good without a page, for an objective in percent.
func unnoticed(objective float64) float64 {
	s := catalog.SLO{Objective: objective, Window: catalog.Window{Rolling: period}}
	slowest := math.Inf(1)
	for _, pair := range s.BurnPairs() {
		if pair.Page {
			slowest = min(slowest, pair.Factor)
		}
	}
	return slowest * s.ErrorBudget()
}

func number(n *float64) float64 {
	if n == nil {
		return 0
	}
	return *n
}
