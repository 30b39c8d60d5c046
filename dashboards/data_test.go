// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/util/annotations"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// emitted are series of all metrics of the registry, of a service that answers requests in one environment; the first
// series of the events has no version yet, as with a collector that has just started.
func emitted(s *catalog.Service) string {
	var b strings.Builder
	about := fmt.Sprintf(`service_name="%s", service_namespace="%s"`, s.Name, s.Namespace)
	const production = `, deployment_environment_name="production"`
	line := func(name, labels, values string) { fmt.Fprintf(&b, "  %s{%s%s} %s\n", name, about, labels, values) }
	for _, slo := range s.SLOs {
		name := `, slo_name="` + slo.Name + `"`
		if slo.SLI.Prometheus != nil { // which gives a number without an environment
			line("slo:objective:ratio", name, "0.99x20")
			line("slo:period_burn_rate:ratio", name, "0.2x20")
			line("slo:period_total:events", name, "900x20")
			line("slo:period_error_budget_remaining:ratio", name, "0.8x20")
			for _, w := range catalog.BurnWindows {
				window := catalog.FormatDuration(w)
				line("slo:sli_error:ratio_rate"+window, name+`, sloth_window="`+window+`"`, "0.002x20")
			}
			continue
		}
		for _, outcome := range []string{"good", "bad"} {
			line("slo_events_total", production+name+`, slo_outcome="`+outcome+`"`, "0x20")
			line("slo_events_total", production+name+`, service_version="1.0.0", slo_outcome="`+outcome+`"`, "0+10x20")
		}
		line("slo_objective_ratio", production+name, "0.99x20")
		line("slo_error_budget_remaining_ratio", production+name, "0.8x20")
		line("slo_error_budget_exhaustion_seconds", production+name, "86400x20")
		line("slo_state", production+name+`, slo_state="ok"`, "1x20")
		line("slo_ledger_events", production+name+`, slo_ledger_attribute="http.route", slo_ledger_value="/pay"`, "7x20")
		for _, w := range append([]string{slo.Window.String()}, "5m", "30m", "1h", "2h", "6h", "1d", "3d") {
			line("slo_error_ratio", production+name+`, slo_window="`+w+`"`, "0.002x20")
			line("slo_burn_rate_ratio", production+name+`, slo_window="`+w+`"`, "0.2x20")
		}
		line("ALERTS", production+name+`, alertname="ErrorBudgetBurnCritical", alertstate="firing", severity="page"`, "1x20")
	}
	line("service_telemetry_last_seen_seconds", production, "0+30x20")
	deployed := production + `, service_version="1.0.0", deployment_id="1", deployment_status="completed"`
	line("deployment_start_time_seconds", deployed, "1x20")
	line("deployment_instances", deployed, "2x20")
	line("change_time_seconds", production+`, change_kind="feature_flag", change_name="new-card-check", change_previous="off", change_value="on"`, "1x20")
	line("deployment_info", deployed, "1x20")
	line("deployment_commit_time_seconds", deployed, "-3600x20")
	for bound, times := range map[string]string{"estimate": "4x20", "low": "2.5x20", "high": "6.6x20"} {
		line("deployment_effect_ratio", deployed+`, slo_name="availability", deployment_effect_bound="`+bound+`"`, times)
	}
	line("deployment_budget_spent_seconds", deployed+`, slo_name="availability"`, "3600x20")
	span := production + `, service_version="1.0.0", span_kind="SPAN_KIND_SERVER", status_code="STATUS_CODE_UNSET"`
	line("traces_span_metrics_calls_total", span, "0+10x20")
	for _, le := range []string{"100", "500", "+Inf"} {
		line("traces_span_metrics_duration_milliseconds_bucket", span+`, le="`+le+`"`, "0+10x20")
	}
	for _, name := range []string{"traces_service_graph_request_total", "traces_service_graph_request_failed_total"} {
		calls(&b, s.Name, func(labels string) { series(&b, name, labels, "0+10x20") })
	}
	for _, name := range []string{"traces_service_graph_request_server_seconds_bucket", "traces_service_graph_request_client_seconds_bucket"} {
		for _, le := range []string{"0.1", "0.5", "+Inf"} {
			calls(&b, s.Name, func(labels string) { series(&b, name, labels+`, le="`+le+`"`, "0+10x20") })
		}
	}
	process := `job="` + s.Namespace + "/" + s.Name + `", instance="1"`
	series(&b, "process_cpu_time_seconds_total", process+`, cpu_mode="user"`, "0+1x20")
	for _, name := range []string{"go_processor_limit", "go_memory_used_bytes", "go_memory_limit_bytes", "go_goroutine_count", "http_server_active_requests"} {
		series(&b, name, process, "4x20")
	}
	for _, le := range []string{"0.001", "+Inf"} {
		series(&b, "go_schedule_duration_seconds_bucket", process+`, le="`+le+`"`, "0+10x20")
	}
	return b.String()
}

// calls are the calls that a service gets and makes.
func calls(_ *strings.Builder, service string, add func(labels string)) {
	add(`client="caller", server="` + service + `", server_service_namespace="shop", server_deployment_environment_name="production"`)
	add(`client="` + service + `", server="called", client_service_namespace="shop", client_deployment_environment_name="production"`)
}

func series(b *strings.Builder, name, labels, values string) {
	fmt.Fprintf(b, "  %s{%s} %s\n", name, labels, values)
}

// assertNoWarnings lets pass that the collector's own counters do not end in _total.
func assertNoWarnings(t *testing.T, found annotations.Annotations, query string) {
	t.Helper()
	for _, err := range found {
		if !errors.Is(err, annotations.PossibleNonCounterInfo) || !strings.Contains(err.Error(), `"otelcol_`) {
			assert.NoError(t, err, query)
		}
	}
}

// Every query finds something in what the collector and the rules write, and a number.
func TestQueriesFindWhatIsEmitted(t *testing.T) {
	services := examples(t)
	load := map[string]bool{} // an identical series must be loaded once
	var series strings.Builder
	series.WriteString("load 30s\n")
	for _, s := range services {
		for _, line := range strings.SplitAfter(emitted(s), "\n") {
			if key, _, _ := strings.Cut(line, "} "); !load[key] {
				load[key] = true
				series.WriteString(line)
			}
		}
	}
	series.WriteString(changing("checkout") + ownSeries())
	storage := promqltest.LoadedStorage(t, series.String())
	t.Cleanup(func() { assert.NoError(t, storage.Close()) })
	engine := promqltest.NewTestEngine(t, false, 5*time.Minute, promqltest.DefaultMaxSamplesPerQuery)

	filled := strings.NewReplacer("$environment", "production", "$version", ".*", "$namespace", "shop", "$service", ".*", "$instance", ".*")
	for _, f := range generate(t, services...) {
		for _, query := range promQL(t, decode(t, f.JSON)) {
			q, err := engine.NewInstantQuery(context.Background(), storage, promql.NewPrometheusQueryOpts(false, 0), filled.Replace(query), time.Unix(600, 0))
			require.NoError(t, err, query)
			result := q.Exec(context.Background())
			require.NoError(t, result.Err, query)
			assertNoWarnings(t, result.Warnings, query)
			vector, err := result.Vector()
			require.NoError(t, err, query)
			if strings.Contains(query, "> 6.9)") { // a rate over a week at least
				assert.Empty(t, vector, "%s: %s", f.Path, query)
				continue
			}
			assert.NotEmpty(t, vector, "%s: %s", f.Path, query)
			for _, sample := range vector {
				assert.False(t, math.IsNaN(sample.F) || math.IsInf(sample.F, 0), "%s: %s: %v", f.Path, query, sample)
			}
			q.Close()
		}
	}
}
