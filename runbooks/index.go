// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"strconv"
	"strings"
)

// index is the page of a service: its owner, its objectives and its alerts.
func (c *subject) index(notes *notebook) page {
	s := c.service
	var b page
	b.add(c.header(text(s.Name)))
	if s.Description != "" {
		b.paragraph(brief(s.Description))
	}
	if !c.ofCollector() {
		b.heading(2, goBackFirst)
		b.add(c.wayBack())
		b.add(c.changed())
		if more := c.dependencies(); more != "" {
			b.add(more, c.query(c.q.dependencies()))
		}
	}
	b.heading(2, "Alerts")
	b.line("| alert | severity | about |")
	b.line("| --- | --- | --- |")
	for _, group := range c.all {
		about := markdown("the service")
		if group[0].SLO != nil {
			about = "SLOs"
		}
		b.line(sprintf("| %s | %s | %s |", pageLink(text(group[0].Name), group[0].Name+".md"), text(group[0].Severity), about))
	}
	b.add("\n")

	if len(s.SLOs) > 0 {
		b.heading(2, "SLOs")
		b.paragraph("Each has a page for the moment when its budget burns.")
		b.list(c.objectives()...)
	}
	b.heading(2, "What to do beside alerts")
	var more []markdown
	for _, p := range proceduresOf(s) {
		more = append(more, sprintf("%s: %s", pageLink(p.title, p.name+".md"), p.about))
	}
	b.list(more...)

	b.heading(2, "Escalation")
	b.add(c.escalation())

	b.heading(2, "Notes")
	b.add(notes.block(serviceNotes))
	return b
}

// objectives are the SLOs of the service; what they promise, as long as there is room for it.
func (c *subject) objectives() []markdown {
	all := c.service.SLOs
	lines := make([]markdown, 0, maxSLOs+1)
	var rest []markdown
	for i, slo := range all[:min(len(all), maxNamed)] {
		name := c.sloPage(slo, text(slo.Name))
		if i >= maxSLOs {
			rest = append(rest, name)
			continue
		}
		line := sprintf("%s: %s %% over %s", name, markdown(objective(slo)), text(slo.Window.String()))
		if slo.Description != "" {
			line += sprintf(". %s", cut(slo.Description, maxDescription/2))
		}
		lines = append(lines, line)
	}
	if more := len(all) - maxNamed; more > 0 {
		rest = append(rest, sprintf("%s more, each in its file `slo-NAME.md`", markdown(strconv.Itoa(more))))
	}
	if len(rest) > 0 {
		lines = append(lines, join(rest, ", "))
	}
	return lines
}

// orphaned is the page of an alert that no longer exists, with a line that says so.
func orphaned(page string) string {
	if strings.Contains(page, orphanMark) {
		return page
	}
	return orphanMark + "\n> The alert of this page no longer exists. The page is kept for its notes: move them, then delete it.\n\n" + page
}
