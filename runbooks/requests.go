// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// requests are searches for single events that are bad by the SLO.
func (c *subject) requests(slo *catalog.SLO) markdown {
	var b page
	sli := slo.SLI
	switch {
	case sli.Availability != nil:
		b.paragraph("Failed requests, in traces (TraceQL). The deepest span with an error shows where the request failed:")
		b.add(c.search(c.traces(form{failed: true}, append(kinds(sli.Availability.SpanSelection), failed)...)))
		b.add(onlyMatching(sli.Availability.SpanSelection))
	case sli.Latency != nil:
		b.paragraph("Slow requests, in traces (TraceQL). The longest span without long child spans shows where the time is spent:")
		slowest := form{minDuration: sli.Latency.Threshold.String()}
		b.add(c.search(c.traces(slowest, append(kinds(sli.Latency.SpanSelection), slow(sli.Latency)...)...)))
		b.add(onlyMatching(sli.Latency.SpanSelection))
	case sli.Spans != nil:
		b.add(conditions("span", *sli.Spans))
		b.paragraph("Failed spans of the service, in traces (TraceQL). A span can be bad by this SLO without having failed: then search for the attributes above.")
		b.add(c.search(c.traces(form{failed: true}, failed)))
	case sli.Logs != nil:
		b.add(conditions("log record", *sli.Logs))
	case sli.Metrics != nil:
		b.paragraph(sprintf("The SLI counts the service's own metrics: %s. Metrics do not show single requests; %s may.", join(metricsOf(sli.Metrics), ", "), pageLink("the logs", searchPage+".md")))
	}
	return b.markdown()
}

// counted are searches for the events that the SLO should count, good and bad, for an SLO without counters.
func (c *subject) counted(slo *catalog.SLO) markdown {
	const there = "If there are any, the collector that received them does not count them. If there are none, the service does not send them."
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
		b.paragraph(sprintf("The SLI counts the service's own metrics: %s. Does the service still send metrics with these names?", join(metricsOf(sli.Metrics), ", ")))
	case sli.Prometheus != nil:
		b.add(c.own("The queries in the catalog, of which Prometheus computes the SLI. If a query has no result, its metric is missing:", sli.Prometheus))
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

// slow is the condition for spans that are bad by their duration.
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

// inOneUnit formats a duration for Grafana's editor of TraceQL: 90s, not 1m30s.
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

// onlyMatching says which of the found spans count.
func onlyMatching(s catalog.SpanSelection) markdown {
	if s.Match == "" {
		return ""
	}
	return sprintf("Only spans count for which %s (OTTL) holds.\n\n", condition(s.Match))
}

// conditions are OTTL as the catalog has it.
func conditions(what markdown, c catalog.Conditions) markdown {
	match := c.Match
	if match == "" {
		match = "true"
	}
	return sprintf("A %s counts when the first condition (OTTL) holds, and is good when the second does:\n\n", what) +
		bounded("", match, c.Good)
}

// condition is one of the catalog, if it is not too long for a sentence.
func condition(ottl string) markdown {
	if len(strings.Fields(ottl)) > maxDescription {
		return "the condition in the catalog"
	}
	return code(ottl)
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
				counted += sprintf(" where %s", condition(s.Match))
			}
			all = append(all, counted)
		}
	}
	return all
}
