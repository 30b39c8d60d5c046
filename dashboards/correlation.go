package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/loki"
	"github.com/grafana/grafana-foundation-sdk/go/tempo"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const variableService = "service"

// explorer is the dashboard of one correlation ID while it is made: who took part, what they did, what they said.
type explorer struct {
	names *names
	board *board
}

func newExplorer(n *names) explorer { return explorer{n, newBoard()} }

// theID is what is typed in, and what begins with it. In backquotes nothing is escaped twice.
const theID = "`${" + variableCorrelation + ":regex}.*`"

// Whatever has the ID: as its correlation ID, or as that of its trace.
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
	e.board.row("others", "In Elasticsearch and Jaeger", true, strip{10, []panel{e.elasticsearch(), e.jaeger()}})

	d := newDashboard(CorrelationUID, "Correlation explorer", "Type in the ID of a request, an order or a trace, or how it begins: here is all that the services did and said about it. "+
		"The correlation processor sees to it that spans and logs have the ID, whichever service knew it.")
	d.Panels = e.board.panels
	d.Templating.List = []dashboard.VariableModel{
		idVariable(),
		sourceVariable(variablePrometheus, "Prometheus"), sourceVariable(variableLoki, "Loki"), sourceVariable(variableTempo, "Tempo"),
		sourceVariable(variableElasticsearch, "Elasticsearch"), sourceVariable(variableJaeger, "Jaeger"), e.serviceOfJaeger(),
	}
	d.Links = navigation(CorrelationUID)
	d.Refresh = new("") // what one looks at must not move
	return encode(d)
}

func idVariable() dashboard.VariableModel {
	return dashboard.VariableModel{
		Type: dashboard.VariableTypeTextbox, Name: variableCorrelation, Label: new("ID"),
		Description: new("The ID of a request, an order or a trace, or how it begins. Empty is the newest of all."),
		Query:       &dashboard.StringOrMap{String: new("")},
		Current:     option("", ""),
	}
}

// serviceOfJaeger is there because Jaeger searches one service at a time.
func (e explorer) serviceOfJaeger() dashboard.VariableModel {
	v := labelVariable(variableService, "Service (Jaeger)", e.names, e.names.series(metricLastSeen), semconv.ServiceName)
	v.IncludeAll, v.AllValue, v.Current = new(false), nil, nil
	return v
}

const noLines = "No log line has the ID: is it complete, is the time range right, and do the logs go to this Loki?"

func (e explorer) services() panel {
	p := newBars(about{"services", "Who took part", "How many log lines with the ID each service wrote. Good is every service that the request should have reached; one that is missing was not called, or lost the ID.", 8},
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

// spans are single ones, with who did it and how it went.
func (e explorer) spans() panel {
	target := traceSearch(spansOfID + " | select(resource.service.name, resource.service.version, status, kind)").(tempo.Dataquery)
	target.TableType, target.Limit, target.Spss = new(tempo.SearchTableTypeSpans), new(int64(100)), new(int64(100))
	p := newTraces(about{"spans", "Spans", "What each service did, with its version and how it went. Good is status ok or unset; the longest span without children is where the time goes.", 12}, target)
	p.FieldConfig.Defaults.NoValue = new("No span has the ID: is it complete, is the time range right, and do the traces go to this Tempo?")
	return p
}

func (e explorer) lines() panel {
	p := newLogs(about{"logs", "Logs", "What the services said, newest first. Good has no errors. A line leads to its trace.", 12}, logLines(linesOfID))
	p.FieldConfig.Defaults.NoValue = new(noLines)
	return p
}

// elasticsearch asks for what the elasticsearch exporter wrote, in the mapping of OpenTelemetry.
func (e explorer) elasticsearch() panel {
	return newDocuments(about{"elasticsearch", "Spans and logs in Elasticsearch", "Documents with the ID, newest first, as the elasticsearch exporter writes them in its mapping mode otel. Good has no errors.", 12},
		"No document has the ID: is it complete, and is this the index of the logs or traces?", documentsOfID)
}

// jaeger searches by tag, in the service that is chosen.
func (e explorer) jaeger() panel {
	return newJaegerTraces(about{"jaeger", "Traces in Jaeger", "Traces of the service above with a span that has the ID: here it has to be complete. Good traces are short and have no errors.", 12},
		"No trace of the service has the ID: is it complete, and did this service take part?", "$"+variableService)
}
