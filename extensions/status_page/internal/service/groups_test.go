// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/alert"
)

func TestWorstGroupsFirst(t *testing.T) {
	edge := &catalog.Service{Name: "edge", SLOs: []*catalog.SLO{{
		Name: "availability", Objective: 99, Window: catalog.Window{Rolling: 720 * time.Hour}, GroupBy: []string{"host"}, SLI: catalog.SLI{Prometheus: &catalog.Prometheus{}},
	}}}
	counted := &catalog.Service{Name: "edge", SLOs: []*catalog.SLO{{
		Name: "availability", Objective: 99, Window: catalog.Window{Rolling: 720 * time.Hour}, GroupBy: []string{"host.name"}, SLI: catalog.SLI{Availability: &catalog.Availability{}},
	}}}
	byAttribute, _ := ask(t, source{vectors: map[string]model.Vector{"bottomk": {{Metric: model.Metric{"host_name": "a"}, Value: 0.5}}}}, counted, "")
	require.Len(t, byAttribute.Objectives[0].Groups, 1)
	assert.Equal(t, "host.name=a", byAttribute.Objectives[0].Groups[0].Name, "what the collector counts has attributes")
	of := func(host string, v float64) *model.Sample {
		return &model.Sample{Metric: model.Metric{"host": model.LabelValue(host)}, Value: model.SampleValue(v)}
	}
	got, queries := ask(t, source{vectors: map[string]model.Vector{
		"bottomk":                       {of("a", 0.5), of("b", -3), of(strings.Repeat("x", 500), 0.4)},
		"by (host) (slo:sli_error:rati": {of("a", 0.001), of("b", 0.2)},
	}}, edge, "")
	require.Len(t, got.Objectives, 1)
	groups := got.Objectives[0].Groups
	require.Len(t, groups, 3)
	assert.Equal(t, "host=b", groups[0].Name)
	assert.InDelta(t, -3, float64(groups[0].Remaining), 0)
	assert.InDelta(t, 20, float64(groups[0].Burn), 1e-9)
	assert.Less(t, len(groups[1].Name), 120, "bounded")
	assert.False(t, groups[1].Burn.Known())
	assert.Equal(t, "host=a", groups[2].Name)
	assert.Contains(t, strings.Join(queries, "\n"), `bottomk(20, min by (host) (slo:period_error_budget_remaining:ratio{service_name="edge"`)
}

// One group of many is found by a part of its value, whatever characters that has.
func TestGroupsThatContain(t *testing.T) {
	edge := &catalog.Service{Name: "edge", SLOs: []*catalog.SLO{{
		Name: "availability", Objective: 99, Window: catalog.Window{Rolling: 720 * time.Hour}, GroupBy: []string{"host", "path"}, SLI: catalog.SLI{Prometheus: &catalog.Prometheus{}},
	}}}
	s := source{asked: make(chan string, 100)}
	Load(t.Context(), Question{
		Service: edge, Catalog: &catalog.Catalog{Services: []*catalog.Service{edge}}, Names: usual, Range: time.Hour, Now: now, Group: `a.b"}) or vector(1`,
		Directory: alert.Directory{Catalog: &catalog.Catalog{}, Names: usual, Runbook: func(string, string) string { return "" }},
	}, s)
	close(s.asked)
	worst := ""
	for query := range s.asked {
		_, err := parser.NewParser(parser.Options{}).ParseExpr(query)
		require.NoError(t, err, query)
		if strings.HasPrefix(query, "bottomk") {
			worst = query
		}
	}
	for _, label := range []string{"host", "path"} {
		assert.Contains(t, worst, label+`=~"(?i).*a\\.b\"\\}\\) or vector\\(1.*"`)
	}
}
