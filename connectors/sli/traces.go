// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"context"
	"encoding/binary"

	"github.com/otelcol-sre/otelcol-sre/internal/adjusted"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/connectors/sli/internal/seen"
	"github.com/otelcol-sre/otelcol-sre/internal/judge"
)

// ConsumeTraces counts spans. It never fails: what it cannot judge it drops and counts.
func (c *core) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	services, now := c.services.Load(), c.now()
	r := c.begin(now)
	for _, rs := range td.ResourceSpans().All() {
		id := judge.Identify(rs.Resource())
		service := services.Find(id)
		if service == nil {
			if service = c.hear(id); service == nil {
				continue
			}
			if service.service == nil {
				if !hasKind(rs, service.rules.Kinds) {
					continue
				}
				if service = c.startCounting(service, now); service == nil {
					continue
				}
			}
		}
		into, overLimit := c.arrive(service.service, id, now)
		if into == nil || len(service.rules.Spans) == 0 {
			continue
		}
		c.part(r, part{service: service, into: into, overLimit: overLimit, spans: rs}, len(service.rules.Spans), c.senderOf(id)).judge(ctx)
	}
	c.commit(ctx, r)
	return nil
}

func (b *batch) countSpans(ctx context.Context, service *counted, rs ptrace.ResourceSpans) {
	for i := range service.rules.Spans {
		b.tallies[i].slo = service.slos[service.rules.Spans[i].SLO]
		b.sampling(&b.tallies[i])
	}
	scopes := rs.ScopeSpans()
	for i := range scopes.Len() {
		b.expect(scopes.At(i).Spans().Len())
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
	if !b.event() {
		return
	}
	weight, ended := b.weightOf(e.Span), e.Span.EndTimestamp()
	when := b.times.of(ended)
	b.newest = max(b.newest, ended)
	judged := false
	for i := range service.rules.Spans {
		rule := &service.rules.Spans[i]
		if kind&rule.Kinds == 0 {
			continue
		}
		judgment := e.Judge(ctx, rule)
		judged = judged || judgment != judge.Unselected
		at := i
		if rule.Groups != nil && (judgment == judge.Good || judgment == judge.Bad) {
			at = b.groupOfSpan(i, rule.Groups, e)
		}
		switch t := &b.tallies[at]; judgment {
		case judge.Good:
			t.addGood(when, weight, ended)
			if t.every > 0 && when == onTime {
				if n := t.sample(); n > 0 {
					b.markEvent(at, false, weight*float64(n), markedEvent{span: e.Span})
				}
			}
		case judge.Bad:
			t.addBad(when, weight, ended)
			if when == onTime {
				t.remember(badEvent{markedEvent: markedEvent{span: e.Span}, value: e.Value(rule)})
			}
			if b.ledger && when == onTime {
				b.markEvent(at, true, weight, markedEvent{span: e.Span})
			}
		case judge.ConditionError:
			b.dropped[service.remark(reasonConditionError, rule.SLO)]++
		case judge.NoDuration:
			b.dropped[service.remark(reasonNoDuration, rule.SLO)]++
		}
	}
	e.Reset()
	if judged && b.hash != nil && b.recognized == 0 {
		b.judged(spanID(b.hash, service.tag, e.Span))
	} else {
		b.judged(0)
	}
}

// spanID is the identity of a span: its IDs, its service and its kind, because a client and a server may share a span, as with
// Zipkin. A span without IDs has none.
func spanID(hash *seen.Hash, service uint64, span ptrace.Span) uint64 {
	trace, id := span.TraceID(), span.SpanID()
	if trace.IsEmpty() || id.IsEmpty() {
		return 0
	}
	return hash.Sum(binary.LittleEndian.Uint64(trace[:]), binary.LittleEndian.Uint64(trace[8:]), binary.LittleEndian.Uint64(id[:]), service, uint64(span.Kind()))
}

func (b *batch) weightOf(span ptrace.Span) float64 {
	tracestate := span.TraceState().AsRaw()
	if tracestate == "" {
		return 1
	}
	if tracestate != b.tracestate {
		var problem adjusted.Problem
		if b.weight, problem = adjusted.Count(tracestate); problem != adjusted.None {
			b.adjusted[remark{reason: reasonOf(problem)}]++
			b.tracestate = "" // so that the next one is counted too
			return b.weight
		}
		b.tracestate = tracestate
	}
	return b.weight
}

// reasonOf is the reason under which a span counts that is not taken as it was sent.
func reasonOf(problem adjusted.Problem) string {
	if problem == adjusted.Capped {
		return reasonWeightCapped
	}
	return reasonTracestate
}
