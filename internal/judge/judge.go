// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package judge

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A Catalog is a catalog compiled. It never changes and is safe for concurrent use.
type Catalog struct{ services Services[Rules] }

// CompileAll compiles a catalog. An SLO whose SLI cannot be evaluated is left out, and is in the error; the Catalog is
// there all the same.
func CompileAll(cat *catalog.Catalog) (*Catalog, error) {
	compiled := &Catalog{}
	var errs []error
	for _, s := range cat.Services {
		rules, err := Compile(s)
		errs = append(errs, err)
		compiled.services.Add(s.Namespace, s.Name, &rules)
	}
	return compiled, errors.Join(errs...)
}

// RulesOf are the rules that spans of the resource count by; nil if they count for no SLO.
func (c *Catalog) RulesOf(resource pcommon.Resource) *Rules {
	id := Identify(resource)
	if rules := c.services.Find(id); rules != nil && rules.Counts(id.Environment) {
		return rules
	}
	return nil
}

// HasBad reports whether one of the spans is a bad event of an SLO.
func (c *Catalog) HasBad(ctx context.Context, td ptrace.Traces) bool {
	for _, rs := range td.ResourceSpans().All() {
		if rules := c.RulesOf(rs.Resource()); rules != nil && rules.hasBad(ctx, rs) {
			return true
		}
	}
	return false
}

func (r *Rules) hasBad(ctx context.Context, rs ptrace.ResourceSpans) bool {
	for _, scope := range rs.ScopeSpans().All() {
		e := SpanEvent{Resource: rs, Scope: scope}
		for _, e.Span = range scope.Spans().All() {
			if r.IsBad(ctx, &e) {
				return true
			}
		}
	}
	return false
}

// IsBad reports whether the span is a bad event of an SLO, and makes the event ready for the next span.
func (r *Rules) IsBad(ctx context.Context, e *SpanEvent) bool {
	defer e.Reset()
	kind := KindOf(e.Span.Kind())
	if kind&r.Kinds == 0 {
		return false
	}
	for i := range r.Spans {
		if rule := &r.Spans[i]; kind&rule.Kinds != 0 && e.Judge(ctx, rule) == Bad {
			return true
		}
	}
	return false
}
