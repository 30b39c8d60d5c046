// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/judge"
)

// Whatever the span, package judge calls it bad when, and only when, the connector counts a bad event.
func TestJudgeAgreesWithWhatIsCounted(t *testing.T) {
	cat := catalogOf(t, `metadata: {name: checkout, namespace: shop}
spec:
  environments: [production]
  slos:
    - {name: availability, objective: 99, sli: {availability: {}}}
    - {name: latency, objective: 99, sli: {latency: {threshold: 300ms, excludeErrors: true}}}
    - {name: paid, objective: 99, sli: {spans: {match: 'attributes["order.total"] != nil', good: 'attributes["order.paid"] == true'}}}
    - {name: from-prometheus, objective: 99, sli: {prometheus: {errors: 'sum(rate(a[{{.window}}]))', total: 'sum(rate(b[{{.window}}]))'}}}`,
		`metadata: {name: search}
spec:
  slos: [{name: fast, objective: 99, sli: {latency: {threshold: 100ms}}}]`)
	compiled, err := judge.CompileAll(cat)
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(1, 2))
	one := func(values ...string) string { return values[random.IntN(len(values))] }
	seen := map[bool]int{}
	for range 3000 {
		td := ptrace.NewTraces()
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", one("checkout", "search", "unknown"))
		rs.Resource().Attributes().PutStr("service.namespace", one("", "shop", "other"))
		rs.Resource().Attributes().PutStr("deployment.environment.name", one("", "production", "staging"))
		span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		span.SetKind(ptrace.SpanKind(random.IntN(7)))
		span.Status().SetCode(ptrace.StatusCode(random.IntN(3)))
		span.SetStartTimestamp(pcommon.Timestamp(random.IntN(2) * 1e9))
		span.SetEndTimestamp(1e9 + pcommon.Timestamp(random.IntN(500)*1e6))
		if random.IntN(2) == 0 {
			span.Attributes().PutInt("http.response.status_code", int64(200+100*random.IntN(4)))
		}
		if random.IntN(2) == 0 {
			span.Attributes().PutInt("order.total", 5)
			span.Attributes().PutBool("order.paid", random.IntN(2) == 0)
		}

		f := startUnbound(t, cat)
		require.NoError(t, f.ConsumeTraces(t.Context(), td))
		var counted bool
		for _, line := range f.counts(t) {
			counted = counted || strings.Contains(line, " bad ") && !strings.HasSuffix(line, " 0")
		}
		require.NoError(t, f.Shutdown(t.Context()))
		seen[counted]++
		bytes, err := (&ptrace.JSONMarshaler{}).MarshalTraces(td)
		require.NoError(t, err)
		require.Equal(t, counted, compiled.HasBad(t.Context(), td), "%s", bytes)
	}
	assert.Greater(t, min(seen[true], seen[false]), 100, "both kinds were tried: %v", seen)
}
