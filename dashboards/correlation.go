// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/loki"
	"github.com/grafana/grafana-foundation-sdk/go/tempo"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const variableService = "service"

// explorer builds the dashboard of one correlation ID: the services, their spans and their logs.
type explorer struct {
	names   *names
	options Options
	board   *board
}

func newExplorer(n *names, o Options) explorer { return explorer{n, o, newBoard(o)} }

// theID matches the entered text as the beginning of an ID. In backquotes nothing is escaped twice.
const theID = "`${" + variableCorrelation + ":regex}.*`"

// Items with the ID as their correlation ID or trace ID.
const (
	spansOfID = "{ span.correlation.id =~ " + theID + " }"
	linesOfID = `{service_name=~".+"} | correlation_id=~` + theID + " or trace_id=~" + theID
)

func (e explorer) dashboard() []byte {
	e.board.add(
		strip{7, []panel{e.services(), e.traces()}},
		strip{9, []panel{e.spans(), e.lines()}},
	)
	e.board.row("rates", "Does everything have an ID?", false, strip{7, correlationRates(func(m metric, more ...matcher) vector { return e.names.series(m, more...) })})
	e.board.row("others", "In "+e.options.listed(Elasticsearch, Jaeger), true, strip{10, []panel{e.elasticsearch(), e.jaeger()}})

	d := newDashboard(CorrelationUID, "Correlation explorer", "Enter the ID of a request, an order or a trace, or its beginning. The dashboard shows the spans and logs of all services with that ID. "+
		"The correlation processor adds the ID to all spans and logs of the request.")
	d.Panels = e.board.panels
	if len(e.options.having(Backends...)) > 0 {
		d.Templating.List = append(d.Templating.List, idVariable())
	}
	d.Templating.List = append(d.Templating.List, e.options.sources(Backends...)...)
	if len(e.options.having(Jaeger)) > 0 {
		d.Templating.List = append(d.Templating.List, e.serviceOfJaeger())
	}
	d.Links = navigation(CorrelationUID)
	d.Refresh = new("") // the panel must not move while it is read
	return encode(d)
}

func idVariable() dashboard.VariableModel {
	return dashboard.VariableModel{
		Type: dashboard.VariableTypeTextbox, Name: variableCorrelation, Label: new("ID"),
		Description: new("The ID of a request, an order or a trace, or its beginning. If empty, the newest of all."),
		Query:       &dashboard.StringOrMap{String: new("")},
		Current:     option("", ""),
	}
}

// serviceOfJaeger exists because Jaeger searches one service at a time.
func (e explorer) serviceOfJaeger() dashboard.VariableModel {
	v := labelVariable(variableService, "Service (Jaeger)", e.names, e.names.series(metricLastSeen), semconv.ServiceName)
	v.IncludeAll, v.AllValue, v.Current = new(false), nil, nil
	return v
}

const noLines = "No log line has the ID: is it complete, is the time range right, and do the logs go to this Loki?"

func (e explorer) services() panel {
	p := newBars(about{"services", "Log lines by service", "The number of log lines with the ID per service. Good is every service that the request should have reached. A missing service was not called, or lost the ID.", 8},
		look{unit: "short", decimals: new(0.0), min: new(0.0), none: noLines, steps: from(neutral)}, loki.Dataquery{
			RefId: new("A"), Datasource: source("loki", variableLoki), Expr: "sum by (" + label(semconv.ServiceName) + ") (count_over_time(" + linesOfID + " [" + chosenRange + "]))",
			QueryType: new("instant"), EditorMode: new(loki.QueryEditorModeCode), LegendFormat: new("{{service_name}}"),
		})
	p.Datasource = source("loki", variableLoki)
	return p
}

func (e explorer) traces() panel {
	p := newTraces(about{"traces", "Traces", "Traces with a span that has the ID. Good is one trace for a request, more for an order that takes several; short, and without errors. The ID of a trace opens it.", 16}, traceSearch(spansOfID))
	p.FieldConfig.Defaults.NoValue = new("No span has the ID: is it complete, is the time range right, and do the traces go to this Tempo?")
	return p
}

// spans are single spans with service and status.
func (e explorer) spans() panel {
	target := traceSearch(spansOfID + " | select(resource.service.name, resource.service.version, status, kind)").(tempo.Dataquery)
	target.TableType, target.Limit, target.Spss = new(tempo.SearchTableTypeSpans), new(int64(100)), new(int64(100))
	p := newTraces(about{"spans", "Spans", "The spans of each service, with version and status. Good is status ok or unset. The longest span without children shows where the time is spent.", 12}, target)
	p.FieldConfig.Defaults.NoValue = new("No span has the ID: is it complete, is the time range right, and do the traces go to this Tempo?")
	return p
}

func (e explorer) lines() panel {
	p := newLogs(about{"logs", "Logs", "The logs of the services, newest first. Good has no errors. A line links to its trace.", 12}, logLines(linesOfID))
	p.FieldConfig.Defaults.NoValue = new(noLines)
	return p
}

// elasticsearch queries the documents of the elasticsearch exporter, in the OpenTelemetry mapping.
func (e explorer) elasticsearch() panel {
	return newDocuments(about{"elasticsearch", "Spans and logs in Elasticsearch", "Documents with the ID, newest first, as the elasticsearch exporter writes them in its mapping mode otel. Good has no errors.", 12},
		"No document has the ID: is it complete, and is this the index of the logs or traces?", documentsOfID)
}

// jaeger searches by tag, in the service that is chosen.
func (e explorer) jaeger() panel {
	return newJaegerTraces(about{"jaeger", "Traces in Jaeger", "Traces of the service above with a span that has the ID: here it has to be complete. Good traces are short and have no errors.", 12},
		"No trace of the service has the ID: is it complete, and did this service take part?", "$"+variableService)
}
