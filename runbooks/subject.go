// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A subject is the topic of one page.
type subject struct {
	service *catalog.Service
	// alerts are those of the page, one name; all are the service's, by name.
	alerts []alerts.Alert
	all    [][]alerts.Alert
	q      queries
	input  string
	o      Options
	// written are parts that another page of the service has too.
	written map[part]markdown
}

func newSubject(f alerts.File, all [][]alerts.Alert, o Options) subject {
	return subject{
		service: f.Service, all: all, q: queries{newNames(o.Alerts.Translation), f.Service, o.Services.Dependencies(f.Service)}, input: Input(f.Digest), o: o,
		written: map[part]markdown{},
	}
}

// page is the subject of the page about these alerts; none is the index.
func (c subject) page(of []alerts.Alert) *subject {
	c.alerts = of
	return &c
}

// everyAlert are all alerts of the service.
func (c *subject) everyAlert() (all []alerts.Alert) {
	for _, group := range c.all {
		all = append(all, group...)
	}
	return all
}

// alert is the first of the page's alerts, for properties that all of them share.
func (c *subject) alert() alerts.Alert { return c.alerts[0] }

// slos are the SLOs the page's alerts are about, each once.
func (c *subject) slos() []*catalog.SLO {
	var slos []*catalog.SLO
	seen := map[*catalog.SLO]bool{}
	for _, a := range c.alerts {
		if a.SLO != nil && !seen[a.SLO] {
			seen[a.SLO] = true
			slos = append(slos, a.SLO)
		}
	}
	return slos
}

// of are the page's alerts about the SLO.
func (c *subject) of(slo *catalog.SLO) []alerts.Alert {
	var some []alerts.Alert
	for _, a := range c.alerts {
		if a.SLO == slo {
			some = append(some, a)
		}
	}
	return some
}

// The marker identifies generated pages, which may be overwritten. The input identifies the data that a page was
// generated from.
const (
	marker      = "<!-- Generated: edit only between notes markers. Regenerate with: "
	inputMarker = "<!-- input: "
	orphanMark  = "<!-- orphan -->"
)

func (c *subject) header(title markdown, more ...markdown) markdown {
	var b page
	b.line(marker, markdown(comment(c.o.Command)), " -->")
	b.line(inputMarker, markdown(c.input), " -->")
	b.heading(1, title)
	facts := []markdown{"Owner: " + sprintf("**%s**", orNone(c.service.Owner))}
	if c.service.Tier > 0 {
		facts = append(facts, "Tier: "+markdown(strconv.Itoa(c.service.Tier)))
	}
	if len(c.service.Environments) > 0 {
		facts = append(facts, "Environments: "+text(strings.Join(c.service.Environments, ", ")))
	}
	if c.service.Repository != "" {
		facts = append(facts, "Repository: "+link(text(c.service.Repository), c.service.Repository))
	}
	facts = append(facts, "Regenerate: "+code(c.o.Command))
	b.list(append(facts, more...)...)
	return b.markdown()
}

// comment keeps a text from ending the HTML comment around it.
func comment(s string) string { return brackets.Replace(oneLine(s)) }

var brackets = strings.NewReplacer("<", "", ">", "")

func orNone(s string) markdown {
	if s == "" {
		return "the catalog names no owner"
	}
	return text(s)
}

// runbook is the page of an alert.
func (c *subject) runbook(notes *notebook) page {
	g := guideOf(c.alert())
	name := text(c.alert().Name)
	var b page
	b.add(c.header(sprintf("%s: %s", name, text(c.service.Name)), c.links()...))

	b.heading(2, "Meaning")
	b.add(g.meaning(c))
	if len(c.slos()) == 0 {
		b.add(c.rule(c.alerts))
	}

	b.heading(2, "Impact")
	b.add(g.impact(c))

	b.heading(2, "First five minutes")
	b.steps(g.first(c)...)

	b.heading(2, "What changed")
	b.add(g.changed(c))

	b.heading(2, "Diagnosis")
	b.add(g.diagnosis(c))

	b.heading(2, "Mitigation")
	b.add(c.remedies(g.mitigation(c)))

	b.heading(2, "Escalation")
	b.add(c.escalation())

	if c.o.Alertmanager != "" {
		b.heading(2, "Silencing safely")
		b.add(c.silencing(g))
	}

	b.heading(2, "Known causes")
	b.add(notes.block(knownCauses))
	return b
}

// links lead to the alert's dashboard and to the other pages of the service.
func (c *subject) links() []markdown {
	links := []markdown{"All alerts of the service: " + pageLink(text(c.service.Name), Index)}
	if d := alerts.Static(c.alert().Annotations["dashboard_url"]); d != "" {
		links = append(links, "Dashboard: "+link(text(d), d))
	}
	if c.alert().Annotations["incident_url"] != "" {
		incidents := c.o.Alerts.IncidentURL + "?" + url.Values{"service": {c.service.Name}, "namespace": {c.service.Namespace}}.Encode()
		links = append(links, "Incident, with the likely change and the way back: "+link(text(incidents), incidents))
	}
	var short []markdown
	for _, slo := range c.slos() {
		if name := alerts.RunbookOf(c.alert().Name, slo.Name); name != c.alert().Name {
			short = append(short, pageLink(text(slo.Name), catalog.FileName(name)+".md"))
		}
	}
	if len(short) > 0 {
		links = append(links, sprintf("In a hurry? The short page of each SLO: %s", join(short, ", ")))
	}
	links = append(links, sprintf("Severity: **%s**", text(c.alert().Severity)))
	if slos := c.slos(); len(slos) > 1 {
		jumps := make([]markdown, len(slos))
		for i, slo := range slos {
			jumps[i] = anchor(text(slo.Name), sloHeading(slo))
		}
		links = append(links, "The alert's label "+code("slo_name")+" names the SLO. Queries per SLO: "+join(jumps, ", "))
	}
	return links
}

// rule shows the exact conditions and the reasons for them.
func (c *subject) rule(of []alerts.Alert) markdown {
	var b page
	for _, a := range of {
		if a.Why != "" {
			b.paragraph(text(a.Why))
		}
		about := markdown("The rule")
		if a.For > 0 {
			about += sprintf(", true for %s", text(catalog.FormatDuration(a.For)))
		}
		b.add(c.show(about, query{a.Expr, 6}))
	}
	return b.markdown()
}

// show is a query with the link that runs it.
func (c *subject) show(about markdown, q query) markdown {
	return c.once(part{"query", string(about), q}, func(b *page) { b.add(about, ":\n\n", c.query(q)) })
}

func (c *subject) query(q query) markdown {
	return c.once(part{"query", "", q}, func(b *page) {
		b.add(block("promql", q.promql, ""), "\n", run(c.where(), c, q), "\n\n")
	})
}

// A part is the same on all pages of a service.
type part struct {
	kind, name string
	of         query
}

// once writes a part the first time it is asked for.
func (c *subject) once(p part, write func(*page)) markdown {
	text, known := c.written[p]
	if !known {
		var b page
		write(&b)
		text = b.markdown()
		c.written[p] = text
	}
	return text
}
