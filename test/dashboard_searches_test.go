// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// A boardSearch is a query of a dashboard to Tempo or Loki, as the file has it.
type boardSearch struct{ board, language, text string }

// boardSearches are those of all dashboards in the repository.
func boardSearches(t *testing.T) (all []boardSearch) {
	t.Helper()
	files, err := filepath.Glob("../dashboards/examples/*.json")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var board any
		require.NoError(t, json.Unmarshal(text, &board))
		var look func(any)
		look = func(part any) {
			switch part := part.(type) {
			case []any:
				for _, one := range part {
					look(one)
				}
			case map[string]any:
				source, _ := part["datasource"].(map[string]any)
				if query, is := part["query"].(string); is && source["type"] == "tempo" {
					all = append(all, boardSearch{filepath.Base(file), "traceql", query})
				}
				if query, is := part["expr"].(string); is && source["type"] == "loki" {
					all = append(all, boardSearch{filepath.Base(file), "logql", query})
				}
				for _, one := range part {
					look(one)
				}
			}
		}
		look(board)
	}
	return append(all, ofDataSources(t)...)
}

// ofDataSources are the queries by which the data sources of the Compose file lead from a trace to its log lines.
func ofDataSources(t *testing.T) (all []boardSearch) {
	t.Helper()
	text, err := os.ReadFile("../deploy/compose/grafana/datasources.yaml")
	require.NoError(t, err)
	for _, found := range regexp.MustCompile(`(?m)^ +query: '(.*)'$`).FindAllSubmatch(text, -1) {
		all = append(all, boardSearch{"datasources.json", "logql", string(found[1])})
	}
	require.Len(t, all, 2)
	return all
}

// filled is the query with the dashboard's variables as Grafana fills them in, when the ID is what was typed in.
func (s boardSearch) filled(id string) string {
	return strings.NewReplacer("${correlation_id:regex}", regexp.QuoteMeta(id), "$environment", "production", "$version", `1\\.0\\.0`,
		"$service", "inventory|payment", "$__range", "3600s", "$${__trace.traceId}", id).Replace(s.text)
}

// wants are the numbers of what a query is to find: of spans or of log records.
func (s boardSearch) wants(t *testing.T, shop telemetry, id string) []int {
	t.Helper()
	has := func(attributes pcommon.Map) bool {
		value, found := attributes.Get("correlation.id")
		return found && strings.HasPrefix(value.AsString(), id)
	}
	begins := func(attributes pcommon.Map) bool { return id == "" || has(attributes) } // to Loki, none is the empty text
	service := strings.TrimSuffix(s.board, ".json")
	switch s.board + " " + s.language {
	case "correlation.json traceql":
		return numbers(shop.spans, func(one span) bool { return has(one.Attributes()) })
	case "correlation.json logql":
		return numbers(shop.records, func(r logRecord) bool { return begins(r.Attributes()) || strings.HasPrefix(r.TraceID().String(), id) })
	case "deployments.json logql":
		return numbers(shop.records, func(r logRecord) bool {
			status, found := r.Attributes().Get("deployment.status")
			return found && status.AsString() != "" && (of(r.resource, "service.name", "inventory") || of(r.resource, "service.name", "payment"))
		})
	case "datasources.json logql": // a whole ID, and of none those that have none
		return numbers(shop.records, func(r logRecord) bool { return r.TraceID().String() == id })
	case service + ".json traceql":
		return numbers(shop.spans, func(one span) bool { return of(one.Resource, "service.name", service) && has(one.Attributes()) })
	case service + ".json logql":
		return numbers(shop.records, func(r logRecord) bool {
			return of(r.resource, "service.name", service) && of(r.resource, "service.version", "1.0.0") && begins(r.Attributes())
		})
	}
	require.Fail(t, "nobody knows what it is to find", s.board)
	return nil
}

// mistakesInDashboards are what may go wrong in a search, and what it would say then.
var mistakesInDashboards = [][2]string{
	{"span.correlation.id", "span.correlation_id"}, {"span.correlation.id", "resource.correlation.id"}, {"resource.service.name = ", "resource.service.name != "},
	{"environment.name =~", "environment.name >"}, {"resource.deployment.environment.name", "resource.deployment.environment"}, {":regex}.*", ":regex}"},
	{"select(", "selects("}, {"correlation_id=~", "correlation.id=~"}, {"correlation_id=~", "correlation_id="}, {"or trace_id", "and trace_id"}, {`trace_id="`, `span_id="`},
	{"service_version=~", "service_instance=~"}, {"deployment_environment_name", "deployment_environment"}, {"{service_name=", "{service="},
	{"deployment_status", "deployment_state"}, {"by (service_name)", "by (service.name)"}, {"by (service_name)", "by (service)"}, {"count_over_time(", "count_over("},
}

func assertDashboardsFind(t *testing.T, shop telemetry) {
	t.Helper()
	all := boardSearches(t)
	require.Greater(t, len(all), 10)
	queries := map[string][]string{}
	add := func(all []boardSearch) {
		for _, s := range all {
			for _, id := range s.typed(shop) {
				query := s.filled(id)
				require.NotContains(t, query, "$", "a variable that is not filled in")
				merge(queries, map[string][]string{s.language: {query}})
			}
		}
	}
	add(all)
	planted := map[[2]string][]boardSearch{}
	for _, mistake := range mistakesInDashboards {
		with := slices.Clone(all)
		for i := range with {
			with[i].text = strings.ReplaceAll(with[i].text, mistake[0], mistake[1])
		}
		require.NotEqual(t, all, with, "no dashboard says %s", mistake[0])
		planted[mistake] = with
		add(with)
	}
	answers := shop.ask(t, queries)
	assert.Empty(t, wrongBoardSearches(t, shop, all, answers))
	for mistake, with := range planted {
		assert.NotEmpty(t, wrongBoardSearches(t, shop, with, answers), "%s in place of %s is not seen", mistake[1], mistake[0])
	}
}

// typed are what is typed in as an ID: nothing, the beginning of a correlation ID of the board's service, the ID of a trace.
func (s boardSearch) typed(shop telemetry) []string {
	typed := []string{""}
	for _, r := range shop.records {
		id, found := r.Attributes().Get("correlation.id")
		if name := strings.TrimSuffix(s.board, ".json"); found && (of(r.resource, "service.name", name) || slices.Contains([]string{"correlation", "deployments", "datasources"}, name)) {
			return append(typed, id.AsString()[:8], r.TraceID().String())
		}
	}
	return typed
}

// wrongBoardSearches are those that do not find what they are for.
func wrongBoardSearches(t *testing.T, shop telemetry, all []boardSearch, answers answered) (wrong []string) {
	t.Helper()
	for _, s := range all {
		found := false
		for _, id := range s.typed(shop) {
			query, want := s.filled(id), s.wants(t, shop, id)
			if why := answers.wrong(s.language, query, want); why != "" {
				wrong = append(wrong, s.board+": "+why)
			}
			if by := answers[s.language][query].By; by != "" && by != "service_name" {
				wrong = append(wrong, s.board+": counts by "+by)
			}
			found = found || len(want) > 0
		}
		assert.True(t, found, "%s: the shop has nothing for %s", s.board, s.text)
	}
	return wrong
}
