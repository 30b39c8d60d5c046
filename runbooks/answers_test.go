// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// minutes of telemetry: a week and a day, for the comparison with last week.
const minutes = 8 * 24 * 60

// telemetry is what the collector sends of a service whose new version fails, and what its rules record.
func telemetry(s *catalog.Service) string {
	const where = `service_name=%q, service_namespace="shop", deployment_environment_name="production"`
	service := fmt.Sprintf(where, s.Name)
	var b strings.Builder
	b.WriteString("load 1m\n")
	series := func(name, labels, values string) { fmt.Fprintf(&b, "  %s{%s} %s\n", name, labels, values) }
	growing := fmt.Sprintf("0+60x%d", minutes)
	for _, slo := range s.SLOs {
		about := service + fmt.Sprintf(`, slo_name=%q`, slo.Name)
		for _, outcome := range []string{"good", "bad"} {
			series("slo_events_total", about+fmt.Sprintf(`, service_version="2.0.0", slo_outcome=%q, job="otelcol-sre"`, outcome), growing)
		}
		for _, rule := range []string{"slo:sli_error:ratio_rate5m", "slo:current_burn_rate:ratio", "slo:period_error_budget_remaining:ratio"} {
			series(rule, about, fmt.Sprintf("7x%d", minutes))
		}
	}
	for _, name := range s.DependsOn {
		series("slo:current_burn_rate:ratio", fmt.Sprintf(where, name)+`, slo_name="availability"`, fmt.Sprintf("2x%d", minutes))
	}
	version := service + `, service_version="2.0.0", vcs_ref_head_revision="0123abc", deployment_status="succeeded"`
	series("deployment_start_time_seconds", version, fmt.Sprintf("%dx%d", (minutes-30)*60, minutes))
	series("change_time_seconds", service+`, change_kind="feature_flag", change_name="new-card-check", change_previous="off", change_value="on"`, fmt.Sprintf("%dx%d", (minutes-30)*60, minutes))
	series("otelcol_exporter_queue_size", `instance="otelcol-sre:8888", exporter="otlp_grpc"`, fmt.Sprintf("7x%d", minutes))
	series("otelcol_exporter_queue_capacity", `instance="otelcol-sre:8888", exporter="otlp_grpc"`, fmt.Sprintf("1000x%d", minutes))
	for _, bound := range []string{"estimate", "low", "high"} {
		series("deployment_effect_ratio", version+fmt.Sprintf(`, slo_name="availability", deployment_effect_bound=%q`, bound), fmt.Sprintf("4x%d", minutes))
	}
	series("deployment_budget_spent_seconds", version+`, slo_name="availability"`, fmt.Sprintf("3600x%d", minutes))
	series("deployment_info", version+`, deployment_previous_version="1.9.0", user_name="ada"`, fmt.Sprintf("1x%d", minutes))
	series("deployment_instances", version, fmt.Sprintf("3x%d", minutes))
	series("service_telemetry_last_seen_seconds", service, growing)
	return b.String()
}

// Every query of ours finds what it is to find in the series that the collector writes: names and
// labels are right, not only the grammar.
func TestQueriesHaveAnswers(t *testing.T) {
	f := shopFile(t, "checkout")
	storage := promqltest.LoadedStorage(t, telemetry(f.Service))
	t.Cleanup(func() { _ = storage.Close() })
	engine := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery)
	var conditions []string // they have none while nothing is wrong
	for _, a := range f.Alerts {
		conditions = append(conditions, strings.TrimSpace(a.Expr))
	}
	pages, _ := Generate(f, none, configured())
	asked := map[string]bool{}
	for _, page := range pages {
		queries := blocksOf(page.Text, "promql")
		links, _ := Links(page.Text)
		for _, l := range links { // those within sentences are nowhere else
			u, err := url.Parse(l.To)
			require.NoError(t, err)
			queries = append(queries, u.Query().Get("g0.expr"))
		}
		for _, query := range queries {
			query = strings.TrimSpace(query)
			if query == "" {
				continue
			}
			if asked[query] || slices.Contains(conditions, query) {
				continue
			}
			asked[query] = true
			q, err := engine.NewInstantQuery(context.Background(), storage, nil, query, time.Unix(minutes*60, 0))
			require.NoError(t, err)
			result := q.Exec(context.Background())
			require.NoError(t, result.Err, query)
			vector, err := result.Vector()
			require.NoError(t, err, query)
			assert.NotEmpty(t, vector, query)
			q.Close()
		}
	}
	assert.Greater(t, len(asked), 20)
}
