// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"strings"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// index is the page of a service: its owner, its objectives and its alerts.
func (c *subject) index(notes *notebook) page {
	s := c.service
	var b page
	b.add(c.header(text(s.Name)))
	if s.Description != "" {
		b.paragraph(text(s.Description))
	}

	b.heading(2, "Alerts")
	b.line("| alert | severity | about |")
	b.line("| --- | --- | --- |")
	for _, group := range c.all {
		abouts := []markdown{}
		for _, a := range group {
			if a.SLO != nil {
				abouts = append(abouts, text(a.SLO.Name))
			}
		}
		about := join(abouts, ", ")
		if about == "" {
			about = "the service"
		}
		b.line(sprintf("| %s | %s | %s |", pageLink(text(group[0].Name), group[0].Name+".md"), text(group[0].Severity), about))
	}
	b.add("\n")

	if len(s.SLOs) > 0 {
		b.heading(2, "SLOs")
		b.paragraph("Each has a page for the moment when its budget burns.")
		b.line("| SLO | objective | window | description |")
		b.line("| --- | --- | --- | --- |")
		for _, slo := range s.SLOs {
			name := text(slo.Name)
			if len(aboutBudget(c.everyAlert(), slo)) > 0 {
				name = pageLink(name, catalog.FileName(alerts.SLORunbook(slo.Name))+".md")
			}
			b.line(sprintf("| %s | %s %% | %s | %s |", name, markdown(objective(slo)), text(slo.Window.String()), brief(slo.Description)))
		}
		b.add("\n")
	}
	b.heading(2, "What to do beside alerts")
	var more []markdown
	for _, p := range proceduresOf(s) {
		more = append(more, sprintf("%s: %s", pageLink(p.title, p.name+".md"), p.about))
	}
	b.list(more...)

	if !c.ofCollector() {
		b.heading(2, "What runs")
		b.add(c.changed())
		b.add(c.dependencies())
	}
	b.heading(2, "Escalation")
	b.add(c.escalation())

	b.heading(2, "Notes")
	b.add(notes.block(serviceNotes))
	return b
}

// orphaned is the page of an alert that no longer exists, with a line that says so.
func orphaned(page string) string {
	if strings.Contains(page, orphanMark) {
		return page
	}
	return orphanMark + "\n> The alert of this page no longer exists. The page is kept for its notes: move them, then delete it.\n\n" + page
}
