// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracesampler

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspan"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/ottlfuncs"

	"github.com/otelcol-sre/otelcol-sre/internal/judge"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

var nop = zap.NewNop()

type conditions = ottl.ConditionSequence[*ottlspan.TransformContext]

// compile makes one condition of all: it is met if one of them is. A condition that fails on a span is not met.
func compile(texts []string, set component.TelemetrySettings) (*conditions, error) {
	parser, err := ottlspan.NewParser(ottlfuncs.StandardConverters[*ottlspan.TransformContext](), set)
	if err != nil {
		return nil, err
	}
	parsed, err := parser.ParseConditions(texts)
	if err != nil {
		return nil, err
	}
	sequence := ottlspan.NewConditionSequence(parsed, set, ottlspan.WithConditionSequenceErrorMode(ottl.SilentError))
	return &sequence, nil
}

// maxLinks bounds how many links of a span are followed.
const maxLinks = 32

// A visit is what one request needs on its way. It is used again by later ones.
type visit struct {
	// keeps are the traces that a span of this request keeps, and why.
	keeps map[pcommon.TraceID]outcome
	// decisions are those of the spans, in the order of the request.
	decisions []decision
	// found are spans that were held, of traces that this request keeps.
	found []found
	// kept counts spans by outcome.
	kept [bad + 1]int64
	// held counts those that are not kept, so far.
	held int
}

func (v *visit) reset() {
	clear(v.keeps)
	clear(v.found)
	v.decisions, v.found = v.decisions[:0], v.found[:0]
	v.kept, v.held = [bad + 1]int64{}, 0
}

// judge finds the traces to keep for what a span of them is.
func (v *visit) judge(ctx context.Context, td ptrace.Traces, catalog *judge.Catalog, keep *conditions) {
	for _, rs := range td.ResourceSpans().All() {
		fresh, isFresh := rs.Resource().Attributes().Get(semconv.DeploymentRecent)
		isFresh = isFresh && fresh.Type() == pcommon.ValueTypeBool && fresh.Bool()
		rules := catalog.RulesOf(rs.Resource())
		for _, scope := range rs.ScopeSpans().All() {
			event := judge.SpanEvent{Resource: rs, Scope: scope}
			for _, event.Span = range scope.Spans().All() {
				switch {
				case rules != nil && rules.IsBad(ctx, &event):
					v.keep(event.Span, bad)
				case event.Span.Status().Code() == ptrace.StatusCodeError:
					v.keep(event.Span, failed)
				case keep != nil && meets(ctx, keep, &event):
					v.keep(event.Span, condition)
				case isFresh:
					v.keep(event.Span, recent)
				}
			}
		}
	}
}

func meets(ctx context.Context, keep *conditions, event *judge.SpanEvent) bool {
	span := ottlspan.NewTransformContextPtr(event.Resource, event.Scope, event.Span)
	defer span.Close()
	ok, err := keep.Eval(ctx, span)
	return ok && err == nil
}

func (v *visit) keep(span ptrace.Span, why outcome) {
	if id := span.TraceID(); v.keeps[id] < why {
		v.keeps[id] = why
	}
}
