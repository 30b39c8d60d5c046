// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package judge

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// Checks count where the SLI names them, and users everywhere else.
func TestSyntheticSpans(t *testing.T) {
	s := &catalog.Service{Name: "checkout", SLOs: []*catalog.SLO{
		{Name: "users", SLI: catalog.SLI{Availability: &catalog.Availability{}}},
		{Name: "all", SLI: catalog.SLI{Spans: &catalog.Conditions{Good: `status.code != 2`}}},
		{Name: "checks", SLI: catalog.SLI{Spans: &catalog.Conditions{Match: `attributes["check.name"] != nil`, Good: `status.code != 2`}}},
		{Name: "both", SLI: catalog.SLI{Spans: &catalog.Conditions{Good: `status.code != 2 or attributes["user_agent.synthetic.type"] == "bot"`}}},
	}}
	for name, c := range map[string]struct {
		change func(ptrace.Span)
		want   []Judgment
		cause  Cause
	}{
		"a user":                   {func(ptrace.Span) {}, []Judgment{Good, Good, Unselected, Good}, Succeeded},
		"a user's agent":           {func(s ptrace.Span) { s.Attributes().PutStr("user_agent.original", "curl/8") }, []Judgment{Good, Good, Unselected, Good}, Succeeded},
		"a request of a check":     {func(s ptrace.Span) { s.Attributes().PutStr("user_agent.original", "otelcol-sre-check/1 (shop)") }, []Judgment{Unselected, Unselected, Unselected, Good}, Synthetic},
		"another synthetic client": {func(s ptrace.Span) { s.Attributes().PutStr("user_agent.synthetic.type", "bot") }, []Judgment{Unselected, Unselected, Unselected, Good}, Synthetic},
		"a check": {func(s ptrace.Span) {
			s.Attributes().PutStr("check.name", "home")
			s.Attributes().PutStr("user_agent.synthetic.type", "test")
		}, []Judgment{Unselected, Unselected, Good, Good}, Synthetic},
	} {
		got := explained(t, s, c.change)
		for i := range got {
			assert.Equal(t, c.want[i], got[i].Judgment, "%s: %s", name, s.SLOs[i].Name)
		}
		assert.Equal(t, c.cause, got[0].Cause, name)
	}

	resource := pcommon.NewResource()
	resource.Attributes().PutStr("service.name", "checkout")
	assert.False(t, Identify(resource).Synthetic)
	resource.Attributes().PutStr("user_agent.synthetic.type", "test")
	assert.True(t, Identify(resource).Synthetic)
}
