// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"strconv"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// What other pages only link to: the queries of an SLO, and the searches of a service.

// queriesPrefix keeps an SLO from taking the page of another kind.
const queriesPrefix = "queries-"

// searchPage is the name of the page with the searches of a service.
const searchPage = "find-requests"

// queriesOf is the file of the page with the rules and queries of the SLO, without .md.
func queriesOf(slo *catalog.SLO) string { return catalog.FileName(queriesPrefix + slo.Name) }

// queriesOfSLO is that page.
func (c *subject) queriesOfSLO(*notebook) page {
	slo := c.alerts[0].SLO
	var b page
	b.add(c.mark(sprintf("Queries of %s of %s", text(slo.Name), text(c.service.Name))))
	b.list(sprintf("What to do: %s. All pages of the service: %s.", c.sloPage(slo, text(slo.Name)), pageLink(text(c.service.Name), Index)))

	b.heading(2, "Events")
	b.add(c.events(slo))
	if slo.SLI.Prometheus == nil { // of one that is, these are what it counts
		b.heading(2, "What is bad")
		b.add(c.requests(slo))
	}
	b.heading(2, "What it counts")
	b.add(c.counted(slo))

	b.heading(2, "Rules")
	if why := c.alerts[0].Why; why != "" {
		b.paragraph(brief(why))
	}
	rules := make([]markdown, len(c.alerts))
	for i, a := range c.alerts {
		rules[i] = sprintf("%s: %s", pageLink(text(a.Name), a.Name+".md"), run("its condition, now", c, query{a.Expr, 6}))
		if a.For > 0 {
			rules[i] += sprintf(", true for %s", text(catalog.FormatDuration(a.For)))
		}
	}
	b.list(rules...)
	return b
}

// events are the queries of the SLO's events.
func (c *subject) events(slo *catalog.SLO) markdown {
	var b page
	b.add(c.show("Error ratio over 5m", c.q.ratio(slo)))
	if len(slo.GroupBy) > 0 {
		b.add(c.show("The ten groups with the largest error ratio, by "+brief(strings.Join(slo.GroupBy, ", ")), c.q.worstGroups(slo)))
	}
	if slo.SLI.Prometheus == nil {
		b.add(c.show("Share of bad events by version", c.q.byVersion(slo)))
		b.add(c.show("Bad events per minute", c.q.badEvents(slo)))
		b.add(c.show("Traffic, as a share of last week's", c.q.traffic(slo)))
	}
	return b.markdown()
}

// findRequests has the searches that are not about one SLO.
func (c *subject) findRequests(b *page) {
	b.heading(2, "Of one SLO")
	b.paragraph(sprintf("Searches for what is bad: %s.", c.sloPages()))
	b.heading(2, "Errors in logs")
	b.paragraph("In Loki (LogQL), by severity, or by words if a line has no severity:")
	b.add(c.search(c.loki(c.stream() + " | severity_number >= 17")))
	b.add(c.search(c.loki(c.stream() + " |~ " + logQL(`(?i)\b(error|fatal|panic|exception)\b`))))
	b.paragraph("In Elasticsearch (KQL):")
	b.add(c.search(c.kibana("severity_number >= 17")))
	b.add(c.search(c.kibana("body.text : (error or fatal or panic or exception)")))
	b.heading(2, "One request")
	b.paragraph(sprintf("Across all services: take the %s of a bad span or log record. Every signal of the request has it. %s:", code(semconv.CorrelationID), c.searched()))
	b.add(block("traceql", `{ span.correlation.id = "CORRELATION_ID" }`, "") + "\n")
	b.add(block("logql", `{service_name=~".+"} | correlation_id="CORRELATION_ID"`, "") + "\n")
	if c.o.Files != "" {
		b.shell("srectl find CORRELATION_ID " + c.o.Files)
	}
}

// sloPage leads to the page of the SLO; without alerts about its budget it has none.
func (c *subject) sloPage(slo *catalog.SLO, label markdown) markdown {
	if len(c.ofSLO[slo]) == 0 || len(aboutBudget(c.ofSLO[slo], slo)) == 0 {
		return label
	}
	return pageLink(label, catalog.FileName(alerts.SLORunbook(slo.Name))+".md")
}

// sloPages leads to the queries of each SLO of the service, up to a limit.
func (c *subject) sloPages() markdown {
	var links []markdown
	for _, slo := range c.service.SLOs {
		if len(c.ofSLO[slo]) > 0 {
			links = append(links, pageLink(text(slo.Name), queriesOf(slo)+".md"))
		}
	}
	if more := len(links) - maxNamed; more > 0 {
		links = append(links[:maxNamed], sprintf("and %s more, in the files `%s*.md`", markdown(strconv.Itoa(more)), queriesPrefix))
	}
	if len(links) == 0 {
		return "there is none"
	}
	return join(links, ", ")
}

// alertPage leads to the page of another alert, if the service has it.
func (c *subject) alertPage(name string) markdown {
	for _, group := range c.all {
		if group[0].Name == name {
			return pageLink(text(name), name+".md")
		}
	}
	return text(name)
}

// Indexed reports whether the index of the service has a link to its page of this name. An index names so many SLOs only, and leaves the queries
// to the pages that need them.
func Indexed(s *catalog.Service, name string) bool {
	for i, slo := range s.SLOs {
		if name == queriesPrefix+slo.Name || i >= maxNamed && name == alerts.SLORunbook(slo.Name) {
			return false
		}
	}
	return true
}
