// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/loki"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/tempo"
)

// The data sources are variables, so that a dashboard fits every Grafana.
const (
	variablePrometheus  = "datasource"
	variableLoki        = "loki"
	variableTempo       = "tempo"
	variableEnvironment = "environment"
	variableVersion     = "version"
	variableCorrelation = "correlation_id"
)

func source(kind, variable string) *common.DataSourceRef {
	return &common.DataSourceRef{Type: new(kind), Uid: new("${" + variable + "}")}
}

func fromPrometheus() *common.DataSourceRef { return source("prometheus", variablePrometheus) }

// query is a target of Prometheus. legend may name labels in double braces.
func query(ref string, v vector, legend string) prometheus.Dataquery {
	return prometheus.Dataquery{
		RefId: &ref, Datasource: fromPrometheus(), Expr: v.promQL, LegendFormat: &legend,
		EditorMode: new(prometheus.QueryEditorModeCode), Format: new(prometheus.PromQueryFormatTimeSeries),
	}
}

// graph asks for the time range.
func graph(ref string, v vector, legend string) variants.Dataquery {
	q := query(ref, v, legend)
	q.Range = new(true)
	return q
}

// withExemplars queries the time range with exemplars.
func withExemplars(ref string, v vector, legend string) variants.Dataquery {
	q := query(ref, v, legend)
	q.Range, q.Exemplar = new(true), new(true)
	return q
}

// buckets queries a histogram's buckets over the time range with exemplars.
func buckets(ref string, v vector) variants.Dataquery {
	q := query(ref, v, "{{"+attrBound+"}}")
	q.Range, q.Exemplar, q.Format = new(true), new(true), new(prometheus.PromQueryFormatHeatmap)
	return q
}

// now asks for the newest value.
func now(ref string, v vector, legend string) variants.Dataquery {
	q := query(ref, v, legend)
	q.Instant = new(true)
	return q
}

// rows asks for the newest values as a table.
func rows(ref string, v vector) variants.Dataquery {
	q := query(ref, v, "")
	q.Instant, q.Format = new(true), new(prometheus.PromQueryFormatTable)
	return q
}

func logLines(expr string) variants.Dataquery {
	return loki.Dataquery{
		RefId: new("A"), Datasource: source("loki", variableLoki), Expr: expr,
		QueryType: new("range"), EditorMode: new(loki.QueryEditorModeCode), MaxLines: new(int64(200)),
	}
}

func traceSearch(query string) variants.Dataquery {
	return tempo.Dataquery{
		RefId: new("A"), Datasource: source("tempo", variableTempo), Query: &query,
		QueryType: new(string(tempo.TempoQueryTypeTraceql)), TableType: new(tempo.SearchTableTypeTraces),
		Limit: new(int64(20)), Filters: []tempo.TraceqlFilter{},
	}
}
