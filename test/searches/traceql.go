// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package searches

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// A Span is one as a search sees it.
type Span struct {
	ptrace.Span
	Resource pcommon.Map
}

// TraceQL tells which spans each of the queries finds.
func TraceQL(ctx context.Context, spans []Span, queries []string) (map[string]Answer, error) {
	return answer(ctx, "traceql", spans, queries, compileTraceQL)
}

type ofSpan = func(Span) (bool, error)

func compileTraceQL(n *node) (query[Span], error) {
	finds, err := pipeline(n)
	return query[Span]{finds: finds}, err
}

func pipeline(n *node) (ofSpan, error) {
	switch n.name + ": " + n.shape() {
	case "TraceQL: SpansetPipelineExpression", "SpansetPipelineExpression: SpansetPipeline", "SpansetPipeline: SpansetFilter":
		return pipeline(n.children[0])
	case "SpansetPipelineExpression: SpansetPipelineExpression Pipe SpansetPipelineExpression":
		if err := selection(n.children[2]); err != nil {
			return nil, err
		}
		return pipeline(n.children[0])
	case "SpansetFilter: '{' FieldExpression '}'":
		return condition(n.children[0])
	}
	return nil, n.unknown()
}

// selection is a stage that shows more of the spans, and selects none.
func selection(n *node) error {
	switch n.name + ": " + n.shape() {
	case "SpansetPipelineExpression: SpansetPipeline", "SpansetPipeline: SelectOperation", "SelectOperation: 'select(' SelectArgs ')'", "SelectArgs: FieldExpression":
		return selection(n.children[0])
	case "SelectArgs: SelectArgs ',' FieldExpression":
		if err := selection(n.children[0]); err != nil {
			return err
		}
		return selection(n.children[1])
	case "FieldExpression: AttributeField", "FieldExpression: IntrinsicField":
		_, err := fieldOf(n)
		return err
	}
	return n.unknown()
}

const (
	bothSpans   = "FieldExpression And FieldExpression"
	eitherSpans = "FieldExpression Or FieldExpression"
)

func condition(n *node) (ofSpan, error) {
	operands := func(mixed string, join func(a, b ofSpan) ofSpan) (ofSpan, error) {
		if err := unparenthesized(n, mixed); err != nil {
			return nil, err
		}
		a, err := condition(n.children[0])
		if err != nil {
			return nil, err
		}
		b, err := condition(n.children[2])
		if err != nil {
			return nil, err
		}
		return join(a, b), nil
	}
	switch n.shape() {
	case "'(' FieldExpression ')'":
		return condition(n.children[0])
	case bothSpans:
		return operands(eitherSpans, both[Span])
	case eitherSpans:
		return operands(bothSpans, either[Span])
	case "FieldExpression FieldOp FieldExpression":
		f, err := fieldOf(n.children[0])
		if err != nil {
			return nil, err
		}
		return f.compare(f, n.children[1], n.children[2])
	}
	return nil, n.unknown()
}

// A field is a part of a span that queries ask for. Without it a span is not found, whatever it is compared with.
type field struct {
	of      func(Span) any // nil: the span has none
	compare func(f field, operator, static *node) (ofSpan, error)
}

// fieldOf is the field that an expression names.
func fieldOf(n *node) (field, error) {
	if shape := n.shape(); shape != "AttributeField" && shape != "IntrinsicField" {
		return field{}, n.unknown()
	}
	switch of := n.children[0]; of.shape() {
	case "'status'":
		return field{func(s Span) any { return s.Status().Code() }, oneOf(statuses)}, nil
	case "'kind'":
		return field{func(s Span) any { return s.Kind() }, oneOf(kinds)}, nil
	case "'duration'":
		return field{func(s Span) any { return float64(s.EndTimestamp() - s.StartTimestamp()) }, byDuration}, nil
	case "Resource '.' Identifier":
		return attribute(of.children[1].text(), func(s Span) pcommon.Map { return s.Resource }), nil
	case "Span '.' Identifier":
		return attribute(of.children[1].text(), func(s Span) pcommon.Map { return s.Attributes() }), nil
	default:
		return field{}, of.unknown()
	}
}

// attribute is one of the span or of its resource; integers are what other numbers are.
func attribute(name string, of func(Span) pcommon.Map) field {
	return field{func(s Span) any {
		value, found := of(s).Get(name)
		switch {
		case !found:
			return nil
		case value.Type() == pcommon.ValueTypeInt:
			return float64(value.Int())
		}
		return value.AsRaw()
	}, byValue}
}

var statuses = map[string]ptrace.StatusCode{"unset": ptrace.StatusCodeUnset, "ok": ptrace.StatusCodeOk, "error": ptrace.StatusCodeError}

var kinds = map[string]ptrace.SpanKind{
	"unspecified": ptrace.SpanKindUnspecified, "internal": ptrace.SpanKindInternal, "server": ptrace.SpanKindServer,
	"client": ptrace.SpanKindClient, "producer": ptrace.SpanKindProducer, "consumer": ptrace.SpanKindConsumer,
}

// oneOf compares with one of some names.
func oneOf[V comparable](names map[string]V) func(f field, operator, static *node) (ofSpan, error) {
	return func(f field, operator, static *node) (ofSpan, error) {
		want, known := names[static.text()]
		if !known || static.shape() != "Static" || len(static.children[0].children) > 0 {
			return nil, static.unknown()
		}
		equal := operator.text() == "="
		if !equal && operator.text() != "!=" {
			return nil, operator.unknown()
		}
		return func(s Span) (bool, error) {
			return (f.of(s) == any(want)) == equal, nil
		}, nil
	}
}

func byDuration(f field, operator, static *node) (ofSpan, error) {
	if static.shape() != "Static" {
		return nil, static.unknown()
	}
	if static = static.children[0]; static.shape() != "Duration" {
		return nil, static.unknown()
	}
	d, err := time.ParseDuration(static.text())
	if err != nil {
		return nil, static.refuse("%w", err)
	}
	return f.ordered(operator, float64(d))
}

// byValue compares an attribute. What "not equal" says of a span without it is for nobody to guess.
func byValue(f field, operator, static *node) (ofSpan, error) {
	if static.shape() != "Static" {
		return nil, static.unknown()
	}
	switch static = static.children[0]; static.shape() {
	case "Integer", "Float":
		want, err := strconv.ParseFloat(static.text(), 64)
		if err != nil {
			return nil, static.refuse("%w", err)
		}
		return f.ordered(operator, want)
	case "String":
		kind, known := map[string]labels.MatchType{"=": labels.MatchEqual, "=~": labels.MatchRegexp}[operator.text()]
		if !known {
			return nil, operator.unknown()
		}
		m, err := matcher(kind, "", static.children[0])
		if err != nil {
			return nil, err
		}
		return func(s Span) (bool, error) {
			text, is := f.of(s).(string)
			return is && m.Matches(text), nil
		}, nil
	}
	return nil, static.unknown()
}

func (f field) ordered(operator *node, want float64) (ofSpan, error) {
	holds := orders[operator.text()]
	if holds == nil {
		return nil, operator.unknown()
	}
	return func(s Span) (bool, error) {
		number, is := f.of(s).(float64)
		return is && holds(number, want), nil
	}, nil
}
