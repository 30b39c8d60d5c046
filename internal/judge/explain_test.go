// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package judge

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottllog"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

func explained(t *testing.T, s *catalog.Service, change func(ptrace.Span)) []Explanation {
	t.Helper()
	rules, err := Compile(s)
	require.NoError(t, err)
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	scope := rs.ScopeSpans().AppendEmpty()
	span := scope.Spans().AppendEmpty()
	span.SetKind(ptrace.SpanKindServer)
	span.SetStartTimestamp(1)
	span.SetEndTimestamp(1 + 400_000_000)
	change(span)
	e := SpanEvent{Resource: rs, Scope: scope, Span: span}
	found := rules.ExplainSpan(t.Context(), &e)
	for _, x := range found { // the same as what counts
		rule := &rules.Spans[x.SLO]
		want := Unselected
		if KindOf(span.Kind())&rule.Kinds != 0 {
			want = e.Judge(t.Context(), rule)
		}
		assert.Equal(t, want, x.Judgment)
		e.Reset()
	}
	return found
}

func TestExplainSpan(t *testing.T) {
	slos := func(slis ...catalog.SLI) *catalog.Service {
		s := &catalog.Service{Name: "checkout"}
		for _, sli := range slis {
			s.SLOs = append(s.SLOs, &catalog.SLO{Name: "slo", SLI: sli})
		}
		return s
	}
	orders := `attributes["order"] != nil`
	all := slos(
		catalog.SLI{Availability: &catalog.Availability{}},
		catalog.SLI{Latency: &catalog.Latency{Threshold: 300 * time.Millisecond}},
		catalog.SLI{Latency: &catalog.Latency{Threshold: time.Second, ExcludeErrors: true, SpanSelection: catalog.SpanSelection{Match: orders}}},
		catalog.SLI{Latency: &catalog.Latency{Threshold: time.Second, ErrorsAreBad: true}},
		catalog.SLI{Spans: &catalog.Conditions{Match: orders, Good: `attributes["paid"] == true`}},
		catalog.SLI{Spans: &catalog.Conditions{Good: `Int(attributes["order"]) > 1 and Len(attributes["order"]) > 0`}},
	)
	for name, c := range map[string]struct {
		change func(ptrace.Span)
		want   []Explanation
	}{
		"good": {func(s ptrace.Span) { s.Attributes().PutStr("order", "7") }, []Explanation{
			{0, Good, Succeeded, ""}, {1, Bad, Slow, "400ms"}, {2, Good, Fast, "400ms"}, {3, Good, Fast, "400ms"}, {4, Bad, GoodDoesNotHold, ""}, {5, Good, GoodHolds, ""},
		}},
		"bad": {func(s ptrace.Span) {
			s.Attributes().PutStr("order", "7")
			s.Attributes().PutInt("http.response.status_code", 503)
			s.Attributes().PutBool("paid", true)
		}, []Explanation{
			{0, Bad, Failed, "http.response.status_code = 503"}, {1, Bad, Slow, "400ms"}, {2, Unselected, ErrorExcluded, "http.response.status_code = 503"},
			{3, Bad, Failed, "http.response.status_code = 503"}, {4, Good, GoodHolds, ""}, {5, Good, GoodHolds, ""},
		}},
		"a kind that does not count": {func(s ptrace.Span) { s.SetKind(ptrace.SpanKindInternal); s.Attributes().PutStr("order", "1") }, []Explanation{
			{0, Unselected, OtherKind, "INTERNAL"}, {1, Unselected, OtherKind, "INTERNAL"}, {2, Unselected, OtherKind, "INTERNAL"}, {3, Unselected, OtherKind, "INTERNAL"},
			{4, Bad, GoodDoesNotHold, ""}, {5, Bad, GoodDoesNotHold, ""},
		}},
		"no match, no start": {func(s ptrace.Span) { s.SetStartTimestamp(0); s.Attributes().PutInt("paid", 1) }, []Explanation{
			{0, Good, Succeeded, ""}, {1, NoDuration, Timeless, ""}, {2, Unselected, NoMatch, ""}, {3, NoDuration, Timeless, ""}, {4, Unselected, NoMatch, ""}, {5, Bad, GoodDoesNotHold, ""},
		}},
		"a condition that fails": {func(s ptrace.Span) {
			s.SetKind(ptrace.SpanKindInternal)
			s.Attributes().PutInt("order", 7)
		}, []Explanation{
			{0, Unselected, OtherKind, "INTERNAL"}, {1, Unselected, OtherKind, "INTERNAL"}, {2, Unselected, OtherKind, "INTERNAL"}, {3, Unselected, OtherKind, "INTERNAL"},
			{4, Bad, GoodDoesNotHold, ""}, {5, ConditionError, GoodFails, "target arg must be of type string, []any, map[string]any, pcommon.Map, pcommon.Slice, or pcommon.Value (of type String, Map, Slice)"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got := explained(t, all, c.change)
			for i := range got {
				if got[i].Judgment == ConditionError {
					assert.Contains(t, got[i].Detail, "must be of type string")
					got[i].Detail, c.want[i].Detail = "", ""
				}
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestExplainLog(t *testing.T) {
	rules, err := Compile(&catalog.Service{Name: "checkout", SLOs: []*catalog.SLO{
		{Name: "good", SLI: catalog.SLI{Logs: &catalog.Conditions{Good: `severity_number < 17`}}},
		{Name: "bad", SLI: catalog.SLI{Logs: &catalog.Conditions{Good: `severity_number > 17`}}},
		{Name: "none", SLI: catalog.SLI{Logs: &catalog.Conditions{Match: `attributes["order"] != nil`, Good: `severity_number < 17`}}},
		{Name: "fails", SLI: catalog.SLI{Logs: &catalog.Conditions{Match: `Len(attributes["n"]) > 0`, Good: `severity_number < 17`}}},
	}})
	require.NoError(t, err)
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	scope := rl.ScopeLogs().AppendEmpty()
	record := scope.LogRecords().AppendEmpty()
	record.SetSeverityNumber(plog.SeverityNumberInfo)
	record.Attributes().PutInt("n", 1)
	got := rules.ExplainLog(t.Context(), ottllog.NewTransformContextPtr(rl, scope, record))
	require.NotEmpty(t, got[3].Detail)
	got[3].Detail = ""
	assert.Equal(t, []Explanation{{0, Good, GoodHolds, ""}, {1, Bad, GoodDoesNotHold, ""}, {2, Unselected, NoMatch, ""}, {3, ConditionError, MatchFails, ""}}, got)
}

func TestKindsHaveNames(t *testing.T) {
	assert.Equal(t, "SERVER, CONSUMER", (KindOf(ptrace.SpanKindServer) | KindOf(ptrace.SpanKindConsumer)).String())
	assert.Equal(t, "any kind", allKinds.String())
	assert.Equal(t, "UNSPECIFIED", KindOf(99).String())
}
