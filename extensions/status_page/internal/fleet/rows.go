// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"slices"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// rows are the SLOs while they are put together.
type rows struct {
	names    names.Names
	byKey    map[Key]*Row
	promises map[promise]*Row // in no environment yet
}

// A promise is an SLO in all its environments.
type promise struct{ namespace, service, slo string }

func (k Key) promise() promise { return promise{k.Namespace, k.Service, k.SLO} }

// promised are the SLOs of the catalog: in the environments that it lists; if it lists none, in those of the answers,
// and if nobody has seen one, in none.
func promised(c *catalog.Catalog, n names.Names, now time.Time, answers map[string]model.Vector) *rows {
	r := &rows{names: n, byKey: map[Key]*Row{}, promises: map[promise]*Row{}}
	for _, service := range c.Services {
		for _, slo := range service.SLOs {
			row := Row{
				Key:  Key{Namespace: service.Namespace, Service: service.Name, SLO: slo.Name},
				Page: PagePath(service), Owner: service.Owner, Tier: service.Tier, Window: slo.Window.String(),
				Objective: Number(slo.ObjectiveRatio()), State: semconv.StateUnknown, Remaining: unknown, Coverage: unknown, Burn: unknown, Exhaustion: unknown,
				Proposed: service.Origin != nil && service.Origin.Proposed,
				Counting: service.Schedule(slo).At(now), Promise: slo, Of: service,
			}
			r.promises[row.promise()] = &row
			for _, environment := range service.Environments {
				here := row
				here.Environment = environment
				r.byKey[here.Key] = &here
			}
		}
	}
	for _, answer := range answers {
		for _, sample := range answer {
			r.of(key(n, sample.Metric))
		}
	}
	seen := map[promise]bool{}
	for k := range r.byKey {
		seen[k.promise()] = true
	}
	for p, row := range r.promises {
		if !seen[p] {
			r.byKey[row.Key] = row
		}
	}
	return r
}

// of is the row of an SLO; it adds one if there is none.
func (r *rows) of(k Key) *Row {
	k = r.placed(k)
	if row, ok := r.byKey[k]; ok {
		return row
	}
	row := Row{State: semconv.StateUnknown, Objective: unknown, Remaining: unknown, Coverage: unknown, Burn: unknown, Exhaustion: unknown}
	if p, ok := r.promises[k.promise()]; ok {
		row = *p
	}
	row.Key = k
	r.byKey[k] = &row
	return &row
}

// placed is where an SLO belongs whose SLI is a query that gives no environment: in the only one of its service.
func (r *rows) placed(k Key) Key {
	if p := r.promises[k.promise()]; k.Environment == "" && p != nil && p.Promise.SLI.Prometheus != nil && len(p.Of.Environments) == 1 {
		k.Environment = p.Of.Environments[0]
	}
	return k
}

// recorded adds values of SLIs that Prometheus evaluates, which only rules record.
func (r *rows) recorded(remaining, ratio model.Vector) {
	for _, s := range remaining {
		if row := r.of(key(r.names, s.Metric)); !row.Remaining.Known() {
			row.Remaining = Number(s.Value)
		}
	}
	budgets := map[*Row]bool{}
	for _, s := range remaining {
		budgets[r.of(key(r.names, s.Metric))] = true
	}
	for _, s := range ratio {
		row := r.of(key(r.names, s.Metric))
		if query := row.Promise != nil && row.Promise.SLI.Prometheus != nil; query && row.State == semconv.StateUnknown && !budgets[row] {
			row.State = semconv.StateNeverSeen // the query has results, and its period no events
		}
		if row.Burn.Known() || !row.Objective.Known() {
			continue
		}
		row.Burn = Number(float64(s.Value) / (1 - float64(row.Objective)))
	}
	for _, row := range r.byKey {
		if row.State == semconv.StateNeverSeen { // a budget of which nothing is known is not whole
			row.Remaining, row.Burn, row.Exhaustion = unknown, unknown, unknown
		}
		if row.State == semconv.StateUnknown && row.Remaining.Known() {
			row.State = semconv.StateOK
			if row.Remaining <= 0 {
				row.State = semconv.StateExhausted
			}
		}
		if !row.Exhaustion.Known() && row.Promise != nil && row.Remaining > 0 && row.Burn > 0 {
			period := row.Promise.Window.MaxLength().Seconds()
			row.Exhaustion = Number(min(float64(row.Remaining)*period/float64(row.Burn), period))
		}
	}
}

// firing counts the alerts of each SLO, and judges by them where no processor does.
func (r *rows) firing(alerts []v1.Alert) {
	for _, a := range alerts {
		k := r.placed(key(r.names, a.Labels))
		row, ok := r.byKey[k]
		if !ok || a.State != v1.AlertStateFiring || k.SLO == "" {
			continue
		}
		row.Firing++
		if row.Promise == nil || row.Promise.SLI.Prometheus == nil {
			continue
		}
		burning := semconv.StateBurningSlow
		if a.Labels["severity"] == "page" || a.Labels["sloth_severity"] == "page" { // the catalog may set the word for severity
			burning = semconv.StateBurningFast
		}
		if burning.Worse(row.State) {
			row.State = burning
		}
	}
}

func (r *rows) all() []*Row {
	all := make([]*Row, 0, len(r.byKey))
	for _, row := range r.byKey {
		all = append(all, row)
	}
	slices.SortFunc(all, func(a, b *Row) int { return a.compare(b.Key) })
	return all
}
