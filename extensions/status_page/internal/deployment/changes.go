// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
)

// Days is the range of the figures.
const Days = 30

const (
	// figuresAge is how old figures of a month may be.
	figuresAge = 5 * time.Minute
	// patience is how long a page waits for the figures. The queries continue, and a later request gets the answers.
	patience = 50 * time.Millisecond
	// longest is how long they may take.
	longest = time.Minute
)

// A Keeper is the Prometheus that is asked, with a memory for questions that cost much.
type Keeper interface {
	Kept(ctx context.Context, query string, age time.Duration) (model.Vector, error)
}

// Figures are the DORA metrics. Unknown values, and averages without events, are NaN.
type Figures struct {
	// Deployments are those of all environments. A rollback is none: the deployment before it has failed.
	Deployments fleet.Number `json:"deployments"`
	PerDay      fleet.Number `json:"deployments_per_day"`
	FailureRate fleet.Number `json:"change_failure_rate"`
	LeadTime    fleet.Number `json:"lead_time_seconds"`
	// Incidents is how often SLOs ceased to burn.
	Incidents     fleet.Number `json:"incidents"`
	TimeToRestore fleet.Number `json:"time_to_restore_seconds"`
}

// Changes are the figures of the last Days.
type Changes struct {
	Days int `json:"days"`
	// Span is for how many of them deployments are known; NaN for less than a week, when there are no rates.
	Span    fleet.Number `json:"span_days"`
	Overall Figures      `json:"overall"`
	// Services are those with deployments or incidents, most failures first.
	Services []ServiceChanges `json:"services"`
	// More are services that are left out.
	More int `json:"more"`
	// Complete says that all queries were answered: NaN means that there were no events.
	Complete bool `json:"complete"`
	// Pending says that Prometheus is still computing.
	Pending bool `json:"pending"`
}

// ServiceChanges are the figures of one service.
type ServiceChanges struct {
	Namespace string `json:"namespace"`
	Service   string `json:"service"`
	Page      string `json:"page"`
	Figures
}

// LoadChanges queries the figures.
func LoadChanges(ctx context.Context, c *catalog.Catalog, n names.Names, source Keeper) (Changes, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
	r := &computation{context: ctx, source: source, names: n, services: map[[2]string]*tally{}, days: math.NaN()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer cancel()
		r.askAll()
	}()
	wait := time.NewTimer(patience)
	defer wait.Stop()
	pending := false
	select {
	case <-done:
	case <-wait.C:
		pending = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	result := Changes{Days: Days, Span: fleet.Number(r.days), Services: r.list(c), Complete: r.err == nil && !pending, Pending: pending}
	var sum tally
	for _, t := range r.services {
		sum.add(t)
	}
	result.Overall = r.figures(sum)
	result.More = max(0, len(result.Services)-maxServices)
	result.Services = result.Services[:len(result.Services)-result.More]
	return result, r.err
}

// A tally has the numbers from which the figures of a service are computed; times are in seconds.
type tally struct{ deployments, failed, reported, led, incidents, broken float64 }

func (t *tally) add(more *tally) {
	t.deployments += more.deployments
	t.failed += more.failed
	t.reported += more.reported
	t.led += more.led
	t.incidents += more.incidents
	t.broken += more.broken
}

// A computation runs one query after another, so that queries of other pages can run between them.
type computation struct {
	context context.Context
	source  Keeper
	names   names.Names

	mu       sync.Mutex // guards the rest
	services map[[2]string]*tally
	err      error // the first one

	// What was answered.
	deployments, failed, led, incidents, broken bool

	days float64 // for which deployments are known; NaN for less than a week
}

// askAll skips queries without events. Values without an answer are NaN.
func (r *computation) askAll() {
	q := questionsTo(r.names)
	if r.ask(&r.deployments, names.By("count", q.service, q.changes()), func(t *tally, n float64) { t.deployments = n }) {
		r.ask(&r.failed, names.By("count", q.service, q.failed()), func(t *tally, n float64) { t.failed = n })
		if r.ask(&r.led, names.By("count", q.service, q.reported()), func(*tally, float64) {}) {
			r.ask(&r.led, q.led(), func(t *tally, seconds float64) {
				t.reported++
				t.led += seconds
			})
		}
	}
	if r.ask(&r.incidents, names.By("sum", q.service, q.incidents()), func(t *tally, n float64) { t.incidents = n }) {
		r.ask(&r.broken, names.By("sum", q.service, q.broken()), func(t *tally, seconds float64) { t.broken = seconds })
	}
	r.askDays(q)
}

// askDays leaves NaN if the days are too few, or are not known.
func (r *computation) askDays(q questions) {
	answer := r.answer(q.days())
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range answer {
		r.days = float64(s.Value)
	}
}

// answer is nil after an error, which is kept.
func (r *computation) answer(query string) model.Vector {
	if r.context.Err() != nil {
		return nil
	}
	answer, err := r.source.Kept(r.context, query, figuresAge)
	if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.err = cmp.Or(r.err, err)
		return nil
	}
	if answer == nil {
		return model.Vector{}
	}
	return answer
}

// ask reports whether there are events, and notes whether that is known.
func (r *computation) ask(known *bool, query string, add func(*tally, float64)) (found bool) {
	answer := r.answer(query)
	r.mu.Lock()
	defer r.mu.Unlock()
	if *known = answer != nil; !*known {
		return false
	}
	for _, s := range answer {
		name := [2]string{r.names.Namespace.In(s.Metric), r.names.Service.In(s.Metric)}
		if r.services[name] == nil {
			r.services[name] = &tally{}
		}
		add(r.services[name], float64(s.Value))
	}
	return len(answer) > 0
}

func (r *computation) figures(t tally) Figures {
	known := func(answered bool, value float64) fleet.Number {
		if !answered {
			value = math.NaN()
		}
		return fleet.Number(value)
	}
	return Figures{
		Deployments: known(r.deployments, t.deployments), PerDay: known(r.deployments, t.deployments/r.days),
		FailureRate: known(r.failed, ratio(t.failed, t.deployments)), LeadTime: known(r.led, ratio(t.led, t.reported)),
		Incidents: known(r.incidents, t.incidents), TimeToRestore: known(r.broken, ratio(t.broken, t.incidents)),
	}
}

// ratio is no number where there is nothing to divide by.
func ratio(part, whole float64) float64 {
	if whole == 0 {
		return math.NaN()
	}
	return part / whole
}

// list has the services that changed or burned.
func (r *computation) list(c *catalog.Catalog) []ServiceChanges {
	list := []ServiceChanges{}
	for name, t := range r.services {
		if t.deployments > 0 || t.incidents > 0 {
			list = append(list, ServiceChanges{name[0], name[1], fleet.PagePath(c.Emitter(name[0], name[1])), r.figures(*t)})
		}
	}
	// NaN is less than any number, and so comes last.
	slices.SortFunc(list, func(a, b ServiceChanges) int {
		return cmp.Or(cmp.Compare(b.FailureRate, a.FailureRate), cmp.Compare(b.Deployments, a.Deployments),
			cmp.Compare(a.Service, b.Service), cmp.Compare(a.Namespace, b.Namespace))
	})
	return list
}
