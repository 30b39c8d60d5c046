package dashboards

// evidence is logs and traces, of one correlation ID or of all.
func (s service) evidence() {
	const id = "`${" + variableCorrelation + ":regex}.*`"
	logLine := "{" + label(attrService) + "=" + quote(s.Name) + `, ` + label(attrEnvironment) + `=~"$` + variableEnvironment + `"}` +
		" | " + label(attrVersion) + `=~"$` + variableVersion + `" | correlation_id=~` + id
	span := "{ resource." + attrService + " = " + quote(s.Name)
	if len(s.Environments) > 0 { // a span without the attribute would match nothing
		span += " && resource." + attrEnvironment + ` =~ "$` + variableEnvironment + `"`
	}
	span += " && span.correlation.id =~ " + id + " }"
	s.board.row("evidence", "Logs and traces by correlation ID", true, strip{10, []panel{
		newLogs(about{"logs", "Logs", "Log lines of the service with the correlation ID above, newest first. Good has no errors; a line leads to its trace.", 12}, logLines(logLine)),
		newTraces(about{"traces", "Traces", "Traces with a span of the service with the correlation ID above. Good traces are short and have no red spans.", 12}, traceSearch(span)),
	}})
}
