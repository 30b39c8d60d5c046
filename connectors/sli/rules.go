package sli

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottldatapoint"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottllog"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspan"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/catalog/condition"
)

type (
	spanCondition  = ottl.Condition[*ottlspan.TransformContext]
	logCondition   = ottl.Condition[*ottllog.TransformContext]
	pointCondition = ottl.Condition[*ottldatapoint.TransformContext]
)

// rules are a catalog compiled for the hot path. They never change.
type rules struct{ byName map[string]namespaces }

// namespaces are the services of one name. Looking one up costs the same whatever else is in
// the catalog.
type namespaces struct {
	any *serviceRules
	in  map[string]*serviceRules
}

// serviceRules are the rules of one service.
type serviceRules struct {
	service *service
	// kinds are those that any of the span rules counts.
	kinds   kinds
	spans   []spanRule
	logs    []logRule
	metrics []metricRule
}

// find returns the rules for telemetry of a service: those of its namespace, else those for any.
func (r *rules) find(id identity) *serviceRules {
	n, ok := r.byName[id.name]
	if !ok {
		return nil
	}
	if in, ok := n.in[id.namespace]; ok {
		return in
	}
	return n.any
}

func (r *rules) add(key serviceKey, s *serviceRules) {
	n := r.byName[key.name]
	if key.namespace == "" {
		n.any = s
	} else {
		if n.in == nil {
			n.in = make(map[string]*serviceRules)
		}
		n.in[key.namespace] = s
	}
	r.byName[key.name] = n
}

// kinds is a set of span kinds, a bit for each.
type kinds uint8

const allKinds = ^kinds(0)

// kindOf is the set of one. A kind that OTLP does not know is as good as unspecified.
func kindOf(k ptrace.SpanKind) kinds {
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

// A spanRule tells which spans count for an SLO and which of them are good. Of its judgements,
// good is there for an SLI of conditions, latency for one of latency, none for availability.
type spanRule struct {
	slo     *slo
	kinds   kinds
	match   *spanCondition
	good    *spanCondition
	latency *catalog.Latency
}

// A logRule tells the same of log records.
type logRule struct {
	slo         *slo
	match, good *logCondition
}

// compile adds the SLO's rule. An SLI that Prometheus evaluates has none.
func (r *serviceRules) compile(o *slo, sli *catalog.SLI) error {
	var errs []error
	switch {
	case sli.Availability != nil:
		rule, err := spanRuleOf(o, sli.Availability.SpanSelection)
		errs = append(errs, err)
		r.spans = append(r.spans, rule)
	case sli.Latency != nil:
		rule, err := spanRuleOf(o, sli.Latency.SpanSelection)
		errs = append(errs, err)
		rule.latency = sli.Latency
		r.spans = append(r.spans, rule)
	case sli.Spans != nil:
		rule := spanRule{slo: o, kinds: allKinds}
		errs = append(errs,
			compileTo(&rule.match, condition.Span, "spans.match", sli.Spans.Match),
			compileTo(&rule.good, condition.Span, "spans.good", sli.Spans.Good), required("spans.good", sli.Spans.Good))
		r.spans = append(r.spans, rule)
	case sli.Logs != nil:
		rule := logRule{slo: o}
		errs = append(errs,
			compileTo(&rule.match, condition.Log, "logs.match", sli.Logs.Match),
			compileTo(&rule.good, condition.Log, "logs.good", sli.Logs.Good), required("logs.good", sli.Logs.Good))
		r.logs = append(r.logs, rule)
	case sli.Metrics != nil:
		rule, err := metricRuleOf(o, sli.Metrics)
		errs = append(errs, err)
		r.metrics = append(r.metrics, rule)
	}
	for i := range r.spans {
		r.kinds |= r.spans[i].kinds
	}
	return errors.Join(errs...)
}

func spanRuleOf(o *slo, selection catalog.SpanSelection) (spanRule, error) {
	rule := spanRule{slo: o}
	var errs []error
	for _, name := range selection.Kinds {
		kind, ok := kindsByName[name]
		if !ok {
			errs = append(errs, fmt.Errorf("kinds: %.32q is no span kind", name))
			continue
		}
		rule.kinds |= kindOf(kind)
	}
	if len(selection.Kinds) == 0 {
		rule.kinds = kindOf(ptrace.SpanKindServer) | kindOf(ptrace.SpanKindConsumer)
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
