package sli

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A Judge tells which spans are bad events of some SLO, exactly as the connector counts them, to those who
// decide what to keep of them. It never changes and is safe for concurrent use.
type Judge struct{ rules *rules }

// NewJudge compiles a catalog. An SLO whose SLI cannot be evaluated is left out, and is in the error; the Judge is there all the same.
func NewJudge(cat *catalog.Catalog) (*Judge, error) {
	compiled := &rules{byName: make(map[string]namespaces, len(cat.Services))}
	var errs []error
	for _, from := range cat.Services {
		of := &serviceRules{service: &service{}}
		of.service.list(from.Environments)
		for _, o := range from.SLOs {
			with := *of
			if err := with.compile(nil, &o.SLI); err != nil {
				errs = append(errs, fmt.Errorf("%s:%d: SLO %.100q: %w", o.Position.File, o.Position.Line, o.Name, err))
				continue
			}
			*of = with
		}
		compiled.add(serviceKey{namespace: from.Namespace, name: from.Name}, of)
	}
	return &Judge{rules: compiled}, errors.Join(errs...)
}

// HasBad tells whether one of the spans is a bad event of an SLO.
func (j *Judge) HasBad(ctx context.Context, td ptrace.Traces) bool {
	for _, rs := range td.ResourceSpans().All() {
		id := identify(rs.Resource())
		if rules := j.rules.find(id); rules != nil && rules.service.counts(id.environment) && rules.hasBad(ctx, rs) {
			return true
		}
	}
	return false
}

func (r *serviceRules) hasBad(ctx context.Context, rs ptrace.ResourceSpans) bool {
	for _, scope := range rs.ScopeSpans().All() {
		e := spanEvent{resource: rs, scope: scope}
		for _, e.span = range scope.Spans().All() {
			if r.isBad(ctx, &e) {
				return true
			}
		}
	}
	return false
}

func (r *serviceRules) isBad(ctx context.Context, e *spanEvent) bool {
	defer e.reset()
	kind := kindOf(e.span.Kind())
	if kind&r.kinds == 0 {
		return false
	}
	for i := range r.spans {
		if rule := &r.spans[i]; kind&rule.kinds != 0 && e.judge(ctx, rule) == bad {
			return true
		}
	}
	return false
}
