// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/elasticsearch"
	"github.com/grafana/grafana-foundation-sdk/go/logs"
	"github.com/grafana/grafana-foundation-sdk/go/table"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// Where logs and traces go besides Loki and Tempo. A variable of Grafana chooses among data sources of one kind, and each
// kind has a language of its own, so each has panels of its own, in a row that runs no query until it is opened.
const (
	variableElasticsearch = "elasticsearch"
	variableJaeger        = "jaeger"
)

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
