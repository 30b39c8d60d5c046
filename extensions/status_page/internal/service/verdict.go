// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/verdict"
	"github.com/otelcol-sre/otelcol-sre/internal/gate"
)

// A Verdict is what a deployment did to an SLO in its first hour: of the SLO whose budget it cost most.
type Verdict struct {
	SLO string `json:"slo"`
	// Times is how many times as often the version failed as the others; it is between Low and High, whenever one looks. High is null if the others never failed.
	Times fleet.Number `json:"times_as_often"`
	Low   fleet.Number `json:"times_low"`
	High  fleet.Number `json:"times_high"`
	// Spent is the time in which the budget allows as many failures as the version had more than the others.
	Spent fleet.Number `json:"budget_spent_seconds"`
	// OfBad is the share that the version has of all bad events since it was deployed, as a gate says it; null for a version that no gate can be asked about any more.
	OfBad fleet.Number `json:"share_of_bad"`
}

// Worse says that the version surely fails more often.
func (v *Verdict) Worse() bool { return v.Low > 1 }

// Effect is the verdict for those that announce deployments.
func (v *Verdict) Effect() deployment.Effect {
	known := func(n fleet.Number) float64 {
		if !n.Known() {
			return 0
		}
		return float64(n)
	}
	return deployment.Effect{SLO: v.SLO, Times: known(v.Times), Low: known(v.Low), High: known(v.High), Spent: known(v.Spent)}
}

// Verdicts are those of the versions of a service in an environment that were deployed within a day.
func Verdicts(ctx context.Context, source fleet.Source, n names.Names, of *catalog.Service, environment string) (map[string]*Verdict, error) {
	l := loader{context: ctx, names: n, service: &Service{Service: of, Environment: environment}}
	var failed error
	verdicts := l.askVerdicts(func(query string) model.Vector {
		if failed != nil {
			return nil
		}
		answer, err := source.Instant(ctx, query)
		failed = err
		return answer
	})
	return verdicts, failed
}

// decided says that it may not be chance.
func (v *Verdict) decided() bool { return v.Low > 1 || v.High < 1 }

// Judged is how long after its deployment a version is judged.
const Judged = time.Hour

// Counted completes the verdict of the rules, which may be nil, on a version by the counters themselves, as a gate reads them: in steps of seconds, not of five minutes. A
// verdict that is certain counts, whichever of both has it first; so has that of the gate's question the version, when it was deployed, and what time it is.
func (v *Verdict) Counted(ctx context.Context, source gate.Source, q gate.Question) (*Verdict, error) {
	if end := q.Since.Add(Judged); q.Now.After(end) {
		q.Now = end
	}
	r, err := gate.Ask(ctx, source, q)
	if errors.Is(err, gate.ErrQuestion) {
		return v, nil // it has no SLO that is counted
	}
	if err != nil {
		return v, err
	}
	var counted *Verdict
	ofBad := fleet.Number(math.NaN())
	for i := range r.SLOs {
		slo := &r.SLOs[i]
		if v != nil && words.Bounded(slo.Name, maxSLO) == v.SLO && slo.OfBad.Known() {
			ofBad = fleet.Number(slo.OfBad)
		}
		if !slo.Times.Known() {
			continue
		}
		one := &Verdict{SLO: words.Bounded(slo.Name, maxSLO), Times: fleet.Number(slo.Times), Low: fleet.Number(slo.TimesLow), High: fleet.Number(slo.TimesHigh), Spent: fleet.Number(slo.Spent), OfBad: fleet.Number(slo.OfBad)}
		if !slo.TimesHigh.Known() {
			one.High = fleet.Number(math.NaN())
		}
		if counted == nil || one.more(counted) {
			counted = one
		}
	}
	switch {
	case v == nil || counted != nil && counted.decided() && !v.decided():
		return counted, nil
	default:
		one := *v
		one.OfBad = ofBad
		return &one, nil
	}
}

// Certain is the verdict if it may be announced: the rules have it, or it may not be chance; or nil.
func (v *Verdict) Certain(byRules bool) *Verdict {
	if v == nil || !byRules && !v.decided() {
		return nil
	}
	return v
}

// maxSLO bounds the name of an SLO, in characters.
const maxSLO = 120

// judged is for how long after a deployment its verdict is shown.
const judged = "1d"

// askVerdicts finds the verdicts of versions that were deployed within a day, if the rules are loaded.
func (l *loader) askVerdicts(ask func(string) model.Vector) map[string]*Verdict {
	recorded := names.Recorded()
	type key struct{ slo, version string }
	steps := map[key]*verdict.Step{}
	for _, one := range []struct {
		metric names.Metric
		to     func(*verdict.Step) *float64
	}{
		{names.RecordedYoungTotal, func(s *verdict.Step) *float64 { return &s.Events }}, {names.RecordedYoungBad, func(s *verdict.Step) *float64 { return &s.Bad }},
		{names.RecordedBesideTotal, func(s *verdict.Step) *float64 { return &s.OtherEvents }}, {names.RecordedBesideBad, func(s *verdict.Step) *float64 { return &s.OtherBad }},
	} {
		by := names.List(recorded.SLO, recorded.Version)
		for _, s := range ask(names.By("sum", by, "sum_over_time("+l.recorded(one.metric)+"["+judged+":5m])")) {
			k := key{recorded.SLO.In(s.Metric), recorded.Version.In(s.Metric)}
			if steps[k] == nil {
				steps[k] = &verdict.Step{}
			}
			*one.to(steps[k]) = float64(s.Value)
		}
	}
	if len(steps) == 0 {
		return nil
	}
	hourly := map[string]float64{} // events
	for _, s := range ask(names.By("sum", l.names.SLO.String(), "increase("+l.of(l.names.Events)+"[1h])")) {
		hourly[l.names.SLO.In(s.Metric)] = float64(s.Value)
	}
	allowed := map[string]float64{} // share of events that may be bad
	for _, slo := range l.service.SLOs {
		allowed[slo.Name] = slo.ErrorBudget()
	}
	verdicts := map[string]*Verdict{}
	for k, s := range steps {
		effect, known := verdict.Of(*s)
		if !known {
			continue
		}
		v := &Verdict{SLO: words.Bounded(k.slo, maxSLO), Times: fleet.Number(effect.Times), Low: fleet.Number(effect.Low), High: fleet.Number(effect.High), Spent: fleet.Number(math.NaN()), OfBad: fleet.Number(math.NaN())}
		if math.IsInf(effect.High, 1) {
			v.High = fleet.Number(math.NaN())
		}
		if perHour := allowed[k.slo] * hourly[k.slo]; perHour > 0 {
			v.Spent = fleet.Number(s.Excess() / perHour * 3600)
		}
		if other := verdicts[k.version]; other == nil || v.more(other) {
			verdicts[k.version] = v
		}
	}
	return verdicts
}

// more says that a verdict says more than another about the same version: what cost more, or else what is surer.
func (v *Verdict) more(other *Verdict) bool {
	a, b := float64(v.Spent), float64(other.Spent)
	switch {
	case a != b && !math.IsNaN(a) && !math.IsNaN(b):
		return a > b
	case v.Low != other.Low:
		return v.Low > other.Low
	}
	return v.SLO < other.SLO
}
