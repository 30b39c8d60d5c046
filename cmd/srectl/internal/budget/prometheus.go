// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/ranges"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// probing is how long a server has to show that it has Prometheus' API.
const probing = 10 * time.Second

// recordedLeft is what rules record of a budget: of SLIs by PromQL, and of all others without the collector's gauges.
const recordedLeft = "slo:period_error_budget_remaining:ratio"

// recordedEvents is what rules record of the events of a period. Without any, there is no budget.
const recordedEvents = "slo:period_total:events"

// states of a service that may be why those that depend on it have no budget.
var atFault = []semconv.State{semconv.StateBurningFast, semconv.StateBurningSlow, semconv.StateExhausted}

// A prometheus has the gauges of the collector, and what rules record.
type prometheus struct {
	server  *ranges.Server
	names   promname.Names
	catalog *catalog.Catalog // nil without one
	states  map[[3]string][]semconv.State
}

// newPrometheus finds none at a server without Prometheus' API.
func newPrometheus(ctx context.Context, r *request) (p *prometheus, found bool, err error) {
	strategy := otlptranslator.TranslationStrategyOption(r.translation)
	if !slices.Contains(promname.Strategies, strategy) {
		return nil, false, fmt.Errorf("--translation %.60q is not known: write one of %v", r.translation, promname.Strategies)
	}
	server, err := ranges.New("url", r.url)
	if err != nil || !answers(ctx, server) {
		return nil, false, err // it is a status page, or says why it is not when it is asked
	}
	p = &prometheus{server: server, names: promname.New(strategy), states: map[[3]string][]semconv.State{}}
	if r.catalog != "" {
		loaded, problems := catalog.Load(r.catalog)
		if problems.Err() != nil {
			return nil, false, fmt.Errorf("the catalog has errors: %w", problems.Err())
		}
		p.catalog = loaded
	}
	return p, true, nil
}

func answers(ctx context.Context, server *ranges.Server) bool {
	probe, done := context.WithTimeout(ctx, probing)
	defer done()
	_, err := server.Range(probe, "vector(1)", time.Unix(60, 0), time.Unix(60, 0), time.Minute)
	return err == nil
}

// rows are the SLOs that the server knows now.
func (p *prometheus) rows(ctx context.Context, environment string, now time.Time) ([]row, error) {
	found := map[[4]string]*row{}
	names, recorded := p.names, promname.New(otlptranslator.UnderscoreEscapingWithSuffixes)
	each := func(n promname.Names, metric, matcher string, use func(one *row, state string, value float64)) error {
		return p.each(ctx, n, metric, matcher, environment, now, func(id [4]string, state string, value float64) {
			if found[id] == nil {
				found[id] = &row{Namespace: id[0], Service: id[1], Environment: id[2], SLO: id[3], State: string(semconv.StateUnknown)}
			}
			use(found[id], state, value)
		})
	}
	least := func(of **float64, value float64) {
		if *of == nil || value < **of { // the worst group of the SLO
			*of = &value
		}
	}
	left := func(one *row, _ string, value float64) { least(&one.Left, value) }
	gauge := names.Metric(semconv.SLORemaining.Metric)
	err := each(names, gauge, "", left)
	if err == nil && gauge != recordedLeft {
		known := map[[4]string]bool{}
		for id, one := range found {
			known[id] = one.Left != nil
		}
		err = each(recorded, recordedLeft, "", func(one *row, state string, value float64) {
			if !known[[4]string{one.Namespace, one.Service, one.Environment, one.SLO}] {
				left(one, state, value)
			}
		})
	}
	events := map[*row]float64{}
	if err == nil {
		err = each(recorded, recordedEvents, "", func(one *row, _ string, value float64) { events[one] += value })
	}
	if err == nil {
		hour := promname.QuoteLabel(names.Attribute(semconv.SLOWindow)) + `="1h"`
		err = each(names, names.Metric(semconv.SLOBurnRate.Metric), hour, func(one *row, _ string, value float64) {
			if one.Burn == nil || value > *one.Burn {
				one.Burn = &value
			}
		})
	}
	if err == nil {
		err = each(names, names.Metric(semconv.SLOStates.Metric), "", func(one *row, state string, value float64) {
			if value != 1 {
				return
			}
			of := [3]string{one.Namespace, one.Service, one.Environment}
			p.states[of] = append(p.states[of], semconv.State(state))
			if now := semconv.State(state); one.State == string(semconv.StateUnknown) || slices.Contains(atFault, now) {
				one.State = state
			}
		})
	}
	if err != nil {
		return nil, err
	}
	all := make([]row, 0, len(found))
	for _, one := range found {
		if total, ruled := events[one]; ruled && total == 0 && one.State == string(semconv.StateUnknown) {
			one.State = string(semconv.StateNeverSeen)
		}
		one.Proposed = p.catalog != nil && !p.agreed(one)
		all = append(all, *one)
	}
	slices.SortFunc(all, func(a, b row) int {
		return slices.Compare([]string{a.Namespace, a.Service, a.Environment, a.SLO}, []string{b.Namespace, b.Service, b.Environment, b.SLO})
	})
	return all, nil
}

// each calls for every series of a metric, now.
func (p *prometheus) each(ctx context.Context, n promname.Names, metric, matcher, environment string, now time.Time, use func(id [4]string, state string, value float64)) error {
	var matchers []string
	if matcher != "" {
		matchers = append(matchers, matcher)
	}
	if environment != "" {
		matchers = append(matchers, promname.QuoteLabel(n.Attribute(semconv.Environment))+"="+strconv.Quote(environment))
	}
	end := now.Truncate(time.Second)
	matrix, err := p.server.Range(ctx, promname.Select(metric, matchers...), end, end, time.Minute)
	if err != nil {
		return err
	}
	for _, series := range matrix {
		if len(series.Floats) == 0 {
			continue
		}
		value := series.Floats[len(series.Floats)-1].F
		of := func(m labels.Labels, attribute string) string { return m.Get(n.Attribute(attribute)) }
		id := [4]string{of(series.Metric, semconv.ServiceNamespace), of(series.Metric, semconv.ServiceName), of(series.Metric, semconv.Environment), of(series.Metric, semconv.SLOName)}
		if !math.IsNaN(value) && id[1] != "" && id[3] != "" {
			use(id, of(series.Metric, semconv.SLOState), value)
		}
	}
	return nil
}

// agreed reports whether the SLO is in the catalog.
func (p *prometheus) agreed(one *row) bool {
	service := p.catalog.Emitter(one.Namespace, one.Service)
	return service != nil && slices.ContainsFunc(service.SLOs, func(s *catalog.SLO) bool { return s.Name == one.SLO })
}

// failing are the services that the one of a row depends on and that burn or have spent their budget, by the catalog.
func (p *prometheus) failing(_ context.Context, one *row) (names []string, err error) {
	if p.catalog == nil {
		return nil, nil
	}
	service := p.catalog.Emitter(one.Namespace, one.Service)
	if service == nil {
		return nil, nil
	}
	for _, d := range p.catalog.Dependencies(service) {
		if d.Service == nil {
			continue
		}
		states := p.states[[3]string{d.Service.Namespace, d.Service.Name, one.Environment}]
		if slices.ContainsFunc(states, func(s semconv.State) bool { return slices.Contains(atFault, s) }) {
			names = append(names, terminal.Label(d.Service.Name))
		}
	}
	return names, nil
}
