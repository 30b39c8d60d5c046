// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package judge

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspan"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// Kinds is a set of span kinds, a bit for each.
type Kinds uint8

const allKinds = ^Kinds(0)

// KindOf is the set of one kind. A kind that OTLP does not know is as good as unspecified.
func KindOf(k ptrace.SpanKind) Kinds {
	if k < 0 || k > ptrace.SpanKindConsumer {
		k = ptrace.SpanKindUnspecified
	}
	return 1 << k
}

var kindsByName = map[string]ptrace.SpanKind{
	"internal": ptrace.SpanKindInternal,
	"server":   ptrace.SpanKindServer,
	"client":   ptrace.SpanKindClient,
	"producer": ptrace.SpanKindProducer,
	"consumer": ptrace.SpanKindConsumer,
}

// A SpanRule tells which spans count for an SLO and which of them are good: by a condition (good), by latency, or,
// with neither, by whether the span failed.
type SpanRule struct {
	// SLO is the index in the service's list.
	SLO     int
	Kinds   Kinds
	match   *ottl.Condition[*ottlspan.TransformContext]
	good    *ottl.Condition[*ottlspan.TransformContext]
	latency *catalog.Latency
	Groups  Grouping
	// users says that synthetic spans do not count.
	users bool
}

// A SpanEvent is a span on its way through the rules. What two rules need is found out once.
type SpanEvent struct {
	Resource ptrace.ResourceSpans
	Scope    ptrace.ScopeSpans
	Span     ptrace.Span
	failure  Judgment // Unselected: not known yet
	synthetic
	ottl *ottlspan.TransformContext
}

// Judge is what the rule says of the span, whose kind is one of the rule's.
func (e *SpanEvent) Judge(ctx context.Context, rule *SpanRule) Judgment {
	if rule.users && e.isSynthetic() {
		return Unselected
	}
	if rule.match != nil {
		if j := e.eval(ctx, rule.match); j != Good {
			return j.unselect()
		}
	}
	switch {
	case rule.good != nil:
		return e.eval(ctx, rule.good)
	case rule.latency == nil:
		return e.outcome()
	}
	if rule.latency.ExcludeErrors && e.outcome() == Bad {
		return Unselected
	}
	if rule.latency.ErrorsAreBad && e.outcome() == Bad {
		return Bad
	}
	start, end := e.Span.StartTimestamp(), e.Span.EndTimestamp()
	if start == 0 || end < start {
		return NoDuration
	}
	if uint64(end-start) <= uint64(rule.latency.Threshold) {
		return Good
	}
	return Bad
}

// Value is the event's as an exemplar shows it: 1, or its duration in seconds for a latency SLI.
func (e *SpanEvent) Value(rule *SpanRule) float64 {
	if start, end := e.Span.StartTimestamp(), e.Span.EndTimestamp(); rule.latency != nil && start != 0 && end >= start {
		return time.Duration(end - start).Seconds()
	}
	return 1
}

// Reset makes ready for the next span.
func (e *SpanEvent) Reset() {
	e.failure, e.synthetic = Unselected, notKnown
	if e.ottl != nil {
		e.ottl.Close()
		e.ottl = nil
	}
}

// outcome is Good unless the span failed.
func (e *SpanEvent) outcome() Judgment {
	if e.failure == Unselected {
		e.failure = Good
		if failed(e.Span) {
			e.failure = Bad
		}
	}
	return e.failure
}

func (e *SpanEvent) eval(ctx context.Context, c *ottl.Condition[*ottlspan.TransformContext]) Judgment {
	if e.ottl == nil {
		e.ottl = ottlspan.NewTransformContextPtr(e.Resource, e.Scope, e.Span)
	}
	return verdict(c.Eval(ctx, e.ottl))
}
