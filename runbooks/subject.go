// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
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
	// ofSLO are the alerts about each SLO.
	ofSLO map[*catalog.SLO][]alerts.Alert
	// written are parts that another page of the service has too.
	written map[part]markdown
}

func newSubject(f alerts.File, all [][]alerts.Alert, o Options) subject {
	about := map[*catalog.SLO][]alerts.Alert{}
	for _, a := range f.Alerts {
		if a.SLO != nil {
			about[a.SLO] = append(about[a.SLO], a)
		}
	}
	return subject{
		ofSLO: about, service: f.Service, all: all, q: queries{newNames(o.Alerts.Translation), f.Service, o.Services.Dependencies(f.Service)}, input: Input(f.Digest), o: o,
		written: map[part]markdown{},
	}
}

// page is the subject of the page about these alerts; none is the index.
func (c subject) page(of []alerts.Alert) *subject {
	c.alerts = of
	return &c
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

func (c *subject) header(title markdown) markdown {
	var b page
	b.line(marker, markdown(comment(c.o.Command)), " -->")
	b.line(inputMarker, markdown(c.input), " -->")
	b.heading(1, title)
	facts := []markdown{"Owner: " + sprintf("**%s**", orNone(c.service.Owner))}
	if c.service.Tier > 0 {
		facts = append(facts, "Tier: "+markdown(strconv.Itoa(c.service.Tier)))
	}
	if len(c.service.Environments) > 0 {
		facts = append(facts, "Environments: "+short(strings.Join(c.service.Environments, ", ")))
	}
	if c.service.Repository != "" {
		facts = append(facts, "Repository: "+link(text(c.service.Repository), c.service.Repository))
	}
	b.list(append(facts, "Regenerate: "+code(c.o.Command))...)
	return b.markdown()
}

// comment keeps a text from ending the HTML comment around it.
func comment(s string) string { return brackets.Replace(oneLine(s)) }

var brackets = strings.NewReplacer("<", "", ">", "")

func orNone(s string) markdown {
	if s == "" {
		return "the catalog names no owner"
	}
	return short(s)
}

// runbook is the page of an alert: the way back first, then what it is, and what to look at.
func (c *subject) runbook(notes *notebook) page {
	g := guideOf(c.alert())
	var b page
	b.add(c.mark(sprintf("%s: %s", text(c.alert().Name), text(c.service.Name))))
	b.list(c.facts()...)

	b.heading(2, goBackFirst)
	b.add(g.back(c))

	b.heading(2, "Meaning")
	b.add(g.meaning(c))
	if len(c.slos()) == 0 {
		b.paragraph(c.answers([]ask{{"The condition, now", query{c.alert().Expr, 6}}}))
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
	b.add(c.further())

	if c.o.Alertmanager != "" {
		b.heading(2, "Silencing safely")
		b.add(c.silencing(g))
	}

	b.heading(2, "Known causes")
	b.add(notes.block(knownCauses))
	return b
}

// goBackFirst is the first heading of a page that says what to do.
const goBackFirst = "Go back first"

// facts are the beginning of the page of an alert.
func (c *subject) facts() []markdown {
	facts := []markdown{c.reach(), sprintf("Severity: **%s**.", text(c.alert().Severity))}
	if now := c.now(nil); now != "" {
		facts = append(facts, now)
	}
	if d := alerts.Static(c.alert().Annotations["dashboard_url"]); d != "" && !strings.HasPrefix(d, c.address("/services/", nil)) { // that is the plots
		facts = append(facts, link("Dashboard", d))
	}
	return append(facts, sprintf("All pages of the service: %s.", pageLink(text(c.service.Name), Index)))
}

// now leads to what the status page shows of the service or SLO; "" without one.
func (c *subject) now(slo *catalog.SLO) markdown {
	switch {
	case c.o.StatusPage == "":
		return ""
	case c.ofCollector():
		return sprintf("Now: %s.", c.here("the collector", c.plots(), nil))
	}
	return sprintf("Now: %s, %s, %s.", c.here("the incident, with the likely change", "/incidents", c.about(slo)),
		c.here("plots", c.plots(), nil), c.here("what the failed requests have in common", "/ledger", c.spent(slo)))
}

// show is a query with the link that runs it.
func (c *subject) show(about markdown, q query) markdown {
	return c.once(part{"query", string(about), q}, func(b *page) { b.add(about, ":\n\n", c.query(q)) })
}

func (c *subject) query(q query) markdown {
	return c.once(part{"query", "", q}, func(b *page) {
		b.add(boundedTo(maxQuery, "promql", q.promql), run(c.where(), c, q), "\n\n")
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
