// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package judge

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

func TestAnSLOThatCannotBeEvaluatedIsLeftOut(t *testing.T) {
	compiled, err := CompileAll(&catalog.Catalog{Services: []*catalog.Service{{
		Name: "checkout",
		SLOs: []*catalog.SLO{
			{Name: "broken", SLI: catalog.SLI{Spans: &catalog.Conditions{Good: "attributes["}}},
			{Name: "availability", SLI: catalog.SLI{Availability: &catalog.Availability{}}},
		},
	}}})
	require.ErrorContains(t, err, "broken")
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "checkout")
	span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetKind(ptrace.SpanKindServer)
	assert.False(t, compiled.HasBad(t.Context(), td))
	span.Status().SetCode(ptrace.StatusCodeError)
	assert.True(t, compiled.HasBad(t.Context(), td), "the other SLO of the service still judges")
}

func TestLabel(t *testing.T) {
	for in, want := range map[string]string{
		"":                                 "",
		"plain":                            "plain",
		strings.Repeat("x", MaxLabel):      strings.Repeat("x", MaxLabel),
		strings.Repeat("x", MaxLabel+1):    strings.Repeat("x", MaxLabel),
		strings.Repeat("x", 255) + "é":     strings.Repeat("x", 255),
		strings.Repeat("\x80", MaxLabel*2): "?",
	} {
		assert.Equal(t, want, label(in))
	}
}
