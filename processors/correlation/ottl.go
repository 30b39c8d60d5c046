// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottllog"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspan"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/ottlfuncs"
)

type (
	spanValue = ottl.ValueExpression[*ottlspan.TransformContext]
	logValue  = ottl.ValueExpression[*ottllog.TransformContext]
)

type spanExpression struct {
	rank  rank
	value *spanValue
}

type logExpression struct {
	rank  rank
	value *logValue
}

var (
	spanParser = sync.OnceValues(func() (ottl.Parser[*ottlspan.TransformContext], error) {
		return ottlspan.NewParser(ottlfuncs.StandardConverters[*ottlspan.TransformContext](), component.TelemetrySettings{Logger: zap.NewNop()})
	})
	logParser = sync.OnceValues(func() (ottl.Parser[*ottllog.TransformContext], error) {
		return ottllog.NewParser(ottlfuncs.StandardConverters[*ottllog.TransformContext](), component.TelemetrySettings{Logger: zap.NewNop()})
	})
)

// compileOTTL compiles the expression for spans and for log records; one of them may be nil.
func compileOTTL(expr string) (*spanValue, *logValue, error) {
	spans, err := spanParser()
	if err != nil {
		return nil, nil, err
	}
	logs, err := logParser()
	if err != nil {
		return nil, nil, err
	}
	span, spanErr := spans.ParseValueExpression(expr)
	log, logErr := logs.ParseValueExpression(expr)
	if spanErr != nil && logErr != nil {
		return nil, nil, fmt.Errorf("ottl: %.100q is not a value expression for spans or log records; fix it: %.300q",
			expr, errors.Join(spanErr, logErr).Error())
	}
	if spanErr != nil {
		span = nil
	}
	if logErr != nil {
		log = nil
	}
	return span, log, nil
}

// An expression that fails on an item finds nothing in it: it is written for some items, and runs on all.

func (s *search) spanExpressions(ctx context.Context, rs ptrace.ResourceSpans, ss ptrace.ScopeSpans, span ptrace.Span) {
	for _, e := range s.plan.spans {
		if e.rank >= s.rank {
			return
		}
		t := ottlspan.NewTransformContextPtr(rs, ss, span)
		if value, err := e.value.Eval(ctx, t); err == nil {
			s.offerAny(e.rank, value)
		}
		t.Close()
	}
}

func (s *search) logExpressions(ctx context.Context, rl plog.ResourceLogs, sl plog.ScopeLogs, record plog.LogRecord) {
	for _, e := range s.plan.logs {
		if e.rank >= s.rank {
			return
		}
		t := ottllog.NewTransformContextPtr(rl, sl, record)
		if value, err := e.value.Eval(ctx, t); err == nil {
			s.offerAny(e.rank, value)
		}
		t.Close()
	}
}

func (s *search) offerAny(r rank, value any) {
	switch v := value.(type) {
	case string:
		s.offer(r, v)
	case int64:
		s.offer(r, strconv.FormatInt(v, 10))
	case pcommon.Value:
		s.offerValue(r, v)
	case pcommon.Slice:
		s.offerSlice(r, v)
	}
}
