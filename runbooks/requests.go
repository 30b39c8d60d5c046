package runbooks

import (
	"strconv"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// requests are the ways to single events that are bad by the SLO.
func (c *subject) requests(slo *catalog.SLO) markdown {
	var b page
	sli := slo.SLI
	switch {
	case sli.Availability != nil:
		b.paragraph("Failed requests, in traces (TraceQL). The deepest span with an error is where it breaks:")
		b.add(c.search(c.traces(form{failed: true}, append(kinds(sli.Availability.SpanSelection), failed)...)))
		b.add(onlyMatching(sli.Availability.SpanSelection))
	case sli.Latency != nil:
		b.paragraph("Slow requests, in traces (TraceQL). The longest span without longer ones below it is what they wait for:")
		slowest := form{minDuration: sli.Latency.Threshold.String()}
		b.add(c.search(c.traces(slowest, append(kinds(sli.Latency.SpanSelection), slow(sli.Latency)...)...)))
		b.add(onlyMatching(sli.Latency.SpanSelection))
	case sli.Spans != nil:
		b.add(conditions("span", *sli.Spans))
		b.paragraph("Spans of the service that failed, in traces (TraceQL). One may be bad here without being failed: then search for its attributes above.")
		b.add(c.search(c.traces(form{failed: true}, failed)))
	case sli.Logs != nil:
		b.add(conditions("log record", *sli.Logs))
	case sli.Metrics != nil:
		b.paragraph(sprintf("It counts the service's own metrics: %s. They have no single requests; the logs below may.", join(metricsOf(sli.Metrics), ", ")))
	case sli.Prometheus != nil:
		b.add(c.own("Prometheus computes it from the catalog's own queries; the collector does not see its events. Look there for what is bad:", sli.Prometheus))
	}
	return b.markdown()
}

// counted are the ways to the events that the SLO is to count, good and bad, for when none are counted.
func (c *subject) counted(slo *catalog.SLO) markdown {
	const there = "There are some: the collector that heard them does not count. There are none: the service does not send them."
	var b page
	sli := slo.SLI
	spans := func(s catalog.SpanSelection) {
		b.paragraph("What it counts, in traces (TraceQL). " + there)
		b.add(c.search(c.traces(form{}, kinds(s)...)))
		b.add(onlyMatching(s))
	}
	switch {
	case sli.Availability != nil:
		spans(sli.Availability.SpanSelection)
	case sli.Latency != nil:
		spans(sli.Latency.SpanSelection)
	case sli.Spans != nil:
		spans(catalog.SpanSelection{Match: sli.Spans.Match})
	case sli.Logs != nil:
		b.paragraph("What it counts, in logs (LogQL). " + there)
		b.add(c.search(c.loki(c.stream())))
		b.add(conditions("log record", *sli.Logs))
	case sli.Metrics != nil:
		b.paragraph(sprintf("It counts the service's own metrics: %s. Does the service still have metrics of these names?", join(metricsOf(sli.Metrics), ", ")))
	case sli.Prometheus != nil:
		b.add(c.own("The catalog's own queries. One without a result has lost its metric:", sli.Prometheus))
	}
	return b.markdown()
}

// own are the queries of a user's SLI.
func (c *subject) own(about markdown, p *catalog.Prometheus) markdown {
	var b page
	b.paragraph(about)
	for _, one := range []struct {
		name   markdown
		promql string
	}{{"Errors", p.Errors}, {"Total", p.Total}, {"Error ratio", p.ErrorRatio}} {
		if one.promql != "" {
			b.add(c.show(one.name, query{catalog.RenderQuery(one.promql, 5*time.Minute), 6}))
		}
	}
	return b.markdown()
}

// slow is when a span is bad by its duration.
func slow(l *catalog.Latency) []string {
	longer := "duration > " + inOneUnit(l.Threshold)
	switch {
	case l.ErrorsAreBad:
		return []string{"(" + longer + " || status = error || span.http.response.status_code >= 500)"}
	case l.ExcludeErrors:
		return []string{longer, "status != error"}
	}
	return []string{longer}
}

// inOneUnit is a duration as Grafana's editor of TraceQL knows it: 90s, not 1m30s.
func inOneUnit(d time.Duration) string {
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}, {"us", time.Microsecond}} {
		if d%unit.size == 0 {
			return strconv.FormatInt(int64(d/unit.size), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(d), 10) + "ns"
}

// onlyMatching says what of the spans found does not count.
func onlyMatching(s catalog.SpanSelection) markdown {
	if s.Match == "" {
		return ""
	}
	return sprintf("Only spans count for which %s (OTTL) holds.\n\n", code(s.Match))
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

// logs are the service's errors, then everything of one request.
func (c *subject) logs() markdown {
	return c.once(part{kind: "logs"}, func(b *page) {
		b.heading(3, logsHeading)
		b.paragraph("The service's errors, in Loki (LogQL), by severity and by the words of lines that have none:")
		b.add(c.search(c.loki(c.stream() + " | severity_number >= 17")))
		b.add(c.search(c.loki(c.stream() + " |~ " + logQL(`(?i)\b(error|fatal|panic|exception)\b`))))
		b.paragraph("The same in Elasticsearch (KQL):")
		b.add(c.search(c.kibana("severity_number >= 17")))
		b.add(c.search(c.kibana("body.text : (error or fatal or panic or exception)")))
		b.paragraph(sprintf("One request, across all services: take the %s of a bad span or log record. Every signal of the request has it. In traces, in logs, and in the collector's own files:", code(semconv.CorrelationID)))
		b.add(block("traceql", `{ span.correlation.id = "CORRELATION_ID" }`, "") + "\n")
		b.add(block("logql", `{service_name=~".+"} | correlation_id="CORRELATION_ID"`, "") + "\n")
		b.add(block("sh", "srectl find CORRELATION_ID /var/lib/otelcol-sre/telemetry*.json", "") + "\n")
	})
}

const logsHeading = "Logs and single requests"
