package runbooks

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// requests are the ways to single requests that are bad by the SLO: by traces and by logs, in the
// languages of the stores that people have.
func (c *subject) requests(slo *catalog.SLO) markdown {
	var b page
	sli := slo.SLI
	switch {
	case sli.Availability != nil:
		b.add(c.traces("Failed requests", "status = error", sli.Availability.SpanSelection))
	case sli.Latency != nil:
		conditions := "duration > " + sli.Latency.Threshold.String()
		if sli.Latency.ErrorsAreBad {
			conditions = "(" + conditions + " || status = error)"
		}
		b.add(c.traces("Slow requests", conditions, sli.Latency.SpanSelection))
	case sli.Spans != nil:
		b.add(conditions("span", *sli.Spans))
		b.add(c.traces("The service's spans with errors; narrow them by the condition above", "status = error", catalog.SpanSelection{}))
	case sli.Logs != nil:
		b.add(conditions("log record", *sli.Logs))
	case sli.Metrics != nil:
		b.paragraph(sprintf("It counts the service's own metrics: %s. They have no single requests; the logs below may.", join(metricsOf(sli.Metrics), ", ")))
	case sli.Prometheus != nil:
		b.paragraph("Prometheus computes it from the catalog's own queries; the collector does not see its events. Look there for what is bad:")
		for _, one := range []struct {
			name   markdown
			promql string
		}{{"Errors", sli.Prometheus.Errors}, {"Total", sli.Prometheus.Total}, {"Error ratio", sli.Prometheus.ErrorRatio}} {
			if one.promql != "" {
				b.add(c.show(one.name, query{catalog.RenderQuery(one.promql, 5*time.Minute), 6}))
			}
		}
	}
	return b.markdown()
}

// conditions are OTTL as the catalog has it.
func conditions(what markdown, c catalog.Conditions) markdown {
	match := c.Match
	if match == "" {
		match = "true"
	}
	return sprintf("A %s counts when the first condition (OTTL) holds, and is good when the second does:\n\n", what) +
		block("", match+"\n"+c.Good, "") + "\n"
}

func metricsOf(m *catalog.Metrics) []markdown {
	var all []markdown
	for _, one := range []struct {
		role      markdown
		selection *catalog.MetricSelection
	}{{"good", m.Good}, {"bad", m.Bad}, {"total", m.Total}} {
		if s := one.selection; s != nil {
			counted := sprintf("%s %s", one.role, code(s.Name))
			if s.Match != "" {
				counted += sprintf(" where %s", code(s.Match))
			}
			all = append(all, counted)
		}
	}
	return all
}

// traces is a search in Tempo's language.
func (c *subject) traces(about markdown, condition string, spans catalog.SpanSelection) markdown {
	search := "resource.service.name = " + strconv.Quote(c.service.Name)
	if len(c.service.Environments) == 1 {
		search += " && resource.deployment.environment.name = " + strconv.Quote(c.service.Environments[0])
	}
	if len(spans.Kinds) > 0 {
		kinds := make([]string, len(spans.Kinds))
		for i, kind := range spans.Kinds {
			kinds[i] = "kind = " + kind
		}
		search += " && (" + strings.Join(kinds, " || ") + ")"
	}
	var b page
	b.paragraph(about + ", in Tempo (TraceQL); the traces show which hop fails or waits:")
	b.add(block("traceql", "{ "+search+" && "+condition+" }", "") + "\n")
	if spans.Match != "" {
		b.paragraph(sprintf("Only spans count for which %s (OTTL) holds.", code(spans.Match)))
	}
	return b.markdown()
}

// logs are the service's errors, then everything of one request.
func (c *subject) logs() markdown {
	var b page
	b.heading(3, "Logs and single requests")
	b.paragraph("The service's errors in the logs, in Loki (LogQL) and in Kibana (KQL):")
	b.add(block("logql", fmt.Sprintf("{service_name=%s} | severity_number >= 17", strconv.Quote(c.service.Name)), ""))
	b.add(block("kql", fmt.Sprintf("resource.attributes.service.name : %s and severity_number >= 17", kql(c.service.Name)), "") + "\n")
	b.paragraph(sprintf("One request, across all services: take the %s of a bad span or log record. Every signal of the request has it.", code("correlation.id")))
	b.add(block("sh", "srectl find CORRELATION_ID /var/lib/otelcol-sre/telemetry*.json", "") + "\n")
	return b.markdown()
}

// kql is a quoted phrase of Kibana's query language.
func kql(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
