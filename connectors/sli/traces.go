// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"context"

	"github.com/otelcol-sre/otelcol-sre/internal/adjusted"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/judge"
)

// ConsumeTraces counts spans. It never fails: what it cannot judge it drops and counts.
func (c *core) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	services, now := c.services.Load(), c.now()
	for _, rs := range td.ResourceSpans().All() {
		id := judge.Identify(rs.Resource())
		service := services.Find(id)
		if service == nil {
			continue
		}
		into, overLimit := c.arrive(service.service, id, now)
		if into == nil || len(service.rules.Spans) == 0 {
			continue
		}
		b := batches.Get().(*batch)
		b.reset(len(service.rules.Spans), c.config.Exemplars)
		b.countSpans(ctx, service, rs)
		service.service.add(into, b.tallies[:len(service.rules.Spans)], now, c.config.CorrelationAttribute)
		b.overLimit(overLimit)
		c.telemetry.report(ctx, b.remarks)
		b.release()
	}
	return nil
}

func (b *batch) countSpans(ctx context.Context, service *counted, rs ptrace.ResourceSpans) {
	for i := range service.rules.Spans {
		b.tallies[i].slo = service.slos[service.rules.Spans[i].SLO]
	}
	scopes := rs.ScopeSpans()
	for i := range scopes.Len() {
		e := judge.SpanEvent{Resource: rs, Scope: scopes.At(i)}
		spans := e.Scope.Spans()
		for j := range spans.Len() {
			e.Span = spans.At(j)
			if kind := judge.KindOf(e.Span.Kind()); kind&service.rules.Kinds != 0 {
				b.countSpan(ctx, service, kind, &e)
			}
		}
	}
}

func (b *batch) countSpan(ctx context.Context, service *counted, kind judge.Kinds, e *judge.SpanEvent) {
	b.events++
	weight := b.weightOf(e.Span)
	for i := range service.rules.Spans {
		rule := &service.rules.Spans[i]
		if kind&rule.Kinds == 0 {
			continue
		}
		switch t := &b.tallies[i]; e.Judge(ctx, rule) {
		case judge.Good:
			t.good += weight
		case judge.Bad:
			t.addBad(weight, badSpan(e, rule))
		case judge.ConditionError:
			b.dropped[reasonConditionError]++
		case judge.NoDuration:
			b.dropped[reasonNoDuration]++
		}
	}
	e.Reset()
}

func (b *batch) weightOf(span ptrace.Span) float64 {
	tracestate := span.TraceState().AsRaw()
	if tracestate == "" {
		return 1
	}
	if tracestate != b.tracestate {
		var problem adjusted.Problem
		if b.weight, problem = adjusted.Count(tracestate); problem != adjusted.None {
			b.adjusted[reasonOf(problem)]++
			b.tracestate = "" // so that the next one is counted too
			return b.weight
		}
		b.tracestate = tracestate
	}
	return b.weight
}

func badSpan(e *judge.SpanEvent, rule *judge.SpanRule) badEvent {
	return badEvent{
		trace: e.Span.TraceID(), span: e.Span.SpanID(), time: e.Span.EndTimestamp(),
		value: e.Value(rule), attributes: e.Span.Attributes(),
	}
}

// reasonOf is the reason under which a span counts that is not taken as it was sent.
func reasonOf(problem adjusted.Problem) string {
	if problem == adjusted.Capped {
		return reasonWeightCapped
	}
	return reasonTracestate
}
