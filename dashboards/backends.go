// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"fmt"
	"slices"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/elasticsearch"
	"github.com/grafana/grafana-foundation-sdk/go/logs"
	"github.com/grafana/grafana-foundation-sdk/go/table"

	"github.com/otelcol-sre/otelcol-sre/internal/printable"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// Where logs and traces go besides Loki and Tempo. A variable of Grafana chooses among data sources of one kind, and each
// kind has a language of its own, so each has panels of its own, in a row that runs no query until it is opened.
const (
	variableElasticsearch = "elasticsearch"
	variableJaeger        = "jaeger"
)

// The kinds of Grafana's data sources for logs and traces.
const (
	Loki          = "loki"
	Tempo         = "tempo"
	Elasticsearch = "elasticsearch"
	Jaeger        = "jaeger"
)

// Backends are all of them.
var Backends = []string{Loki, Tempo, Elasticsearch, Jaeger}

var backendNames = map[string]string{Loki: "Loki", Tempo: "Tempo", Elasticsearch: "Elasticsearch", Jaeger: "Jaeger"}

// Without are the kinds that a list has not. It is an error if the list has one that is not known.
func Without(having []string) (without []string, err error) {
	for _, kind := range having {
		if !slices.Contains(Backends, kind) {
			return nil, fmt.Errorf("%q is no data source for logs or traces: write some of %s", printable.Text(kind, maxKind), strings.Join(Backends, ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(Backends), func(kind string) bool { return slices.Contains(having, kind) }), nil
}

// maxKind bounds a kind in an error.
const maxKind = 60

// having are those of the kinds that there are.
func (o Options) having(kinds ...string) []string {
	return slices.DeleteFunc(slices.Clone(kinds), func(kind string) bool { return slices.Contains(o.Without, kind) })
}

// sources are the variables of Prometheus and of those of the kinds that there are.
func (o Options) sources(kinds ...string) []dashboard.VariableModel {
	all := []dashboard.VariableModel{sourceVariable(variablePrometheus, "Prometheus")}
	for _, kind := range o.having(kinds...) {
		all = append(all, sourceVariable(kind, backendNames[kind]))
	}
	return all
}

// listed names those of the kinds that there are.
func (o Options) listed(kinds ...string) string {
	var names []string
	for _, kind := range o.having(kinds...) {
		names = append(names, backendNames[kind])
	}
	return strings.Join(names, " and ")
}

// documentsOfID are spans and log records with the entered ID as their correlation ID or trace ID.
const documentsOfID = "(attributes.correlation.id:${" + variableCorrelation + ":lucene}* OR trace_id:${" + variableCorrelation + ":lucene}*)"

// newDocuments shows the results of a Lucene query in Elasticsearch.
func newDocuments(a about, none, query string) panel {
	target := elasticsearch.Dataquery{
		RefId: new("A"), Datasource: source("elasticsearch", variableElasticsearch), Query: &query, TimeField: new("@timestamp"),
		Metrics: []elasticsearch.MetricAggregation{{Logs: &elasticsearch.Logs{
			Type: elasticsearch.MetricAggregationTypeLogs, Id: "1", Settings: &elasticsearch.ElasticsearchLogsSettings{Limit: new("500")},
		}}},
	}
	p := a.panel("logs", logs.Options{
		ShowTime: true, WrapLogMessage: true, EnableLogDetails: true,
		SortOrder: common.LogsSortOrderDescending, DedupStrategy: common.LogsDedupStrategyNone,
	}, look{unit: "short", none: none}.config(nil), []variants.Dataquery{target})
	p.Datasource = source("elasticsearch", variableElasticsearch)
	return p
}

// newJaegerTraces shows a service's traces in Jaeger with the entered ID, which must be complete.
func newJaegerTraces(a about, none, service string) panel {
	p := a.panel("table", table.Options{ShowHeader: true, CellHeight: new(common.TableCellHeightSm)},
		look{unit: "none", none: none}.config(&table.FieldConfig{Align: common.FieldTextAlignmentAuto}),
		[]variants.Dataquery{jaegerSearch{
			RefID: "A", QueryType: "search", Service: service, Tags: jaegerTags, Limit: 20,
			Datasource: source("jaeger", variableJaeger),
		}})
	p.Datasource = source("jaeger", variableJaeger)
	return p
}

const jaegerTags = semconv.CorrelationID + "=${" + variableCorrelation + "}"

// lucene is text as a phrase of Lucene's language, which knows no escape but a backslash and a code.
func lucene(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\u0024`, "[[", `\u005b\u005b`).Replace(oneLine(text)) + `"`
}
