// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package condition

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottldatapoint"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottllog"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspan"
)

func TestSpan(t *testing.T) {
	traces := ptrace.NewTraces()
	rs := traces.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "checkout")
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("http")
	span := ss.Spans().AppendEmpty()
	span.SetName("POST /order")
	span.SetKind(ptrace.SpanKindServer)
	span.Attributes().PutInt("order.total", 12)
	span.Attributes().PutBool("order.paid", true)

	for expr, want := range map[string]bool{
		`attributes["order.total"] != nil`:                  true,
		`span.attributes["order.total"] != nil`:             true,
		`attributes["order.paid"] == true`:                  true,
		`attributes["order.paid"] == false`:                 false,
		`attributes["absent"] != nil`:                       false,
		`resource.attributes["service.name"] == "checkout"`: true,
		`scope.name == "http"`:                              true,
		`instrumentation_scope.name == "http"`:              true,
		`kind == SPAN_KIND_SERVER`:                          true,
		`span.kind == SPAN_KIND_SERVER and name == "other"`: false,
		`IsMatch(name, "^POST ") and IsRootSpan()`:          true,
	} {
		compiled, err := Span(expr)
		require.NoError(t, err, expr)
		tc := ottlspan.NewTransformContextPtr(rs, ss, span)
		got, err := compiled.Eval(t.Context(), tc)
		tc.Close()
		require.NoError(t, err, expr)
		assert.Equal(t, want, got, expr)
	}
}

func TestLog(t *testing.T) {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	sl := rl.ScopeLogs().AppendEmpty()
	record := sl.LogRecords().AppendEmpty()
	record.SetSeverityNumber(plog.SeverityNumberError)
	record.Body().SetStr("payment refused")

	for expr, want := range map[string]bool{
		`severity_number >= SEVERITY_NUMBER_ERROR`: true,
		`log.severity_number < 9`:                  false,
		`IsMatch(body, "refused$")`:                true,
	} {
		compiled, err := Log(expr)
		require.NoError(t, err, expr)
		tc := ottllog.NewTransformContextPtr(rl, sl, record)
		got, err := compiled.Eval(t.Context(), tc)
		tc.Close()
		require.NoError(t, err, expr)
		assert.Equal(t, want, got, expr)
	}
}

func TestDataPoint(t *testing.T) {
	metrics := pmetric.NewMetrics()
	rm := metrics.ResourceMetrics().AppendEmpty()
	sm := rm.ScopeMetrics().AppendEmpty()
	metric := sm.Metrics().AppendEmpty()
	metric.SetName("queue.messages")
	point := metric.SetEmptySum().DataPoints().AppendEmpty()
	point.Attributes().PutBool("late", false)

	for expr, want := range map[string]bool{
		`attributes["late"] == false`:           true,
		`datapoint.attributes["late"] == true`:  false,
		`metric.name == "queue.messages"`:       true,
		`resource.attributes["x"] == nil`:       true,
		`datapoint.attributes["absent"] != nil`: false,
	} {
		compiled, err := DataPoint(expr)
		require.NoError(t, err, expr)
		tc := ottldatapoint.NewTransformContextPtr(rm, sm, metric, point)
		got, err := compiled.Eval(t.Context(), tc)
		tc.Close()
		require.NoError(t, err, expr)
		assert.Equal(t, want, got, expr)
	}
}

func TestRefuses(t *testing.T) {
	for _, expr := range []string{
		``,
		`attributes["x"] ==`,
		`attribute["x"] == nil`,
		`Frobnicate(name) == true`,
		`set(name, "x")`,
		`datapoint.attributes["x"] == nil`,
		`kind == SPAN_KIND_UNHEARD_OF`,
	} {
		_, err := Span(expr)
		assert.Error(t, err, expr)
	}
}

// TestDeepNesting: what would keep the parser busy for seconds is refused at once.
func TestDeepNesting(t *testing.T) {
	deep := func(open, inner, closing string, n int) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(closing, n)
	}
	for _, expr := range []string{
		deep("(", `name == "a"`, ")", maxNesting),
		`name == "\"((((` + strings.Repeat("(", maxNesting) + `"`,
	} {
		_, err := Span(expr)
		assert.NoError(t, err, expr)
	}
	for _, expr := range []string{
		deep("(", `name == "a"`, ")", maxNesting+1),
		deep("(", "", "", 2000),
		deep("Len(", "name", ")", 2000) + " == 1",
		"name == " + deep("[", "1", "]", 2000),
		deep("attributes[", `"a"`, "]", 2000) + " == 1",
	} {
		_, err := Span(expr)
		assert.ErrorIs(t, err, errDeep)
	}
}
