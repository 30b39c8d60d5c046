// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package judge

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottllog"
)

// A Cause is the reason for a judgment.
type Cause uint8

// The causes, by the judgment that they lead to.
const (
	// OtherKind: the span is of a kind that the rule does not count. Unselected.
	OtherKind Cause = iota
	// NoMatch: the match does not hold. Unselected.
	NoMatch
	// ErrorExcluded: the span failed, and the rule counts no errors. Unselected.
	ErrorExcluded
	// Synthetic: the span is of a synthetic check, and the rule counts users. Unselected.
	Synthetic
	// MatchFails, GoodFails: the condition cannot be evaluated for this event. ConditionError.
	MatchFails
	GoodFails
	// Timeless: the span has no start, or ends before it. NoDuration.
	Timeless
	// GoodHolds, Succeeded, Fast: Good.
	GoodHolds
	Succeeded
	Fast
	// GoodDoesNotHold, Failed, Slow: Bad.
	GoodDoesNotHold
	Failed
	Slow
)

// An Explanation is what a rule says of an event, and why.
type Explanation struct {
	// SLO is the index in the service's list.
	SLO      int
	Judgment Judgment
	Cause    Cause
	// Detail is what the cause was found in: an error, the sign of a failure, a duration. It may have text of the event.
	Detail string
}

// ExplainSpan is what each rule says of the span, by the same evaluation that counts. It is for people: it is not fast.
func (r *Rules) ExplainSpan(ctx context.Context, e *SpanEvent) []Explanation {
	defer e.Reset()
	explained := make([]Explanation, len(r.Spans))
	for i := range r.Spans {
		explained[i] = e.explain(ctx, &r.Spans[i])
	}
	return explained
}

func (e *SpanEvent) explain(ctx context.Context, rule *SpanRule) Explanation {
	x := Explanation{SLO: rule.SLO}
	if KindOf(e.Span.Kind())&rule.Kinds == 0 {
		x.Detail = KindOf(e.Span.Kind()).String()
		return x
	}
	if rule.users && e.isSynthetic() {
		x.Cause = Synthetic
		return x
	}
	x.Judgment = e.Judge(ctx, rule)
	matches := Good
	if rule.match != nil {
		matches = e.eval(ctx, rule.match)
	}
	switch {
	case x.Judgment == ConditionError && matches == ConditionError:
		x.Cause = MatchFails
		_, err := rule.match.Eval(ctx, e.ottl)
		x.Detail = err.Error()
	case x.Judgment == ConditionError:
		x.Cause = GoodFails
		_, err := rule.good.Eval(ctx, e.ottl)
		x.Detail = err.Error()
	case x.Judgment == NoDuration:
		x.Cause = Timeless
	case x.Judgment == Unselected && matches == Bad:
		x.Cause = NoMatch
	case x.Judgment == Unselected:
		x.Cause, x.Detail = ErrorExcluded, failureOf(e.Span)
	case rule.good != nil:
		x.Cause = either(x.Judgment, GoodHolds, GoodDoesNotHold)
	case rule.latency == nil:
		x.Cause, x.Detail = either(x.Judgment, Succeeded, Failed), failureOf(e.Span)
	case rule.latency.ErrorsAreBad && e.outcome() == Bad:
		x.Cause, x.Detail = Failed, failureOf(e.Span)
	default:
		x.Cause = either(x.Judgment, Fast, Slow)
		x.Detail = time.Duration(e.Span.EndTimestamp() - e.Span.StartTimestamp()).String()
	}
	return x
}

func either(j Judgment, good, bad Cause) Cause {
	if j == Good {
		return good
	}
	return bad
}

// ExplainLog is what each rule says of a log record.
func (r *Rules) ExplainLog(ctx context.Context, record *ottllog.TransformContext) []Explanation {
	explained := make([]Explanation, len(r.Logs))
	for i := range r.Logs {
		rule, x := &r.Logs[i], &explained[i]
		x.SLO = rule.SLO
		x.Judgment = rule.Judge(ctx, record)
		switch x.Judgment {
		case Good:
			x.Cause = GoodHolds
		case Bad:
			x.Cause = GoodDoesNotHold
		case ConditionError:
			x.Cause = GoodFails
			_, err := rule.good.Eval(ctx, record)
			if rule.match != nil {
				if _, matchErr := rule.match.Eval(ctx, record); matchErr != nil {
					x.Cause, err = MatchFails, matchErr
				}
			}
			x.Detail = err.Error()
		default:
			x.Cause = NoMatch
		}
	}
	return explained
}

// failureOf is the sign by which a span failed; "" if it did not.
func failureOf(span ptrace.Span) (sign string) {
	if span.Status().Code() == ptrace.StatusCodeError {
		return "status ERROR"
	}
	for key, value := range span.Attributes().All() {
		if mayTellFailure(key) && failure(key, value, span.Kind()) {
			return fmt.Sprintf("%s = %s", key, bounded(value))
		}
	}
	return ""
}

func bounded(v pcommon.Value) string { return label(v.AsString()) }

// kindNames are those of OTLP, by the kind.
var kindNames = [...]string{"UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"}

// String names the kinds, as in "SERVER, CONSUMER"; "any kind" for all.
func (k Kinds) String() string {
	if k == allKinds {
		return "any kind"
	}
	var names []string
	for i, name := range kindNames {
		if k&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
