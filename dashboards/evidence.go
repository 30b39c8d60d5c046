// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import "github.com/otelcol-sre/otelcol-sre/internal/semconv"

// evidence shows logs and traces, of one correlation ID or of all.
func (s service) evidence() {
	const id = "`${" + variableCorrelation + ":regex}.*`"
	logLine := "{" + label(semconv.ServiceName) + "=" + quote(s.Name) + `, ` + label(semconv.Environment) + `=~"$` + variableEnvironment + `"}` +
		" | " + label(semconv.ServiceVersion) + `=~"$` + variableVersion + `" | correlation_id=~` + id
	span := "{ resource." + semconv.ServiceName + " = " + quote(s.Name)
	if len(s.Environments) > 0 { // a span without the attribute would match nothing
		span += " && resource." + semconv.Environment + ` =~ "$` + variableEnvironment + `"`
	}
	span += " && span.correlation.id =~ " + id + " }"
	s.board.row("evidence", s.byID(), true, strip{10, []panel{
		newLogs(about{"logs", "Logs", "Log lines of the service with the correlation ID above, newest first. Good has no errors. A line links to its trace.", 12}, logLines(logLine)),
		newTraces(about{"traces", "Traces", "Traces with a span of the service with the correlation ID above. Good traces are short and have no red spans.", 12}, traceSearch(span)),
	}})
	s.board.row("evidence elsewhere", s.elsewhere(), true, strip{10, []panel{
		newDocuments(about{"elasticsearch", "Elasticsearch", "Spans and log lines of the service with the correlation ID above, of all environments, newest first, as the elasticsearch exporter " +
			"writes them in its mapping mode otel. Good has no errors.", 12},
			"No document matches: is the ID complete, and is this the index of the service's logs or traces?",
			"resource.attributes."+semconv.ServiceName+":"+lucene(s.Name)+" AND "+documentsOfID),
		newJaegerTraces(about{"jaeger", "Jaeger", "Traces of the service with the correlation ID above, which has to be complete. Good traces are short and have no errors.", 12},
			"No trace matches: Jaeger needs a complete ID, and this service's traces", plain(s.Name)),
	}})
}

func (s service) byID() string {
	what := "Logs and traces"
	switch {
	case len(s.options.having(Tempo)) == 0:
		what = "Logs"
	case len(s.options.having(Loki)) == 0:
		what = "Traces"
	}
	return what + " by correlation ID"
}

// elsewhere knows that Jaeger has no logs.
func (s service) elsewhere() string {
	what := "Logs and traces"
	if len(s.options.having(Elasticsearch)) == 0 {
		what = "Traces"
	}
	return what + " in " + s.options.listed(Elasticsearch, Jaeger)
}
