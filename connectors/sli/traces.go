package sli

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspan"
)

// ConsumeTraces counts spans. It never fails: what it cannot judge it drops and counts.
func (c *core) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	rules, now := c.rules.Load(), c.now()
	for _, rs := range td.ResourceSpans().All() {
		id := identify(rs.Resource())
		service := rules.find(id)
		if service == nil {
			continue
		}
		into, squeezed := c.arrive(service.service, id, now)
		if into == nil || len(service.spans) == 0 {
			continue
		}
		b := batches.Get().(*batch)
		b.reset(len(service.spans), c.config.Exemplars)
		b.countSpans(ctx, service, rs)
		service.service.add(into, b.tallies[:len(service.spans)], now, c.config.CorrelationAttribute)
		b.squeezed(squeezed)
		c.telemetry.report(ctx, b.remarks)
		b.release()
	}
	return nil
}

func (b *batch) countSpans(ctx context.Context, service *serviceRules, rs ptrace.ResourceSpans) {
	for i := range service.spans {
		b.tallies[i].slo = service.spans[i].slo
	}
	scopes := rs.ScopeSpans()
	for i := range scopes.Len() {
		e := spanEvent{resource: rs, scope: scopes.At(i)}
		spans := e.scope.Spans()
		for j := range spans.Len() {
			e.span = spans.At(j)
			if kind := kindOf(e.span.Kind()); kind&service.kinds != 0 {
				b.countSpan(ctx, service, kind, &e)
			}
		}
	}
}

func (b *batch) countSpan(ctx context.Context, service *serviceRules, kind kinds, e *spanEvent) {
	b.events++
	weight := b.weightOf(e.span)
	for i := range service.spans {
		rule := &service.spans[i]
		if kind&rule.kinds == 0 {
			continue
		}
		switch t := &b.tallies[i]; e.judge(ctx, rule) {
		case good:
			t.good += weight
		case bad:
			t.addBad(weight, e.bad(rule))
		case conditionError:
			b.dropped[reasonConditionError]++
		case noDuration:
			b.dropped[reasonNoDuration]++
		}
	}
	e.reset()
}

func (b *batch) weightOf(span ptrace.Span) float64 {
	tracestate := span.TraceState().AsRaw()
	if tracestate == "" {
		return 1
	}
	if tracestate != b.tracestate {
		var reason string
		if b.weight, reason = weight(tracestate); reason != "" {
			b.adjusted[reason]++
			b.tracestate = "" // so that the next one is counted too
			return b.weight
		}
		b.tracestate = tracestate
	}
	return b.weight
}

// A judgement is what a rule says of an event.
type judgement uint8

const (
	unselected judgement = iota
	good
	bad
	conditionError
	noDuration
)

// A spanEvent is a span on its way through the rules. What two rules need is found out once.
type spanEvent struct {
	resource ptrace.ResourceSpans
	scope    ptrace.ScopeSpans
	span     ptrace.Span
	failure  judgement // unselected: not known yet
	ottl     *ottlspan.TransformContext
}

func (e *spanEvent) judge(ctx context.Context, rule *spanRule) judgement {
	if rule.match != nil {
		if j := e.eval(ctx, rule.match); j != good {
			return j.unselect()
		}
	}
	switch {
	case rule.good != nil:
		return e.eval(ctx, rule.good)
	case rule.latency == nil:
		return e.outcome()
	}
	if rule.latency.ExcludeErrors && e.outcome() == bad {
		return unselected
	}
	if rule.latency.ErrorsAreBad && e.outcome() == bad {
		return bad
	}
	start, end := e.span.StartTimestamp(), e.span.EndTimestamp()
	if start == 0 || end < start {
		return noDuration
	}
	if uint64(end-start) <= uint64(rule.latency.Threshold) {
		return good
	}
	return bad
}

// outcome is good unless the span failed.
func (e *spanEvent) outcome() judgement {
	if e.failure == unselected {
		e.failure = good
		if failed(e.span) {
			e.failure = bad
		}
	}
	return e.failure
}

func (e *spanEvent) eval(ctx context.Context, c *spanCondition) judgement {
	if e.ottl == nil {
		e.ottl = ottlspan.NewTransformContextPtr(e.resource, e.scope, e.span)
	}
	return verdict(c.Eval(ctx, e.ottl))
}

// reset makes ready for the next span.
func (e *spanEvent) reset() {
	e.failure = unselected
	if e.ottl != nil {
		e.ottl.Close()
		e.ottl = nil
	}
}

// bad is the event as an exemplar shows it: its value is 1, or its duration in seconds for a latency SLI.
func (e *spanEvent) bad(rule *spanRule) badEvent {
	value := 1.0
	if start, end := e.span.StartTimestamp(), e.span.EndTimestamp(); rule.latency != nil && start != 0 && end >= start {
		value = time.Duration(end - start).Seconds()
	}
	return badEvent{
		trace: e.span.TraceID(), span: e.span.SpanID(), time: e.span.EndTimestamp(),
		value: value, attributes: e.span.Attributes(),
	}
}

// verdict is what a condition says: good when it holds.
func verdict(holds bool, err error) judgement {
	switch {
	case err != nil:
		return conditionError
	case holds:
		return good
	default:
		return bad
	}
}

// unselect turns the verdict of a match that does not hold.
func (j judgement) unselect() judgement {
	if j == bad {
		return unselected
	}
	return j
}
