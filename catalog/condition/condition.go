// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package condition compiles the OTTL conditions of the catalog, so that what srectl accepts
// is, by construction, what the collector can evaluate.
//
// A path may name its context or leave it out: attributes["x"] and span.attributes["x"] are
// the same; resource.attributes["x"] and scope.name reach the span's surroundings. All
// standard converters of OTTL are there, and IsRootSpan for spans, as in the filter processor;
// editors, which change telemetry, are not.
package condition

import (
	"errors"
	"fmt"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottldatapoint"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottllog"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspan"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/ottlfuncs"
)

// Span compiles a condition over spans. The result is safe for concurrent use.
func Span(expr string) (*ottl.Condition[*ottlspan.TransformContext], error) {
	return compile(spans, expr)
}

// Log compiles a condition over log records. The result is safe for concurrent use.
func Log(expr string) (*ottl.Condition[*ottllog.TransformContext], error) {
	return compile(logs, expr)
}

// DataPoint compiles a condition over metric data points. The result is safe for concurrent use.
func DataPoint(expr string) (*ottl.Condition[*ottldatapoint.TransformContext], error) {
	return compile(dataPoints, expr)
}

// Parsers are built once: a parser costs as much as dozens of conditions. They are made
// without their package's EnablePathContextNames, which would require a context in front of
// every path; without it a path may have one or not.
var (
	spans      = parser(ottlspan.NewParser, ottlfuncs.NewIsRootSpanFactoryNew())
	logs       = parser(ottllog.NewParser)
	dataPoints = parser(ottldatapoint.NewParser)
)

type newParser[K any] func(map[string]ottl.Factory[K], component.TelemetrySettings, ...ottl.Option[K]) (ottl.Parser[K], error)

func parser[K any](newOne newParser[K], more ...ottl.Factory[K]) func() (ottl.Parser[K], error) {
	return sync.OnceValues(func() (ottl.Parser[K], error) {
		functions := ottlfuncs.StandardConverters[K]()
		for _, f := range more {
			functions[f.Name()] = f
		}
		return newOne(functions, component.TelemetrySettings{Logger: zap.NewNop()})
	})
}

// maxNesting bounds brackets within brackets: OTTL's parser takes seconds for a thousand.
const maxNesting = 50

var (
	errEmpty = errors.New("the condition is empty")
	errDeep  = fmt.Errorf("brackets nest deeper than %d", maxNesting)
)

func compile[K any](parser func() (ottl.Parser[K], error), expr string) (*ottl.Condition[K], error) {
	if expr == "" {
		return nil, errEmpty
	}
	if nesting(expr) > maxNesting {
		return nil, errDeep
	}
	p, err := parser()
	if err != nil {
		return nil, err
	}
	return p.ParseCondition(expr)
}

// nesting is the depth of nested brackets, except those in strings.
func nesting(expr string) (deepest int) {
	depth, quoted := 0, false
	for i := 0; i < len(expr); i++ {
		switch c := expr[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(' || c == '[' || c == '{':
			depth++
			deepest = max(deepest, depth)
		case c == ')' || c == ']' || c == '}':
			depth--
		}
	}
	return deepest
}
