// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/deployment"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/prometheus"
)

// told answers what is asked about versions: what is said now, what was said, what runs, and the facts.
type told struct {
	Source
	now, before, running, facts, odds, gates model.Vector
	steps                                    map[string]model.Vector
}

func (s told) Instant(_ context.Context, query string) (model.Vector, error) {
	switch {
	case strings.HasPrefix(query, "min("):
		return model.Vector{{Value: 100}}, nil
	case strings.Contains(query, "young_version"), strings.Contains(query, "beside_version"), strings.Contains(query, "increase("):
		return s.steps[query], nil
	case strings.Contains(query, "evalue"):
		return s.odds, nil
	case strings.Contains(query, string(usual.Gated)):
		return s.gates, nil
	case strings.Contains(query, string(usual.Info)):
		return s.facts, nil
	case strings.Contains(query, string(usual.Instances)):
		return s.running, nil
	case strings.Contains(query, "last_over_time"):
		return s.before, nil
	}
	return s.now, nil
}

func sample(value float64, labels ...string) *model.Sample {
	m := model.Metric{}
	for n := 0; n < len(labels); n += 2 {
		m[model.LabelName(labels[n])] = model.LabelValue(labels[n+1])
	}
	return &model.Sample{Metric: m, Value: model.SampleValue(value)}
}

// During an incident only the new version runs: those before it are listed, too.
func TestVersions(t *testing.T) {
	revision := strings.Repeat("2222a22a", 5)
	s := told{
		before: model.Vector{
			sample(100, "service_version", "1.0", "deployment_status", "completed"), sample(200, "service_version", "1.1", "deployment_status", "completed"),
			sample(300, "service_version", "1.2", "deployment_status", "rolled_back"), sample(400, "service_version", "1.3", "deployment_status", "started"),
		},
		now:     model.Vector{sample(400, "service_version", "1.3", "deployment_status", "completed", "vcs_ref_head_revision", revision)},
		running: model.Vector{sample(3, "service_version", "1.3")},
		gates:   model.Vector{sample(450, "service_version", "1.3", "deployment_gate_verdict", "fail", "deployment_gate_reason", "many failed")},
		odds:    model.Vector{sample(250, "service_version", "1.3"), sample(7, "service_version", "unknown")},
		facts: model.Vector{sample(1, "service_version", "1.3", "vcs_ref_head_revision", revision, "deployment_previous_version", "1.1", "vcs_repository_url_full", "https://git.example.com/shop/checkout",
			"deployment_compare_url", "https://git.example.com/shop/checkout/compare/v1.1...v1.3", "cicd_pipeline_run_url_full", "javascript:alert(1)",
			"user_name", "ada", "vcs_change_id", "42", "deployment_tickets", "SHOP-7")},
	}
	l := loader{context: t.Context(), source: s, names: usual, service: &Service{Period: prometheus.Period{}, Service: &catalog.Service{Name: "checkout"}}}
	versions, err := l.askVersions()
	require.NoError(t, err)
	l.matrices = map[string]model.Matrix{
		l.requestRate(): {{Metric: model.Metric{"service_version": "1.1"}, Values: []model.SamplePair{{Value: 4}, {Value: 6}}}, {Metric: model.Metric{"service_version": "1.3"}, Values: []model.SamplePair{{Value: 7}}}},
		l.failedShare(): {{Metric: model.Metric{"service_version": "1.3"}, Values: []model.SamplePair{{Value: 0.25}}}},
		l.slowest():     {{Metric: model.Metric{"service_version": "1.3"}, Values: []model.SamplePair{{Value: 120}}}},
	}
	l.compared(versions)
	var names []string
	for _, v := range versions {
		names = append(names, v.Version+" "+v.Status)
	}
	assert.Equal(t, []string{"1.3 completed", "1.2 rolled_back", "1.1 completed", "1.0 completed"}, names)
	assert.InDelta(t, 5, float64(versions[2].Rate), 0)
	newest := versions[0]
	assert.Equal(t, Version{
		Version: "1.3", Status: "completed", Revision: revision, Since: time.Unix(400, 0).UTC(), Instances: 3, Deployed: true, Previous: "1.1",
		Facts: deployment.Facts{
			Commit: "https://git.example.com/shop/checkout/commit/" + revision, Compare: "https://git.example.com/shop/checkout/compare/v1.1...v1.3",
			Actor: "ada", Change: "42", Tickets: "SHOP-7", Gate: "fail", GateReason: "many failed",
		},
		Rate: 7, Failed: 0.25, Slowest: 120, Odds: 250,
	}, newest, "an address that is none of the web is left out")
}
