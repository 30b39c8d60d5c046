// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A Source is the Prometheus that is asked.
type Source interface {
	Instant(ctx context.Context, query string) (model.Vector, error)
	Alerts(ctx context.Context) ([]v1.Alert, error)
}

// A Fleet is all SLOs at one moment.
type Fleet struct {
	Rows []*Row
	// Err says why Prometheus did not answer. Then the rows have only data of the catalog.
	Err error
}

// questions are about all SLOs. If several collectors report one SLO, the worse value counts.
type questions struct{ state, objective, remaining, coverage, burn, exhaustion, recordedRemaining, recordedRatio string }

func questionsTo(n names.Names) questions {
	sent, recorded := slo(n), slo(names.Recorded())
	return questions{
		state:             names.By("max", sent+", "+n.State.String(), n.States.With()+" == 1"),
		objective:         names.By("max", sent, n.Objective.With()),
		remaining:         names.By("min", sent, n.Remaining.With()),
		coverage:          names.By("max", sent, n.Coverage.With()),
		burn:              names.By("max", sent, n.BurnRate.With(n.Window.Equal("1h"))),
		exhaustion:        names.By("min", sent, n.Exhaustion.With()),
		recordedRemaining: names.By("min", recorded, names.RecordedRemaining.With()),
		recordedRatio:     names.By("max", recorded, ratio1h.With()),
	}
}

// ratio1h is the recorded error ratio of the last hour. Rules also record SLIs that the collector does not see.
const ratio1h = names.RecordedRatio + "1h"

// slo are the labels of an SLO.
func slo(n names.Names) string { return names.List(n.Namespace, n.Service, n.SLO, n.Environment) }

// Load queries the state of the SLOs of the catalog, and of those that only Prometheus knows.
func Load(ctx context.Context, c *catalog.Catalog, n names.Names, now time.Time, source Source) Fleet {
	questions := questionsTo(n)
	answers, alerts, err := ask(ctx, questions, source)
	rows := promised(c, n, now, answers)
	known := func(s *model.Sample) *Row { return rows.of(key(n, s.Metric)) }
	for _, s := range answers[questions.state] {
		// Two collectors may disagree for a moment.
		r, state := known(s), semconv.State(n.State.In(s.Metric))
		if slices.Contains(semconv.States, state) && (r.State == semconv.StateUnknown || state.Worse(r.State)) {
			r.State = state
		}
	}
	for query, field := range map[string]func(*Row) *Number{
		questions.objective:  func(r *Row) *Number { return &r.Objective },
		questions.remaining:  func(r *Row) *Number { return &r.Remaining },
		questions.coverage:   func(r *Row) *Number { return &r.Coverage },
		questions.burn:       func(r *Row) *Number { return &r.Burn },
		questions.exhaustion: func(r *Row) *Number { return &r.Exhaustion },
	} {
		for _, s := range answers[query] {
			*field(known(s)) = Number(s.Value)
		}
	}
	rows.recorded(answers[questions.recordedRemaining], answers[questions.recordedRatio])
	rows.firing(alerts)
	return Fleet{Rows: rows.all(), Err: err}
}

// ask runs all queries at once. It uses every answer, even if other queries fail.
func ask(ctx context.Context, q questions, source Source) (map[string]model.Vector, []v1.Alert, error) {
	var (
		mu      sync.Mutex
		first   error
		alerts  []v1.Alert
		asked   sync.WaitGroup
		answers = map[string]model.Vector{}
	)
	failed := func(err error) {
		if err != nil && first == nil {
			first = err
		}
	}
	for _, query := range []string{
		q.state, q.objective, q.remaining, q.coverage, q.burn, q.exhaustion, q.recordedRemaining, q.recordedRatio,
	} {
		asked.Go(func() {
			vector, err := source.Instant(ctx, query)
			mu.Lock()
			defer mu.Unlock()
			answers[query] = vector
			failed(err)
		})
	}
	asked.Go(func() {
		all, err := source.Alerts(ctx)
		mu.Lock()
		defer mu.Unlock()
		alerts = all
		failed(err)
	})
	asked.Wait()
	return answers, alerts, first
}

func key(n names.Names, m map[model.LabelName]model.LabelValue) Key {
	return Key{Namespace: n.Namespace.In(m), Service: n.Service.In(m), SLO: n.SLO.In(m), Environment: n.Environment.In(m)}
}

// PagePath is where the page of a service is; "" if the catalog has no such service.
func PagePath(s *catalog.Service) string {
	if s == nil {
		return ""
	}
	return "/services/" + catalog.PathSegment(s.Slug())
}

func marshal(f float64) ([]byte, error) { return json.Marshal(f) }
