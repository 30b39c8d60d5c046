// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package judge

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/catalog/condition"
)

// Rules are the SLIs of one service, compiled. They never change.
type Rules struct {
	// Environments are those that the SLOs are kept for; nil is any.
	Environments map[string]bool
	// Kinds are those that any of Spans counts.
	Kinds   Kinds
	Spans   []SpanRule
	Logs    []LogRule
	Metrics []MetricRule
}

// Compile compiles the SLIs of a service. One that cannot be evaluated has no rule, and is in the error; one that
// Prometheus evaluates has no rule.
func Compile(s *catalog.Service) (Rules, error) {
	var r Rules
	var errs []error
	for _, name := range s.Environments {
		if r.Environments == nil {
			r.Environments = make(map[string]bool)
		}
		r.Environments[name] = true
	}
	for i, o := range s.SLOs {
		if err := r.compile(i, &o.SLI); err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: SLO %.100q: %w", o.Position.File, o.Position.Line, o.Name, err))
		}
	}
	for i := range r.Spans {
		r.Kinds |= r.Spans[i].Kinds
		r.Spans[i].users = !s.SLOs[r.Spans[i].SLO].SLI.Synthetic()
		r.Spans[i].Groups = s.SLOs[r.Spans[i].SLO].GroupBy
	}
	for i := range r.Logs {
		r.Logs[i].Groups = s.SLOs[r.Logs[i].SLO].GroupBy
	}
	for i := range r.Metrics {
		r.Metrics[i].Groups = s.SLOs[r.Metrics[i].SLO].GroupBy
	}
	return r, errors.Join(errs...)
}

// Counts reports whether the SLOs are kept for the environment.
func (r *Rules) Counts(environment string) bool {
	return r.Environments == nil || r.Environments[environment]
}

// SLOs are the indexes of the SLOs that have a rule.
func (r *Rules) SLOs() map[int]bool {
	found := make(map[int]bool)
	for i := range r.Spans {
		found[r.Spans[i].SLO] = true
	}
	for i := range r.Logs {
		found[r.Logs[i].SLO] = true
	}
	for i := range r.Metrics {
		found[r.Metrics[i].SLO] = true
	}
	return found
}

// compile adds the SLO's rule.
func (r *Rules) compile(slo int, sli *catalog.SLI) error {
	switch {
	case sli.Availability != nil:
		return add(&r.Spans)(spanRuleOf(slo, sli.Availability.SpanSelection))
	case sli.Latency != nil:
		rule, err := spanRuleOf(slo, sli.Latency.SpanSelection)
		rule.latency = sli.Latency
		return add(&r.Spans)(rule, err)
	case sli.Spans != nil:
		rule := SpanRule{SLO: slo, Kinds: allKinds}
		return add(&r.Spans)(rule, errors.Join(
			compileTo(&rule.match, condition.Span, "spans.match", sli.Spans.Match),
			compileTo(&rule.good, condition.Span, "spans.good", sli.Spans.Good), required("spans.good", sli.Spans.Good)))
	case sli.Logs != nil:
		rule := LogRule{SLO: slo}
		return add(&r.Logs)(rule, errors.Join(
			compileTo(&rule.match, condition.Log, "logs.match", sli.Logs.Match),
			compileTo(&rule.good, condition.Log, "logs.good", sli.Logs.Good), required("logs.good", sli.Logs.Good)))
	case sli.Metrics != nil:
		return add(&r.Metrics)(metricRuleOf(slo, sli.Metrics))
	}
	return nil
}

// add appends a rule that could be compiled.
func add[T any](to *[]T) func(T, error) error {
	return func(rule T, err error) error {
		if err == nil {
			*to = append(*to, rule)
		}
		return err
	}
}

func spanRuleOf(slo int, selection catalog.SpanSelection) (SpanRule, error) {
	rule := SpanRule{SLO: slo}
	var errs []error
	for _, name := range selection.Kinds {
		kind, ok := kindsByName[name]
		if !ok {
			errs = append(errs, fmt.Errorf("kinds: %.32q is not a span kind", name))
			continue
		}
		rule.Kinds |= KindOf(kind)
	}
	if len(selection.Kinds) == 0 {
		rule.Kinds = KindOf(ptrace.SpanKindServer) | KindOf(ptrace.SpanKindConsumer)
	}
	errs = append(errs, compileTo(&rule.match, condition.Span, "match", selection.Match))
	return rule, errors.Join(errs...)
}

// compileTo compiles a condition; an empty one leaves nil, which holds for all.
func compileTo[K any](to **ottl.Condition[K], compile func(string) (*ottl.Condition[K], error), key, expr string) error {
	if expr == "" {
		return nil
	}
	compiled, err := compile(expr)
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	*to = compiled
	return nil
}

func required(key, expr string) error {
	if expr == "" {
		return fmt.Errorf("%s: is missing", key)
	}
	return nil
}
